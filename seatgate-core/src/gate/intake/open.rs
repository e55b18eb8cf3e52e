//! From a row that is to be asked about to its request.

use super::{Intake, Read};
use crate::agenda;
use crate::card::{digest_card, notice_of};
use crate::gate::corrupt;
use crate::id::{CardId, RequestId};
use crate::person::TextRef;
use crate::policy::{Mode, Terms};
use crate::port::{Change, RowResult, RowStatus, SeatChange, StoreError};
use crate::request::{Asked, Event, Fact, Opening, Origin, Request, Subject};
use crate::route::{self, Known, Routed};
use crate::seat::Evidence;
use crate::trail::{Chain, Stream};

impl Intake<'_> {
    /// Everything that opens a request about this row.
    pub(super) fn open(&self, read: &Read, known: &Known) -> Result<(Change, RowResult), StoreError> {
        let (gate, now, entropy) = (self.gate, self.gate.now(), &*self.gate.parts.entropy);
        let id = RequestId::generate(now, entropy);
        let (received, new) = match self.kept.get(&read.row) {
            Some(kept) => (*kept, None),
            None => {
                let text = self.received(read);
                (text.reference, Some(text))
            }
        };
        let opening = self.opening(read, received, known);
        let request = Request::open(id, now, opening.clone());
        let event = Event::Opened(Box::new(opening));
        let released_by = self.released_by.as_ref().map(|by| by.actor.clone());
        let fact = Fact::new(now, self.record.submitted_by.clone(), released_by, self.surface, event);
        let mut chain = Chain::empty(Stream::Request(id));
        let mut change = Change::new(gate.new_change(), &chain);
        let entry = chain.record(change.id, &fact).map_err(corrupt)?;
        change.entries.push(entry);
        change.texts.extend(new);
        change.cards = request.approval.asked.iter().map(|asked| asked.card_about(id)).collect();
        change.cards.extend(notice_of(&request));
        change.agenda = agenda::changes(None, &request, None, "none", now, entropy);
        // Whoever is asked may go away, or come back.
        change.agenda.extend(known.next_change(now).map(|due| agenda::wake(id, due)));
        if request.mode == Mode::Live {
            change.seat = Some(SeatChange::Take { seat: read.seat.clone(), generation: read.status.generation });
        }
        change.request = Some(request);
        let result = RowResult::new(read.row, RowStatus::Asked).about(id);
        self.answer(&mut change, [result.clone()]);
        Ok((change, result))
    }

    fn opening(&self, read: &Read, received: TextRef, known: &Known) -> Opening {
        let (now, candidate) = (self.gate.now(), &read.candidate);
        let policy = &self.settings.policy;
        let terms = policy.terms(candidate.app.id.as_str()).clone();
        let asked = self.asked(read, &terms, known);
        let observed_at = candidate.observed_at.unwrap_or(now);
        let evidence = Evidence::new(candidate.activity, observed_at, candidate.monthly_cost, received);
        let origin = Origin::new(self.record.id, read.row, self.record.submitted_by.clone());
        let subject = Subject::Seat(read.seat.clone());
        let channel = candidate.requesting_channel.clone().or_else(|| self.settings.channel.clone());
        let mode = self.settings.mode_of(&read.seat.app.id);
        Opening::new(subject, origin, mode, policy.version().to_owned(), terms)
            .with_evidence(evidence)
            .asking(asked)
            .concerning(read.concerned.manager, read.concerned.fallbacks.clone())
            .telling(channel)
    }

    /// Who is asked first, each with a card.
    fn asked(&self, read: &Read, terms: &Terms, known: &Known) -> Vec<Asked> {
        let mode = self.settings.mode_of(&read.seat.app.id);
        let routed = route::first_asked(&read.concerned, known, self.gate.now());
        routed.into_iter().map(|routed| self.ask(routed, terms, mode)).collect()
    }

    fn ask(&self, routed: Routed, terms: &Terms, mode: Mode) -> Asked {
        let (now, entropy) = (self.gate.now(), &*self.gate.parts.entropy);
        let digest = digest_card(routed.person, terms.digest.duration(), mode, now);
        Asked::routed(routed, digest.unwrap_or_else(|| CardId::generate(now, entropy)))
    }
}
