//! Everything still to be done, with its due time: one queue of six kinds.
//!
//! What the agenda should hold for a request follows from the request's state: [`changes`] compares two states and says
//! what to schedule and what to remove. Stores keep the queue; the worker claims from it under leases.

mod announcement;
mod errand;
mod report;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::announcement::{Announcement, Audience, News};
use self::announcement::{personal, standing, steps};
use self::errand::errands;
pub(crate) use self::report::{EVENTS, reports};
use crate::card::{CardReceipt, digest_due, notice_of};
use crate::id::{CardId, RequestId, SweepId, TaskId};
use crate::person::Text;
use crate::port::Entropy;
use crate::request::{Asked, Request, StateLabel, Task, TaskAction, TaskState, TaskStatus};
use crate::schedule;
use crate::time::Timestamp;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Item {
    /// Do whatever is due for a request. One a request; harmless when nothing is due.
    Wake(RequestId),
    /// Make a card show what its requests are now.
    SyncCard(CardId),
    /// Work on a task: begin it, look it up, or settle a lost lease.
    Perform {
        /// Of this request.
        request: RequestId,
        /// This task.
        task: TaskId,
    },
    /// Tell a channel.
    Announce(Announcement),
    /// Work off the rows of a sealed sweep, some at a time. One a sweep; harmless when none is left.
    Intake(SweepId),
    /// Tell whoever listens that a task of an offboarding, or a request, has ended.
    Report {
        /// Of this request.
        request: RequestId,
        /// This task; without one, the request itself.
        task: Option<TaskId>,
        /// When.
        at: Timestamp,
    },
}

impl Item {
    /// What makes it one: two changes that schedule the same key schedule one item.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Wake(request) => format!("wake/{request}"),
            Self::SyncCard(card) => format!("card/{card}"),
            Self::Perform { task, .. } => format!("task/{task}"),
            Self::Announce(announcement) => format!("announce/{}", announcement.id),
            Self::Intake(sweep) => format!("intake/{sweep}"),
            Self::Report { request, task: None, .. } => format!("report/{request}"),
            Self::Report { task: Some(task), .. } => format!("report/{task}"),
        }
    }

    /// Whether several wishes become one: [`Item::Wake`], [`Item::SyncCard`] and [`Item::Intake`].
    #[must_use]
    pub fn coalesces(&self) -> bool {
        matches!(self, Self::Wake(_) | Self::SyncCard(_) | Self::Intake(_))
    }
}

/// A queue within the queue, which can be closed for a while without holding up the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The removals of one target.
    Removals(String),
    /// The filing of exceptions.
    Keeps,
    /// The messages to one channel or person.
    Messages(String),
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removals(target) => write!(f, "removals/{target}"),
            Self::Keeps => f.write_str("keeps"),
            Self::Messages(to) => write!(f, "messages/{to}"),
        }
    }
}

/// A text that names no lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected removals/…, keeps or messages/…")]
pub struct LaneError;

impl FromStr for Lane {
    type Err = LaneError;

    fn from_str(text: &str) -> Result<Self, LaneError> {
        match text.split_once('/') {
            Some(("removals", target)) => Ok(Self::Removals(target.to_owned())),
            Some(("messages", to)) => Ok(Self::Messages(to.to_owned())),
            _ if text == "keeps" => Ok(Self::Keeps),
            _ => Err(LaneError),
        }
    }
}

/// One edit of the agenda, committed together with the change that causes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgendaChange {
    /// Puts an item on the agenda.
    ///
    /// A coalescing item that is there already becomes due at the earlier of the two times and is *wanted* once more; a
    /// lease on it stays. Any other item is replaced, and a lease on it ends.
    Schedule {
        /// What.
        item: Item,
        /// When.
        due: Timestamp,
        /// In which lane.
        lane: Option<Lane>,
        /// Whether a closed lane holds it. What has begun is not held.
        gated: bool,
    },
    /// Takes an item off, whoever holds a lease on it.
    Remove(Item),
    /// Lengthens the lease on an item to this long from now, by the store's clock, and lifts the gate: it has begun.
    Hold {
        /// What.
        item: Item,
        /// How long.
        lease: Duration,
    },
    /// Ends the lease on a coalescing item, as [`Settlement`] does. Counts only in a change that is fenced by that item.
    Settle {
        /// What.
        item: Item,
        /// How often it had been wanted when it was claimed.
        wanted: u64,
        /// What follows.
        next: Next,
    },
}

/// What becomes of an item after its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes.
    Done,
    /// It is due again then, having succeeded.
    At(Timestamp),
    /// It is due again then, having failed once more.
    Retry(Timestamp),
}

/// Proof that a claimed item is still ours: each claim of an item gets a higher token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fence {
    /// What.
    pub item: Item,
    /// The fencing token of the claim.
    pub token: u64,
}

/// What to claim.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claim {
    /// What is due by then. Compared with due times only, never with leases.
    pub now: Timestamp,
    /// How many items.
    pub limit: usize,
    /// How many of one lane, those under a lease included.
    pub per_lane: usize,
    /// How many of these lanes instead.
    pub caps: BTreeMap<Lane, usize>,
    /// Whether removals may begin at all; what has begun is worked on in any case.
    pub removals_open: bool,
    /// Whether messages are claimed as well. A claim without them passes over their lanes, and does not say what is due
    /// next.
    pub messages: bool,
    /// How long the lease is, by the store's clock.
    pub lease: Duration,
}

impl Claim {
    /// Leases are this long when claimed; Begin sets them anew.
    pub const LEASE: Duration = Duration::from_secs(20);
    /// So many items of a lane are worked on side by side, unless said otherwise.
    pub const PER_LANE: usize = 8;

    /// At most `limit` items due by `now`, at most [`Claim::PER_LANE`] a lane.
    #[must_use]
    pub fn new(now: Timestamp, limit: usize) -> Self {
        let (per_lane, caps) = (Self::PER_LANE, BTreeMap::new());
        Self { now, limit, per_lane, caps, removals_open: true, messages: true, lease: Self::LEASE }
    }

    /// At most `items` of `lane`. Said twice, the lower one counts.
    pub fn cap(&mut self, lane: Lane, items: usize) {
        let cap = self.caps.entry(lane).or_insert(items);
        *cap = items.min(*cap);
    }
}

/// An item under our lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// What.
    pub item: Item,
    /// The fencing token.
    pub token: u64,
    /// How often it had been wanted.
    pub wanted: u64,
    /// How often in a row it has failed.
    pub tries: u32,
    /// Whether an earlier lease on it ran out: somebody may have done it, or half of it.
    pub after_lost_lease: bool,
}

impl Claimed {
    /// An item claimed under `token`.
    #[must_use]
    pub fn new(item: Item, token: u64, wanted: u64, tries: u32, after_lost_lease: bool) -> Self {
        Self { item, token, wanted, tries, after_lost_lease }
    }

    /// The proof that it is ours.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence { item: self.item.clone(), token: self.token }
    }
}

/// What a claim gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// Items under our lease.
    pub items: Vec<Claimed>,
    /// When the earliest item that was not claimed is due, or its lane opens. Items under a lease or held by the mode
    /// do not count. Nothing where messages were passed over.
    pub next_due: Option<Timestamp>,
}

impl Claims {
    /// A claim's answer.
    #[must_use]
    pub fn new(items: Vec<Claimed>, next_due: Option<Timestamp>) -> Self {
        Self { items, next_due }
    }
}

/// What an attempt says about its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneReport {
    /// Which lane.
    pub lane: Lane,
    /// Until when it is closed; an earlier report that closes it for longer stands. Absent: it works.
    pub closed_until: Option<Timestamp>,
}

impl LaneReport {
    /// The lane works: failures count from zero again.
    ///
    /// A closing that still runs stands. Nothing begins in a closed lane, so what works had begun before the lane was
    /// closed, and knows nothing of the time that was asked for since.
    #[must_use]
    pub fn works(lane: Lane) -> Self {
        Self { lane, closed_until: None }
    }

    /// The lane fails, and is closed until then. One more failure in a row.
    #[must_use]
    pub fn closed(lane: Lane, until: Timestamp) -> Self {
        Self { lane, closed_until: Some(until) }
    }
}

/// The result of an item that changes no request: a card that was shown, a message that was sent, a wake-up with nothing
/// to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// Proof that the item is ours.
    pub fence: Fence,
    /// How often it had been wanted when it was claimed. If it is wanted more by now, it stays and keeps its due time.
    pub wanted: u64,
    /// What follows.
    pub next: Next,
    /// What the card shows now.
    pub card: Option<CardReceipt>,
    /// Wakes these requests now.
    pub wakes: Vec<(RequestId, Timestamp)>,
    /// Texts that go with it.
    pub texts: Vec<Text>,
    /// What it says about its lane.
    pub lane: Option<LaneReport>,
}

impl Settlement {
    /// The end of a lease on `claimed`.
    #[must_use]
    pub fn new(claimed: &Claimed, next: Next) -> Self {
        Self {
            fence: claimed.fence(),
            wanted: claimed.wanted,
            next,
            card: None,
            wakes: Vec::new(),
            texts: Vec::new(),
            lane: None,
        }
    }
}

/// What the agenda must hold after a request went from `before` (absent when it is new) to `after`.
///
/// `removals` names the target whose lane its removals take. Announcements get ids from `entropy`.
#[must_use]
pub fn changes(
    before: Option<&Request>,
    after: &Request,
    delivered_at: Option<Timestamp>,
    removals: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Vec<AgendaChange> {
    let mut changes: Vec<AgendaChange> =
        after.plan.tasks.iter().filter_map(|task| task_change(before, after.id, task, removals)).collect();
    if let Some(due) = schedule::next_wake(after, delivered_at) {
        changes.push(wake(after.id, due));
    }
    if after.is_leaving_decided() && !before.is_some_and(Request::is_leaving_decided) {
        // What the person's manager was asked about their seats is withdrawn then.
        changes.push(wake(after.id, now));
    }
    if before.is_none_or(|before| face(before) != face(after)) {
        changes.extend(cards(before, after, now));
    }
    changes.extend(standing(before, after, now, entropy));
    changes.extend(steps(before, after, now));
    changes.extend(errands(before, after, now));
    if let Some(before) = before {
        changes.extend(personal(before, after, now));
    }
    changes
}

/// The cards that show a request: one an approver, and the notice of its sweep. Whoever is asked is messaged in business
/// hours; what they were shown is kept true at any time.
fn cards(before: Option<&Request>, after: &Request, now: Timestamp) -> impl Iterator<Item = AgendaChange> {
    let is_soon_over = before.is_some_and(|before| is_soon_over(before, after));
    let shown = if is_soon_over { now.saturating_add(SOON_OVER) } else { now };
    let asks = after.approval.asked.iter().map(move |asked| {
        let asked_at = asked.at.unwrap_or(after.opened_at);
        let gathered = digest_due(after, asked_at).unwrap_or(asked_at);
        let due = schedule::messaged_at(after, gathered).max(shown);
        sync(asked.card, due, Lane::Messages(asked.person.to_string()))
    });
    let news_due = if before.is_none() { now } else { now.saturating_add(GATHER) };
    asks.chain(notice_of(after).map(|card| sync(card.id, news_due, card.lane())))
}

/// How long the cards of a request whose tasks just began to run wait for its end: most are over by then, and show that
/// instead. A click on one meanwhile is told how it stands.
const SOON_OVER: Duration = Duration::from_millis(800);

fn is_soon_over(before: &Request, after: &Request) -> bool {
    matches!(before.label(), StateLabel::AwaitingDecision | StateLabel::InGrace)
        && matches!(after.label(), StateLabel::Executing | StateLabel::Keeping)
}

/// How long a notice waits for more news, so that it is not replaced for each.
pub(crate) const GATHER: Duration = Duration::from_secs(2);

/// Does for a request whatever is due by then.
pub(crate) fn wake(request: RequestId, due: Timestamp) -> AgendaChange {
    AgendaChange::Schedule { item: Item::Wake(request), due, lane: None, gated: false }
}

/// Makes a card show what it is about.
pub(crate) fn sync(card: CardId, due: Timestamp, lane: Lane) -> AgendaChange {
    AgendaChange::Schedule { item: Item::SyncCard(card), due, lane: Some(lane), gated: true }
}

/// What a card shows of a request: when this stays the same, no card needs to be synced.
fn face(request: &Request) -> impl PartialEq {
    let paused = request.plan.tasks.iter().map(|task| &task.state).filter(|s| matches!(s, TaskState::Paused { .. }));
    let paused: Vec<TaskState> = paused.cloned().collect();
    let progress = request.plan.tasks.iter().filter(|_| request.offboarding.is_some());
    let progress: Vec<TaskStatus> = progress.map(|task| task.state.status()).collect();
    let approval = &request.approval;
    let asked: Vec<bool> = approval.asked.iter().map(Asked::is_active).collect();
    let said = (approval.verdict.is_some(), approval.votes.len(), approval.holder_answer.is_some(), approval.stage);
    (request.label(), request.outcome(), said, asked, paused, progress)
}

fn task_change(before: Option<&Request>, request: RequestId, task: &Task, removals: &str) -> Option<AgendaChange> {
    let was = before.and_then(|before| before.plan.task(task.id));
    if was == Some(task) {
        return None;
    }
    let item = Item::Perform { request, task: task.id };
    let lane = Some(match &task.action {
        TaskAction::Remove { .. } => Lane::Removals(removals.to_owned()),
        TaskAction::Call { target, .. } => Lane::Removals(target.clone()),
        TaskAction::File { .. } => Lane::Keeps,
        // Nobody but a person works on it.
        TaskAction::Manual { .. } => return None,
    });
    match task.state {
        TaskState::Ready { at } => Some(AgendaChange::Schedule { item, due: at, lane, gated: true }),
        TaskState::Probing { at } => Some(AgendaChange::Schedule { item, due: at, lane, gated: false }),
        TaskState::InFlight | TaskState::Waiting => None,
        TaskState::Paused { .. } | TaskState::Done { .. } | TaskState::Skipped { .. } | TaskState::Cancelled => {
            was.map(|_| AgendaChange::Remove(item))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::SeededEntropy;

    #[test]
    fn lanes_read_as_they_print() {
        for lane in [Lane::Removals("*".into()), Lane::Keeps, Lane::Messages("C0SWEEP".into())] {
            assert_eq!(lane.to_string().parse(), Ok(lane));
        }
        assert!("other/x".parse::<Lane>().is_err());
    }

    #[test]
    fn a_lane_that_is_capped_twice_keeps_the_lower_cap() {
        let mut claim = Claim::new(Timestamp::from_micros(0), 100);
        for items in [3, 2, 5] {
            claim.cap(Lane::Keeps, items);
        }
        assert_eq!(claim.caps, BTreeMap::from([(Lane::Keeps, 2)]));
    }

    #[test]
    fn what_is_harmless_when_nothing_is_due_coalesces() {
        let (at, entropy) = (Timestamp::from_micros(0), SeededEntropy::new(7));
        let (request, task) = (RequestId::generate(at, &entropy), TaskId::generate(at, &entropy));
        let (card, sweep) = (CardId::generate(at, &entropy), SweepId::generate(at, &entropy));
        for item in [Item::Wake(request), Item::SyncCard(card), Item::Intake(sweep)] {
            assert!(item.coalesces(), "{item:?}");
        }
        for item in [Item::Perform { request, task }, Item::Report { request, task: None, at }] {
            assert!(!item.coalesces(), "{item:?}");
        }
    }
}
