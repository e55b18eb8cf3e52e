//! How a request stands and how it ended, in the words that the outside sees; and why a command was refused.

use crate::label::labels;

labels! {
    /// How a request ended.
    Outcome {
        /// Every task was done: the seat is gone, with proof.
        Reclaimed = "reclaimed",
        /// Some tasks were done, some skipped.
        PartlyReclaimed = "partly_reclaimed",
        /// The seat is kept: the exception is filed.
        Kept = "kept",
        /// Nobody answered in time, and the policy closes.
        Expired = "expired",
        /// Withdrawn or undone before anything began.
        Withdrawn = "withdrawn",
        /// Stopped, or nothing was done.
        Stopped = "stopped",
        /// Decided in a dry run: nothing was done.
        DryRun = "dry_run",
    }

    /// How a request stands.
    StateLabel {
        /// Somebody is asked.
        AwaitingDecision = "awaiting_decision",
        /// Approved; it can still be undone.
        InGrace = "in_grace",
        /// Removing.
        Executing = "executing",
        /// Filing the exception.
        Keeping = "keeping",
        /// Stopped; what is in flight is awaited.
        Stopping = "stopping",
        /// A task waits for a human.
        NeedsAttention = "needs_attention",
        /// Over.
        Closed = "closed",
    }
}

/// Why a command was refused. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Somebody, or the policy, has decided.
    #[error("this request is already decided")]
    AlreadyDecided,
    /// Their approval is in already; the policy wants more people's.
    #[error("your approval is recorded already; the policy wants another person's")]
    AlreadyVoted,
    /// Who it would be handed to is asked already.
    #[error("this person is asked already")]
    AlreadyAsked,
    /// Who it would be handed to cannot be asked: they have left, are no human, or hold the seat.
    #[error("this person cannot be asked about this seat")]
    CannotBeAsked,
    /// The user came back; the request was withdrawn.
    #[error("the seat was used again: the request is withdrawn")]
    UsedAgain,
    /// The seat is kept; the exception can be revoked instead.
    #[error("the seat is kept already: revoke the exception instead")]
    AlreadyKept,
    /// The request is over.
    #[error("this request is closed")]
    Closed,
    /// Nothing was approved yet, or the grace period is over.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// Something has begun: stop it instead.
    #[error("too late to withdraw: the removal has begun; stop it instead")]
    TooLate,
    /// Nothing runs.
    #[error("nothing runs that could be stopped")]
    NothingToStop,
    /// It is being stopped.
    #[error("this request is being stopped")]
    Stopping,
    /// A keep needs a reason here.
    #[error("keeping this seat needs a reason")]
    ReasonRequired,
    /// Skipping and confirming need a reason.
    #[error("this answer needs a reason")]
    AnswerNeedsReason,
    /// The end date is past.
    #[error("the end of the exception must be in the future")]
    KeepEndsInPast,
    /// The end date is further away than the policy allows.
    #[error("the policy does not keep a seat for that long")]
    KeepTooLong,
    /// There is no such task.
    #[error("this request has no such task")]
    UnknownTask,
    /// The task waits for nobody.
    #[error("this task is not paused")]
    NotPaused,
    /// The task has moved on since that pause.
    #[error("this task has moved on since that pause")]
    StalePause,
    /// No attempt may have happened, so there is nothing to confirm.
    #[error("no attempt may have happened, so there is nothing to confirm")]
    NothingToConfirm,
    /// The task is not ready to begin.
    #[error("this task is not ready to begin")]
    NotReady,
    /// The task has begun.
    #[error("this task has begun already")]
    AlreadyBegun,
    /// Another attempt has taken over, or this one was never begun.
    #[error("another attempt has taken over, or this one was never begun")]
    StaleAttempt,
    /// No probe was wanted.
    #[error("this task is not being looked up")]
    NotProbing,
    /// The task is for a target, not for a person.
    #[error("this task is not for a person to do")]
    NotManual,
    /// The task has ended.
    #[error("this task has ended")]
    TaskEnded,
    /// Only what ended with a removal can be verified.
    #[error("only a seat that was removed can be verified")]
    NothingToVerify,
}
