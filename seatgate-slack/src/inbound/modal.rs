//! Modals: opened for whoever clicked, and submitted by whoever says so.

use seatgate_core::message::Row;
use seatgate_core::port::StoreError;
use seatgate_core::request::Request;
use serde_json::{Value, json};

use super::admit::{Turned, Visitor};
use super::answer::Spot;
use super::carried::Carried;
use super::{Ack, SlackApp};
use crate::card::{
    AnswerKind, KEEP_CALLBACK, KeepProblem, NEED_CALLBACK, Notice, OFFBOARD_CALLBACK, REASSIGN_CALLBACK,
    ReassignProblem,
};
use crate::payload::{TriggerId, ViewSubmission};

/// Which modal it is.
#[derive(Debug, Clone, Copy)]
enum Modal {
    Keep,
    Need,
    Reassign,
    Answer(AnswerKind),
    Offboard,
}

impl Modal {
    fn of(callback_id: &str) -> Option<Self> {
        match callback_id {
            KEEP_CALLBACK => Some(Self::Keep),
            NEED_CALLBACK => Some(Self::Need),
            REASSIGN_CALLBACK => Some(Self::Reassign),
            OFFBOARD_CALLBACK => Some(Self::Offboard),
            answer => AnswerKind::ALL.into_iter().find(|kind| kind.callback() == answer).map(Self::Answer),
        }
    }

    /// What a refusal is recorded as.
    fn action(self) -> &'static str {
        match self {
            Self::Keep | Self::Need | Self::Answer(AnswerKind::Decline) => "keep",
            Self::Reassign => "reassign",
            Self::Answer(AnswerKind::Stop) => "stop",
            Self::Answer(_) => "resolve",
            Self::Offboard => "offboard",
        }
    }
}

impl SlackApp {
    /// A modal was submitted. Whoever submits it is authorised anew.
    pub(super) async fn submit(&self, submitted: ViewSubmission) -> Ack {
        let Some(modal) = Modal::of(&submitted.view.callback_id) else { return Ack::ok() };
        let through = (&submitted.install, submitted.app.as_ref());
        let visitor = match self.admit(through, &submitted.by, modal.action()).await {
            Ok(visitor) => visitor,
            Err(Turned::Outsider) => return self.refused_in(modal, Notice::Outsider),
            Err(turned) => return turned.ack(),
        };
        if let Modal::Offboard = modal {
            return self.submit_offboard(&submitted, &visitor).await;
        }
        let Some(carried) = Carried::decode(&submitted.view.private_metadata) else {
            return self.refused_in(modal, Notice::Unknown);
        };
        match (modal, carried.requests.as_slice()) {
            (Modal::Keep, _) => self.submit_keep(&submitted, &carried, &visitor).await,
            (Modal::Need, [id]) => self.submit_need(&submitted, *id, carried.spot(&visitor.user), &visitor).await,
            (Modal::Reassign, [id]) => {
                self.submit_reassign(&submitted, *id, carried.spot(&visitor.user), &visitor).await
            }
            (Modal::Answer(kind), [id]) => self.submit_answer(&submitted, *id, kind, &carried, &visitor).await,
            _ => self.refused_in(modal, Notice::Unknown),
        }
    }

    fn refused_in(&self, modal: Modal, notice: Notice) -> Ack {
        let renderer = self.workspace.renderer();
        problem(match modal {
            Modal::Keep => renderer.keep_error(&KeepProblem::Refused(notice)),
            Modal::Need => renderer.need_error(&KeepProblem::Refused(notice)),
            Modal::Reassign => renderer.reassign_error(&ReassignProblem::Refused(notice)),
            Modal::Answer(_) => renderer.answer_error(&KeepProblem::Refused(notice)),
            Modal::Offboard => renderer.offboard_error(&KeepProblem::Refused(notice)),
        })
    }

    /// Opens a modal about one request: `draw` gets what it shows, and what it carries along.
    pub(super) async fn open_about(
        &self,
        request: &Request,
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
        draw: impl FnOnce(Row, String) -> Value,
    ) -> Ack {
        let Some(trigger) = trigger.cloned() else { return self.refuse(spot, Notice::ClickAgain) };
        let Ok(row) = self.row_for(request, visitor).await else { return Ack::again() };
        let view = draw(row, Carried::new(vec![request.id], &spot).encode());
        self.open(trigger, view, spot)
    }

    pub(super) async fn row_for(&self, request: &Request, visitor: &Visitor) -> Result<Row, StoreError> {
        let joined = self.gate.join(std::slice::from_ref(request)).await?;
        Ok(joined.row(&self.gate, request, visitor.person(), None))
    }

    /// Opens a modal. The right to do so lasts three seconds, so little is done before.
    pub(super) fn open(&self, trigger: TriggerId, view: Value, spot: Spot) -> Ack {
        let app = self.clone();
        Ack::ok().then(async move {
            match app.workspace.client().views_open(&trigger, &view).await {
                Ok(_) => {}
                Err(error) if error.asks_for_a_new_click() => app.tell(&spot, &Notice::ClickAgain).await,
                Err(_) => app.tell(&spot, &Notice::TryAgain).await,
            }
        })
    }
}

/// The modal stays, and says below one of its blocks what is wrong.
pub(super) fn problem((block, text): (&'static str, String)) -> Ack {
    Ack::json(json!({ "response_action": "errors", "errors": { block: text } }))
}

/// What was entered into a block that has one control, named as the block is.
pub(super) fn entered<'a>(submitted: &'a ViewSubmission, block: &str) -> Option<&'a str> {
    submitted.inputs.at(block, block).and_then(|input| input.one())
}
