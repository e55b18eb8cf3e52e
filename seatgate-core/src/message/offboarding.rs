//! How an offboarding goes, ready to be shown.

use crate::id::{CardId, RequestId, TaskId};
use crate::message::{DecisionLine, one_line};
use crate::person::PersonDetails;
use crate::request::{Outcome, PauseReason, RemovalKind, StateLabel, TaskStatus};
use crate::time::Timestamp;

/// How an offboarding goes. Holds personal data: never log it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffboardingStanding {
    /// Which request.
    pub request: RequestId,
    /// Which card shows it.
    pub card: CardId,
    /// Whether it is only a test: nothing will be done.
    pub test: bool,
    /// Who leaves.
    pub person: String,
    /// By which playbook.
    pub playbook: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// How it stands.
    pub state: StateLabel,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether something may have happened although it is not done.
    pub may_have_happened: bool,
    /// Who decided that it runs, or that it does not.
    pub decision: Option<DecisionLine>,
    /// Who stopped it, if somebody did.
    pub stopped: Option<StopLine>,
    /// Its tasks, in the playbook's order.
    pub tasks: Vec<TaskLine>,
}

/// Who stopped an offboarding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopLine {
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// One task of an offboarding, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskLine {
    /// Which.
    pub task: TaskId,
    /// What the playbook calls it.
    pub name: String,
    /// How it stands.
    pub status: TaskStatus,
    /// Which pause an answer names, and why it pauses.
    pub pause: Option<(u32, PauseReason)>,
    /// Whether it may have happened although it is not done.
    pub may_have_happened: bool,
    /// Attempts begun.
    pub attempts: u32,
    /// What the last attempt came to, in the target's words.
    pub detail: Option<String>,
    /// Who is to do it, if it is for a person.
    pub assignee: Option<PersonDetails>,
    /// Since when it stands so, where that is known.
    pub changed_at: Option<Timestamp>,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// What the call came to, once it is done.
    pub removal: Option<RemovalKind>,
    /// What the target said then, or whoever did or confirmed it.
    pub receipt: Option<String>,
    /// Who skipped it, confirmed it or did it.
    pub ended_by: Option<String>,
}

/// What an offboarding is about, beside the person: for whoever is asked to approve it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffboardingLine {
    /// By which playbook.
    pub playbook: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The names of its tasks, in the playbook's order.
    pub tasks: Vec<String>,
}

impl OffboardingLine {
    /// An offboarding by `playbook` that `asked_by` asked for.
    #[must_use]
    pub fn new(playbook: impl Into<String>, asked_by: impl Into<String>) -> Self {
        Self { playbook: playbook.into(), asked_by: asked_by.into(), reason: None, tasks: Vec::new() }
    }
}

impl TaskLine {
    /// A task that stands so.
    #[must_use]
    pub fn new(task: TaskId, name: impl Into<String>, status: TaskStatus) -> Self {
        Self {
            task,
            name: name.into(),
            status,
            pause: None,
            may_have_happened: false,
            attempts: 0,
            detail: None,
            assignee: None,
            changed_at: None,
            reason: None,
            removal: None,
            receipt: None,
            ended_by: None,
        }
    }

    fn plain_text(&self) -> String {
        let assignee = self.assignee.as_ref().map(|person| format!(" ({})", one_line(&person.label())));
        let assignee = assignee.unwrap_or_default();
        let detail = self.detail.as_ref().map(|detail| format!(": {}", one_line(detail))).unwrap_or_default();
        let doubt = if self.may_have_happened { "; it may have happened all the same" } else { "" };
        let by = self.ended_by.as_ref().map(|by| format!(" by {}", one_line(by))).unwrap_or_default();
        let said = self.reason.as_ref().or(self.receipt.as_ref());
        let said = said.map(|said| format!(" ({})", one_line(said))).unwrap_or_default();
        format!("{}{assignee}: {}{by}{said}{detail}{doubt}", one_line(&self.name), self.status)
    }
}

impl StopLine {
    /// A stop by `by`.
    #[must_use]
    pub fn new(by: impl Into<String>, reason: Option<String>) -> Self {
        Self { by: by.into(), reason }
    }

    fn plain_text(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
        format!("Stopped by {}{reason}", one_line(&self.by))
    }
}

impl OffboardingStanding {
    /// The offboarding of `person` by a playbook, of which nothing else is known.
    #[must_use]
    pub fn new(request: RequestId, card: CardId, person: impl Into<String>, playbook: impl Into<String>) -> Self {
        Self {
            request,
            card,
            test: false,
            person: person.into(),
            playbook: playbook.into(),
            asked_by: String::new(),
            reason: None,
            state: StateLabel::AwaitingDecision,
            outcome: None,
            may_have_happened: false,
            decision: None,
            stopped: None,
            tasks: Vec::new(),
        }
    }

    /// How it stands, as a sentence.
    #[must_use]
    pub fn status_line(&self) -> &'static str {
        offboarding_line(self.state, self.outcome)
    }

    /// Of it, what whoever is to do this task may see: neither the other tasks, nor why somebody leaves or stays.
    pub(crate) fn narrow_to(&mut self, task: TaskId) {
        self.tasks.retain(|line| line.task == task);
        let reasons = [&mut self.reason].into_iter().chain(self.stopped.iter_mut().map(|stop| &mut stop.reason));
        reasons.chain(self.decision.iter_mut().map(|decision| &mut decision.reason)).for_each(|reason| *reason = None);
    }

    pub(super) fn plain_text(&self) -> String {
        let test = if self.test { "TEST: " } else { "" };
        let (person, playbook) = (one_line(&self.person), one_line(&self.playbook));
        let reason = self.reason.as_ref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
        let asked_by = one_line(&self.asked_by);
        let mut lines = vec![format!("{test}Offboarding of {person} by {playbook}, asked for by {asked_by}{reason}")];
        lines.push(self.status_line().to_owned());
        lines.extend(self.stopped.as_ref().map(StopLine::plain_text));
        lines.extend(self.tasks.iter().map(TaskLine::plain_text));
        lines.join("\n")
    }
}

/// How an offboarding stands, as a sentence.
#[must_use]
pub fn offboarding_line(state: StateLabel, outcome: Option<Outcome>) -> &'static str {
    match (state, outcome) {
        (_, Some(outcome)) => outcome_line(outcome),
        (StateLabel::AwaitingDecision, None) => "Waiting for a second operator.",
        (StateLabel::NeedsAttention, None) => "Needs attention: a task did not succeed.",
        (StateLabel::Stopping, None) => "Stopping.",
        _ => "Running.",
    }
}

fn outcome_line(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reclaimed => "Every task is done.",
        Outcome::PartlyReclaimed => "Over; not every task is done.",
        Outcome::Expired => "No second operator answered in time; nothing was done.",
        Outcome::Withdrawn | Outcome::Kept => "Withdrawn or declined; nothing was done.",
        Outcome::Stopped => "Stopped.",
        Outcome::DryRun => "A test; nothing was done.",
    }
}
