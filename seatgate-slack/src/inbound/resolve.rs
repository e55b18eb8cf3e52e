//! Tasks of an offboarding that wait for a person: answered at once, or after a reason was given.

use seatgate_core::gate::Ask;
use seatgate_core::id::RequestId;
use seatgate_core::request::{Request, Resolution};

use super::admit::Visitor;
use super::answer::Spot;
use super::carried::Carried;
use super::judge::Declined;
use super::keep::SOME_REASON;
use super::modal::entered;
use super::{Ack, SlackApp};
use crate::action::Answer;
use crate::card::{ANSWER_REASON, AnswerAsk, Notice, Renderer};
use crate::payload::{TriggerId, ViewSubmission};

impl SlackApp {
    /// A retry, and what was done by hand, need no reason. The others open a modal, but only for whoever may answer.
    pub(super) async fn resolve(
        &self,
        id: RequestId,
        answer: Answer,
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        let asks_why = match answer.resolution {
            Resolution::Skip => AnswerAsk::skip,
            Resolution::Confirm => AnswerAsk::confirm,
            _ => return self.decide(id, ask(answer), visitor, spot).await,
        };
        match self.answerable(id, answer, visitor).await {
            Ok(request) => {
                let Some(trigger) = trigger.cloned() else { return self.refuse(spot, Notice::ClickAgain) };
                let task = request.plan.task(answer.task).map(|task| task.name.clone()).unwrap_or_default();
                let carried = Carried::new(vec![id], &spot).answering(answer.task, answer.pause).encode();
                let view = self.workspace.renderer().answer_modal(&asks_why(task, carried));
                self.open(trigger, view, spot)
            }
            Err(Declined::Told(notice)) => self.refuse(spot, notice),
            Err(Declined::BadReason | Declined::Failed) => Ack::again(),
        }
    }

    /// The request, if `visitor` could answer so now. Judged as the real thing is, and recorded if denied.
    async fn answerable(&self, id: RequestId, answer: Answer, visitor: &Visitor) -> Result<Request, Declined> {
        let by = self.submission_for(ask(answer), id, visitor).await?;
        let prepared = self.gate.prepare(id, ask(answer), Some(SOME_REASON), &by).await;
        self.judged(prepared).await?;
        let request = self.gate.request(id).await;
        self.judged(request).await
    }

    pub(super) async fn submit_answer(
        &self,
        submitted: &ViewSubmission,
        id: RequestId,
        resolution: Resolution,
        carried: &Carried,
        visitor: &Visitor,
    ) -> Ack {
        let spot = carried.spot(&visitor.user);
        let Some((task, pause)) = carried.pause else {
            return self.declined(Declined::Told(Notice::Unknown), spot, Renderer::answer_error);
        };
        let answer = Answer { task, pause, resolution };
        match self.act(id, ask(answer), entered(submitted, ANSWER_REASON), visitor).await {
            Ok(_) => Ack::ok().then(self.clone().after_done(spot)),
            Err(declined) => self.declined(declined, spot, Renderer::answer_error),
        }
    }
}

fn ask(Answer { task, pause, resolution }: Answer) -> Ask {
    Ask::Resolve { task, pause: Some(pause), resolution }
}
