//! Short answers to one person.

use seatgate_core::authorize::Denial;
use seatgate_core::message::DecisionLine;
use seatgate_core::request::{Decision, Refusal};
use seatgate_core::time::Timestamp;

use super::{seat, second};
use crate::wording::{Form, Line, Phrase, Slot, Value, Wording};

/// What somebody is told, only they, after what they did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Somebody was first.
    AlreadyDecided(Box<DecisionLine>),
    /// It is decided, by whom is not known here.
    Decided,
    /// Somebody was first with an offboarding.
    OffboardingDecided(Box<DecisionLine>),
    /// They were not asked.
    NotAsked,
    /// They were asked, and somebody else is now.
    Moved,
    /// Their approval is in; others' are missing.
    AlreadyVoted,
    /// The user came back, and the request is over.
    UsedAgain,
    /// Who was named is asked already.
    AlreadyAsked,
    /// Who was named cannot be asked.
    CannotBeAsked,
    /// Others are asked in their place, whom they named.
    HandedOn {
        /// Who.
        to: Vec<String>,
    },
    /// It is their own seat, which somebody else has to keep.
    OwnSeat,
    /// It is their own seat, and giving it up informs the approver.
    HolderInforms,
    /// They sent the sweep.
    Sender,
    /// They operate nothing.
    NotOperator,
    /// They act as an operator and have to say why.
    ReasonRequired,
    /// We do not know who they are, or they cannot decide.
    Nobody,
    /// They are known by their e-mail address alone, and the policy is strict.
    WeakIdentity,
    /// Offboardings cannot be started here.
    NoOffboarding,
    /// It is about their own offboarding.
    OwnOffboarding,
    /// They asked for the offboarding, which needs somebody else.
    OwnAsking,
    /// The task is for somebody else to do.
    NotAssignee,
    /// The task has moved on since the button was drawn.
    TaskMovedOn,
    /// No attempt may have happened.
    NothingToConfirm,
    /// Nothing runs.
    NothingToStop,
    /// The person is being offboarded already.
    AlreadyLeaving,
    /// There is no such playbook.
    NoPlaybook {
        /// Those that there are.
        playbooks: Vec<String>,
    },
    /// None of the playbooks is the default one.
    WhichPlaybook {
        /// Those that there are.
        playbooks: Vec<String>,
    },
    /// The playbook is not what the modal showed.
    PlaybookChanged,
    /// Every task was left out.
    NothingLeft,
    /// Slack knows no such member.
    NoSuchPerson,
    /// The command names nobody.
    OffboardUsage {
        /// The command, such as `/offboard`.
        command: String,
    },
    /// The offboarding has begun.
    OffboardBegun,
    /// The offboarding waits for a second operator.
    OffboardWaits,
    /// They belong to another workspace.
    Outsider,
    /// The request is over.
    Closed,
    /// There is nothing (any more) to undo.
    NothingToUndo,
    /// The removal has begun.
    TooLate,
    /// The request is being stopped.
    Stopping,
    /// The end of the exception is past.
    KeepEndsInPast,
    /// The end of the exception is too far away.
    KeepTooLong {
        /// The last date that is allowed, where it is known.
        latest: Option<Timestamp>,
    },
    /// The card is of another version; it is being drawn anew.
    Superseded,
    /// The request, card or command is unknown.
    Unknown,
    /// It was not recorded; the same may work later.
    TryAgain,
    /// Slack forgot the click before we could answer.
    ClickAgain,
    /// Everything is switched off.
    Off,
    /// Another thing than this request's state allows.
    NotNow,
    /// Many were answered at once.
    Answered {
        /// What was decided about them.
        decision: Decision,
        /// How many it was recorded for.
        recorded: u64,
        /// How many it was refused for: others were first, or they may not.
        refused: u64,
    },
    /// An approval was taken back.
    Undone,
    /// They tried the sample card.
    Sample,
}

impl From<Denial> for Notice {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::NotAsked => Self::NotAsked,
            Denial::Moved => Self::Moved,
            Denial::WeakIdentity => Self::WeakIdentity,
            Denial::OwnSeat => Self::OwnSeat,
            Denial::HolderInforms => Self::HolderInforms,
            Denial::Sender => Self::Sender,
            Denial::NotOperator => Self::NotOperator,
            Denial::ReasonRequired => Self::ReasonRequired,
            Denial::OwnOffboarding => Self::OwnOffboarding,
            Denial::OwnAsking => Self::OwnAsking,
            Denial::NotAssignee => Self::NotAssignee,
            // `Nobody`, and whatever is added later: deny without details.
            _ => Self::Nobody,
        }
    }
}

impl Notice {
    /// What to say to whoever was refused, given the decision that stands, if there is one.
    #[must_use]
    pub fn refused(refusal: Refusal, decision: Option<DecisionLine>) -> Self {
        match (refusal, decision) {
            (Refusal::AlreadyDecided | Refusal::AlreadyKept | Refusal::Closed, Some(decision)) => {
                Self::AlreadyDecided(Box::new(decision))
            }
            (Refusal::AlreadyDecided | Refusal::AlreadyKept, None) => Self::Decided,
            (Refusal::Closed, None) => Self::Closed,
            (Refusal::AlreadyVoted, _) => Self::AlreadyVoted,
            (Refusal::UsedAgain, _) => Self::UsedAgain,
            (Refusal::AlreadyAsked, _) => Self::AlreadyAsked,
            (Refusal::CannotBeAsked, _) => Self::CannotBeAsked,
            (Refusal::NothingToUndo, _) => Self::NothingToUndo,
            (Refusal::TooLate, _) => Self::TooLate,
            (Refusal::Stopping, _) => Self::Stopping,
            (Refusal::ReasonRequired | Refusal::AnswerNeedsReason, _) => Self::ReasonRequired,
            (Refusal::KeepEndsInPast, _) => Self::KeepEndsInPast,
            (Refusal::NothingToConfirm, _) => Self::NothingToConfirm,
            (Refusal::NothingToStop, _) => Self::NothingToStop,
            (
                Refusal::NotPaused
                | Refusal::StalePause
                | Refusal::TaskEnded
                | Refusal::NotReady
                | Refusal::AlreadyBegun
                | Refusal::NotManual
                | Refusal::UnknownTask,
                _,
            ) => Self::TaskMovedOn,
            (Refusal::KeepTooLong, _) => Self::KeepTooLong { latest: None },
            _ => Self::NotNow,
        }
    }
}

impl Notice {
    /// The same about an offboarding, which removes no single seat.
    pub(crate) fn about_offboarding(self) -> Self {
        match self {
            Self::AlreadyDecided(decision) => Self::OffboardingDecided(decision),
            other => other,
        }
    }

    /// The answer, in that form.
    pub(super) fn say(&self, wording: &Wording, form: Form) -> String {
        let lines = match self {
            Self::AlreadyDecided(decision) => {
                vec![Line::new(Phrase::SayDecidedBy).said(Slot::Status, seat::decided(decision))]
            }
            Self::OffboardingDecided(decision) => {
                vec![Line::new(Phrase::SayDecidedBy).said(Slot::Status, second::decided(decision))]
            }
            Self::NoPlaybook { playbooks } | Self::WhichPlaybook { playbooks } => {
                vec![Line::new(self.phrase()).with(Slot::People, Value::Names(playbooks))]
            }
            Self::OffboardUsage { command } => {
                vec![Line::new(self.phrase()).with(Slot::Command, Value::Outside(command, 40))]
            }
            Self::KeepTooLong { latest: Some(latest) } => {
                vec![Line::new(Phrase::KeepTooLongUntil).with(Slot::Latest, Value::LastDay(*latest))]
            }
            Self::HandedOn { to } if !to.is_empty() => {
                vec![Line::new(Phrase::MovedOn).with(Slot::People, Value::Names(to))]
            }
            Self::Answered { decision, recorded, refused } => answered(*decision, *recorded, *refused),
            other => vec![Line::new(other.phrase())],
        };
        lines.iter().map(|line| wording.say(line, form)).collect::<Vec<_>>().join(" ")
    }

    fn phrase(&self) -> Phrase {
        match self {
            Self::AlreadyDecided(_) | Self::OffboardingDecided(_) | Self::Decided => Phrase::SayDecided,
            Self::NotAsked => Phrase::SayNotAsked,
            Self::Moved => Phrase::SayMoved,
            Self::AlreadyVoted => Phrase::SayAlreadyVoted,
            Self::UsedAgain => Phrase::SayUsedAgain,
            Self::AlreadyAsked => Phrase::SayAlreadyAsked,
            Self::CannotBeAsked => Phrase::SayCannotBeAsked,
            Self::HandedOn { .. } => Phrase::MovedAway,
            Self::OwnSeat => Phrase::SayOwnSeat,
            Self::HolderInforms => Phrase::SayHolderInforms,
            Self::Sender => Phrase::SaySender,
            Self::NotOperator => Phrase::SayNotOperator,
            Self::ReasonRequired => Phrase::SayReasonRequired,
            Self::Nobody => Phrase::SayNobody,
            Self::WeakIdentity => Phrase::SayWeakIdentity,
            Self::NoOffboarding => Phrase::SayNoOffboarding,
            Self::OwnOffboarding => Phrase::SayOwnOffboarding,
            Self::OwnAsking => Phrase::SayOwnAsking,
            Self::NotAssignee => Phrase::SayNotAssignee,
            Self::TaskMovedOn => Phrase::SayTaskMovedOn,
            Self::NothingToConfirm => Phrase::SayNothingToConfirm,
            Self::NothingToStop => Phrase::SayNothingToStop,
            Self::AlreadyLeaving => Phrase::SayAlreadyLeaving,
            Self::NoPlaybook { .. } => Phrase::SayNoPlaybook,
            Self::WhichPlaybook { .. } => Phrase::SayWhichPlaybook,
            Self::PlaybookChanged => Phrase::SayPlaybookChanged,
            Self::NothingLeft => Phrase::SayNothingLeft,
            Self::NoSuchPerson => Phrase::SayNoSuchPerson,
            Self::OffboardUsage { .. } => Phrase::SayOffboardUsage,
            Self::OffboardBegun => Phrase::SayOffboardBegun,
            Self::OffboardWaits => Phrase::OffboardingWaits,
            Self::Outsider => Phrase::SayOutsider,
            Self::Closed => Phrase::SayClosed,
            Self::NothingToUndo => Phrase::SayNothingToUndo,
            Self::TooLate => Phrase::SayTooLate,
            Self::Stopping => Phrase::SayStopping,
            Self::KeepEndsInPast => Phrase::KeepEndsInPast,
            Self::KeepTooLong { .. } => Phrase::KeepTooLong,
            Self::Superseded => Phrase::SaySuperseded,
            Self::Unknown => Phrase::SayUnknown,
            Self::TryAgain => Phrase::SayTryAgain,
            Self::ClickAgain => Phrase::SayClickAgain,
            Self::Off => Phrase::SayOff,
            Self::NotNow | Self::Answered { .. } => Phrase::SayNotNow,
            Self::Undone => Phrase::SayUndone,
            Self::Sample => Phrase::SaySample,
        }
    }
}

fn answered<'a>(decision: Decision, recorded: u64, refused: u64) -> Vec<Line<'a>> {
    let phrase = match decision {
        Decision::Approve => Phrase::SayApproved,
        Decision::Keep => Phrase::SayKept,
    };
    let mut lines = vec![Line::new(phrase).count(recorded)];
    if refused > 0 {
        lines.push(Line::new(Phrase::SayRefused).count(refused));
    }
    lines
}
