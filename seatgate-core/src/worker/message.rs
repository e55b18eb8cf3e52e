//! Cards and announcements.

use std::future::Future;
use std::time::Duration;

use crate::agenda::{Announcement, Card, CardReceipt, Claimed, Lane, LaneReport, Next, Settlement};
use crate::gate::GateError;
use crate::id::CardId;
use crate::message::{Content, Message, Recipient};
use crate::person::{PersonDetails, Text};
use crate::port::{NotifyError, Posted};
use crate::request::Request;
use crate::retry::Backoff;
use crate::time::Timestamp;
use crate::worker::{End, Worker, end};

/// How messages are repeated: from a second to ten minutes.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(600) };
/// How long a notifier may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl Worker {
    /// Makes a card show what its requests are now. It is desired state: rendered after the claim, posted when there is no
    /// receipt, else updated.
    pub(super) async fn sync_card(&self, claimed: &Claimed, id: CardId) -> Result<End, GateError> {
        let Some(card) = self.gate.parts.requests.cards(&[id]).await?.into_iter().next().flatten() else {
            return Ok(end(claimed, Next::Done));
        };
        let requests = self.gate.parts.requests.load(&card.requests).await?;
        let requests: Vec<Request> = requests.into_iter().flatten().map(|stored| stored.request).collect();
        let joined = self.gate.join(&requests).await?;
        let viewer = Some(card.approver);
        let rows: Vec<_> = requests.iter().map(|request| joined.row(&self.gate, request, viewer)).collect();
        let live = rows.iter().any(crate::message::Row::is_live);
        let to = match joined.person(card.approver) {
            Some(person) => person.clone(),
            None => PersonDetails::new(card.approver, None, Vec::new()),
        };
        let mut message = Message::new(Recipient::Person(to), Content::Card { card: id, rows });
        message.repeated = card.ambiguous || claimed.after_lost_lease;
        if card.posted.is_none() && !live && !message.repeated {
            return Ok(end(claimed, Next::Done));
        }
        let notifier = &self.gate.parts.notifier;
        let sent = match &card.posted {
            Some(posted) => self.in_time(notifier.update(&Posted(posted.clone()), &message)).await,
            None => self.in_time(notifier.post(&message)).await,
        };
        let shown = Text::new(
            message.plain_text(),
            requests.iter().flat_map(Request::people).chain([card.approver]),
            self.gate.now(),
            &*self.gate.parts.entropy,
        );
        Ok(End::Item(Box::new(self.card_settlement(claimed, &card, message.repeated, shown, sent))))
    }

    fn card_settlement(
        &self,
        claimed: &Claimed,
        card: &Card,
        ambiguous: bool,
        shown: Text,
        sent: Result<Posted, NotifyError>,
    ) -> Settlement {
        let now = self.gate.now();
        let lane = Lane::Messages(card.approver.to_string());
        let mut settlement = Settlement::new(claimed, Next::Done);
        let mut receipt = CardReceipt::new(card.id, ambiguous);
        match sent {
            Ok(Posted(posted)) => {
                // Claimed after whatever made it ambiguous, and it arrived: what we know is what is shown.
                receipt.ambiguous = false;
                receipt.posted = Some(posted);
                receipt.shown = Some(shown.reference);
                settlement.texts.push(shown);
                settlement.lane = Some(LaneReport::works(lane));
            }
            // Nobody will see it there: the inbox shows it, and the time to answer starts.
            Err(NotifyError::Unreachable) => {}
            Err(error) => {
                receipt.ambiguous |= error == NotifyError::Unknown;
                (settlement.next, settlement.lane) = self.again(claimed, lane, &error);
                settlement.card = Some(receipt);
                return settlement;
            }
        }
        if card.delivered_at.is_none() {
            receipt.delivered_at = Some(now);
            settlement.wakes = card.requests.iter().map(|request| (*request, now)).collect();
        }
        settlement.card = Some(receipt);
        settlement
    }

    pub(super) async fn announce(&self, claimed: &Claimed, what: &Announcement) -> Result<End, GateError> {
        let request = match self.gate.load(what.request).await {
            Err(GateError::NotFound(_)) => return Ok(end(claimed, Next::Done)),
            stored => stored?.request,
        };
        let joined = self.gate.join(std::slice::from_ref(&request)).await?;
        let row = joined.row(&self.gate, &request, None);
        let mut message = Message::new(Recipient::Channel(what.channel.clone()), Content::Report(row));
        message.repeated = claimed.after_lost_lease || claimed.tries > 0;
        let lane = Lane::Messages(what.channel.to_string());
        let mut settlement = Settlement::new(claimed, Next::Done);
        match self.in_time(self.gate.parts.notifier.post(&message)).await {
            Ok(_) => settlement.lane = Some(LaneReport::works(lane)),
            Err(NotifyError::Unreachable) => {}
            Err(error) => (settlement.next, settlement.lane) = self.again(claimed, lane, &error),
        }
        Ok(End::Item(Box::new(settlement)))
    }

    /// Whether a message arrived that hangs, nobody knows.
    async fn in_time(&self, sending: impl Future<Output = Result<Posted, NotifyError>>) -> Result<Posted, NotifyError> {
        self.timer.within(Self::LIMIT, sending).await.unwrap_or(Err(NotifyError::Unknown))
    }

    fn again(&self, claimed: &Claimed, lane: Lane, error: &NotifyError) -> (Next, Option<LaneReport>) {
        let now = self.gate.now();
        let mut word = [0_u8; 8];
        self.gate.parts.entropy.fill(&mut word);
        let backoff = BACKOFF.delay(claimed.tries.saturating_add(1), u64::from_le_bytes(word));
        let wanted: Option<Timestamp> = match error {
            NotifyError::RetryAt(at) => at.map(|at| at.min(now.saturating_add(LONGEST_WAIT))),
            _ => None,
        };
        let at = wanted.unwrap_or_else(|| now.saturating_add(backoff));
        (Next::Retry(at), Some(LaneReport::closed(lane, at)))
    }
}
