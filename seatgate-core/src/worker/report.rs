//! Reports: what whoever listens to events is told.

use crate::agenda::{Claimed, EVENTS, Lane, LaneReport, Next, Settlement};
use crate::gate::GateError;
use crate::id::{RequestId, TaskId};
use crate::port::{Ended, NotifyError, OffboardingFilter, OffboardingRow, StoreError};
use crate::request::Request;
use crate::time::Timestamp;
use crate::worker::{End, Worker, end};

impl Worker {
    /// Tells that a task or a request has ended. Where nobody listens any more, nobody is told.
    pub(super) async fn report(
        &self,
        claimed: &Claimed,
        request: RequestId,
        task: Option<TaskId>,
        at: Timestamp,
    ) -> Result<End, GateError> {
        let Some(events) = &self.gate.parts.events else { return Ok(end(claimed, Next::Done)) };
        let request = self.gate.request(request).await?;
        let joined = self.gate.join(std::slice::from_ref(&request)).await?;
        let name = task.map_or_else(|| request.id.to_string(), |task| task.to_string());
        let row = match task {
            Some(task) => self.row_of(&request, task).await?,
            None => None,
        };
        let mut ended = Ended::new(format!("{name}-finished"), at, request, joined);
        ended.task = row;
        let told = self.in_time(events.tell(&ended)).await;
        Ok(End::Item(Box::new(self.heard(claimed, &told))))
    }

    async fn row_of(&self, request: &Request, task: TaskId) -> Result<Option<OffboardingRow>, StoreError> {
        let mut filter = OffboardingFilter::first(request.plan.tasks.len());
        (filter.person, filter.from) = (request.holder(), Some(request.opened_at));
        let rows = self.gate.parts.queries.offboardings(&filter).await?;
        Ok(rows.into_iter().find(|row| row.task == task))
    }

    /// Unlike a message to people, an event is never given up: a table that lacks a row is wrong for ever.
    fn heard(&self, claimed: &Claimed, told: &Result<(), NotifyError>) -> Settlement {
        let lane = Lane::Messages(EVENTS.to_owned());
        let mut settlement = Settlement::new(claimed, Next::Done);
        let Err(error) = told else {
            settlement.lane = Some(LaneReport::works(lane));
            return settlement;
        };
        self.gate.count_undelivered(error);
        let error = match error {
            NotifyError::Unreachable | NotifyError::Refused(_) => &NotifyError::Unknown,
            other => other,
        };
        if let Some((next, lane)) = self.again(claimed, lane, error) {
            (settlement.next, settlement.lane) = (next, Some(lane));
        }
        settlement
    }
}
