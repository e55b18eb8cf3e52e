//! What waits for somebody, and what they decided lately.

use seatgate_core::id::PersonRef;
use seatgate_core::message::Row;
use seatgate_core::port::{RequestFilter, StoreError};
use seatgate_core::request::StateLabel;

use super::SlackApp;
use crate::card::Rendered;
use crate::id::UserId;
use crate::payload::Caller;

/// How many of those that wait are shown, each with its buttons.
const WAITING: usize = 15;
/// How many of those that were decided are shown.
const DECIDED: usize = 5;

/// What waits for somebody, and what they decided lately. Holds personal data: never log it.
#[derive(Default)]
pub(super) struct Overview {
    waiting: Vec<Row>,
    decided: Vec<Row>,
    more: u64,
}

impl SlackApp {
    pub(super) async fn overview(&self, person: Option<PersonRef>) -> Result<Overview, StoreError> {
        let Some(person) = person else { return Ok(Overview::default()) };
        let queries = self.gate.queries();
        let mut waiting = RequestFilter::first(WAITING);
        (waiting.asked, waiting.state) = (Some(person), Some(StateLabel::AwaitingDecision));
        let mut decided = RequestFilter::first(DECIDED);
        (decided.decided_by, decided.newest) = (Some(person), true);
        let (waiting, decided) = (queries.list(&waiting).await?, queries.list(&decided).await?);
        let all = queries.count_by_state(Some(person)).await?.of(StateLabel::AwaitingDecision);
        let all_requests: Vec<_> = waiting.iter().chain(&decided).cloned().collect();
        let joined = self.gate.join(&all_requests).await?;
        let row = |request| joined.row(&self.gate, request, Some(person), None);
        let more = all.saturating_sub(u64::try_from(waiting.len()).unwrap_or(u64::MAX));
        Ok(Overview { waiting: waiting.iter().map(row).collect(), decided: decided.iter().map(row).collect(), more })
    }

    /// The same for a Slack user; nothing, where it cannot be told now.
    pub(super) async fn overview_of(&self, user: &UserId) -> Option<Overview> {
        let caller = Caller { user: user.clone(), team: None };
        let recognised = self.workspace.people().recognise(&caller, self.gate.people()).await.ok()?;
        self.overview(recognised.map(|recognised| recognised.person)).await.ok()
    }

    pub(super) fn list(&self, overview: &Overview) -> Rendered {
        let Overview { waiting, decided, more } = overview;
        self.workspace.renderer().list(waiting, decided, *more)
    }

    /// Draws somebody's home tab anew. Nothing depends on it: it is drawn anew whenever it is opened.
    pub(super) async fn publish_home(&self, user: &UserId) {
        let Some(overview) = self.overview_of(user).await else { return };
        let Overview { waiting, decided, more } = &overview;
        let view = self.workspace.renderer().home(waiting, decided, *more);
        let _ = self.workspace.client().views_publish(user, &view).await;
    }
}
