//! Announcements: what a channel, or somebody who is asked, is told. Those that wait together are told together.

use std::time::Duration;

use crate::agenda::{Announcement, Audience, Claimed, Item, Lane, LaneReport, News, Next, Settlement};
use crate::gate::GateError;
use crate::id::{RequestId, TaskId};
use crate::message::{Message, Recipient};
use crate::port::{NotifyError, Posted};
use crate::request::Request;
use crate::worker::{Bundle, End, Worker, end};

/// How soon to look again whether the notice has arrived under which an announcement belongs.
const SOON: Duration = Duration::from_secs(1);

impl Worker {
    /// Tells a channel or a person what these announcements of one sweep or card say, in one message.
    pub(super) async fn announce(&self, bundle: &Bundle, first: &Announcement) -> Result<Vec<End>, GateError> {
        let all = |next: Next| bundle.items().map(|claimed| end(claimed, next)).collect();
        let notice = self.gate.card(first.under).await?;
        if let Some(notice) = notice.as_ref().filter(|notice| notice.delivered_at.is_none()) {
            // Whoever never saw their card need not hear what became of it.
            let heard = matches!(first.to, Audience::Channel(_)) || notice.ambiguous;
            let soon = Next::At(self.gate.now().saturating_add(SOON));
            return Ok(all(if heard { soon } else { Next::Done }));
        }
        let ids = match (first.news, &notice) {
            // One reminder tells of all that its card still asks.
            (News::Reminder, Some(card)) => card.requests().to_vec(),
            _ => requests_of(bundle),
        };
        let requests = self.gate.parts.requests.load(&ids).await?;
        let mut requests: Vec<Request> = requests.into_iter().flatten().map(|stored| stored.request).collect();
        let tasks = news_of_tasks(bundle, &requests);
        requests.retain(|request| first.is_news(request) || !tasks.is_empty());
        if requests.is_empty() {
            return Ok(all(Next::Done));
        }
        let mut message = self.gate.tell(first, notice.as_ref(), &requests, &tasks).await?;
        message.repeated = bundle.items().any(|claimed| claimed.after_lost_lease || claimed.tries > 0);
        message.thread = notice.and_then(|notice| notice.posted).map(Posted::at);
        let sent = self.in_time(self.tell(message)).await;
        if let Err(error) = &sent {
            self.gate.count_undelivered(error);
        }
        let settle = |claimed: &Claimed| End::Item(Box::new(self.told(claimed, first.to.lane(), &sent)));
        Ok(bundle.items().map(settle).collect())
    }

    /// Where a channel cannot be written to, the configured one hears it.
    async fn tell(&self, mut message: Message) -> Result<Posted, NotifyError> {
        let notifier = &self.gate.parts.notifier;
        let sent = notifier.post(&message).await;
        let to_channel = matches!(message.to, Recipient::Channel(_));
        let other = self.gate.settings().channel.clone().filter(|_| to_channel).map(Recipient::Channel);
        let other = other.filter(|other| *other != message.to);
        match (sent, other) {
            (Err(NotifyError::Unreachable), Some(other)) => {
                (message.to, message.thread) = (other, None);
                notifier.post(&message).await
            }
            (sent, _) => sent,
        }
    }

    fn told(&self, claimed: &Claimed, lane: Lane, sent: &Result<Posted, NotifyError>) -> Settlement {
        let mut settlement = Settlement::new(claimed, Next::Done);
        match sent {
            Ok(_) => settlement.lane = Some(LaneReport::works(lane)),
            Err(error) => {
                if let Some((next, lane)) = self.again(claimed, lane, error) {
                    (settlement.next, settlement.lane) = (next, Some(lane));
                }
            }
        }
        settlement
    }
}

/// The tasks that these announcements are about, of those that are news still.
fn news_of_tasks(bundle: &Bundle, requests: &[Request]) -> Vec<TaskId> {
    let is_news =
        |told: &&Announcement| requests.iter().any(|request| request.id == told.request && told.is_news(request));
    bundle.items().filter_map(announcement).filter(is_news).filter_map(|told| told.task).collect()
}

/// What they are about, each once: of one request several tasks may be told.
fn requests_of(bundle: &Bundle) -> Vec<RequestId> {
    let mut requests: Vec<RequestId> = bundle.items().filter_map(announcement).map(|told| told.request).collect();
    requests.dedup();
    requests
}

fn announcement(claimed: &Claimed) -> Option<&Announcement> {
    match &claimed.item {
        Item::Announce(announcement) => Some(announcement),
        _ => None,
    }
}
