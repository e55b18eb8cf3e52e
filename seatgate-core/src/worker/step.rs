//! The steps of an offboarding: what a target is told about whoever leaves, put together just before it is.

use std::collections::BTreeMap;

use crate::gate::{GateError, Joined};
use crate::person::{Identity, PersonDetails};
use crate::playbook::Pattern;
use crate::port::{Job, PlaybookStep, StoreError, Target};
use crate::request::{PauseReason, Request, Task, TaskAction};
use crate::seat::{AccountNames, App};
use crate::worker::Worker;
use crate::worker::task::Call;

impl Worker {
    /// Exceptions and activity do not keep somebody's access who leaves. `Ok(Err)` says why the call must not be made.
    pub(super) async fn prepare_step(
        &self,
        request: &Request,
        task: &Task,
    ) -> Result<Result<Call, PauseReason>, GateError> {
        let Some(target) = self.gate.target_of(task).cloned() else { return Ok(Err(PauseReason::NoTarget)) };
        let job = self.step(request, task, &target).await?;
        Ok(job.map(|job| Call::Target { target, job: Box::new(job) }))
    }

    /// What the target is told, or why it cannot be.
    pub(super) async fn step(
        &self,
        request: &Request,
        task: &Task,
        target: &Target,
    ) -> Result<Result<Job, PauseReason>, StoreError> {
        let (TaskAction::Call { app, parameters, .. }, Some(offboarding), Some(person)) =
            (&task.action, &request.offboarding, request.holder())
        else {
            return Ok(Err(PauseReason::NoTarget));
        };
        let joined = self.gate.join(std::slice::from_ref(request)).await?;
        let Some(leaver) = joined.person(person).filter(|leaver| leaver.email().is_some()) else {
            return Ok(Err(PauseReason::Erased));
        };
        let manager = offboarding.manager.and_then(|manager| joined.person(manager));
        let Some(parameters) = fill(parameters, leaver, manager) else { return Ok(Err(PauseReason::Incomplete)) };
        let account = AccountNames::new(None, leaver.email().cloned(), leaver.name.clone());
        let app = App::new(app.clone(), None);
        let mut job = Job::new(request.id, task.id, task.key(), app, account, self.gate.now());
        (job.reason, job.approved_by) = (reason(request, &joined), approver(request, &joined));
        job.timeout = task.timeout.map_or(target.timeout, |timeout| timeout.duration());
        job.step = Some(PlaybookStep { parameters, ..PlaybookStep::new(&offboarding.playbook, &task.name) });
        Ok(Ok(job))
    }
}

fn reason(request: &Request, joined: &Joined) -> Option<String> {
    joined.text(request.offboarding.as_ref()?.reason).map(str::to_owned)
}

fn approver(request: &Request, joined: &Joined) -> Option<PersonDetails> {
    joined.person(request.approval.decider()?).cloned()
}

/// The parameters with what they stand for; nothing if one stands for something that is not known.
fn fill(
    parameters: &BTreeMap<String, String>,
    leaver: &PersonDetails,
    manager: Option<&PersonDetails>,
) -> Option<BTreeMap<String, String>> {
    let value = |word: &str| match word {
        "email" => leaver.email().map(ToString::to_string),
        "name" => leaver.name.clone(),
        "slack_user" => leaver.identities.iter().find_map(|identity| match identity {
            Identity::Slack { user, .. } => Some(user.clone()),
            Identity::Email(_) => None,
        }),
        "manager_email" => manager.and_then(PersonDetails::email).map(ToString::to_string),
        _ => None,
    };
    let filled = |(key, pattern): (&String, &String)| Some((key.clone(), Pattern::of(pattern).fill(value)?));
    parameters.iter().map(filled).collect()
}
