//! Words about what just happened.

use seatgate_core::id::PersonRef;
use seatgate_core::request::{Decision, Outcome, Request, Task};

/// A calm word about what just happened.
pub(super) struct Notice {
    /// Whether it went as wished.
    pub(super) good: bool,
    pub(super) text: String,
}

impl Notice {
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { good: false, text: text.into() }
    }

    fn good(text: &str) -> Self {
        Self { good: true, text: text.to_owned() }
    }
}

/// What a page says after a form was taken. The address carries the code and not the text, so that nobody can put words
/// on our page by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Approved,
    Kept,
    Reassigned,
    Undone,
    Withdrawn,
    Stopped,
    Answered,
    Sample,
    SampleAgain,
    Revoked,
    Started,
}

impl Code {
    const ALL: [Self; 11] = [
        Self::Approved,
        Self::Kept,
        Self::Reassigned,
        Self::Undone,
        Self::Withdrawn,
        Self::Stopped,
        Self::Answered,
        Self::Sample,
        Self::SampleAgain,
        Self::Revoked,
        Self::Started,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Kept => "kept",
            Self::Reassigned => "reassigned",
            Self::Undone => "undone",
            Self::Withdrawn => "withdrawn",
            Self::Stopped => "stopped",
            Self::Answered => "answered",
            Self::Sample => "sample",
            Self::SampleAgain => "sample-again",
            Self::Revoked => "revoked",
            Self::Started => "started",
        }
    }

    pub(super) fn read(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.label() == label)
    }

    pub(super) fn of(decision: Decision) -> Self {
        match decision {
            Decision::Approve => Self::Approved,
            Decision::Keep => Self::Kept,
        }
    }

    /// What it says to `viewer` on the page of `request`, where it is true: a link must not say that something was done
    /// where nothing was.
    pub(super) fn about(self, request: &Request, viewer: PersonRef) -> Option<Notice> {
        if request.offboarding.is_some() {
            return self.about_offboarding(request);
        }
        let approval = &request.approval;
        let answered = |answer| {
            let said = approval.holder_answer.as_ref().is_some_and(|said| said.answer == answer);
            said && request.holder() == Some(viewer) && approval.verdict.is_none()
        };
        let voted = approval.has_voted(viewer) && approval.verdict.is_none();
        let decided = |decision| request.approval.verdict.as_ref().is_some_and(|verdict| verdict.decision == decision);
        let (fits, text) = match self {
            Self::Approved if answered(Decision::Approve) => (true, "Your answer is recorded: you release the seat."),
            Self::Approved if voted => (true, "Your approval is recorded; the policy wants more of them."),
            Self::Kept if answered(Decision::Keep) => (true, "Your answer is recorded: you still need the seat."),
            Self::Reassigned => (approval.asked.iter().any(|asked| asked.at.is_some()), "Somebody else is asked now."),
            Self::Approved => (decided(Decision::Approve), "Your approval is recorded."),
            Self::Kept => (decided(Decision::Keep), "Your answer is recorded: keep the seat."),
            Self::Undone => (is_withdrawn(request), "The approval is taken back: the seat stays."),
            Self::Withdrawn => (is_withdrawn(request), "The request is withdrawn: the seat stays."),
            Self::Stopped => (request.plan.stopped, "Stopped: nothing more begins."),
            Self::Answered => (request.plan.tasks.iter().any(is_answered), "Your answer is recorded."),
            Self::Sample | Self::SampleAgain | Self::Revoked | Self::Started => return None,
        };
        fits.then(|| Notice::good(text))
    }

    fn about_offboarding(self, request: &Request) -> Option<Notice> {
        let approved = request.is_leaving_decided();
        let (fits, text) = match self {
            Self::Started if approved => (true, "The offboarding is started."),
            Self::Started => (request.outcome().is_none(), "The offboarding waits for a second operator."),
            Self::Approved => (approved, "Your approval is recorded: it begins."),
            Self::Kept => (request.is_declined(), "Declined: nothing is done."),
            Self::Withdrawn => (is_withdrawn(request), "The offboarding is withdrawn: nothing is done."),
            Self::Stopped => (request.plan.stopped, "Stopped: nothing more begins."),
            Self::Answered => (request.plan.tasks.iter().any(is_answered), "Your answer is recorded."),
            _ => return None,
        };
        fits.then(|| Notice::good(text))
    }

    /// What it says on a page that is about no request.
    pub(super) fn elsewhere(self) -> Option<Notice> {
        Some(Notice::good(match self {
            Self::Sample => "The sample sweep is in. Pick somebody who was asked.",
            Self::SampleAgain => "The sample sweep is in already: nobody was asked again.",
            Self::Revoked => "The exception is revoked: the seat may be asked about again.",
            _ => return None,
        }))
    }
}

fn is_withdrawn(request: &Request) -> bool {
    request.outcome() == Some(Outcome::Withdrawn)
}

/// Whether somebody answered one of its pauses, or said what they did.
fn is_answered(task: &Task) -> bool {
    task.pauses > 0 || (task.assignee().is_some() && task.state.is_end())
}
