//! Changes and settlements: everything is checked first, then all of it is applied.

use std::collections::BTreeSet;

use super::State;
use crate::agenda::{AgendaChange, Item, Settlement};
use crate::id::{RequestId, SweepId};
use crate::person::Text;
use crate::port::{Answer, Batch, Change, Conflict, Join, RowResult, RowStatus, Seal, SeatChange, SweepRecord};
use crate::time::Timestamp;
use crate::trail::Stream;

impl State {
    /// Applies a change whole, or not at all.
    pub(super) fn commit(&mut self, change: Change, lease_now: Timestamp) -> Answer {
        if self.bears(&change) {
            return Answer::Duplicate;
        }
        match self.check(&change) {
            Ok(()) => {
                self.apply(change, lease_now);
                Answer::Committed
            }
            Err(conflict) => Answer::Conflict(conflict),
        }
    }

    fn bears(&self, change: &Change) -> bool {
        self.streams.get(&change.stream).is_some_and(|entries| entries.iter().any(|entry| entry.change == change.id))
    }

    fn check(&self, change: &Change) -> Result<(), Conflict> {
        let fits = |fits: bool, conflict| if fits { Ok(()) } else { Err(conflict) };
        fits(self.chain(change.stream).version == change.expected, Conflict::Version)?;
        fits(change.fence.as_ref().is_none_or(|fence| self.agenda.is_held(fence)), Conflict::Lease)?;
        fits(self.seat_is_free(change), Conflict::Seat)?;
        let rows_fit =
            self.join_fits(change) && self.seal_fits(change) && self.rows_are_new(change) && self.rows_are_held(change);
        fits(rows_fit, Conflict::Row)
    }

    fn seat_is_free(&self, change: &Change) -> bool {
        let (seat, generation) = match &change.seat {
            Some(SeatChange::Take { seat, generation }) => (seat, generation),
            Some(SeatChange::TakePerson { person }) => {
                return taker(change).is_some() && self.seats.leaving(*person).is_none();
            }
            Some(SeatChange::Release { .. }) | None => return true,
        };
        let row = self.seats.row(&self.accounts.seat_key(seat));
        taker(change).is_some() && row.open_request.is_none() && row.generation == *generation
    }

    fn rows_are_new(&self, change: &Change) -> bool {
        let sweep_is_new = change.sweep.as_ref().is_none_or(|sweep| {
            let delivered = sweep.inbound.as_ref().and_then(|inbound| self.sweep_of(&inbound.id));
            delivered.is_none() && !self.sweeps.contains_key(&sweep.id)
        });
        let mut seen = BTreeSet::new();
        let is_new = |(sweep, result): &(SweepId, RowResult)| {
            let answered = self.rows.get(sweep).is_some_and(|rows| rows.contains_key(&result.row));
            !answered && seen.insert((*sweep, result.row))
        };
        sweep_is_new && change.rows.iter().all(is_new)
    }

    fn rows_are_held(&self, change: &Change) -> bool {
        let mut seen = BTreeSet::new();
        change.released.iter().all(|(sweep, result)| {
            let answered = self.rows.get(sweep).and_then(|rows| rows.get(&result.row));
            answered.is_some_and(|row| row.status == RowStatus::Held) && seen.insert((*sweep, result.row))
        })
    }

    fn join_fits(&self, change: &Change) -> bool {
        change.join.as_ref().is_none_or(|join| {
            let delivered = join.inbound.as_ref().and_then(|inbound| self.sweep_of(&inbound.id));
            delivered.is_none() && self.sweeps.get(&join.sweep).is_some_and(|sweep| sweep.rows == join.from)
        })
    }

    fn seal_fits(&self, change: &Change) -> bool {
        change.seal.is_none_or(|seal| {
            self.sweeps.get(&seal.sweep).is_some_and(|sweep| sweep.is_open() && sweep.rows == seal.rows)
        })
    }

    /// Keeps a batch that is the next one of an open sweep.
    pub(super) fn receive(&mut self, batch: &Batch, rejected: &[RowResult]) -> bool {
        let next = |sweep: &&mut SweepRecord| sweep.is_open() && sweep.rows == batch.from;
        let Some(sweep) = self.sweeps.get_mut(&batch.sweep).filter(next) else { return false };
        sweep.rows = batch.end();
        let answers = self.rows.entry(batch.sweep).or_default();
        answers.extend(rejected.iter().map(|result| (result.row, result.clone())));
        self.batches.insert((batch.sweep, batch.from), batch.clone());
        true
    }

    pub(super) fn sweep_of(&self, inbound: &str) -> Option<SweepRecord> {
        if let Some(join) = self.joins.get(inbound) {
            let mut sweep = self.sweeps.get(&join.sweep)?.clone();
            sweep.inbound.clone_from(&join.inbound);
            sweep.received_at = join.received_at;
            return Some(sweep);
        }
        self.sweeps.values().find(|sweep| sweep.inbound.as_ref().is_some_and(|own| own.id == inbound)).cloned()
    }

    /// Does what [`Self::check`] has allowed. Nothing in here fails.
    fn apply(&mut self, change: Change, lease_now: Timestamp) {
        self.apply_seat(&change);
        for edit in change.agenda {
            self.apply_agenda(edit, change.fence.as_ref().map(|fence| &fence.item), lease_now);
        }
        if let Some(report) = change.lane {
            self.agenda.report(report);
        }
        let at = change.entries.last().map(|entry| entry.at);
        self.streams.entry(change.stream).or_default().extend(change.entries);
        if let Some(request) = change.request {
            at.into_iter().for_each(|at| self.task_times.note(&request, at));
            self.requests.insert(request.id, request);
        }
        for card in change.cards {
            self.cards.entry(card.id).and_modify(|known| known.join(card.requests())).or_insert(card);
        }
        self.keep_texts(change.texts);
        if let Some(sweep) = change.sweep {
            self.sweeps.insert(sweep.id, sweep);
        }
        if let Some(join) = change.join {
            self.apply_join(join);
        }
        if let Some(seal) = change.seal {
            self.apply_seal(seal);
        }
        for (sweep, result) in change.rows.into_iter().chain(change.released) {
            self.rows.entry(sweep).or_default().insert(result.row, result);
        }
        change.directory.into_iter().for_each(|edit| self.directory.edit(edit));
    }

    fn apply_join(&mut self, join: Join) {
        if let Some(sweep) = self.sweeps.get_mut(&join.sweep) {
            sweep.rows = sweep.rows.saturating_add(join.rows);
        }
        let id = join.inbound.as_ref().map(|inbound| inbound.id.clone());
        self.joins.extend(id.map(|id| (id, join)));
    }

    fn apply_seal(&mut self, seal: Seal) {
        let sweep = self.sweeps.get_mut(&seal.sweep);
        if let Some(bulk) = sweep.and_then(|sweep| sweep.bulk.as_mut()) {
            bulk.sealed_at = Some(seal.at);
        }
    }

    fn apply_seat(&mut self, change: &Change) {
        let Some(request) = taker(change) else { return };
        match &change.seat {
            Some(SeatChange::Take { seat, .. }) => self.seats.take(self.accounts.seat_key(seat), request),
            Some(SeatChange::TakePerson { person }) => self.seats.take_person(*person, request),
            Some(SeatChange::Release { quiet_until }) => self.seats.release(request, *quiet_until),
            None => {}
        }
    }

    /// Applies one edit. A `Settle` counts only for the item whose fence the change has passed.
    fn apply_agenda(&mut self, edit: AgendaChange, fenced: Option<&Item>, lease_now: Timestamp) {
        match edit {
            AgendaChange::Schedule { item, due, lane, gated } => self.agenda.schedule(item, due, lane, gated),
            AgendaChange::Remove(item) => self.agenda.remove(&item),
            AgendaChange::Hold { item, lease } => self.agenda.hold(&item, lease_now.saturating_add(lease)),
            AgendaChange::Settle { item, wanted, next } if fenced == Some(&item) => {
                self.agenda.settle(&item, wanted, next);
            }
            AgendaChange::Settle { .. } => {}
        }
    }

    /// Settles an item and keeps what comes with that, if the item is still under that token.
    pub(super) fn settle(&mut self, settlement: Settlement) -> bool {
        if !self.agenda.is_held(&settlement.fence) {
            return false;
        }
        self.agenda.settle(&settlement.fence.item, settlement.wanted, settlement.next);
        if let Some(receipt) = &settlement.card
            && let Some(card) = self.cards.get_mut(&receipt.card)
        {
            card.receive(receipt);
        }
        for (request, due) in settlement.wakes {
            self.agenda.schedule(Item::Wake(request), due, None, false);
        }
        self.keep_texts(settlement.texts);
        if let Some(report) = settlement.lane {
            self.agenda.report(report);
        }
        true
    }

    fn keep_texts(&mut self, texts: Vec<Text>) {
        self.texts.extend(texts.into_iter().map(|text| (text.reference.id, text)));
    }
}

/// The request that a change's seat is taken or released for.
fn taker(change: &Change) -> Option<RequestId> {
    match change.stream {
        Stream::Request(request) => Some(request),
        _ => None,
    }
}
