//! A tiny store: one row with compare-and-set, an agenda of two items with leases and fencing tokens. Its rules are those of
//! the port `RequestStore`; what is put on the agenda is decided by the core's `agenda::changes`.

use std::sync::Arc;

use seatgate_core::agenda::{AgendaChange, Item, Next};
use seatgate_core::time::Timestamp;

use super::mutants::Mutant;
use super::state::{Case, Lease};

/// Which item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Wake,
    Perform,
}

impl Kind {
    fn of(item: &Item) -> Option<Self> {
        match item {
            Item::Wake(_) => Some(Self::Wake),
            Item::Perform { .. } => Some(Self::Perform),
            // Messages are not in the model.
            _ => None,
        }
    }
}

/// An item on the agenda.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) due: Timestamp,
    pub(crate) token: u32,
    pub(crate) leased: bool,
    pub(crate) wanted: u32,
}

/// What is to be kept together, or not at all.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) expected: u32,
    pub(crate) fence: Option<Lease>,
    pub(crate) after: Arc<Case>,
    pub(crate) agenda: Vec<AgendaChange>,
    /// A wake-up's own end.
    pub(crate) settles: Option<(Lease, Next)>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Kept,
    WrongVersion,
    LostLease,
}

#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) version: u32,
    pub(crate) case: Arc<Case>,
    pub(crate) wake: Option<Row>,
    pub(crate) perform: Option<Row>,
    tokens: u32,
}

impl Store {
    pub(crate) fn new(case: Arc<Case>) -> Self {
        Self { version: 0, case, wake: None, perform: None, tokens: 0 }
    }

    pub(crate) fn row(&self, kind: Kind) -> Option<&Row> {
        match kind {
            Kind::Wake => self.wake.as_ref(),
            Kind::Perform => self.perform.as_ref(),
        }
    }

    fn slot(&mut self, kind: Kind) -> &mut Option<Row> {
        match kind {
            Kind::Wake => &mut self.wake,
            Kind::Perform => &mut self.perform,
        }
    }

    fn next_token(&mut self) -> u32 {
        self.tokens += 1;
        self.tokens
    }

    /// Whether nobody has claimed the item since, also where the lease has run out.
    pub(crate) fn is_held(&self, lease: Lease) -> bool {
        self.row(lease.kind).is_some_and(|row| row.token == lease.token)
    }

    pub(crate) fn can_claim(&self, kind: Kind, now: Timestamp) -> bool {
        self.row(kind).is_some_and(|row| !row.leased && row.due <= now)
    }

    pub(crate) fn claim(&mut self, kind: Kind) -> Option<Lease> {
        let token = self.next_token();
        let row = self.slot(kind).as_mut()?;
        (row.token, row.leased) = (token, true);
        Some(Lease { kind, token, wanted: row.wanted })
    }

    pub(crate) fn expire(&mut self, kind: Kind) {
        if let Some(row) = self.slot(kind) {
            row.leased = false;
        }
    }

    pub(crate) fn commit(&mut self, change: &Change, mutant: Option<Mutant>) -> Answer {
        if change.expected != self.version && mutant != Some(Mutant::NoCompareAndSet) {
            return Answer::WrongVersion;
        }
        if change.fence.is_some_and(|lease| !self.is_held(lease)) && mutant != Some(Mutant::NoFencing) {
            return Answer::LostLease;
        }
        for edit in &change.agenda {
            self.edit(edit);
        }
        if let Some((lease, next)) = change.settles {
            self.end(lease, next);
        }
        self.version += 1;
        self.case = Arc::clone(&change.after);
        Answer::Kept
    }

    /// Ends the lease on an item that brought no change.
    pub(crate) fn settle(&mut self, lease: Lease, next: Next, mutant: Option<Mutant>) {
        if self.is_held(lease) || mutant == Some(Mutant::NoFencing) {
            self.end(lease, next);
        }
    }

    fn end(&mut self, lease: Lease, next: Next) {
        let token = self.next_token();
        let slot = self.slot(lease.kind);
        let Some(row) = slot else { return };
        (row.leased, row.token) = (false, token);
        match next {
            _ if row.wanted != lease.wanted => {}
            Next::Done => *slot = None,
            Next::At(due) | Next::Retry(due) => row.due = due,
        }
    }

    fn edit(&mut self, edit: &AgendaChange) {
        match edit {
            AgendaChange::Schedule { item, due, .. } => {
                if let Some(kind) = Kind::of(item) {
                    self.schedule(kind, *due);
                }
            }
            AgendaChange::Remove(item) => {
                if let Some(kind) = Kind::of(item) {
                    *self.slot(kind) = None;
                }
            }
            AgendaChange::Hold { item, .. } => {
                if let Some(row) = Kind::of(item).and_then(|kind| self.slot(kind).as_mut()) {
                    row.leased = true;
                }
            }
            other => panic!("the core asks for more than the model knows: {other:?}"),
        }
    }

    fn schedule(&mut self, kind: Kind, due: Timestamp) {
        if kind == Kind::Wake
            && let Some(row) = &mut self.wake
        {
            row.due = row.due.min(due);
            row.wanted += 1;
            return;
        }
        let token = self.next_token();
        *self.slot(kind) = Some(Row { due, token, leased: false, wanted: 1 });
    }
}
