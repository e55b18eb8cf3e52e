//! The kinds of commands, for tests that must know every one.

use crate::label::labels;
use crate::request::Command;

labels! {
    /// The kinds of [`Command`], exhaustive: a test that must know every kind fails to compile when one is added. Each is
    /// named like its command. Only with the feature `test-util`.
    CommandKind {
        /// See [`Command::Approve`].
        Approve = "approve",
        /// See [`Command::Keep`].
        Keep = "keep",
        /// See [`Command::Undo`].
        Undo = "undo",
        /// See [`Command::Withdraw`].
        Withdraw = "withdraw",
        /// See [`Command::Reassign`].
        Reassign = "reassign",
        /// See [`Command::ApplyPolicy`].
        ApplyPolicy = "apply_policy",
        /// See [`Command::ComeBack`].
        ComeBack = "come_back",
        /// See [`Command::Stop`].
        Stop = "stop",
        /// See [`Command::Wake`].
        Wake = "wake",
        /// See [`Command::Begin`].
        Begin = "begin",
        /// See [`Command::Settle`].
        Settle = "settle",
        /// See [`Command::LoseLease`].
        LoseLease = "lose_lease",
        /// See [`Command::Probed`].
        Probed = "probed",
        /// See [`Command::Observe`].
        Observe = "observe",
        /// See [`Command::Block`].
        Block = "block",
        /// See [`Command::Resolve`].
        Resolve = "resolve",
        /// See [`Command::Verify`].
        Verify = "verify",
    }
}

impl Command {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Approve { .. } => CommandKind::Approve,
            Self::Keep { .. } => CommandKind::Keep,
            Self::Undo { .. } => CommandKind::Undo,
            Self::Withdraw { .. } => CommandKind::Withdraw,
            Self::Reassign { .. } => CommandKind::Reassign,
            Self::ApplyPolicy { .. } => CommandKind::ApplyPolicy,
            Self::ComeBack => CommandKind::ComeBack,
            Self::Stop { .. } => CommandKind::Stop,
            Self::Wake => CommandKind::Wake,
            Self::Begin { .. } => CommandKind::Begin,
            Self::Settle { .. } => CommandKind::Settle,
            Self::LoseLease { .. } => CommandKind::LoseLease,
            Self::Probed { .. } => CommandKind::Probed,
            Self::Observe { .. } => CommandKind::Observe,
            Self::Block { .. } => CommandKind::Block,
            Self::Resolve { .. } => CommandKind::Resolve,
            Self::Verify { .. } => CommandKind::Verify,
        }
    }
}
