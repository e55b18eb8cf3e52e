//! Working on tasks: begin, call, look up, settle.

use std::time::Duration;

use crate::agenda::{AgendaChange, Claimed, Lane, LaneReport, Next};
use crate::gate::{GateError, used_again};
use crate::id::{RequestId, TaskId};
use crate::person::{Text, TextRef};
use crate::policy::Mode;
use crate::port::{
    Answer, Conflict, EffectError, EffectErrorKind, Exception, Job, NamedSeat, Removal, SeatStatus, StatusLocation,
    StoreError, Stored, Target,
};
use crate::request::{AttemptResult, Command, PauseReason, RemovalKind, Request, Task, TaskAction, TaskState};
use crate::seat::Seat;
use crate::worker::{End, TaskResult, Worker, end};

/// How long the lane of a target that says it is gone stays closed. Longer would hold up one that was mended.
const GONE_FOR: Duration = Duration::from_secs(3_600);

/// How long a removal waits before it is looked at again while its app is not live.
const CLOSED_FOR: Duration = Duration::from_secs(30);

/// What a task's call needs, put together just before Begin.
enum Call {
    Remove { target: Target, job: Box<Job> },
    File { exception: Box<Exception> },
}

impl Worker {
    pub(super) async fn work_on(&self, claimed: &Claimed, id: RequestId, task: TaskId) -> Result<End, GateError> {
        let before = self.gate.load(id).await?;
        let Some(task) = before.request.plan.task(task).cloned() else { return Ok(end(claimed, Next::Done)) };
        match task.state {
            // The clock was set back since it was scheduled.
            TaskState::Ready { at } if at > self.gate.now() => Ok(end(claimed, Next::At(at))),
            TaskState::Ready { .. } => self.begin(claimed, &before, &task).await,
            TaskState::Probing { .. } => self.probe(claimed, &before.request, &task).await,
            TaskState::InFlight => {
                let command = Command::LoseLease { task: task.id, attempt: task.attempts };
                Ok(self.task_end(claimed, id, command, Vec::new(), None))
            }
            _ => Ok(end(claimed, Next::Done)),
        }
    }

    async fn begin(&self, claimed: &Claimed, before: &Stored, task: &Task) -> Result<End, GateError> {
        let request = &before.request;
        let call = match self.prepare_call(request, task).await? {
            Ok(call) => call,
            Err(why) => {
                let command = Command::Block { task: task.id, why };
                return Ok(self.task_end(claimed, request.id, command, Vec::new(), None));
            }
        };
        if matches!(call, Call::Remove { .. }) && !self.is_live(request) {
            return Ok(end(claimed, Next::At(self.gate.now().saturating_add(CLOSED_FOR))));
        }
        let Ok(transition) = request.handle(&Command::Begin { task: task.id }, &self.context(request)) else {
            return Ok(end(claimed, Next::At(self.gate.now())));
        };
        let attempt = transition.after.plan.task(task.id).map_or(0, |task| task.attempts);
        let timeout = match &call {
            Call::Remove { target, .. } => target.timeout,
            Call::File { .. } => Target::TIMEOUT,
        };
        let mut change = self.gate.change(self.gate.new_change(), before, transition, None, Vec::new())?;
        change.agenda.push(AgendaChange::Hold { item: claimed.item.clone(), lease: timeout + Self::LEASE_MARGIN });
        change.fence = Some(claimed.fence());
        let began = change.leaves();
        match self.gate.commit_one(change).await? {
            Answer::Committed | Answer::Duplicate => {}
            // Somebody stopped, undid or changed it: nothing was sent, and the item is looked at again.
            Answer::Conflict(Conflict::Version) => return Ok(end(claimed, Next::At(self.gate.now()))),
            Answer::Conflict(_) => return Ok(End::Settled),
        }
        let mut result = self.call(claimed, request, task, attempt, call).await;
        result.began = began;
        Ok(End::Task(Box::new(result)))
    }

    /// Whether removals begin now, for every app and for this one.
    fn is_live(&self, request: &Request) -> bool {
        let settings = self.gate.settings();
        request.seat().map_or(settings.mode, |seat| settings.mode_of(&seat.app.id)) == Mode::Live
    }

    /// Checks again what may have changed since the decision. `Ok(Err)` says why the call must not be made.
    async fn prepare_call(&self, request: &Request, task: &Task) -> Result<Result<Call, PauseReason>, GateError> {
        let Some(seat) = request.seat() else { return Ok(Err(PauseReason::Erased)) };
        let TaskAction::Remove { app } = &task.action else {
            return Ok(Ok(Call::File { exception: Box::new(self.exception(request, seat)?) }));
        };
        let Some(target) = self.gate.router().target(app).cloned() else {
            return Ok(Err(PauseReason::NoTarget));
        };
        let Some(mut job) = self.job(request, seat, task, &target).await? else {
            return Ok(Err(PauseReason::Erased));
        };
        let named = NamedSeat::new(seat.clone(), job.account.clone());
        let exceptions = self.gate.parts.exceptions.active(std::slice::from_ref(&named), job.at).await?;
        if exceptions.into_iter().flatten().next().is_some() {
            return Ok(Err(PauseReason::Excepted));
        }
        if used_again(request, &self.look_up(&target, &mut job).await) {
            return Ok(Err(PauseReason::UsedAgain));
        }
        Ok(Ok(Call::Remove { target, job: Box::new(job) }))
    }

    fn exception(&self, request: &Request, seat: &Seat) -> Result<Exception, StoreError> {
        let verdict = request.approval.verdict.as_ref();
        let (Some((id, until)), Some(verdict)) = (request.exception(), verdict) else {
            return Err(StoreError::new(crate::port::StoreErrorKind::Corrupt, "reading a keep plan"));
        };
        let mut exception = Exception::new(id, seat.clone(), until, verdict.by.clone(), verdict.at);
        exception.reason = verdict.reason;
        exception.request = Some(request.id);
        Ok(exception)
    }

    /// Nothing, where nobody is left to name.
    async fn job(
        &self,
        request: &Request,
        seat: &Seat,
        task: &Task,
        target: &Target,
    ) -> Result<Option<Job>, StoreError> {
        let joined = self.gate.join(std::slice::from_ref(request)).await?;
        let Some(account) = joined.account(seat.account).cloned() else { return Ok(None) };
        if account.id.is_none() && account.email.is_none() {
            return Ok(None);
        }
        let verdict = request.approval.verdict.as_ref();
        let approver = verdict.and_then(|verdict| verdict.by.person());
        let mut job = Job::new(request.id, task.id, task.key(), seat.app.clone(), account, self.gate.now());
        job.entitlement = seat.entitlement.clone();
        job.reason = joined.text(verdict.and_then(|verdict| verdict.reason)).map(str::to_owned);
        job.approved_by = approver.and_then(|person| joined.person(person).cloned());
        job.timeout = target.timeout;
        Ok(Some(job))
    }

    async fn call(&self, claimed: &Claimed, request: &Request, task: &Task, attempt: u32, call: Call) -> TaskResult {
        let (result, lane) = match call {
            Call::Remove { target, job } => {
                (target.deprovisioner.deprovision(&job).await, Lane::Removals(target.name.clone()))
            }
            Call::File { exception } => {
                (self.gate.parts.exceptions.file(&exception).await.map(|()| Removal::removed()), Lane::Keeps)
            }
        };
        let report = self.lane_report(lane, result.as_ref().err(), request).await;
        let mut texts = Vec::new();
        let result = self.attempt_result(request, task, result, &mut texts);
        let command = Command::Settle { task: task.id, attempt, result };
        self.task_result(claimed, request.id, command, texts, report)
    }

    fn attempt_result(
        &self,
        request: &Request,
        task: &Task,
        result: Result<Removal, EffectError>,
        texts: &mut Vec<Text>,
    ) -> AttemptResult {
        let mut keep = |text: &str| self.keep(text, request, texts);
        match result {
            Ok(removal) => {
                let removes = matches!(task.action, TaskAction::Remove { .. });
                let receipt = removal.receipt.as_deref().map(&mut keep);
                let location = removal.location.filter(|_| matches!(removal.kind, RemovalKind::Pending { .. }));
                let location = location.map(|location| keep(location.as_str()));
                AttemptResult::Done { removal: removes.then_some(removal.kind), receipt, location }
            }
            Err(error) => {
                let detail = Some(keep(error.detail()));
                match error.kind() {
                    EffectErrorKind::NotDone => AttemptResult::NotDone { retry_at: error.wanted_at(), detail },
                    EffectErrorKind::Rejected => AttemptResult::Rejected { detail },
                    EffectErrorKind::Unknown => AttemptResult::Unknown { detail },
                }
            }
        }
    }

    /// Keeps what a target wrote: it may name anybody whom the request is about.
    fn keep(&self, text: &str, request: &Request, texts: &mut Vec<Text>) -> TextRef {
        let text = Text::new(text, request.people(), self.gate.now(), &*self.gate.parts.entropy);
        let reference = text.reference;
        texts.push(text);
        reference
    }

    /// A target that asks for time, fails or is gone closes its lane; one that answers ends the row of failures.
    async fn lane_report(&self, lane: Lane, error: Option<&EffectError>, request: &Request) -> Option<LaneReport> {
        if error.is_some_and(EffectError::is_target_gone) {
            return Some(LaneReport::closed(lane, self.gate.now().saturating_add(GONE_FOR)));
        }
        let Some(error) = error.filter(|error| error.kind() != EffectErrorKind::Rejected) else {
            return Some(LaneReport::works(lane));
        };
        let failures = self.gate.parts.requests.lane_failures(&lane).await.unwrap_or(0);
        let context = self.context(request);
        let delay = request.terms.retry.backoff().delay(failures.saturating_add(1), context.random_word());
        let longest = context.now.saturating_add(request.terms.retry.give_up_after.duration());
        let until = error.wanted_at().map_or_else(|| context.now.saturating_add(delay), |at| at.min(longest));
        Some(LaneReport::closed(lane, until))
    }

    async fn probe(&self, claimed: &Claimed, request: &Request, task: &Task) -> Result<End, GateError> {
        let mut status = SeatStatus::cannot_tell();
        if let (TaskAction::Remove { app }, Some(seat)) = (&task.action, request.seat())
            && let Some(target) = self.gate.router().target(app)
            && let Some(mut job) = self.job(request, seat, task, target).await?
        {
            job.location = self.location(task).await?;
            status = self.look_up(target, &mut job).await;
        }
        let mut texts = Vec::new();
        let receipt = status.receipt.map(|receipt| self.keep(&receipt, request, &mut texts));
        let command = Command::Probed { task: task.id, answer: status.held, receipt };
        Ok(self.task_end(claimed, request.id, command, texts, None))
    }

    /// Where the target said it will tell how the removal ended; nothing once that was erased.
    async fn location(&self, task: &Task) -> Result<Option<StatusLocation>, StoreError> {
        let Some(text) = task.location else { return Ok(None) };
        let found = self.gate.parts.people.texts(&[text.id]).await?;
        Ok(found.into_iter().flatten().next().map(StatusLocation::new))
    }

    /// Asks the target; it cannot tell what it does not say in time. However long a call may take there, a look-up ends
    /// before the lease that the item was claimed under.
    async fn look_up(&self, target: &Target, job: &mut Job) -> SeatStatus {
        job.timeout = target.timeout.min(Self::LIMIT);
        let answer = self.timer.within(job.timeout, target.deprovisioner.probe(job)).await;
        job.timeout = target.timeout;
        answer.unwrap_or_else(SeatStatus::cannot_tell)
    }

    fn task_end(
        &self,
        claimed: &Claimed,
        request: RequestId,
        command: Command,
        texts: Vec<Text>,
        lane: Option<LaneReport>,
    ) -> End {
        End::Task(Box::new(self.task_result(claimed, request, command, texts, lane)))
    }

    fn task_result(
        &self,
        claimed: &Claimed,
        request: RequestId,
        command: Command,
        texts: Vec<Text>,
        lane: Option<LaneReport>,
    ) -> TaskResult {
        let change = self.gate.new_change();
        TaskResult { change, claimed: claimed.clone(), request, began: None, command, texts, lane }
    }
}
