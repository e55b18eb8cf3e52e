//! Cards: making one show what it is about.

use crate::agenda::{Claimed, LaneReport, Next, Settlement};
use crate::card::{Card, CardReceipt};
use crate::gate::{GateError, Shown};
use crate::id::{CardId, RequestId};
use crate::message::Message;
use crate::person::Text;
use crate::port::{NotifyError, Posted};
use crate::request::{Phase, Request};
use crate::schedule::next_wake;
use crate::time::Timestamp;
use crate::worker::{End, Worker, end};

/// What became of a card and its copies.
#[derive(Default)]
struct Delivery {
    /// Where it is shown now: the card itself first, then its copies.
    shown: Vec<Posted>,
    /// Where it is shown no more.
    gone: Vec<String>,
    /// Where it may still show what was,
    missed: Vec<String>,
    /// and why.
    failed: Option<NotifyError>,
}

impl Delivery {
    /// Whether it is known what became of the message at `place`.
    fn settles(&self, place: &str) -> bool {
        self.shown.iter().any(|posted| posted.place == place) || self.gone.iter().any(|gone| gone == place)
    }
}

impl Worker {
    /// Makes a card show what it is about now. It is desired state: rendered after the claim, posted when there is no
    /// receipt, else updated, its copies as well.
    pub(super) async fn sync_card(&self, claimed: &Claimed, id: CardId) -> Result<End, GateError> {
        let Some(card) = self.gate.card(id).await? else { return Ok(end(claimed, Next::Done)) };
        let Shown { mut message, about, live, requests } = self.gate.show(&card).await?;
        let ambiguous = card.ambiguous || claimed.after_lost_lease;
        message.repeated = ambiguous && card.posted.is_none();
        if card.posted.is_none() && !live && !ambiguous {
            return Ok(End::Item(Box::new(self.unposted(claimed, &card, &requests))));
        }
        let sent = self.in_time(self.deliver(&card, &message)).await;
        // What it said is kept for whoever still acts on it, and so for nobody once all of it is over.
        let shown = requests.iter().any(|request| request.outcome().is_none()).then(|| {
            let said = sent.as_ref().ok().and_then(|sent| sent.shown.first()?.said.clone());
            let said = said.unwrap_or_else(|| message.plain_text());
            Text::new(said, about, self.gate.now(), &*self.gate.parts.entropy)
        });
        let mut settlement = self.card_settlement(claimed, &card, ambiguous, shown, sent);
        settlement.wakes = deadlines(&card, &settlement, &requests);
        Ok(End::Item(Box::new(settlement)))
    }

    /// A card on which nothing is left to answer is not posted. Where others' answers are still missing, whoever has
    /// answered already has seen it elsewhere: the time to answer starts all the same.
    fn unposted(&self, claimed: &Claimed, card: &Card, requests: &[Request]) -> Settlement {
        let settlement = Settlement::new(claimed, Next::Done);
        let asks = |request: &Request| request.approval.active().any(|asked| asked.card == card.id);
        if !requests.iter().any(|request| request.phase == Phase::AwaitingDecision && asks(request)) {
            return settlement;
        }
        let mut settlement = self.delivered(card, CardReceipt::new(card.id, false), settlement);
        settlement.wakes = deadlines(card, &settlement, requests);
        settlement
    }

    /// Posts a card or replaces it wherever it is: what fails in one place keeps no other from it. While there may be a
    /// copy that nobody knows of, it is looked for first.
    async fn deliver(&self, card: &Card, message: &Message) -> Result<Delivery, NotifyError> {
        let notifier = &self.gate.parts.notifier;
        let mut places: Vec<String> = card.posted.iter().chain(&card.copies).cloned().collect();
        if message.repeated {
            let found = notifier.find(message).await?.into_iter().map(|posted| posted.place);
            places.extend(found.filter(|place| !card.copies.contains(place)));
        }
        if places.is_empty() {
            return Ok(Delivery { shown: vec![notifier.post(message).await?], ..Delivery::default() });
        }
        let mut delivery = Delivery::default();
        for place in places {
            match notifier.update(&Posted::at(place.clone()), message).await {
                Ok(posted) => {
                    delivery.gone.extend((posted.place != place).then_some(place));
                    delivery.shown.push(posted);
                }
                Err(NotifyError::Unreachable) => delivery.gone.push(place),
                Err(error) => {
                    delivery.missed.push(place);
                    delivery.failed = Some(error);
                }
            }
        }
        match delivery {
            Delivery { shown, failed: Some(error), .. } if shown.is_empty() => Err(error),
            Delivery { shown, failed: None, .. } if shown.is_empty() => Err(NotifyError::Unreachable),
            delivery => Ok(delivery),
        }
    }

    fn card_settlement(
        &self,
        claimed: &Claimed,
        card: &Card,
        ambiguous: bool,
        shown: Option<Text>,
        sent: Result<Delivery, NotifyError>,
    ) -> Settlement {
        let mut settlement = Settlement::new(claimed, Next::Done);
        let mut receipt = CardReceipt::new(card.id, ambiguous);
        let failed = match sent {
            Ok(delivery) => {
                // Claimed after whatever made it ambiguous, and it arrived: what we know is what is shown.
                receipt.ambiguous = false;
                let stays = card.posted.as_ref().is_some_and(|place| !delivery.settles(place));
                let mut places = delivery.shown.into_iter().map(|posted| posted.place);
                // What failed in its own place stays there, and what was shown elsewhere is a copy; so is what was found and
                // could not be changed, for nobody looks for it any more.
                receipt.posted = if stays { None } else { places.next() };
                receipt.copies = places.chain(delivery.missed).collect();
                receipt.gone = delivery.gone;
                receipt.shown = shown.as_ref().map(|shown| shown.reference);
                settlement.texts.extend(shown);
                settlement.lane = Some(LaneReport::works(card.lane()));
                delivery.failed
            }
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            self.gate.count_undelivered(&error);
            receipt.ambiguous |= error == NotifyError::Unknown;
            let several = receipt.posted.is_some() || !card.copies.is_empty();
            let again = self.again(claimed, card.lane(), &error);
            if let Some((next, lane)) = again.map(|(next, lane)| (self.later(claimed, next, several), lane)) {
                (settlement.next, settlement.lane) = (next, Some(lane));
                settlement.card = Some(receipt);
                return settlement;
            }
        }
        self.delivered(card, receipt, settlement)
    }

    /// Where nobody will see the card, the time to answer starts, too: the inbox shows it.
    fn delivered(&self, card: &Card, mut receipt: CardReceipt, mut settlement: Settlement) -> Settlement {
        receipt.delivered = u32::try_from(card.requests().len()).unwrap_or(u32::MAX);
        receipt.delivered_at = card.delivered_at.or(Some(self.gate.now()));
        settlement.card = Some(receipt);
        settlement
    }
}

/// The time to answer starts for whoever is asked about more than before: their requests are woken when it ends.
fn deadlines(card: &Card, settlement: &Settlement, requests: &[Request]) -> Vec<(RequestId, Timestamp)> {
    let receipt = settlement.card.as_ref().filter(|receipt| receipt.delivered_at.is_some());
    let Some(receipt) = receipt else { return Vec::new() };
    if card.delivered_at.is_some() && receipt.delivered <= card.delivered {
        return Vec::new();
    }
    requests.iter().filter_map(|request| Some((request.id, next_wake(request, receipt.delivered_at)?))).collect()
}
