//! What the gate says of what somebody asks, as it is told to them.

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Ask, GateError, Submission};
use seatgate_core::id::RequestId;
use seatgate_core::message::DecisionLine;
use seatgate_core::person::Actor;
use seatgate_core::request::{Decision, Outcome, Request, Verdict};

use super::SlackApp;
use super::admit::Visitor;
use crate::card::Notice;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Declined {
    /// It cannot be, for this reason.
    Told(Notice),
    /// The reason is too long, or holds what no text should.
    BadReason,
    /// It was not kept; the same may work later.
    Failed,
}

impl SlackApp {
    /// Does what `visitor` asks. Whom the gate does not know was not asked, which is recorded.
    pub(super) async fn act(
        &self,
        id: RequestId,
        ask: Ask,
        reason: Option<&str>,
        visitor: &Visitor,
    ) -> Result<Request, Declined> {
        let by = self.submission_for(ask, id, visitor).await?;
        let answer = self.gate.act(id, ask, reason, &by).await;
        self.judged(answer).await
    }

    /// Whether `visitor` decided just this already, or gave their vote for it: the first half of a click on several, whose second half failed.
    pub(super) async fn decided_before(&self, id: RequestId, decision: Decision, visitor: &Visitor) -> bool {
        let Some((person, request)) = visitor.person().zip(self.gate.request(id).await.ok()) else { return false };
        let same = |verdict: &Verdict| verdict.decision == decision && verdict.by == Actor::Person(person);
        let undone = matches!(request.outcome(), Some(Outcome::Withdrawn | Outcome::Stopped));
        let decided = request.approval.verdict.as_ref().is_some_and(same);
        let voted = decision == Decision::Approve && request.approval.has_voted(person);
        !undone && (decided || voted)
    }

    /// Who asks, for the gate; `action` is what a refusal is recorded as.
    pub(super) async fn submission(
        &self,
        id: RequestId,
        action: &'static str,
        visitor: &Visitor,
    ) -> Result<Submission, Declined> {
        match visitor.submission() {
            Some(by) => Ok(by),
            None => {
                self.record(action, Denial::NotAsked.label(), Some(id)).await;
                Err(Declined::Told(Notice::NotAsked))
            }
        }
    }

    /// The same for what `visitor` asks: nobody is asked about an offboarding but operators.
    pub(super) async fn submission_for(
        &self,
        ask: Ask,
        id: RequestId,
        visitor: &Visitor,
    ) -> Result<Submission, Declined> {
        let offboards = async || self.gate.request(id).await.is_ok_and(|request| request.offboarding.is_some());
        if visitor.submission().is_none() && offboards().await {
            self.record(label(ask), Denial::NotOperator.label(), Some(id)).await;
            return Err(Declined::Told(Notice::NotOperator));
        }
        self.submission(id, label(ask), visitor).await
    }

    pub(super) async fn judged<T>(&self, answer: Result<T, GateError>) -> Result<T, Declined> {
        match answer {
            Ok(done) => Ok(done),
            Err(GateError::Denied(denial)) => Err(Declined::Told(denial.into())),
            Err(GateError::Refused { refusal, request }) => {
                let notice = Notice::refused(refusal, self.decision(&request).await);
                Err(Declined::Told(if request.offboarding.is_some() { notice.about_offboarding() } else { notice }))
            }
            Err(GateError::NotFound(_)) => Err(Declined::Told(Notice::Unknown)),
            Err(GateError::BadReason) => Err(Declined::BadReason),
            Err(_) => Err(Declined::Failed),
        }
    }

    /// Who decided, and when; nothing where nobody has, or the names cannot be read now.
    async fn decision(&self, request: &Request) -> Option<DecisionLine> {
        let joined = self.gate.join(std::slice::from_ref(request)).await.ok()?;
        joined.row(&self.gate, request, None, None).decision
    }
}

fn label(ask: Ask) -> &'static str {
    match ask {
        Ask::Approve => "approve",
        Ask::Keep { .. } => "keep",
        Ask::Undo => "undo",
        Ask::Reassign { .. } => "reassign",
        Ask::Stop => "stop",
        Ask::Resolve { .. } => "resolve",
        _ => "act",
    }
}
