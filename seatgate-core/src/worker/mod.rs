//! The worker: does what is on the agenda.
//!
//! [`Worker::claim`] takes due items under leases, [`Worker::perform`] does one, [`Worker::settle`] commits results.
//! [`Worker::run_until_idle`] puts the three together and needs no runtime; the driver (feature `tokio`) runs many items
//! at a time, with time-outs, and hands a result in again when the store is away.

mod announce;
mod bundle;
mod card;
mod intake;
mod leaving;
mod message;
mod report;
mod step;
mod task;

use std::future::Future;
use std::time::Duration;

pub use self::bundle::Bundle;
use crate::agenda::{AgendaChange, Claim, Claimed, Claims, Item, Lane, LaneReport, Next, Settlement};
use crate::card::{CardEdit, CardReceipt};
use crate::gate::{Gate, GateError, TRIES, asks_others};
use crate::id::{ChangeId, RequestId, TaskId};
use crate::person::Text;
use crate::policy::Mode;
use crate::port::{Answer, Conflict, StoreError, Stored};
use crate::request::{Command, Context, Phase, Request};
use crate::schedule;
use crate::time::Timestamp;
use crate::timer::Timer;

/// Does what is on a gate's agenda. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    gate: Gate,
    timer: Timer,
}

/// What doing a bundle came to, to be settled. When that fails, a clone may be handed in again: it counts once. Empty
/// when the store could not be asked: the leases are left to run out.
#[derive(Debug, Clone)]
#[must_use = "an item that is not settled is done again when its lease runs out"]
pub struct Finished(Vec<End>);

#[derive(Debug, Clone)]
enum End {
    /// Everything is committed, or the item was somebody else's.
    Settled,
    /// The item's own end.
    Item(Box<Settlement>),
    /// A task's result.
    Task(Box<TaskResult>),
}

#[derive(Debug, Clone)]
struct TaskResult {
    /// The same however often it is handed in, so that the store knows it again.
    change: ChangeId,
    claimed: Claimed,
    request: RequestId,
    /// The request as our Begin left it: it need not be read again unless somebody has changed it since.
    began: Option<Stored>,
    command: Command,
    texts: Vec<Text>,
    lane: Option<LaneReport>,
}

/// What [`Worker::run_until_idle`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Idle {
    /// How many items were done.
    pub performed: usize,
    /// When the next item is due.
    pub next_due: Option<Timestamp>,
}

impl Worker {
    /// A worker for `gate`.
    #[must_use]
    pub fn new(gate: &Gate) -> Self {
        Self { gate: gate.clone(), timer: Timer::default() }
    }

    /// Gives up look-ups and messages that take longer than [`Worker::LIMIT`]: `sleep` waits for a time. Without it, what
    /// never answers holds up its item for ever.
    #[must_use]
    pub fn with_timer<F>(mut self, sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.timer = Timer::new(sleep);
        self
    }

    /// The gate it works for.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Takes at most `limit` due items under leases. Removals are left alone unless the gate is live.
    ///
    /// # Errors
    /// When the store failed.
    ///
    /// # Cancel safety
    /// Items that were claimed come back when their leases run out.
    pub async fn claim(&self, limit: usize) -> Result<Claims, StoreError> {
        self.claim_some(limit, true).await
    }

    /// The same, but leaves messages where they are: a claim of little more than what was decided, and cheap.
    ///
    /// # Errors
    /// When the store failed.
    ///
    /// # Cancel safety
    /// Items that were claimed come back when their leases run out.
    pub async fn claim_but_messages(&self, limit: usize) -> Result<Claims, StoreError> {
        self.claim_some(limit, false).await
    }

    async fn claim_some(&self, limit: usize, messages: bool) -> Result<Claims, StoreError> {
        let mut claim = Claim::new(self.gate.now(), limit);
        claim.messages = messages;
        claim.removals_open = self.gate.settings().mode == Mode::Live;
        for target in self.gate.router().targets() {
            claim.cap(Lane::Removals(target.name.clone()), target.concurrency);
        }
        self.gate.parts.requests.claim(claim).await
    }

    /// Does a claimed item, or a bundle of them. Never fails: what cannot be done now comes back.
    ///
    /// # Cancel safety
    /// A plain future. Dropping it before a call has begun changes nothing; dropping it after makes the attempt's outcome
    /// unknown once the lease has run out, and it is treated so.
    pub async fn perform(&self, bundle: impl Into<Bundle>) -> Finished {
        let bundle = bundle.into();
        let claimed = bundle.first();
        let ends = match &claimed.item {
            Item::Wake(request) => self.wake_request(claimed, *request).await.map(alone),
            Item::SyncCard(card) => self.sync_card(claimed, *card).await.map(alone),
            Item::Perform { request, task } => self.work_on(claimed, *request, *task).await.map(alone),
            Item::Announce(announcement) => self.announce(&bundle, announcement).await,
            Item::Intake(sweep) => Ok(alone(self.take_in(claimed, *sweep).await)),
            Item::Report { request, task, at } => self.report(claimed, *request, *task, *at).await.map(alone),
        };
        Finished(ends.unwrap_or_default())
    }

    /// Commits results, each under its lease; one that cannot be committed keeps no other from it.
    ///
    /// # Errors
    /// When the store failed. The same results may be handed in again: what was committed stays as it is. Otherwise the
    /// items come back when their leases run out, and whatever had begun is ambiguous.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some results committed and some not, none half.
    pub async fn settle(&self, finished: Vec<Finished>) -> Result<(), GateError> {
        let mut settlements = Vec::new();
        let mut settled = Ok(());
        for finished in finished {
            for end in finished.0 {
                match end {
                    End::Settled => {}
                    End::Item(settlement) => settlements.push(*settlement),
                    End::Task(result) => settled = settled.and(self.settle_task(*result).await),
                }
            }
        }
        if !settlements.is_empty() {
            let late = self.settle_items(settlements).await?;
            self.gate.wake();
            for receipt in late {
                self.look_again(receipt).await?;
            }
        }
        settled
    }

    /// Answers with the receipts of cards that were not ours any more.
    async fn settle_items(&self, settlements: Vec<Settlement>) -> Result<Vec<CardReceipt>, StoreError> {
        let receipts: Vec<_> = settlements.iter().map(|settlement| settlement.card.clone()).collect();
        let ours = self.gate.parts.requests.settle(settlements).await?;
        Ok(receipts.into_iter().zip(ours).filter(|(_, ours)| !ours).filter_map(|(receipt, _)| receipt).collect())
    }

    /// Whoever took this card over may have shown it before us: then ours stands there, and says what was. So it is shown
    /// once more, wherever we have shown it.
    async fn look_again(&self, receipt: CardReceipt) -> Result<(), StoreError> {
        for place in receipt.posted.into_iter().chain(receipt.copies) {
            self.gate.edit_card(receipt.card, CardEdit::Adopt { place }).await?;
        }
        Ok(())
    }

    /// Does everything that is due, one item after the other, until nothing is. Time does not pass: what becomes due
    /// later stays. A target that never answers holds it up for ever; use the driver for those.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn run_until_idle(&self) -> Result<Idle, GateError> {
        let mut performed = 0;
        loop {
            let claims = self.claim(64).await?;
            if claims.items.is_empty() {
                return Ok(Idle { performed, next_due: claims.next_due });
            }
            performed += claims.items.len();
            for bundle in Bundle::all_of(claims.items) {
                let finished = self.perform(bundle).await;
                self.settle(vec![finished]).await?;
            }
        }
    }

    async fn wake_request(&self, claimed: &Claimed, id: RequestId) -> Result<End, GateError> {
        for _ in 0..TRIES {
            let before = match self.gate.load(id).await {
                Err(GateError::NotFound(_)) => return Ok(end(claimed, Next::Done)),
                before => before?,
            };
            let (delivered_at, _) = self.gate.cards_of(&before.request, None).await?;
            let mut context = self.context(&before.request, None);
            context.delivered_at = delivered_at;
            context.seat_lost = self.seat_lost(&before.request).await?;
            context.known = self.gate.known_about(&before.request, None).await?;
            if before.request.is_leaving_decided() {
                self.withdraw_reclamations(&before.request).await?;
            }
            let Ok(transition) = before.request.handle(&Command::Wake, &context) else {
                return Ok(end(claimed, Next::Done));
            };
            let wake = schedule::next_wake(&transition.after, delivered_at);
            let directory = || context.known.next_change(context.now);
            let directory = (transition.after.phase == Phase::AwaitingDecision).then(directory).flatten();
            // Whoever is asked from now on is looked up again once that is known to those who edit the directory.
            let again = asks_others(&transition.facts).then_some(context.now);
            let next = wake.into_iter().chain(directory).chain(again).min().map_or(Next::Done, Next::At);
            if transition.facts.is_empty() {
                return Ok(end(claimed, next));
            }
            let id = self.gate.new_change();
            let mut change = self.gate.change(id, &before, transition, delivered_at, Vec::new())?;
            change.agenda.retain(|edit| !matches!(edit, AgendaChange::Schedule { item: Item::Wake(_), .. }));
            let (item, wanted) = (claimed.item.clone(), claimed.wanted);
            change.agenda.push(AgendaChange::Settle { item, wanted, next });
            change.fence = Some(claimed.fence());
            match self.gate.commit_one(change).await? {
                Answer::Conflict(Conflict::Version) => {}
                _ => {
                    self.gate.wake();
                    return Ok(End::Settled);
                }
            }
        }
        Err(GateError::Contended)
    }

    /// Whether accounts were merged, and an older request about the same seat has it, or had it until it closed.
    async fn seat_lost(&self, request: &Request) -> Result<bool, GateError> {
        match request.seat() {
            Some(seat) if request.mode == Mode::Live && request.outcome().is_none() => {
                let rows = self.gate.parts.requests.seats(std::slice::from_ref(seat)).await?;
                Ok(rows.first().is_some_and(|row| row.open_request != Some(request.id)))
            }
            _ => Ok(false),
        }
    }

    fn context(&self, request: &Request, task: Option<TaskId>) -> Context<'_> {
        let context = Context::worker(self.gate.now(), &*self.gate.parts.entropy);
        context.with_target(self.gate.target_facts(request, task))
    }

    /// Judges `command` until its change is kept, refused, or no longer ours.
    async fn settle_task(&self, result: TaskResult) -> Result<(), GateError> {
        let TaskResult { change: id, claimed, request, mut began, mut command, texts, lane } = result;
        let mut fence = Some(claimed.fence());
        for _ in 0..TRIES {
            let before = match began.take() {
                Some(began) => began,
                None => self.gate.load(request).await?,
            };
            let Ok(transition) = before.request.handle(&command, &self.context(&before.request, command.task())) else {
                let Some(observation) = observation(&command) else { return Ok(()) };
                (command, fence) = (observation, None);
                continue;
            };
            // The plan runs: when its card was delivered no longer matters.
            let mut change = self.gate.change(id, &before, transition, None, texts.clone())?;
            change.fence.clone_from(&fence);
            change.lane.clone_from(&lane);
            match self.gate.commit_one(change).await? {
                Answer::Conflict(Conflict::Lease) => {
                    let Some(observation) = observation(&command) else { return Ok(()) };
                    (command, fence) = (observation, None);
                }
                Answer::Conflict(_) => {}
                Answer::Committed | Answer::Duplicate => {
                    self.gate.wake();
                    return Ok(());
                }
            }
        }
        Err(GateError::Contended)
    }

    /// How long an item may take before the driver gives it up: for a task, a look-up and then the call under a lease of
    /// its own.
    #[must_use]
    pub fn patience(&self, bundle: &Bundle) -> Duration {
        match bundle.first().item {
            Item::Perform { .. } => Self::LIMIT + self.gate.longest_timeout() + Self::LEASE_MARGIN,
            _ => Claim::LEASE,
        }
    }

    /// How much longer than a call's time-out its lease is.
    pub const LEASE_MARGIN: Duration = Duration::from_secs(5);

    /// How long a look-up or a message may take: what comes of it must still find the lease it was claimed under.
    pub const LIMIT: Duration = Claim::LEASE.saturating_sub(Self::LEASE_MARGIN);
}

/// A result whose worker lost its lease settles nothing; it is recorded as an observation.
fn observation(command: &Command) -> Option<Command> {
    match command {
        Command::Settle { task, attempt, result } => {
            Some(Command::Observe { task: *task, attempt: *attempt, result: result.clone() })
        }
        _ => None,
    }
}

fn alone(end: End) -> Vec<End> {
    vec![end]
}

fn end(claimed: &Claimed, next: Next) -> End {
    End::Item(Box::new(Settlement::new(claimed, next)))
}
