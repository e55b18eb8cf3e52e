//! What a viewer can do about a request beside deciding it: ask somebody else, take an approval back, withdraw, stop, answer a pause.
//!
//! Only what would be accepted is offered; the gate judges again when it is asked.

use std::time::Duration;

use seatgate_core::authorize::{Action, Caller, authorize};
use seatgate_core::gate::Gate;
use seatgate_core::person::Actor;
use seatgate_core::request::{ApprovalInput, PauseReason, Phase, Request, Task, TaskAction, TaskState};

use super::card::minute;
use super::identity::Viewer;

/// The controls of a request.
#[derive(Default)]
pub(super) struct Controls {
    /// Until when the approval can be taken back, as a sentence.
    pub(super) undo: Option<String>,
    /// Whether somebody else can be asked.
    pub(super) reassign: bool,
    pub(super) withdraw: bool,
    /// Whether the removal can be stopped. While a task is paused, stopping is one of its answers instead.
    pub(super) stop: bool,
}

/// A task that waits for an operator.
pub(super) struct Pause {
    pub(super) task: String,
    /// Which pause the answers are for.
    pub(super) number: u32,
    /// Whether it files an exception, and removes nothing.
    pub(super) files: bool,
    /// Whether an operator can say that it did happen.
    pub(super) confirm: bool,
    /// Whether the viewer may answer.
    pub(super) answerable: bool,
    pub(super) why: &'static str,
}

impl Controls {
    pub(super) fn new(gate: &Gate, request: &Request, viewer: &Viewer) -> Self {
        let withdrawable = request.outcome().is_none()
            && !request.plan.ever_begun
            && request.approval.state.next(ApprovalInput::Withdraw).is_ok();
        // Of an offboarding, others of its tasks run on while one is paused.
        let paused = request.plan.is_paused() && request.offboarding.is_none();
        let running = request.phase == Phase::Executing && !request.plan.keeps() && !paused;
        Self {
            undo: undo(gate, request).filter(|_| may(gate, request, viewer, Action::Undo)),
            reassign: can_hand_on(request, viewer) && may(gate, request, viewer, Action::Reassign),
            withdraw: withdrawable && may(gate, request, viewer, Action::Withdraw),
            stop: running && may(gate, request, viewer, Action::Stop),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.undo.is_none() && !self.reassign && !self.withdraw && !self.stop
    }
}

impl Pause {
    pub(super) fn new(gate: &Gate, request: &Request, task: &Task, viewer: &Viewer) -> Option<Self> {
        let TaskState::Paused { pause, why } = task.state else { return None };
        let files = matches!(task.action, TaskAction::File { .. });
        Some(Self {
            task: task.id.to_string(),
            number: pause,
            files,
            confirm: task.may_have_happened,
            answerable: may(gate, request, viewer, Action::Resolve),
            why: explanation(why),
        })
    }
}

/// While nobody has decided; whoever has approved already, and does not operate, has nothing left to hand on.
fn can_hand_on(request: &Request, viewer: &Viewer) -> bool {
    let open = request.phase == Phase::AwaitingDecision;
    open && (viewer.operates || !request.approval.has_voted(viewer.person))
}

/// Who acts when the viewer does, with a reason.
pub(super) fn caller(viewer: &Viewer) -> Caller {
    Caller::new(Actor::Person(viewer.person), true).matched_by(viewer.matched_by)
}

/// Asks the one function that the gate asks too.
pub(super) fn may(gate: &Gate, request: &Request, viewer: &Viewer, action: Action) -> bool {
    authorize(&caller(viewer), action, request, &gate.settings().operators, gate.now()).is_ok()
}

fn undo(gate: &Gate, request: &Request) -> Option<String> {
    let Phase::InGrace { until } = request.phase else { return None };
    Some(format!("{} left, until {}", rough(until.since(gate.now())), minute(until)))
}

/// A length of time in its two largest units.
fn rough(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn explanation(why: PauseReason) -> &'static str {
    match why {
        PauseReason::Rejected => "The target refused it: repeating the same call would not help.",
        PauseReason::GaveUp => "It was not done, and has been tried long enough.",
        PauseReason::Unknown => "It may have been done, and nobody can tell. Look at the target before you answer.",
        PauseReason::StillHeld => "The target says that the seat is still there, after a call that may land late.",
        PauseReason::Excepted => "Just before the call an exception for this seat was found.",
        PauseReason::UsedAgain => "Just before the call it turned out that the seat was used again.",
        PauseReason::Erased => "Nobody and nothing is left to name to the target: the person was erased.",
        _ => "It waits for an answer.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "less than a minute"),
            (59, "less than a minute"),
            (60, "1 min"),
            (3_600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), text, "{seconds}");
        }
    }
}
