//! Managers who answer in Slack, at a server that may die before it hears them to the end.

use std::time::{Duration, Instant};

use seatgate_slack::card::{KEEP_REASON, KEEP_UNTIL};
use serde_json::{Value, json};

use super::ground::now;
use crate::fake_slack::{Answer, FakeSlack, Message, User, View};
use crate::house::{Door, LOOK_AGAIN};

/// The right to open a modal lasts for three seconds.
const MODAL_WITHIN: Duration = Duration::from_secs(3);
pub(super) const REASON: &str = "On leave";

/// Somebody who is asked.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    /// Their id in Slack.
    pub(super) user: String,
    pub(super) email: String,
}

/// What became of a click.
pub(super) enum Clicked {
    /// It was acknowledged.
    Done,
    /// There was no answer, or one that asks to click again.
    Unanswered,
    /// There is nothing to click on yet.
    NotYet,
}

impl Manager {
    /// One more in the workspace.
    pub(super) fn join(slack: &FakeSlack, name: &str) -> Self {
        let (user, email) = (format!("U{}", name.to_uppercase()), format!("{name}@example.com"));
        slack.user(User::new(&user, &email));
        Self { user, email }
    }

    pub(super) async fn approve(&self, slack: &FakeSlack, door: &Door, request: &str) -> Clicked {
        let Some((card, button)) = self.card(slack, "approve", request) else { return Clicked::NotYet };
        let click = slack.click(&card, &button).by(&self.user);
        match click.try_send(&door.base).await {
            Ok(answer) if acknowledged(&answer) => Clicked::Done,
            _ => Clicked::Unanswered,
        }
    }

    /// Through the modal: one that is still open from before is submitted again.
    pub(super) async fn keep(&self, slack: &FakeSlack, door: &Door, request: &str) -> Clicked {
        if self.modal(slack, request).is_none() {
            let Some((card, button)) = self.card(slack, "keep", request) else { return Clicked::NotYet };
            match slack.click(&card, &button).by(&self.user).try_send(&door.base).await {
                Ok(answer) if acknowledged(&answer) => {}
                _ => return Clicked::Unanswered,
            }
        }
        let Some(modal) = self.opened(slack, request).await else { return Clicked::Unanswered };
        let until = now().saturating_add(Duration::from_secs(86_400)).date().to_string();
        match slack.submit(&modal, filled_in(&until)).try_send(&door.base).await {
            Ok(answer) if acknowledged(&answer) && !answer.body.contains("\"errors\"") => Clicked::Done,
            Ok(answer) if acknowledged(&answer) => {
                // It was kept before: whoever reads that closes the modal, and the account shows whether it was.
                slack.with(|state| state.views.retain(|view| view.id != modal.id));
                Clicked::Unanswered
            }
            _ => Clicked::Unanswered,
        }
    }

    /// A message with this button, the oldest if there are copies, and the button.
    fn card(&self, slack: &FakeSlack, what: &str, request: &str) -> Option<(Message, String)> {
        let button = format!("{what}/{request}");
        let card = slack.messages_in(&self.user).into_iter().find(|card| card.control(&button).is_some())?;
        Some((card, button))
    }

    fn modal(&self, slack: &FakeSlack, request: &str) -> Option<View> {
        let ours = |view: &View| view.user == self.user && view.view["private_metadata"].to_string().contains(request);
        slack.open_views().into_iter().find(ours)
    }

    async fn opened(&self, slack: &FakeSlack, request: &str) -> Option<View> {
        let deadline = Instant::now() + MODAL_WITHIN;
        loop {
            let modal = self.modal(slack, request);
            if modal.is_some() || Instant::now() > deadline {
                return modal;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Only 503 asks for another click.
fn acknowledged(answer: &Answer) -> bool {
    assert!([200, 503].contains(&answer.status), "{answer:?}");
    answer.status == 200
}

fn filled_in(until: &str) -> Value {
    json!({ KEEP_REASON: { KEEP_REASON: { "type": "plain_text_input", "value": REASON } },
            KEEP_UNTIL: { KEEP_UNTIL: { "type": "datepicker", "selected_date": until } } })
}
