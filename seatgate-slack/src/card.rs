//! What people see in Slack: cards, modals, the home tab and short answers. Pure: content in, blocks out.
//!
//! Every message has a text beside its blocks that says the same, because screen readers and notifications read only that.
//! Texts from outside are escaped and shortened, and no limit of Slack's is ever exceeded: a card never fails to post
//! because of what it says.

mod answer;
mod ask;
mod block;
mod choice;
mod digest;
mod draft;
mod errand;
mod keep;
mod list;
mod need;
mod note;
mod notice;
mod offboard;
mod offboarding;
mod progress;
mod reassign;
mod seat;
mod second;
mod sweep;
mod task;
mod why;

use std::collections::BTreeMap;
use std::fmt;

use seatgate_core::id::PersonRef;
use seatgate_core::message::{Content, Message, Recipient, Row};
use serde_json::Value;

pub use answer::{ANSWER_REASON, AnswerAsk, AnswerKind};
pub use keep::{KEEP_CALLBACK, KEEP_REASON, KEEP_UNTIL, KeepAsk, KeepProblem};
pub use need::{NEED_CALLBACK, NEED_REASON, NeedAsk};
pub use notice::Notice;
pub use offboard::{OFFBOARD_CALLBACK, OFFBOARD_REASON, OFFBOARD_TASKS, OffboardAsk, OffboardTask};
pub use reassign::{REASSIGN_CALLBACK, REASSIGN_NOTE, REASSIGN_TO, ReassignAsk, ReassignProblem};
pub use why::Reasons;

use crate::id::UserId;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value as Filling, Wording};
use draft::Draft;

/// Who sees a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressee {
    /// The person themselves, in a direct message.
    Direct,
    /// A channel.
    Channel {
        /// Who is asked there, and mentioned. Whoever is asked and not in Slack is called by name.
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
        self.message_mentioning(message, to, &BTreeMap::new())
    }

    /// The same; those of `users` who are to do something by hand are mentioned where they would be named.
    #[must_use]
    pub fn message_mentioning(
        &self,
        message: &Message,
        to: &Addressee,
        users: &BTreeMap<PersonRef, UserId>,
    ) -> Rendered {
        let words = &self.wording;
        let (draft, of) = match &message.content {
            Content::Card { card, rows, page } => match rows.as_slice() {
                [row] => (ask::ask(words, *card, row), card.to_string()),
                rows => (digest::digest(words, *card, rows, *page), card.to_string()),
            },
            Content::Sweep(standing) => (sweep::sweep(words, standing), standing.card.to_string()),
            Content::Offboarding(run) => (offboarding::standing(words, run, users), run.card.to_string()),
            Content::Report(rows) => (sweep::report(words, rows), "report".to_owned()),
            Content::Errand(run) => (errand::errand(words, run), run.card.to_string()),
            Content::Progress { news, run } => (progress::progress(words, *news, run), "progress".to_owned()),
            Content::Note { news, rows } => (note::note(words, *news, rows), "note".to_owned()),
            // A kind of content that is newer than this renderer.
            _ => (foreign(words, &message.plain_text()), "message".to_owned()),
        };
        let mut above = Draft::new(words, of);
        // A note may need no answer.
        let told = matches!(message.content, Content::Note { .. } | Content::Progress { .. });
        address(&mut above, &message.to, to, told);
        if message.repeated {
            above.context("repeated", &[Line::new(if told { Phrase::NoteRepeated } else { Phrase::Repeated })]);
        }
        above.append(draft);
        above.finish()
    }

    /// The modal that asks why a seat is kept, and until when: a view for `views.open`.
    #[must_use]
    pub fn keep_modal(&self, ask: &KeepAsk) -> Value {
        keep::modal(&self.wording, ask)
    }

    /// What a submitted modal is answered with, when it cannot be taken: the block that is wrong, and why.
    #[must_use]
    pub fn keep_error(&self, problem: &KeepProblem) -> (&'static str, String) {
        (problem.block(), keep::explanation(&self.wording, problem))
    }

    /// The modal that asks a holder why they still need their seat: a view for `views.open`.
    #[must_use]
    pub fn need_modal(&self, ask: &NeedAsk) -> Value {
        need::modal(&self.wording, ask)
    }

    /// What that modal is answered with, when it cannot be taken.
    #[must_use]
    pub fn need_error(&self, problem: &KeepProblem) -> (&'static str, String) {
        (NEED_REASON, keep::explanation(&self.wording, problem))
    }

    /// The modal that asks who is to answer instead: a view for `views.open`.
    #[must_use]
    pub fn reassign_modal(&self, ask: &ReassignAsk) -> Value {
        reassign::modal(&self.wording, ask)
    }

    /// What that modal is answered with, when it cannot be taken.
    #[must_use]
    pub fn reassign_error(&self, problem: &ReassignProblem) -> (&'static str, String) {
        (problem.block(), reassign::explanation(&self.wording, problem))
    }

    /// The modal that asks why a task is skipped or an offboarding stopped, how somebody knows that it happened, or for a note:
    /// a view for `views.open`.
    #[must_use]
    pub fn answer_modal(&self, ask: &AnswerAsk) -> Value {
        answer::modal(&self.wording, ask)
    }

    /// What that modal is answered with, when it cannot be taken.
    #[must_use]
    pub fn answer_error(&self, problem: &KeepProblem) -> (&'static str, String) {
        (ANSWER_REASON, answer::explanation(&self.wording, problem))
    }

    /// The modal that shows what an offboarding will do, before it starts: a view for `views.open`.
    #[must_use]
    pub fn offboard_modal(&self, ask: &OffboardAsk) -> Value {
        offboard::modal(&self.wording, ask)
    }

    /// What that modal is answered with, when it cannot be taken.
    #[must_use]
    pub fn offboard_error(&self, problem: &KeepProblem) -> (&'static str, String) {
        (OFFBOARD_REASON, answer::explanation(&self.wording, problem))
    }

    /// Why somebody is asked, and what comes while they do not answer: an answer that only they see.
    #[must_use]
    pub fn why(&self, reasons: &Reasons) -> String {
        let lines = reasons.lines();
        lines.iter().map(|line| self.wording.say(line, Form::Markup)).collect::<Vec<_>>().join("\n")
    }

    /// The home tab: a view for `views.publish`. `waiting` is what waits for the person, oldest first; `decided` what they
    /// decided lately, latest first; `more` how many wait beyond those given. What does not fit is counted.
    #[must_use]
    pub fn home(&self, waiting: &[Row], decided: &[Row], more: u64) -> Value {
        list::list(&self.wording, "home", waiting, decided, more).blocks.home()
    }

    /// The same as an answer to a command or a mention.
    #[must_use]
    pub fn list(&self, waiting: &[Row], decided: &[Row], more: u64) -> Rendered {
        list::list(&self.wording, "list", waiting, decided, more).finish()
    }

    /// What can be asked of us by `command`, such as `/seatgate`.
    #[must_use]
    pub fn help(&self, command: &str) -> Rendered {
        list::help(&self.wording, command).finish()
    }

    /// A short answer that only one person sees.
    #[must_use]
    pub fn say(&self, notice: &Notice) -> String {
        notice.say(&self.wording, Form::Markup)
    }
}

/// Says who is asked, or only told, where a channel reads it: whoever is not in Slack is called by name.
fn address(above: &mut Draft<'_>, whom: &Recipient, to: &Addressee, told: bool) {
    let Addressee::Channel { mention } = to else { return };
    let line = |asked, person| Line::new(if told { Phrase::NoteFor } else { asked }).with(Slot::Person, person);
    match (mention, whom) {
        (Some(user), _) => above.section("person", &[line(Phrase::ForPerson, Filling::User(user))]),
        (None, Recipient::Person(person)) => {
            above.section("person", &[line(Phrase::ForAbsent, Filling::Outside(&person.label(), NAME))]);
        }
        _ => {}
    }
}

/// What a newer core says in a way that is not known here.
fn foreign<'w>(wording: &'w Wording, text: &str) -> Draft<'w> {
    let mut draft = Draft::new(wording, "message");
    let line = |line| Line::new(Phrase::Verbatim).with(Slot::Text, Filling::Outside(line, 300));
    draft.section("text", &text.lines().filter(|line| !line.is_empty()).map(line).collect::<Vec<_>>());
    draft
}

/// Redacted: names and reasons stay out of logs.
impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered").field("blocks", &self.blocks.len()).finish_non_exhaustive()
    }
}
