//! The words for an offboarding: who wanted it, and how each of its tasks went.

use seatgate_core::id::TaskId;
use seatgate_core::message::offboarding_line;
use seatgate_core::request::{
    AttemptResult, Decision, Event, ProbeAnswer, RemovalKind, Request, Resolution, StateLabel, TaskState,
    WithdrawReason,
};

use super::Names;

/// What an event of an offboarding says; nothing where it says the same of any request.
pub(super) fn words(request: &Request, names: &Names, event: &Event) -> Option<String> {
    let offboarding = request.offboarding.as_ref()?;
    Some(match event {
        Event::Opened(opening) => {
            let reason = names.because(opening.offboarding.as_ref().and_then(|asked| asked.reason));
            format!("Asked for the offboarding by the playbook {}{reason}", offboarding.playbook)
        }
        Event::Decided { decision: Decision::Approve, .. } if offboarding.four_eyes => {
            "Approved the offboarding, as the second operator".to_owned()
        }
        Event::Decided { decision: Decision::Approve, .. } => "Started it, as operator".to_owned(),
        Event::Decided { decision: Decision::Keep, .. } => "Declined the offboarding: nothing is done".to_owned(),
        Event::Closed { outcome, .. } => {
            format!("Closed: {}", offboarding_line(StateLabel::Closed, Some(*outcome)))
        }
        Event::Withdrawn { why: WithdrawReason::Erased, .. } => "Withdrawn: the person was erased".to_owned(),
        other => format!("{}: {}", name(request, task_of(other)?), task_words(names, other)?),
    })
}

fn name(request: &Request, task: TaskId) -> &str {
    request.plan.task(task).map(|task| task.name.as_str()).unwrap_or_default()
}

fn task_of(event: &Event) -> Option<TaskId> {
    match event {
        Event::Begun { task, .. }
        | Event::AttemptEnded { task, .. }
        | Event::Probed { task, .. }
        | Event::Observed { task, .. }
        | Event::Blocked { task, .. }
        | Event::Resolved { task, .. } => Some(*task),
        _ => None,
    }
}

fn task_words(names: &Names, event: &Event) -> Option<String> {
    Some(match event {
        Event::Begun { attempt, key, .. } => format!("call sent, attempt {attempt}, key {key}"),
        Event::AttemptEnded { attempt, lease_lost: true, .. } => {
            format!("attempt {attempt} was interrupted: it may have happened")
        }
        Event::AttemptEnded { attempt, result, next, .. } => {
            format!("attempt {attempt}: {}{}", result_words(result), follows(next))
        }
        Event::Probed { answer, next, .. } => format!("asked the target: {}{}", answer_words(*answer), follows(next)),
        Event::Observed { attempt, result, .. } => {
            format!("a late answer to attempt {attempt}: {}", result_words(result))
        }
        Event::Blocked { .. } => "a check before the call said no".to_owned(),
        Event::Resolved { resolution, reason, .. } => {
            format!("{}{}", resolution_words(*resolution), names.because(*reason))
        }
        _ => return None,
    })
}

/// What waits for somebody now, or goes on without it.
fn follows(next: &TaskState) -> &'static str {
    match next {
        TaskState::Paused { .. } => "; it waits for an operator",
        TaskState::Skipped { .. } => "; skipped, as the playbook says",
        _ => "",
    }
}

fn result_words(result: &AttemptResult) -> &'static str {
    match result {
        AttemptResult::Done { removal: Some(removal), .. } => removal_words(*removal),
        AttemptResult::Done { removal: None, .. } => "done",
        AttemptResult::NotDone { .. } => "not done; it is tried again",
        AttemptResult::Rejected { .. } => "the target refused",
        AttemptResult::Unknown { .. } => "no clear answer: it may have happened",
        _ => "ended",
    }
}

fn answer_words(answer: ProbeAnswer) -> &'static str {
    match answer {
        ProbeAnswer::Held => "not done",
        ProbeAnswer::NotHeld => "done",
        ProbeAnswer::CannotTell => "it cannot tell",
        ProbeAnswer::NotYet { .. } => "nothing to tell yet",
        ProbeAnswer::Ended { removal } => removal_words(removal),
        _ => "it answered",
    }
}

fn removal_words(removal: RemovalKind) -> &'static str {
    match removal {
        RemovalKind::AlreadyAbsent => "there was nothing left to do",
        RemovalKind::Scheduled { .. } => "done; it takes effect later",
        RemovalKind::StillBilled => "done; it is still billed",
        RemovalKind::Pending { .. } => "the target works on it",
        _ => "done",
    }
}

fn resolution_words(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Retry => "to be tried again",
        Resolution::Skip => "skipped",
        Resolution::Confirm => "confirmed: it did happen",
        Resolution::Done => "done",
    }
}
