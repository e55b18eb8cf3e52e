//! Announcements: what a channel is told. Those that wait together are told together.

use std::time::Duration;

use crate::agenda::{Announcement, Claimed, Item, Lane, LaneReport, Next, Settlement};
use crate::gate::GateError;
use crate::id::RequestId;
use crate::message::{Message, Recipient};
use crate::port::{NotifyError, Posted};
use crate::request::Request;
use crate::seat::Channel;
use crate::worker::{Bundle, End, Worker, end};

/// How soon to look again whether the notice has arrived under which an announcement belongs.
const SOON: Duration = Duration::from_secs(1);

impl Worker {
    /// Tells a channel what these announcements of one sweep say, in one message.
    pub(super) async fn announce(&self, bundle: &Bundle, first: &Announcement) -> Result<Vec<End>, GateError> {
        let all = |next: Next| bundle.items().map(|claimed| end(claimed, next)).collect();
        let notice = self.gate.card(first.notice).await?;
        if notice.as_ref().is_some_and(|notice| notice.delivered_at.is_none()) {
            return Ok(all(Next::At(self.gate.now().saturating_add(SOON))));
        }
        let ids: Vec<RequestId> = bundle.items().filter_map(about).collect();
        let requests = self.gate.parts.requests.load(&ids).await?;
        let requests: Vec<Request> = requests.into_iter().flatten().map(|stored| stored.request).collect();
        if requests.is_empty() {
            return Ok(all(Next::Done));
        }
        let mut message = self.gate.report(&first.channel, &requests).await?;
        message.repeated = bundle.items().any(|claimed| claimed.after_lost_lease || claimed.tries > 0);
        message.thread = notice.and_then(|notice| notice.posted).map(Posted::at);
        let sent = self.in_time(self.tell(message)).await;
        if let Err(error) = &sent {
            self.gate.count_undelivered(error);
        }
        let settle = |claimed: &Claimed| End::Item(Box::new(self.told(claimed, &first.channel, &sent)));
        Ok(bundle.items().map(settle).collect())
    }

    /// Where the channel cannot be written to, the configured one hears it.
    async fn tell(&self, mut message: Message) -> Result<Posted, NotifyError> {
        let notifier = &self.gate.parts.notifier;
        let sent = notifier.post(&message).await;
        let other = self.gate.settings().channel.clone().map(Recipient::Channel).filter(|other| *other != message.to);
        match (sent, other) {
            (Err(NotifyError::Unreachable), Some(other)) => {
                (message.to, message.thread) = (other, None);
                notifier.post(&message).await
            }
            (sent, _) => sent,
        }
    }

    fn told(&self, claimed: &Claimed, channel: &Channel, sent: &Result<Posted, NotifyError>) -> Settlement {
        let lane = Lane::Messages(channel.to_string());
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

fn about(claimed: &Claimed) -> Option<RequestId> {
    match &claimed.item {
        Item::Announce(announcement) => Some(announcement.request),
        _ => None,
    }
}
