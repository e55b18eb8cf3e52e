//! A last look before an approval: whether whoever holds the seat has come back.

use std::time::Duration;

use crate::gate::{Gate, GateError, Submission, TRIES};
use crate::id::{RequestId, TaskId};
use crate::person::Actor;
use crate::policy::Mode;
use crate::port::{Job, SeatStatus};
use crate::request::{ApprovalState, Command, Context, Refusal, Request};
use crate::seat::Activity;

/// How long somebody who approves waits for the target's word. Slack gives up after three seconds.
const LOOK: Duration = Duration::from_secs(1);

impl Gate {
    /// Whether the target says that the seat was used since it was reported. What it does not say in time, the worker asks
    /// once more before it begins.
    pub(crate) async fn has_come_back(&self, request: &Request) -> Result<bool, GateError> {
        let parts = &self.parts;
        let open = request.mode == Mode::Live && request.approval.state == ApprovalState::Open;
        let Some(seat) = request.seat().filter(|_| open && parts.timer.ticks()) else { return Ok(false) };
        let target = parts.router.target(&seat.app.id);
        let Some(target) = target.filter(|target| target.deprovisioner.sees_activity()) else { return Ok(false) };
        let names = parts.people.account_names(&[seat.account]).await?;
        let Some(account) = names.into_iter().next().flatten() else { return Ok(false) };
        let task = TaskId::generate(self.now(), &*parts.entropy);
        let mut job = Job::new(request.id, task, task.to_string(), seat.app.clone(), account, self.now());
        job.entitlement = seat.entitlement.clone();
        job.timeout = LOOK;
        let status = parts.timer.within(LOOK, target.deprovisioner.probe(&job)).await;
        Ok(status.is_some_and(|status| used_again(request, &status)))
    }

    /// The seat is in use: the request ends, and whoever approved hears why.
    pub(crate) async fn withdraw_used(&self, id: RequestId, by: &Submission) -> Result<Request, GateError> {
        let change = self.new_change();
        for _ in 0..TRIES {
            let before = self.load(id).await?;
            let mut context = Context::new(self.now(), &*self.parts.entropy, Actor::worker(), by.surface);
            context.submitted_by = Some(by.actor.clone());
            let refused = |refusal, request| GateError::Refused { refusal, request: Box::new(request) };
            let transition = before.request.handle(&Command::ComeBack, &context);
            let transition = transition.map_err(|refusal| refused(refusal, before.request.clone()))?;
            let after = transition.after.clone();
            let prepared = self.change(change, &before, transition, None, Vec::new())?;
            if self.commit_one(prepared).await?.is_kept() {
                self.wake();
                return Err(refused(Refusal::UsedAgain, after));
            }
        }
        Err(GateError::Contended)
    }
}

/// Whether the seat was used after it was reported dormant.
pub(crate) fn used_again(request: &Request, status: &SeatStatus) -> bool {
    let Some(used) = status.last_activity else { return false };
    request.evidence.as_ref().is_some_and(|evidence| match evidence.activity {
        Activity::LastAt(reported) => used > reported,
        Activity::NeverUsed => true,
    })
}
