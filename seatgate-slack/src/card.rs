//! What people see in Slack: cards, modals, the home tab and short answers. Pure: content in, blocks out.
//!
//! Every message has a text beside its blocks that says the same, because screen readers and notifications read only that.
//! Texts from outside are escaped and shortened, and no limit of Slack's is ever exceeded: a card never fails to post
//! because of what it says.

mod keep;
mod notice;

use seatgate_core::message::{Content, Message, Row};
use serde_json::{Value, json};

pub use keep::{KEEP_CALLBACK, KEEP_REASON, KEEP_UNTIL, KeepAsk, KeepProblem};
pub use notice::Notice;

use crate::action::Press;
use crate::id::UserId;
use crate::wording::Wording;

/// Who sees a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressee {
    /// The person themselves, in a direct message.
    Direct,
    /// A channel.
    Channel {
        /// Who is asked there, if somebody is: they are mentioned.
        mention: Option<UserId>,
    },
}

/// A message as Slack takes it. Holds personal data: never log it.
#[derive(Clone, PartialEq)]
pub struct Rendered {
    /// Everything it says, escaped.
    pub text: String,
    /// How it looks.
    pub blocks: Vec<Value>,
}

/// Draws everything in one wording. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Renderer {
    wording: Wording,
}

impl Renderer {
    /// A renderer that uses these words.
    #[must_use]
    pub fn new(wording: Wording) -> Self {
        Self { wording }
    }

    /// A message of any content.
    #[must_use]
    pub fn message(&self, message: &Message, to: &Addressee) -> Rendered {
        let _ = (&self.wording, to);
        let text = escaped(&message.plain_text());
        let mut blocks = vec![section(&text)];
        if let Content::Card { rows, .. } = &message.content {
            blocks.extend(rows.iter().take(15).filter_map(choice));
        }
        Rendered { text, blocks }
    }

    /// The modal that asks why a seat is kept, and until when: a view for `views.open`.
    #[must_use]
    pub fn keep_modal(&self, ask: &KeepAsk) -> Value {
        keep::modal(ask)
    }

    /// What a submitted modal is answered with, when it cannot be taken: the block that is wrong, and why.
    #[must_use]
    pub fn keep_error(&self, problem: &KeepProblem) -> (&'static str, String) {
        (problem.block(), keep::explanation(problem))
    }

    /// The home tab: a view for `views.publish`. `waiting` is what waits for the person, oldest first; `decided` what they
    /// decided lately; `more` how many wait beyond those shown.
    #[must_use]
    pub fn home(&self, waiting: &[Row], decided: &[Row], more: u64) -> Value {
        json!({ "type": "home", "blocks": self.list(waiting, decided, more).blocks })
    }

    /// The same as an answer to a command or a mention.
    #[must_use]
    pub fn list(&self, waiting: &[Row], decided: &[Row], more: u64) -> Rendered {
        let line = |row: &Row| format!("{}: {}. {}", row.app, row.account, row.status_line());
        let lines: Vec<String> = waiting.iter().chain(decided).map(line).collect();
        let text = escaped(&format!("{} ({more} more)", lines.join("\n")));
        let mut blocks = vec![section(&text)];
        blocks.extend(waiting.iter().take(15).filter_map(choice));
        Rendered { text, blocks }
    }

    /// What can be asked of us by `command`, such as `/seatgate`.
    #[must_use]
    pub fn help(&self, command: &str) -> Rendered {
        let text = escaped(&format!("{command} list shows what waits for you."));
        let blocks = vec![section(&text)];
        Rendered { text, blocks }
    }

    /// A short answer that only one person sees.
    #[must_use]
    pub fn say(&self, notice: &Notice) -> String {
        escaped(&notice::words(notice))
    }
}

fn choice(row: &Row) -> Option<Value> {
    let button = |press: &Press, label: &str| {
        json!({ "type": "button", "action_id": press.action_id(), "value": press.value(),
                "text": { "type": "plain_text", "text": label, "emoji": false } })
    };
    let (approve, keep) = (Press::Approve(row.request), Press::Keep(row.request));
    let elements = vec![button(&approve, "Approve removal"), button(&keep, "Keep seat")];
    row.is_live().then(|| json!({ "type": "actions", "block_id": row.request, "elements": elements }))
}

fn section(text: &str) -> Value {
    let text: String = text.chars().take(2_900).collect();
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
