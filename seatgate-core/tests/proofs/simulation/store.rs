//! The store under watch: what is kept is seen, and it can be broken on purpose, to see that the invariants notice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use seatgate_core::agenda::{AgendaChange, Claim, Claims, Item, Next, Settlement};
use seatgate_core::card::CardEdit;
use seatgate_core::id::{CardId, ChangeId, ExceptionId, InstanceId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::port::*;
use seatgate_core::testing::{Around, SeededEntropy};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Stream};

use super::reached::Reached;
use super::seen::Seen;
use super::stage::Stage;

/// A way in which a store can break its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// RS-1: sometimes what a change puts on the agenda is lost.
    LosesTheAgenda,
    /// RS-2: it does not compare.
    NoCompareAndSet,
    /// RS-3: it does not know changes again.
    ForgetsChanges,
    /// RS-5: it does not compare the generations of seats.
    IgnoresGenerations,
    /// RS-6: it does not ask for tokens.
    NoFencing,
    /// RS-7: it gives the same item to everybody who asks.
    NoLeases,
    /// RS-9: what is wanted while an item is worked on is lost.
    ForgetsWishes,
    /// RS-10: sometimes it forgets what it has answered.
    LosesCommits,
    /// ES-2: sometimes it forgets an exception.
    LosesExceptions,
}

impl Sabotage {
    pub const ALL: [Self; 9] = [
        Self::LosesTheAgenda,
        Self::NoCompareAndSet,
        Self::ForgetsChanges,
        Self::IgnoresGenerations,
        Self::NoFencing,
        Self::NoLeases,
        Self::ForgetsWishes,
        Self::LosesCommits,
        Self::LosesExceptions,
    ];
}

/// The last token that each item was claimed under, whoever claimed it.
pub type Tokens = Arc<Mutex<BTreeMap<String, u64>>>;

/// The store of a schedule.
pub struct Watched {
    pub stage: Arc<Stage>,
    pub store: Arc<MemoryStore>,
    pub sabotage: Option<Sabotage>,
    /// The last token that each item was claimed under.
    pub tokens: Tokens,
}

impl Watched {
    fn breaks(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    fn sometimes_breaks(&self, sabotage: Sabotage) -> bool {
        self.breaks(sabotage) && self.stage.chance.one_in(8)
    }

    /// What the store does with a change, and what it says.
    async fn keep(&self, change: Change) -> Result<Answer, StoreError> {
        let mut change = change;
        if self.breaks(Sabotage::NoCompareAndSet) {
            change.expected = self.store.chain(change.stream).await?.version;
        }
        if let (true, Some(SeatChange::Take { seat, generation })) =
            (self.breaks(Sabotage::IgnoresGenerations), &mut change.seat)
        {
            *generation = self.store.seats(std::slice::from_ref(seat)).await?[0].generation;
        }
        if self.breaks(Sabotage::NoFencing) {
            change.fence = None;
        }
        if self.sometimes_breaks(Sabotage::LosesTheAgenda) {
            change.agenda.clear();
        }
        if self.sometimes_breaks(Sabotage::LosesCommits) {
            return Ok(Answer::Committed);
        }
        let answers = self.store.commit(vec![change]).await?;
        Ok(match answers[0] {
            Answer::Duplicate if self.breaks(Sabotage::ForgetsChanges) => Answer::Conflict(Conflict::Version),
            answer => answer,
        })
    }

    /// Takes an item off the agenda, whoever wants it.
    async fn take_off(&self, item: Item) -> Result<(), StoreError> {
        let now = self.stage.clock.now();
        let entropy = SeededEntropy::new(self.stage.chance.word());
        let stream = Stream::Access(InstanceId::generate(now, &entropy));
        let mut change = Change::new(ChangeId::generate(now, &entropy), &Chain::empty(stream));
        change.agenda.push(AgendaChange::Remove(item));
        self.store.commit(vec![change]).await.map(|_| ())
    }

    fn see_change(&self, change: Change, answer: Answer) {
        match answer {
            Answer::Committed => {
                let facts = match change.stream {
                    Stream::Request(_) => change.entries.iter().filter_map(seatgate_core::trail::Entry::fact).collect(),
                    _ => Vec::new(),
                };
                self.stage.tell(|| {
                    let kinds: Vec<&str> = change.entries.iter().map(|entry| entry.kind.as_str()).collect();
                    format!("kept in {}: {}", change.stream, kinds.join(", "))
                });
                let by = self.stage.log().running;
                self.stage.see(Seen::Committed { change: Arc::new(change), facts, by });
            }
            Answer::Duplicate => self.stage.meet(Reached::KnownChange),
            Answer::Conflict(Conflict::Version) => self.stage.meet(Reached::VersionConflict),
            Answer::Conflict(Conflict::Seat) => self.stage.meet(Reached::SeatConflict),
            Answer::Conflict(Conflict::Lease) => self.stage.meet(Reached::LeaseConflict),
            Answer::Conflict(Conflict::Row) => self.stage.meet(Reached::RowConflict),
            other => panic!("{other:?} is new: say what it means here"),
        }
    }
}

#[async_trait]
impl Around for Watched {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        let mut answers = Vec::new();
        for change in changes {
            let answer = self.keep(change.clone()).await?;
            self.see_change(change, answer);
            answers.push(answer);
        }
        Ok(answers)
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        let found = self.store.edit_card(card, edit, now).await?;
        if self.stage.log().claims.is_empty() {
            self.stage.meet(Reached::CardEdited);
        } else {
            self.stage.meet(Reached::LateMessageMended);
        }
        self.stage.see(Seen::Edited(card));
        Ok(found)
    }

    async fn claim(&self, mut claim: Claim) -> Result<Claims, StoreError> {
        if self.breaks(Sabotage::NoLeases) {
            claim.lease = std::time::Duration::ZERO;
        }
        let mut claims = self.store.claim(claim).await?;
        for claimed in &mut claims.items {
            if self.breaks(Sabotage::NoLeases) {
                claimed.after_lost_lease = false;
            }
            if claimed.after_lost_lease {
                self.stage.meet(Reached::LostLease);
            }
            let key = claimed.item.key();
            self.tokens.lock().unwrap().insert(key.clone(), claimed.token);
            self.stage.tell(|| format!("claimed {key} under {}", claimed.token));
            self.stage.see(Seen::Claimed { key, token: claimed.token });
        }
        Ok(claims)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        let mut settled = Vec::new();
        for mut settlement in settlements {
            let (key, token) = (settlement.fence.item.key(), settlement.fence.token);
            let known = self.tokens.lock().unwrap().get(&key).copied();
            if let (true, Some(latest)) = (self.breaks(Sabotage::NoFencing), known) {
                settlement.fence.token = latest;
            }
            let ends = settlement.next == Next::Done && settlement.fence.item.coalesces();
            let item = settlement.fence.item.clone();
            let ours = self.store.settle(vec![settlement]).await?[0];
            if ours && ends && self.breaks(Sabotage::ForgetsWishes) {
                self.take_off(item).await?;
            }
            if ours {
                self.stage.see(Seen::Settled { key, token });
            } else {
                self.stage.meet(Reached::StaleSettlement);
            }
            settled.push(ours);
        }
        Ok(settled)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ExceptionStore for Watched {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        self.store.active(seats, now).await
    }
    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        if !self.sometimes_breaks(Sabotage::LosesExceptions) {
            self.store.file(exception).await?;
        }
        self.stage.tell(|| format!("filed {}", exception.id));
        self.stage.see(Seen::Filed(exception.clone()));
        Ok(())
    }
    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        let held = self.store.revoke(id, now).await?;
        self.stage.see(Seen::Revoked(id));
        Ok(held)
    }
    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        ExceptionStore::list(&*self.store, now, after, limit).await
    }
}
