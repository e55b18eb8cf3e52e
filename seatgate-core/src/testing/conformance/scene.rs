//! What cases have in common: a store, a world, and short ways to do the usual things.

use crate::agenda::{AgendaChange, Claim, Claimed, Claims, Fence, Item, Lane, LaneReport, Next, Settlement};
use crate::id::{AccountId, ExceptionId, PersonRef, RequestId};
use crate::person::{Actor, Identity, PersonDraft};
use crate::port::{Answer, Change, Exception, NamedSeat, NewAccount, NewPerson, SeatStatusRow, Stored};
use crate::request::{Command, Request};
use crate::seat::{AccountNames, Seat};
use crate::testing::World;
use crate::testing::conformance::StoreHarness;
use crate::time::{Span, Timestamp};
use crate::trail::Stream;

/// A store and a world around it.
pub(super) struct Scene<H> {
    pub(super) store: H,
    pub(super) world: World,
}

/// The names of an account; empty texts stand for names that were not reported.
pub(super) fn names(id: &str, email: &str) -> AccountNames {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    AccountNames::new(given(id), given(email).map(|email| email.parse().unwrap()), None)
}

/// A lane of removals.
pub(super) fn removals(target: &str) -> Option<Lane> {
    Some(Lane::Removals(target.to_owned()))
}

impl<H: StoreHarness> Scene<H> {
    pub(super) fn new(store: H) -> Self {
        Self { store, world: World::new(1) }
    }

    /// `seconds` from now; negative ones are past.
    pub(super) fn at(&self, seconds: i64) -> Timestamp {
        Timestamp::from_micros(self.world.now.as_micros() + seconds * 1_000_000)
    }

    // -------------------------------------------------------------------------------------------------------- requests

    pub(super) async fn commit(&self, change: Change) -> Answer {
        let answers = self.store.requests().commit(vec![change]).await.unwrap();
        assert_eq!(answers.len(), 1, "one answer a change");
        answers[0]
    }

    /// A change of a new stream that does nothing but edit the agenda.
    pub(super) fn edits(&self, edits: Vec<AgendaChange>) -> Change {
        let mut change = self.world.change(&mut self.world.new_chain());
        change.agenda = edits;
        change
    }

    /// Edits the agenda.
    pub(super) async fn edit(&self, edits: Vec<AgendaChange>) {
        assert_eq!(self.commit(self.edits(edits)).await, Answer::Committed);
    }

    /// Opens a request about `seat`, as it is now.
    pub(super) async fn open(&self, seat: &Seat) -> RequestId {
        let generation = self.seat_row(seat).await.generation;
        let change = self.world.opened_change(seat, generation, self.world.person_ref());
        let id = change.request.as_ref().unwrap().id;
        assert_eq!(self.commit(change).await, Answer::Committed);
        id
    }

    /// A request about a new seat that asked `person`, who answered it, if they did.
    pub(super) async fn asked(&self, person: PersonRef, answer: Option<Command>) -> Request {
        let opened = self.world.opened_change(&self.world.seat(self.world.account_id()), 0, person);
        let request = opened.request.clone().unwrap();
        assert_eq!(self.commit(opened).await, Answer::Committed);
        let Some(answer) = answer else { return request };
        let mut change = self.next_change(request.id).await;
        let after = self.world.answered(&request, &answer);
        change.request = Some(after.clone());
        assert_eq!(self.commit(change).await, Answer::Committed);
        after
    }

    pub(super) async fn load(&self, id: RequestId) -> Option<Stored> {
        self.store.requests().load(&[id]).await.unwrap().remove(0)
    }

    /// A change that appends one entry to what is stored of a request.
    pub(super) async fn next_change(&self, id: RequestId) -> Change {
        let mut chain = self.store.requests().chain(Stream::Request(id)).await.unwrap();
        self.world.change(&mut chain)
    }

    // ----------------------------------------------------------------------------------------------------------- seats

    pub(super) async fn account(&self, names: AccountNames) -> AccountId {
        self.account_at(names, self.world.now).await
    }

    pub(super) async fn account_at(&self, names: AccountNames, now: Timestamp) -> AccountId {
        let new = NewAccount::new(self.world.app().id, names, self.world.account_id());
        self.store.people().accounts(vec![new], now).await.unwrap()[0]
    }

    pub(super) async fn account_names(&self, account: AccountId) -> Option<AccountNames> {
        self.store.people().account_names(&[account]).await.unwrap().remove(0)
    }

    /// The seat of the account reported with this address alone.
    pub(super) async fn seat(&self, email: &str) -> Seat {
        self.world.seat(self.account(names("", email)).await)
    }

    pub(super) async fn seat_row(&self, seat: &Seat) -> SeatStatusRow {
        self.store.requests().seats(std::slice::from_ref(seat)).await.unwrap()[0]
    }

    // ------------------------------------------------------------------------------------------------------ exceptions

    pub(super) fn exception(&self, seat: &Seat) -> Exception {
        let until = self.at(3600);
        Exception::new(self.world.exception_id(), seat.clone(), until, Actor::worker(), self.world.now)
    }

    pub(super) async fn file(&self, seat: &Seat) -> ExceptionId {
        let exception = self.exception(seat);
        self.store.exceptions().file(&exception).await.unwrap();
        exception.id
    }

    pub(super) async fn active(&self, seat: &Seat, now: Timestamp) -> Option<ExceptionId> {
        let seats = [NamedSeat::new(seat.clone(), names("", "ana@example.com"))];
        let mut active = self.store.exceptions().active(&seats, now).await.unwrap();
        assert_eq!(active.len(), 1, "one answer a seat");
        active.remove(0).map(|exception| exception.id)
    }

    // ---------------------------------------------------------------------------------------------------------- people

    pub(super) fn new_person(&self, identity: &str, name: Option<&str>) -> NewPerson {
        let draft = PersonDraft::new(identity.parse().unwrap(), name.map(str::to_owned));
        NewPerson::new(draft, self.world.person_ref())
    }

    pub(super) async fn person(&self, identity: &str, name: Option<&str>) -> PersonRef {
        self.store.people().people(vec![self.new_person(identity, name)]).await.unwrap()[0]
    }

    pub(super) async fn find(&self, identity: &str) -> Option<PersonRef> {
        let identity: Identity = identity.parse().unwrap();
        self.store.people().find(&identity).await.unwrap()
    }

    // ---------------------------------------------------------------------------------------------------------- agenda

    /// Wakes a request `seconds` from now.
    pub(super) fn wake(&self, request: RequestId, seconds: i64) -> AgendaChange {
        AgendaChange::Schedule { item: Item::Wake(request), due: self.at(seconds), lane: None, gated: false }
    }

    /// A new gated removal, due now.
    pub(super) fn removal(&self, target: &str) -> (Item, AgendaChange) {
        let item = Item::Perform { request: self.world.request_id(), task: self.world.task_id() };
        (item.clone(), self.removal_of(item, target))
    }

    /// `item` as a gated removal, due now.
    pub(super) fn removal_of(&self, item: Item, target: &str) -> AgendaChange {
        AgendaChange::Schedule { item, due: self.world.now, lane: removals(target), gated: true }
    }

    /// Schedules new gated removals, due now.
    pub(super) async fn removals(&self, target: &str, count: usize) {
        self.edit((0..count).map(|_| self.removal(target).1).collect()).await;
    }

    pub(super) fn claim_of(&self, limit: usize, per_lane: usize) -> Claim {
        let mut claim = Claim::new(self.world.now, limit);
        claim.per_lane = per_lane;
        claim
    }

    pub(super) async fn claims(&self, claim: Claim) -> Claims {
        self.store.requests().claim(claim).await.unwrap()
    }

    /// Claims whatever is due.
    pub(super) async fn claim(&self) -> Vec<Claimed> {
        self.claims(self.claim_of(1000, 1000)).await.items
    }

    /// Claims the one item that is due.
    pub(super) async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim().await;
        assert_eq!(claimed.len(), 1, "one item is due");
        claimed.remove(0)
    }

    pub(super) async fn settle(&self, claimed: &Claimed, next: Next) -> bool {
        self.settle_with(Settlement::new(claimed, next)).await
    }

    pub(super) async fn settle_with(&self, settlement: Settlement) -> bool {
        let settled = self.store.requests().settle(vec![settlement]).await.unwrap();
        assert_eq!(settled.len(), 1, "one answer a settlement");
        settled[0]
    }

    /// Lets a lease run out.
    pub(super) fn lose_leases(&self) {
        self.store.advance(Claim::LEASE + Span::seconds(1).duration());
    }

    /// What a change needs to land under `fence`.
    pub(super) fn fenced(&self, fence: Fence) -> Change {
        let mut change = self.edits(Vec::new());
        change.fence = Some(fence);
        change
    }

    /// Reports on a lane, beside nothing else.
    pub(super) async fn report(&self, report: LaneReport) {
        let mut change = self.edits(Vec::new());
        change.lane = Some(report);
        assert_eq!(self.commit(change).await, Answer::Committed);
    }
}
