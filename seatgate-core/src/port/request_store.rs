//! Keeping requests: one transaction for state, trail and agenda.

use std::ops::Range;

use async_trait::async_trait;

use crate::agenda::{AgendaChange, Claim, Claims, Fence, Lane, LaneReport, Settlement};
use crate::card::{Card, CardEdit};
use crate::id::{CardId, ChangeId, PersonRef, RequestId, SweepId};
use crate::person::Text;
use crate::port::{Batch, DirectoryEdit, Join, RowResult, Seal, StoreError, SweepRecord};
use crate::request::Request;
use crate::seat::Seat;
use crate::time::Timestamp;
use crate::trail::{Chain, Entry, Stream};

/// A request as it is stored: the state and the end of its chain.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stored {
    /// The state.
    pub request: Request,
    /// The end of its chain.
    pub chain: Chain,
}

impl Stored {
    /// A request and the end of its chain.
    #[must_use]
    pub fn new(request: Request, chain: Chain) -> Self {
        Self { request, chain }
    }
}

/// Whether a seat is asked about, and how often that has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatStatusRow {
    /// Rises whenever an exception for the seat is filed and whenever a request about it closes. 0 for an unknown seat.
    pub generation: u64,
    /// The open request about it.
    pub open_request: Option<RequestId>,
    /// Until when it is not asked about.
    pub quiet_until: Option<Timestamp>,
    /// The open offboarding of whoever holds it, as the seat that was asked for says.
    pub holder_leaves: Option<RequestId>,
}

impl SeatStatusRow {
    /// A seat's row.
    #[must_use]
    pub fn new(generation: u64, open_request: Option<RequestId>) -> Self {
        Self { generation, open_request, quiet_until: None, holder_leaves: None }
    }

    /// The same, which is not asked about until then.
    #[must_use]
    pub fn quiet_until(mut self, until: Option<Timestamp>) -> Self {
        self.quiet_until = until;
        self
    }
}

/// What a change does to its request's seat, or to the person it offboards.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeatChange {
    /// The request takes the seat, if nobody has it and its generation is still this.
    Take {
        /// Which.
        seat: Seat,
        /// The generation that was read.
        generation: u64,
    },
    /// The request, an offboarding, takes the person, if no other has them: one that runs is enough.
    TakePerson {
        /// Who leaves.
        person: PersonRef,
    },
    /// The request lets go of whatever seat or person it has, and the generation rises.
    Release {
        /// Until when the seat is not asked about again, if it is to be left alone for a while. Absent: whatever was said
        /// before stands.
        quiet_until: Option<Timestamp>,
    },
}

/// Everything that must land together: one stream's entries, and every row that goes with them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Change {
    /// Which change; its entries bear it.
    pub id: ChangeId,
    /// Whose chain it lengthens.
    pub stream: Stream,
    /// How long that chain must be before: 0 creates it.
    pub expected: u64,
    /// What it appends.
    pub entries: Vec<Entry>,
    /// The request's state after it.
    pub request: Option<Request>,
    /// What it does to the request's seat.
    pub seat: Option<SeatChange>,
    /// Cards: new ones, and ones that may be there already, which its requests then join.
    pub cards: Vec<Card>,
    /// New texts.
    pub texts: Vec<Text>,
    /// Edits of the agenda.
    pub agenda: Vec<AgendaChange>,
    /// The lease under which it may land.
    pub fence: Option<Fence>,
    /// What it says about a lane.
    pub lane: Option<LaneReport>,
    /// A new sweep.
    pub sweep: Option<SweepRecord>,
    /// More rows for a sweep that is there.
    pub join: Option<Join>,
    /// The end of a sweep's rows.
    pub seal: Option<Seal>,
    /// Answers to rows of a sweep.
    pub rows: Vec<(SweepId, RowResult)>,
    /// New answers to rows that are held.
    pub released: Vec<(SweepId, RowResult)>,
    /// Edits of the directory.
    pub directory: Vec<DirectoryEdit>,
}

impl Change {
    /// A change of the chain that ends at `chain`, with nothing in it yet.
    #[must_use]
    pub fn new(id: ChangeId, chain: &Chain) -> Self {
        Self {
            id,
            stream: chain.stream,
            expected: chain.version,
            entries: Vec::new(),
            request: None,
            seat: None,
            cards: Vec::new(),
            texts: Vec::new(),
            agenda: Vec::new(),
            fence: None,
            lane: None,
            sweep: None,
            join: None,
            seal: None,
            rows: Vec::new(),
            released: Vec::new(),
            directory: Vec::new(),
        }
    }

    /// What [`RequestStore::load`] finds once this is kept, until somebody changes it; nothing if it leaves no state.
    pub(crate) fn leaves(&self) -> Option<Stored> {
        let (request, last) = (self.request.clone()?, self.entries.last()?);
        Some(Stored::new(request, Chain::at(self.stream, last.seq, last.hash)))
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answer {
    /// It is kept.
    Committed,
    /// It was kept before, under the same id: a reply was lost.
    Duplicate,
    /// It is not: something else came first. Read again.
    Conflict(Conflict),
}

impl Answer {
    /// Whether the change is kept.
    #[must_use]
    pub fn is_kept(self) -> bool {
        matches!(self, Self::Committed | Self::Duplicate)
    }
}

/// What a change collided with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conflict {
    /// The chain has grown.
    Version,
    /// The seat or person is taken, or the seat's generation has risen.
    Seat,
    /// The lease is somebody else's, or the item is gone.
    Lease,
    /// A row that must be new is there (a delivery, or the answer to a sweep's row), one that must be held is not, or a
    /// sweep that is joined or sealed has not exactly the expected rows.
    Row,
}

/// Keeps requests.
///
/// # Contract
/// - **RS-1** *Atomic:* a change lands whole or not at all; each change of a batch is answered on its own, in order.
/// - **RS-2** *Compare and set:* a change lands only if its stream has exactly `expected` entries.
/// - **RS-3** *Known changes:* a change whose id its stream bears already is [`Answer::Duplicate`], whatever else it says.
/// - **RS-4** *One change a stream* in a batch; a store may refuse a batch that breaks this.
/// - **RS-5** *Seats:* `Take` lands only if nobody has the seat and the generation (0 for an unknown seat) is the given
///   one. `Release` frees the request's seat, raises its generation and keeps until when it is left alone; filing an
///   exception raises the generation too. `TakePerson` lands only if no open request has the person.
/// - **RS-6** *Fence:* a change or settlement with a fence lands only if the item is there under that token, whether or
///   not the lease has run out. A claim, a settlement, a removal and a replacement each end the token before.
/// - **RS-7** *Claim:* an item under a live lease is given to nobody else; each claim of an item bears a higher token; the
///   claim is durable before it is answered. Leases are judged by the store's own clock, due times by the caller's
///   `now`.
/// - **RS-8** *Lanes:* a gated item in a closed lane, and a gated removal while removals are closed, is not claimed and
///   uses nothing up; at most `per_lane` items of a lane (or as many as `caps` says of it) are under a lease, lost leases
///   not counted. A closing stands until its time, also if the lane works meanwhile. A claim without `messages` leaves the
///   lanes of messages alone.
/// - **RS-9** *Coalescing:* scheduling an item that coalesces raises what is *wanted* and never makes it due later.
///   Settling ends it only if it is wanted no more than when it was claimed.
/// - **RS-10** *Durable:* what was answered survives a crash of the process and of the machine.
/// - **RS-11** *A bad change spoils no other:* if a batch fails as a whole, the store tries its changes one by one.
/// - **RS-12** *Held rows:* an answer in `released` lands only in the place of one that is
///   [`Held`](crate::port::RowStatus::Held), each row at most once in a change; where one of them is not held, the change is
///   [`Conflict::Row`]. No other answer to a row is ever replaced.
/// - **RS-13** *Joining:* a `join` lands only if the sweep is there with exactly `from` rows, and its delivery, if it has
///   one, is new; the sweep has that many rows more then. Else the change is [`Conflict::Row`].
/// - **RS-14** *Cards:* a change's card that is there already takes up its requests, and keeps everything else. An edit
///   of a card needs no lease and touches nothing that a settlement writes; it schedules a sync of the card.
/// - **RS-15** *Batches:* [`receive`](Self::receive) keeps a batch, with the answers to its rows that were rejected at once,
///   only if its sweep is there, open ([`SweepRecord::is_open`]) and has exactly the rows before it; the sweep has the
///   batch's rows more then. Else nothing is kept.
/// - **RS-16** *Seal:* a `seal` lands only if the sweep is open and has exactly `rows` rows, else the change is
///   [`Conflict::Row`]. No batch is kept after it.
///
/// # Cancel safety
/// Dropping a future leaves it unknown whether the batch landed, but never lets a part of a change land. Repeat the
/// same changes to find out (RS-3).
#[async_trait]
pub trait RequestStore: Send + Sync {
    /// Commits changes, each on its own.
    ///
    /// # Errors
    /// When the store failed as a whole; see [`StoreError::kind`] for whether anything may have landed.
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError>;

    /// The requests with these ids, in this order.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError>;

    /// The end of a chain; an empty one for an unknown stream.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError>;

    /// Whether these seats are asked about, and whether their holders are being offboarded, in this order. After a merge of
    /// accounts, both keys lead to the one seat.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError>;

    /// The cards with these ids, in this order.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError>;

    /// Edits a card and schedules its sync at `now`: `false` if there is none.
    ///
    /// # Errors
    /// When the store failed; repeating is safe.
    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError>;

    /// The sweep that this delivery brought or joined, with this delivery.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError>;

    /// A sweep, with the delivery that brought it.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError>;

    /// The answers so far to those of a sweep's rows that have these numbers, by row.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError>;

    /// Keeps a batch of rows with the answers to those that were rejected at once; `false` if its sweep is not open, or has
    /// other rows (RS-15).
    ///
    /// # Errors
    /// When the store failed. Whether the batch is there, [`RequestStore::received`] tells.
    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError>;

    /// At most `limit` batches of a sweep, in order, from the one that has row `from`.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError>;

    /// Forgets the batches of a sweep that have no row from `before` on: each of their rows is answered.
    ///
    /// # Errors
    /// When the store failed; repeating is safe.
    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError>;

    /// Claims what is due.
    ///
    /// # Errors
    /// When the store failed; nothing is claimed, or what is comes back when the lease runs out.
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError>;

    /// Settles items, each on its own: `true` where the item was still ours.
    ///
    /// # Errors
    /// When the store failed; repeating is safe.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError>;

    /// How many failures in a row were reported for a lane; 0 for an unknown one, and for one that works.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError>;
}
