//! Cards: making one show what it is about.

use crate::agenda::{Claimed, LaneReport, Next, Settlement};
use crate::card::{Card, CardReceipt};
use crate::gate::{GateError, Shown};
use crate::id::CardId;
use crate::message::Message;
use crate::person::Text;
use crate::port::{NotifyError, Posted};
use crate::worker::{End, Worker, end};

/// What became of a card and its copies.
struct Delivery {
    /// The card itself.
    card: Posted,
    /// Copies that were found.
    found: Vec<String>,
    /// Copies that are there no more.
    gone: Vec<String>,
}

impl Worker {
    /// Makes a card show what it is about now. It is desired state: rendered after the claim, posted when there is no
    /// receipt, else updated, its copies as well.
    pub(super) async fn sync_card(&self, claimed: &Claimed, id: CardId) -> Result<End, GateError> {
        let Some(card) = self.gate.card(id).await? else { return Ok(end(claimed, Next::Done)) };
        let Shown { mut message, about, live } = self.gate.show(&card).await?;
        let ambiguous = card.ambiguous || claimed.after_lost_lease;
        message.repeated = ambiguous && card.posted.is_none();
        if card.posted.is_none() && !live && !ambiguous {
            return Ok(end(claimed, Next::Done));
        }
        let sent = self.in_time(self.deliver(&card, &message)).await;
        let said = sent.as_ref().ok().and_then(|sent| sent.card.said.clone()).unwrap_or_else(|| message.plain_text());
        let shown = Text::new(said, about, self.gate.now(), &*self.gate.parts.entropy);
        Ok(End::Item(Box::new(self.card_settlement(claimed, &card, ambiguous, shown, sent))))
    }

    /// Posts a card or replaces it wherever it is. While there may be a copy that nobody knows of, it is looked for first.
    async fn deliver(&self, card: &Card, message: &Message) -> Result<Delivery, NotifyError> {
        let notifier = &self.gate.parts.notifier;
        let mut places: Vec<String> = card.posted.iter().chain(&card.copies).cloned().collect();
        if message.repeated {
            places.extend(notifier.find(message).await?.into_iter().map(|posted| posted.place));
        }
        let mut places = places.into_iter();
        let mut delivery =
            Delivery { card: self.show_at(places.next(), message).await?, found: Vec::new(), gone: Vec::new() };
        for copy in places {
            match notifier.update(&Posted::at(copy.clone()), message).await {
                Ok(posted) => delivery.found.push(posted.place),
                Err(NotifyError::Unreachable) => delivery.gone.push(copy),
                Err(error) => return Err(error),
            }
        }
        Ok(delivery)
    }

    async fn show_at(&self, place: Option<String>, message: &Message) -> Result<Posted, NotifyError> {
        let notifier = &self.gate.parts.notifier;
        match place {
            Some(place) => notifier.update(&Posted::at(place), message).await,
            None => notifier.post(message).await,
        }
    }

    fn card_settlement(
        &self,
        claimed: &Claimed,
        card: &Card,
        ambiguous: bool,
        shown: Text,
        sent: Result<Delivery, NotifyError>,
    ) -> Settlement {
        let now = self.gate.now();
        let mut settlement = Settlement::new(claimed, Next::Done);
        let mut receipt = CardReceipt::new(card.id, ambiguous);
        match sent {
            Ok(delivery) => {
                // Claimed after whatever made it ambiguous, and it arrived: what we know is what is shown.
                receipt.ambiguous = false;
                receipt.posted = Some(delivery.card.place);
                receipt.copies = delivery.found;
                receipt.gone = delivery.gone;
                receipt.shown = Some(shown.reference);
                settlement.texts.push(shown);
                settlement.lane = Some(LaneReport::works(card.lane()));
            }
            // Nobody will see it there: the inbox shows it, and the time to answer starts.
            Err(NotifyError::Unreachable) => {}
            Err(error) => {
                receipt.ambiguous |= error == NotifyError::Unknown;
                (settlement.next, settlement.lane) = self.again(claimed, card.lane(), &error);
                settlement.card = Some(receipt);
                return settlement;
            }
        }
        // The time to answer starts now for whoever is asked about more than before.
        receipt.delivered = u32::try_from(card.requests().len()).unwrap_or(u32::MAX);
        if card.delivered_at.is_none() || receipt.delivered > card.delivered {
            settlement.wakes = card.requests().iter().map(|request| (*request, now)).collect();
        }
        receipt.delivered_at = card.delivered_at.or(Some(now));
        settlement.card = Some(receipt);
        settlement
    }
}
