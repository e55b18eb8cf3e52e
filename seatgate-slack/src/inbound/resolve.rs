//! What an offboarding waits for, and what ends it early: answered at once, or after a reason or a note was given.

use seatgate_core::gate::Ask;
use seatgate_core::id::{RequestId, TaskId};
use seatgate_core::request::{Request, Resolution};

use super::admit::Visitor;
use super::answer::Spot;
use super::carried::Carried;
use super::judge::Declined;
use super::keep::SOME_REASON;
use super::modal::entered;
use super::{Ack, SlackApp};
use crate::action::Answer;
use crate::card::{ANSWER_REASON, AnswerAsk, AnswerKind, Notice, Renderer};
use crate::payload::{TriggerId, ViewSubmission};

impl SlackApp {
    /// A retry needs no words. The others open a modal, but only for whoever may answer.
    pub(super) async fn resolve(
        &self,
        id: RequestId,
        answer: Answer,
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        let Answer { task, pause, resolution } = answer;
        let kind = match resolution {
            Resolution::Retry => {
                let ask = Ask::Resolve { task, pause: Some(pause), resolution };
                return self.decide(id, ask, visitor, spot).await;
            }
            Resolution::Skip => AnswerKind::Skip,
            Resolution::Confirm => AnswerKind::Confirm,
            Resolution::Done => AnswerKind::Done,
        };
        self.ask_why(id, (kind, Some((task, pause))), visitor, spot, trigger).await
    }

    /// Opens the modal. Nobody is asked why who may not answer so.
    pub(super) async fn ask_why(
        &self,
        id: RequestId,
        (kind, pause): (AnswerKind, Option<(TaskId, u32)>),
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        let Some(ask) = ask(kind, pause) else { return self.refuse(spot, Notice::Unknown) };
        match self.answerable(id, ask, visitor).await {
            Ok(request) => {
                let Some(trigger) = trigger.cloned() else { return self.refuse(spot, Notice::ClickAgain) };
                let Ok(row) = self.row_for(&request, visitor).await else { return Ack::again() };
                let task = pause.and_then(|(task, _)| request.plan.task(task));
                let about = task.map_or(row.account, |task| task.name.clone());
                let carried = Carried::new(vec![id], &spot);
                let carried = pause.into_iter().fold(carried, |carried, (task, pause)| carried.answering(task, pause));
                let view = self.workspace.renderer().answer_modal(&AnswerAsk::new(kind, about, carried.encode()));
                self.open(trigger, view, spot)
            }
            Err(Declined::Told(notice)) => self.refuse(spot, notice),
            Err(Declined::BadReason | Declined::Failed) => Ack::again(),
        }
    }

    /// The request, if `visitor` could answer so now. Judged as the real thing is, and recorded if denied.
    async fn answerable(&self, id: RequestId, ask: Ask, visitor: &Visitor) -> Result<Request, Declined> {
        let by = self.submission_for(ask, id, visitor).await?;
        let prepared = self.gate.prepare(id, ask, Some(SOME_REASON), &by).await;
        self.judged(prepared).await?;
        let request = self.gate.request(id).await;
        self.judged(request).await
    }

    pub(super) async fn submit_answer(
        &self,
        submitted: &ViewSubmission,
        id: RequestId,
        kind: AnswerKind,
        carried: &Carried,
        visitor: &Visitor,
    ) -> Ack {
        let spot = carried.spot(&visitor.user);
        let Some(ask) = ask(kind, carried.pause) else {
            return self.declined(Declined::Told(Notice::Unknown), spot, Renderer::answer_error);
        };
        match self.act(id, ask, entered(submitted, ANSWER_REASON), visitor).await {
            Ok(_) => Ack::ok().then(self.clone().after_done(spot)),
            Err(declined) => self.declined(declined, spot, Renderer::answer_error),
        }
    }
}

/// What is asked of the gate; nothing, where the pause that is answered is not named.
fn ask(kind: AnswerKind, pause: Option<(TaskId, u32)>) -> Option<Ask> {
    let resolve = |resolution| {
        let (task, pause) = pause?;
        Some(Ask::Resolve { task, pause: Some(pause), resolution })
    };
    match kind {
        AnswerKind::Skip => resolve(Resolution::Skip),
        AnswerKind::Confirm => resolve(Resolution::Confirm),
        AnswerKind::Done => resolve(Resolution::Done),
        AnswerKind::Stop => Some(Ask::Stop),
        AnswerKind::Decline => Some(Ask::Keep { until: None }),
    }
}
