//! Deliberate mistakes. Each is made around the real core: in what it is handed, in what is folded from its facts, in the
//! store, or in how a worker goes about it. So the code that ships has no switches for them.

use seatgate_core::request::{
    ApprovalState, AttemptResult, Command, Context, Event, Fact, PauseReason, Phase, ProbeAnswer, RemovalKind, Request,
    Resolution, RouteCause, Stage, TaskState,
};

use super::scene::Scene;
use super::scenes;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mutant {
    // ------------------------------------------------------------------------------------------------------- in the store
    /// A change is kept whatever the version is by now.
    NoCompareAndSet,
    /// A lease's token is not looked at.
    NoFencing,
    /// A change that is said again is not known again.
    ForgetsChanges,
    // ---------------------------------------------------------------------------------------------------- in the worker
    /// The call leaves before Begin is kept.
    CallsBeforeBegin,
    /// Begin is kept whatever the version is by now, and whoever has the item.
    BeginsUnseen,
    /// A result that lost its lease settles all the same.
    LateResultSettles,
    /// Settling a wake-up forgets when the next one is due.
    WakeForgetsTheNext,
    // -------------------------------------------------------------------------------------- in what the core is handed
    /// Nobody is asked whether they may approve.
    AnybodyApproves,
    /// The holder may keep their own seat.
    OwnSeatKept,
    /// Whoever was asked once may answer for ever.
    MovedStillCounts,
    /// A stand-in may answer after their time.
    DelegateOutlivesDelegation,
    /// A second approval of the same person counts.
    VoteCountedTwice,
    /// A stand-in counts beside whom they stand in for.
    DelegateBesideDelegator,
    /// One approval is taken for enough.
    QuorumForgotten,
    /// What the holder says when they are asked first is taken for the decision.
    HolderDecides,
    /// Another policy decides once more what is decided.
    PolicyDecidesAgain,
    /// A request that is decided is judged as if it were not.
    SecondDecision,
    /// Silence reclaims whatever the target is like.
    SilenceRemovesForGood,
    /// An undo is judged as if the grace period never ended.
    UndoAfterBegin,
    /// A withdrawal is judged as if nothing had begun.
    WithdrawAfterBegin,
    /// A check before Begin withdraws as if nothing had ever begun.
    BlockWithdraws,
    /// An answer is taken for the pause of the moment.
    StalePauseAnswered,
    /// A target that promises nothing is taken for one that does.
    PromisesInvented,
    /// A result that is not known is taken for done.
    UnknownIsDone,
    /// What the target only accepted is taken for done.
    PendingIsDone,
    /// A lost lease is taken for a call that was not made.
    LostLeaseIsNotDone,
    // ---------------------------------------------------------------------------------------- in the fold of the facts
    /// An escalation replaces those who were asked.
    EscalationReplaces,
    /// Whoever hands it on stays asked.
    ReassignForgets,
    /// A reminder that was sent is forgotten.
    ReminderForgotten,
    /// Ambiguous attempts that are used up count as failed.
    ExhaustedIsFailed,
    /// Every Retry takes a new key.
    KeyPerRetry,
    /// A rejection gives a new key in spite of an earlier doubt.
    KeyDespiteDoubt,
    /// Every attempt has a key of its own.
    KeyPerAttempt,
    /// Stop ends what is in flight.
    StopEndsFlight,
    /// Skipping forgets that it may have happened.
    DoubtForgottenBySkip,
    /// Stopping forgets that it may have happened.
    DoubtForgottenByStop,
    /// A look that finds the seat held clears the doubt.
    HeldClearsDoubt,
    /// A late result ends a task whatever has become of it.
    LateResultReopens,
    /// Stop takes the item of a call in flight off the agenda.
    StopDropsItem,
}

impl Mutant {
    /// Whether this mistake lets anybody do this.
    pub(crate) fn lets_pass(self, command: &Command) -> bool {
        match command {
            Command::Approve { .. } => self == Self::AnybodyApproves,
            Command::Keep { .. } => self == Self::OwnSeatKept,
            _ => false,
        }
    }

    /// What is shown to whoever judges somebody's right, if it is something else.
    pub(crate) fn misread(self, request: &Request) -> Option<Request> {
        let mut shown = request.clone();
        for asked in &mut shown.approval.asked {
            match self {
                Self::MovedStillCounts => asked.left = false,
                Self::DelegateOutlivesDelegation => asked.until = None,
                _ => return None,
            }
        }
        Some(shown)
    }

    /// What the core is handed instead.
    pub(crate) fn mislead(self, request: &mut Request, command: &mut Command, context: &mut Context<'_>) {
        match (self, &mut *command) {
            (Self::SecondDecision, Command::Approve { .. } | Command::Keep { .. })
            | (Self::PolicyDecidesAgain, Command::ApplyPolicy { .. }) => {
                request.phase = Phase::AwaitingDecision;
                request.approval.state = ApprovalState::Open;
            }
            (Self::VoteCountedTwice, Command::Approve { .. }) => {
                let nobody = seatgate_core::person::Actor::Policy;
                let other = request.holder();
                for vote in &mut request.approval.votes {
                    (vote.by, vote.principal) = (nobody.clone(), other.unwrap_or(vote.principal));
                }
            }
            (Self::DelegateBesideDelegator, Command::Approve { .. }) => {
                for vote in &mut request.approval.votes {
                    vote.principal = vote.by.person().unwrap_or(vote.principal);
                }
            }
            (Self::QuorumForgotten, Command::Approve { .. }) => request.terms.quorum = 1,
            (Self::HolderDecides, Command::Keep { .. }) => request.approval.stage = Stage::Approvers,
            (Self::SilenceRemovesForGood, Command::Wake) => context.target.reversible = true,
            (Self::UndoAfterBegin, Command::Undo { .. }) if request.phase == Phase::Executing => {
                request.phase = Phase::InGrace { until: context.now };
            }
            (Self::WithdrawAfterBegin, Command::Withdraw { .. }) | (Self::BlockWithdraws, Command::Block { .. }) => {
                request.plan.ever_begun = false;
            }
            (Self::StalePauseAnswered, Command::Resolve { pause, .. }) => *pause = request.plan.tasks[0].pauses,
            (Self::PromisesInvented, _) => context.target.idempotent = true,
            (Self::UnknownIsDone, Command::Settle { result: result @ AttemptResult::Unknown { .. }, .. }) => {
                *result = done();
            }
            (Self::PendingIsDone, Command::Settle { result: result @ AttemptResult::Done { .. }, .. }) => {
                *result = done();
            }
            (Self::LostLeaseIsNotDone, Command::LoseLease { task, attempt }) => {
                let result = AttemptResult::NotDone { retry_at: None, detail: None };
                *command = Command::Settle { task: *task, attempt: *attempt, result };
            }
            _ => {}
        }
    }

    /// What becomes of the state besides, or instead, when a fact is folded into it.
    pub(crate) fn misfold(self, request: &mut Request, fact: &Fact, before: &Request) {
        self.misroute(request, fact);
        let was = before.plan.tasks.first();
        let Some(task) = request.plan.tasks.first_mut() else { return };
        match (self, &fact.event) {
            (Self::ExhaustedIsFailed, Event::AttemptEnded { next: TaskState::Paused { why, .. }, .. })
                if *why == PauseReason::Unknown =>
            {
                task.may_have_happened = false;
            }
            (Self::KeyPerRetry, Event::Resolved { resolution: Resolution::Retry, .. })
            | (Self::KeyPerAttempt, Event::Begun { .. }) => {
                task.key_number = was.map_or(1, |was| was.key_number + 1);
            }
            (Self::KeyDespiteDoubt, Event::Resolved { resolution: Resolution::Retry, .. })
                if was.is_some_and(|was| was.rejected) =>
            {
                task.key_number = was.map_or(1, |was| was.key_number + 1);
            }
            (Self::StopEndsFlight, Event::StopAsked { .. }) if task.state.is_open_effect() => {
                task.state = TaskState::Cancelled;
            }
            (Self::DoubtForgottenBySkip, Event::Resolved { resolution: Resolution::Skip, .. })
            | (Self::DoubtForgottenByStop, Event::StopAsked { .. })
            | (Self::HeldClearsDoubt, Event::Probed { answer: ProbeAnswer::Held, .. }) => {
                task.may_have_happened = false;
            }
            (Self::LateResultReopens, Event::Observed { result: AttemptResult::Done { .. }, .. }) => {
                task.state = TaskState::Done {
                    removal: Some(RemovalKind::Removed),
                    proof: seatgate_core::request::Proof::Receipt,
                    receipt: None,
                };
            }
            _ => {}
        }
    }
}

impl Mutant {
    fn misroute(self, request: &mut Request, fact: &Fact) {
        let (cause, ours) = match &fact.event {
            Event::Routed { cause, asked, .. } => (Some(*cause), asked.as_slice()),
            _ => (None, [].as_slice()),
        };
        let approval = &mut request.approval;
        match (self, cause) {
            (Self::EscalationReplaces, Some(RouteCause::Escalated)) => {
                let others = approval.asked.iter_mut().filter(|asked| ours.iter().all(|new| new.card != asked.card));
                others.for_each(|asked| asked.left = true);
            }
            (Self::ReassignForgets, Some(RouteCause::Reassigned)) => {
                approval.asked.iter_mut().for_each(|asked| asked.left = false);
            }
            (Self::ReminderForgotten, _) => approval.reminded = 0,
            _ => {}
        }
    }
}

fn done() -> AttemptResult {
    AttemptResult::Done { removal: Some(RemovalKind::Removed), receipt: None, location: None }
}

type Kill = (Mutant, fn() -> Scene, &'static str);

/// Every mistake, a scene in which it shows, and the property that it breaks there.
pub(crate) const KILLED_BY: [Kill; 39] = [
    (Mutant::NoCompareAndSet, scenes::decisions, "at most one decision"),
    (Mutant::NoFencing, scenes::idempotent, "no stale write"),
    (Mutant::ForgetsChanges, scenes::decisions, "whoever won is not told that they lost"),
    (Mutant::CallsBeforeBegin, scenes::idempotent, "no call before its Begin is kept"),
    (Mutant::BeginsUnseen, scenes::idempotent, "no Begin after keep, undo, withdraw or stop"),
    (Mutant::LateResultSettles, scenes::idempotent, "no stale write"),
    (Mutant::WakeForgetsTheNext, scenes::silence, "every end is settled"),
    (Mutant::AnybodyApproves, scenes::decisions, "no removal without approval"),
    (Mutant::OwnSeatKept, scenes::decisions, "nobody keeps their own seat"),
    (Mutant::MovedStillCounts, scenes::handing_on, "whoever is not asked has no say"),
    (Mutant::DelegateOutlivesDelegation, scenes::standing_in, "whoever is not asked has no say"),
    (Mutant::VoteCountedTwice, scenes::quorum, "no removal with fewer people's approval than the policy wants"),
    (
        Mutant::DelegateBesideDelegator,
        scenes::standing_in,
        "no removal with fewer people's approval than the policy wants",
    ),
    (Mutant::QuorumForgotten, scenes::quorum, "no removal with fewer people's approval than the policy wants"),
    (Mutant::HolderDecides, scenes::holder_first, "nobody keeps their own seat"),
    (Mutant::PolicyDecidesAgain, scenes::another_policy, "at most one decision"),
    (Mutant::EscalationReplaces, scenes::time_goes_by, "an escalation takes nobody's say"),
    (Mutant::ReassignForgets, scenes::handing_on, "whoever is not asked has no say"),
    (Mutant::ReminderForgotten, scenes::time_goes_by, "nobody is reminded twice of the same"),
    (Mutant::SecondDecision, scenes::decisions, "at most one decision"),
    (Mutant::SilenceRemovesForGood, scenes::silence_about_what_cannot_be_given_back, "no removal without approval"),
    (Mutant::UndoAfterBegin, scenes::grace, "nothing that has begun is taken back"),
    (Mutant::WithdrawAfterBegin, scenes::grace, "nothing that has begun is taken back"),
    (Mutant::BlockWithdraws, scenes::checks, "nothing that has begun is taken back"),
    (Mutant::StalePauseAnswered, scenes::answers, "an answer is for the pause that was seen"),
    (Mutant::PromisesInvented, scenes::probeable, "no doubtful call is repeated unasked"),
    (Mutant::UnknownIsDone, scenes::opaque, "nothing done without proof"),
    (Mutant::PendingIsDone, scenes::accepting, "nothing done without proof"),
    (Mutant::LostLeaseIsNotDone, scenes::opaque, "what may have been done is not called certainly undone"),
    (Mutant::ExhaustedIsFailed, scenes::idempotent, "what may have been done is not called certainly undone"),
    (Mutant::KeyPerRetry, scenes::answers, "a new key only after a definite rejection"),
    (Mutant::KeyDespiteDoubt, scenes::new_keys, "every duplicate call bears the same key"),
    (Mutant::KeyPerAttempt, scenes::idempotent, "every duplicate call bears the same key"),
    (Mutant::StopEndsFlight, scenes::opaque, "what may have been done is not called certainly undone"),
    (Mutant::DoubtForgottenBySkip, scenes::opaque, "what may have been done is not called certainly undone"),
    (Mutant::DoubtForgottenByStop, scenes::opaque, "what may have been done is not called certainly undone"),
    (Mutant::HeldClearsDoubt, scenes::probeable, "what may have been done is not called certainly undone"),
    (Mutant::LateResultReopens, scenes::opaque, "a late result only closes what is open"),
    (Mutant::StopDropsItem, scenes::idempotent, "every end is settled"),
];
