//! The page of one offboarding: how its tasks stand, and what whoever looks can do about them.
//!
//! Operators see all of it. Whoever is to do a task sees who leaves and that task; whoever leaves sees nothing.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use seatgate_core::authorize::{Action, authorize_done};
use seatgate_core::gate::Joined;
use seatgate_core::id::TaskId;
use seatgate_core::message::offboarding_line;
use seatgate_core::person::TextRef;
use seatgate_core::policy::Mode;
use seatgate_core::port::{OffboardingFilter, OffboardingRow, StoreError};
use seatgate_core::request::{Decision, Offboarding, Proof, Request, Task, TaskAction, TaskState};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;

use super::Inbox;
use super::card::{Fact, minute};
use super::controls::{Controls, Pause, caller, may};
use super::identity::Viewer;
use super::notice::Notice;
use super::page::{Frame, PageError, html};
use super::request::{Written, is_running};
use super::timeline::Timeline;

#[derive(Template)]
#[template(path = "inbox/offboarding.html")]
struct OffboardingPage {
    frame: Frame,
    id: String,
    person: String,
    status: &'static str,
    /// Whether something may have happened although it is not done.
    warning: bool,
    test: bool,
    running: bool,
    facts: Vec<Fact>,
    /// Whether the viewer can approve it as the second operator.
    approve: bool,
    decline: bool,
    controls: Controls,
    reason: String,
    tasks: Vec<Step>,
    /// For operators.
    timeline: Option<Timeline>,
}

/// One task, as the viewer sees it.
struct Step {
    name: String,
    /// What it calls, or whom it is for.
    what: String,
    status: String,
    facts: Vec<Fact>,
    warning: bool,
    pause: Option<Pause>,
    /// It waits for a person, and the viewer can say that it is done.
    manual: Option<Manual>,
}

/// What can be said of a task for a person.
struct Manual {
    task: String,
    number: u32,
    /// Whether the viewer can go on without it.
    skip: bool,
}

type Times = BTreeMap<TaskId, OffboardingRow>;

impl Inbox {
    pub(super) async fn offboarding_page(
        &self,
        status: StatusCode,
        (request, offboarding): (&Request, &Offboarding),
        viewer: &Viewer,
        notice: Option<Notice>,
        written: &Written<'_>,
    ) -> Result<Response, PageError> {
        let joined = self.gate.join(std::slice::from_ref(request)).await?;
        let times = self.times(request).await?;
        let shown = request.plan.tasks.iter().filter(|task| is_shown(task, viewer));
        let undecided = request.approval.verdict.is_none() && request.outcome().is_none();
        let can = |action| undecided && may(&self.gate, request, viewer, action);
        let page = OffboardingPage {
            frame: self.frame(Some(viewer), notice),
            id: request.id.to_string(),
            person: leaver(request, &joined),
            status: offboarding_line(request.label(), request.outcome()),
            warning: request.plan.may_have_happened(),
            test: request.mode != Mode::Live,
            running: is_running(request.label()),
            facts: facts(request, offboarding, &joined, viewer),
            approve: can(Action::Approve),
            decline: can(Action::Keep),
            controls: Controls::new(&self.gate, request, viewer),
            reason: written.reason.to_owned(),
            tasks: shown.map(|task| self.step(request, task, &joined, &times, viewer)).collect(),
            timeline: self.timeline(request, viewer).await?,
        };
        Ok(html(status, &page))
    }

    /// When each task began, and when it last came to stand otherwise.
    async fn times(&self, request: &Request) -> Result<Times, StoreError> {
        let mut filter = OffboardingFilter::first(request.plan.tasks.len());
        filter.person = request.holder();
        filter.from = Some(request.opened_at);
        let rows = self.gate.queries().offboardings(&filter).await?;
        Ok(rows.into_iter().filter(|row| row.request == request.id).map(|row| (row.task, row)).collect())
    }

    async fn timeline(&self, request: &Request, viewer: &Viewer) -> Result<Option<Timeline>, StoreError> {
        if !viewer.operates {
            return Ok(None);
        }
        let entries = self.gate.queries().trail(Stream::Request(request.id)).await?;
        Timeline::read(&self.gate, request, &entries).await.map(Some)
    }

    fn step(&self, request: &Request, task: &Task, joined: &Joined, times: &Times, viewer: &Viewer) -> Step {
        let status = if task.waits_for_person() { "to be done" } else { task.state.label() };
        Step {
            name: task.name.clone(),
            what: what(task, joined),
            status: status.replace('_', " "),
            facts: task_facts(request, task, joined, times.get(&task.id)),
            warning: task.may_have_happened,
            pause: Pause::new(&self.gate, request, task, viewer),
            manual: self.manual(request, task, viewer),
        }
    }

    fn manual(&self, request: &Request, task: &Task, viewer: &Viewer) -> Option<Manual> {
        let operators = &self.gate.settings().operators;
        let waits = task.waits_for_person() && !request.plan.stopped;
        let answers = waits && authorize_done(&caller(viewer), task, request, operators).is_ok();
        answers.then(|| Manual {
            task: task.id.to_string(),
            number: task.pauses,
            skip: may(&self.gate, request, viewer, Action::Resolve),
        })
    }
}

fn is_shown(task: &Task, viewer: &Viewer) -> bool {
    viewer.operates || task.assignee() == Some(viewer.person)
}

/// What to call whoever leaves.
pub(super) fn leaver(request: &Request, joined: &Joined) -> String {
    request.holder().map(|person| joined.name(person)).unwrap_or_default()
}

/// Why somebody leaves is for operators to read.
fn facts(request: &Request, offboarding: &Offboarding, joined: &Joined, viewer: &Viewer) -> Vec<Fact> {
    let fact = |name, text| Fact { name, text };
    let asked_by = joined.actor(&request.origin.submitted_by);
    let mut facts = vec![
        fact("Playbook", offboarding.playbook.clone()),
        fact("Started by", format!("{asked_by}, {}", minute(request.opened_at))),
    ];
    if !viewer.operates {
        return facts;
    }
    facts.extend(joined.text(offboarding.reason).map(|reason| fact("Reason", reason.to_owned())));
    facts.extend(offboarding.manager.map(|manager| fact("Manager", joined.name(manager))));
    if offboarding.four_eyes {
        facts.push(fact("Four eyes", second(request, joined)));
    }
    facts.extend(
        request.plan.stop.as_ref().map(|stop| fact("Stopped by", said(joined.actor(&stop.by), stop.reason, joined))),
    );
    facts
}

fn said(by: String, reason: Option<TextRef>, joined: &Joined) -> String {
    joined.text(reason).map_or_else(|| by.clone(), |reason| format!("{by}: {reason}"))
}

/// What the second operator said.
fn second(request: &Request, joined: &Joined) -> String {
    let Some(verdict) = &request.approval.verdict else { return "waits for a second operator".to_owned() };
    let what = match verdict.decision {
        Decision::Approve => "approved",
        Decision::Keep => "declined",
    };
    let reason = joined.text(verdict.reason).map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{what} by {}, {}{reason}", joined.actor(&verdict.by), minute(verdict.at))
}

fn what(task: &Task, joined: &Joined) -> String {
    match &task.action {
        TaskAction::Call { target, app, .. } if target == app.as_str() => format!("calls {target}"),
        TaskAction::Call { target, app, .. } => format!("calls {target} for {app}"),
        TaskAction::Manual { assignee } => format!("for {}", joined.name(*assignee)),
        _ => String::new(),
    }
}

fn task_facts(request: &Request, task: &Task, joined: &Joined, row: Option<&OffboardingRow>) -> Vec<Fact> {
    let fact = |name, text| Fact { name, text };
    let mut facts = Vec::new();
    if task.state == TaskState::Waiting && !task.needs.is_empty() {
        let needs = task.needs.iter().filter_map(|need| request.plan.task(*need)).map(|need| need.name.as_str());
        facts.push(fact("After", needs.collect::<Vec<_>>().join(", ")));
    }
    if task.attempts > 0 {
        facts.push(fact("Attempts", task.attempts.to_string()));
    }
    facts.extend(row.and_then(|row| row.began_at).map(|at| fact("Began", minute(at))));
    facts.extend(ended_at(task, row).map(|at| fact("Ended", minute(at))));
    facts.extend(task.ended_by.as_ref().map(|by| fact("By", joined.actor(by))));
    facts.extend(outcome(task, joined));
    facts
}

fn ended_at(task: &Task, row: Option<&OffboardingRow>) -> Option<Timestamp> {
    row.filter(|_| task.state.is_end()).map(|row| row.changed_at)
}

fn outcome(task: &Task, joined: &Joined) -> Option<Fact> {
    let text = |text| joined.text(text).map(str::to_owned);
    match &task.state {
        TaskState::Done { proof: Proof::Attested, receipt, .. } => {
            text(*receipt).map(|text| Fact { name: "Said", text })
        }
        TaskState::Done { receipt, .. } => text(*receipt).map(|text| Fact { name: "Receipt", text }),
        TaskState::Skipped { reason } => {
            text(*reason).or_else(|| text(task.detail)).map(|text| Fact { name: "Why", text })
        }
        _ => text(task.detail).map(|text| Fact { name: "Detail", text }),
    }
}
