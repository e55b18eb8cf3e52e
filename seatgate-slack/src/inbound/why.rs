//! *Why me?*: told to whoever was asked, and to nobody else.

use seatgate_core::authorize::Denial;
use seatgate_core::id::RequestId;
use seatgate_core::person::MatchedBy;
use seatgate_core::request::Request;

use super::admit::Visitor;
use super::answer::Spot;
use super::judge::Declined;
use super::{Ack, SlackApp};
use crate::card::Reasons;

/// What a denial is recorded as.
const ACTION: &str = "why";

impl SlackApp {
    pub(super) async fn why(&self, id: RequestId, visitor: &Visitor, spot: Spot) -> Ack {
        match self.reasons(id, visitor).await {
            Ok(reasons) => {
                let (app, text) = (self.clone(), self.workspace.renderer().why(&reasons));
                Ack::ok().then(async move { app.tell_text(&spot, text).await })
            }
            Err(Declined::Told(notice)) => self.refuse(spot, notice),
            Err(Declined::BadReason | Declined::Failed) => Ack::again(),
        }
    }

    async fn reasons(&self, id: RequestId, visitor: &Visitor) -> Result<Reasons, Declined> {
        let by = self.submission(id, ACTION, visitor).await?;
        let request = self.gate.request(id).await;
        let request = self.judged(request).await?;
        if let Some(denial) = denied(&request, visitor, by.matched_by) {
            self.record_of(visitor, ACTION, denial, Some(id)).await;
            return Err(Declined::Told(denial.into()));
        }
        let outlook = self.gate.outlook(&request).await.map_err(|_| Declined::Failed)?;
        let joined = self.gate.join(std::slice::from_ref(&request)).await.map_err(|_| Declined::Failed)?;
        let row = joined.row(&self.gate, &request, visitor.person(), None);
        Ok(Reasons::new(row, request.policy_version.clone(), outlook, request.terms.on_expiry))
    }
}

/// Why somebody may not know: it names people, and a seat.
fn denied(request: &Request, visitor: &Visitor, matched_by: MatchedBy) -> Option<Denial> {
    if request.terms.strict_identity && matched_by == MatchedBy::Email {
        return Some(Denial::WeakIdentity);
    }
    let asked = visitor.person().is_some_and(|person| request.approval.was_asked(person));
    (!asked).then_some(Denial::NotAsked)
}
