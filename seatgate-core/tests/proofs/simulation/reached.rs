//! What was reached. A check that never met what it is about proves nothing, so a run that reached too little fails.

use std::collections::BTreeMap;
use std::fmt;

use seatgate_core::request::{CommandKind, EventKind, Outcome};

macro_rules! reached {
    ($($name:ident),+ $(,)?) => {
        /// Something that a schedule can meet, beside events and outcomes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reached { $($name),+ }

        impl Reached {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

reached! {
    Offboarded,
    LeavingAlready,
    SecondOperatorApproved,
    SecondOperatorDeclined,
    DoneByHand,
    DoneByOperator,
    HandSkipped,
    HandStopped,
    LeavesFromOwnTask,
    Crash,
    HangUp,
    StoreErrorBefore,
    StoreErrorAfter,
    VersionConflict,
    SeatConflict,
    LeaseConflict,
    RowConflict,
    KnownChange,
    EarlyLease,
    LostLease,
    StaleSettlement,
    ClockJump,
    Redelivered,
    Denied,
    Refused,
    Filed,
    NotFiled,
    Revoked,
    SwitchedOff,
    SwitchedLive,
    Released,
    Sealed,
    CardEdited,
    LateMessageMended,
    Erased,
    SeatUsed,
    Excepted,
    Held,
    Filtered,
    Duplicate,
    MergedAccounts,
    PolicyApproved,
    PolicyKept,
    OperatorDecided,
    HolderReleased,
    CallNotDone,
    CallRejected,
    CallUnknownNotPerformed,
    CallUnknownPerformed,
    CallPending,
    CallHangs,
    CallPerformsAndHangs,
    CallScheduled,
    TargetGone,
    LateLanding,
    ProbeFails,
    ProbeHangs,
    MessageWaits,
    MessageUnreachable,
    MessageLostBefore,
    MessageLostAfter,
    MessageMisconfigured,
    MessageRefused,
    MessageHangs,
    CopyFound,
    StrayCopy,
    RepeatedCall,
    LateResult,
    DirectoryFails,
    DirectoryEdited,
    Reassigned,
    DelegationMoved,
    Replaced,
    Escalated,
    HolderHeard,
    HolderSilent,
    Quorum,
    CameBack,
}

/// How often everything was reached.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    met: BTreeMap<Reached, u64>,
    events: BTreeMap<EventKind, u64>,
    outcomes: BTreeMap<Outcome, u64>,
}

impl Counts {
    pub fn meet(&mut self, reached: Reached) {
        *self.met.entry(reached).or_default() += 1;
    }

    pub fn event(&mut self, kind: EventKind) {
        *self.events.entry(kind).or_default() += 1;
    }

    pub fn outcome(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        other.met.iter().for_each(|(key, count)| *self.met.entry(*key).or_default() += count);
        other.events.iter().for_each(|(key, count)| *self.events.entry(*key).or_default() += count);
        other.outcomes.iter().for_each(|(key, count)| *self.outcomes.entry(*key).or_default() += count);
    }

    /// Everything that should have been reached and was not.
    pub fn missing(&self) -> Vec<String> {
        let met = Reached::ALL.iter().filter(|key| !self.met.contains_key(key)).map(|key| format!("{key:?}"));
        let events = EventKind::ALL.iter().filter(|kind| expected(**kind) && !self.events.contains_key(kind));
        let commands = CommandKind::ALL.iter().filter(|kind| !self.shows(**kind));
        let outcomes =
            Outcome::ALL.iter().filter(|outcome| reachable(**outcome) && !self.outcomes.contains_key(outcome));
        met.chain(events.map(|kind| format!("event {kind}")))
            .chain(commands.map(|kind| format!("command {kind}")))
            .chain(outcomes.map(|outcome| format!("outcome {outcome}")))
            .collect()
    }

    /// Whether an event shows that such a command was accepted. A command that is added must be named here: by the event
    /// that it comes to, or as one that the simulation does not send, and why.
    fn shows(&self, command: CommandKind) -> bool {
        let event = match command {
            CommandKind::Approve | CommandKind::Keep => EventKind::Decided,
            CommandKind::Undo => EventKind::Undone,
            CommandKind::Withdraw => EventKind::Withdrawn,
            CommandKind::Stop => EventKind::StopAsked,
            CommandKind::Wake => EventKind::GraceEnded,
            CommandKind::Begin => EventKind::Begun,
            CommandKind::Settle | CommandKind::LoseLease => EventKind::AttemptEnded,
            CommandKind::Probed => EventKind::Probed,
            CommandKind::Observe => EventKind::Observed,
            CommandKind::Block => EventKind::Blocked,
            CommandKind::Resolve => EventKind::Resolved,
            // Nothing in the core looks again after the end.
            CommandKind::Verify => return true,
            CommandKind::Reassign => return self.met.contains_key(&Reached::Reassigned),
            CommandKind::ComeBack => return self.met.contains_key(&Reached::CameBack),
            CommandKind::ApplyPolicy => EventKind::PolicyApplied,
        };
        self.events.contains_key(&event)
    }
}

/// Whether schedules come to such an event. An event that is added must be named here.
fn expected(kind: EventKind) -> bool {
    match kind {
        EventKind::Opened
        | EventKind::Decided
        | EventKind::Expired
        | EventKind::GraceEnded
        | EventKind::Undone
        | EventKind::Withdrawn
        | EventKind::StopAsked
        | EventKind::Begun
        | EventKind::AttemptEnded
        | EventKind::Probed
        | EventKind::Observed
        | EventKind::Blocked
        | EventKind::Resolved
        | EventKind::Voted
        | EventKind::HolderAnswered
        | EventKind::Routed
        | EventKind::Reminded
        | EventKind::PolicyApplied
        | EventKind::Closed => true,
        // Comes with `Command::Verify`, which nothing in the core sends.
        EventKind::Verified => false,
    }
}

/// Whether schedules come to such an end. An outcome that is added must be named here.
fn reachable(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Reclaimed
        | Outcome::PartlyReclaimed
        | Outcome::Kept
        | Outcome::Expired
        | Outcome::Withdrawn
        | Outcome::Stopped
        | Outcome::DryRun => true,
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |parts: Vec<String>| parts.join(", ");
        writeln!(f, "reached: {}", line(self.met.iter().map(|(key, n)| format!("{key:?} {n}")).collect()))?;
        writeln!(f, "events: {}", line(self.events.iter().map(|(key, n)| format!("{key} {n}")).collect()))?;
        write!(f, "outcomes: {}", line(self.outcomes.iter().map(|(key, n)| format!("{key} {n}")).collect()))
    }
}
