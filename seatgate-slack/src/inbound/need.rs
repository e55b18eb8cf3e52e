//! The holder, who is asked first, still needs their seat: the modal that asks why, and its answer.

use seatgate_core::gate::Ask;
use seatgate_core::id::RequestId;

use super::admit::Visitor;
use super::answer::Spot;
use super::judge::Declined;
use super::modal::entered;
use super::{Ack, SlackApp};
use crate::card::{NEED_REASON, NeedAsk, Renderer};
use crate::payload::{TriggerId, ViewSubmission};

/// What a holder says is a keep, which keeps nothing by itself: the policy's own end is as good as any.
const STILL_NEEDED: Ask = Ask::Keep { until: None };

impl SlackApp {
    /// Opens the modal. Nobody is asked why who may not say so.
    pub(super) async fn need(&self, id: RequestId, visitor: &Visitor, spot: Spot, trigger: Option<&TriggerId>) -> Ack {
        match self.keepable(id, visitor).await {
            Ok(request) => {
                let (renderer, reason) = (self.workspace.renderer(), request.terms.keep_reason);
                let draw = |row, carried| renderer.need_modal(&NeedAsk::new(row, reason, carried));
                self.open_about(&request, visitor, spot, trigger, draw).await
            }
            Err(Declined::Told(notice)) => self.refuse(spot, notice),
            Err(Declined::BadReason | Declined::Failed) => Ack::again(),
        }
    }

    pub(super) async fn submit_need(
        &self,
        submitted: &ViewSubmission,
        id: RequestId,
        spot: Spot,
        visitor: &Visitor,
    ) -> Ack {
        match self.act(id, STILL_NEEDED, entered(submitted, NEED_REASON), visitor).await {
            Ok(_) => Ack::ok().then(self.clone().after_done(spot)),
            Err(declined) => self.declined(declined, spot, Renderer::need_error),
        }
    }
}
