//! Asking somebody else: the modal that asks whom and why, and its answers.

use seatgate_core::gate::{Ask, GateError};
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::port::StoreError;
use seatgate_core::request::{Refusal, Request};

use super::admit::Visitor;
use super::answer::Spot;
use super::judge::Declined;
use super::keep::SOME_REASON;
use super::modal::{entered, problem};
use super::{Ack, SlackApp};
use crate::card::{Notice, REASSIGN_NOTE, REASSIGN_TO, ReassignAsk, ReassignProblem};
use crate::client::SlackUser;
use crate::id::UserId;
use crate::payload::{TriggerId, ViewSubmission};

/// What the modal was answered.
struct Answers<'a> {
    to: UserId,
    note: &'a str,
}

impl SlackApp {
    /// Opens the modal. Nobody is asked whom who may not hand it on.
    pub(super) async fn reassign(
        &self,
        id: RequestId,
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        match self.movable(id, visitor).await {
            Ok(request) => {
                let renderer = self.workspace.renderer();
                let draw = |row, carried| renderer.reassign_modal(&ReassignAsk::new(row, carried));
                self.open_about(&request, visitor, spot, trigger, draw).await
            }
            Err(Declined::Told(notice)) => self.refuse(spot, notice),
            Err(Declined::BadReason | Declined::Failed) => Ack::again(),
        }
    }

    /// The request, if `visitor` could hand it on now. Judged as the real thing is, with themselves in place of whoever is
    /// still to be named, and recorded if denied.
    async fn movable(&self, id: RequestId, visitor: &Visitor) -> Result<Request, Declined> {
        let by = self.submission(id, "reassign", visitor).await?;
        let Some(to) = visitor.person() else { return Err(Declined::Told(Notice::NotAsked)) };
        match self.gate.prepare(id, Ask::Reassign { to }, Some(SOME_REASON), &by).await {
            // They may. That they are asked themselves, or cannot be, is nothing against somebody else.
            Ok(_) | Err(GateError::Refused { refusal: Refusal::AlreadyAsked | Refusal::CannotBeAsked, .. }) => {
                let request = self.gate.request(id).await;
                self.judged(request).await
            }
            Err(error) => self.judged(Err(error)).await,
        }
    }

    pub(super) async fn submit_reassign(
        &self,
        submitted: &ViewSubmission,
        id: RequestId,
        spot: Spot,
        visitor: &Visitor,
    ) -> Ack {
        let answers = match answers(submitted) {
            Ok(answers) => answers,
            Err(wrong) => return self.wrong(&wrong),
        };
        match self.hand_on(id, &answers, visitor).await {
            Ok(request) => Ack::ok().then(self.clone().after_handed_on(spot, request)),
            Err(Declined::Failed) => Ack::again(),
            Err(Declined::BadReason) => self.wrong(&ReassignProblem::NoteTooLong),
            // Somebody else may be named in the same modal.
            Err(Declined::Told(notice @ (Notice::AlreadyAsked | Notice::CannotBeAsked))) => {
                self.wrong(&ReassignProblem::Refused(notice))
            }
            Err(Declined::Told(notice)) => {
                let ack = self.wrong(&ReassignProblem::Refused(notice));
                ack.then(self.clone().after_refused_in_modal(spot))
            }
        }
    }

    fn wrong(&self, wrong: &ReassignProblem) -> Ack {
        problem(self.workspace.renderer().reassign_error(wrong))
    }

    /// Judged before anybody is looked up, so that nobody adds people who may not hand anything on.
    async fn hand_on(&self, id: RequestId, answers: &Answers<'_>, visitor: &Visitor) -> Result<Request, Declined> {
        let request = self.movable(id, visitor).await?;
        let to = self.named(&request, &answers.to).await?;
        self.act(id, Ask::Reassign { to }, Some(answers.note), visitor).await
    }

    /// The person behind a Slack user who was named; one who is new is added. Somebody whom the gate knows twice, by the
    /// Slack user and by an address, is still one human, who holds the seat or is asked as either.
    async fn named(&self, request: &Request, user: &UserId) -> Result<PersonRef, Declined> {
        let user = self.colleague(user).await?;
        let people = self.workspace.people();
        let known = people.known_as(&user, self.gate.people()).await.map_err(|_| Declined::Failed)?;
        if known.persons().any(|person| Some(person) == request.holder()) {
            return Err(Declined::Told(Notice::CannotBeAsked));
        }
        if known.persons().any(|person| request.approval.active().any(|asked| asked.person == person)) {
            return Err(Declined::Told(Notice::AlreadyAsked));
        }
        match (known.by_identity, user.identity(request.terms.strict_identity)) {
            (Some(person), _) => Ok(person),
            (None, Some(identity)) => {
                let added = self.gate.person(identity, user.name.clone()).await;
                added.map_err(|_: StoreError| Declined::Failed)
            }
            (None, None) => Err(Declined::Told(Notice::CannotBeAsked)),
        }
    }

    /// Somebody who could be asked: a member of ours, no program, no guest, nobody who has left.
    async fn colleague(&self, user: &UserId) -> Result<SlackUser, Declined> {
        let user = self.workspace.people().user(user).await.map_err(|_| Declined::Failed)?;
        let installed = self.workspace.installed().await.map_err(|_| Declined::Failed)?;
        let ours = user.filter(|user| user.is_member() && installed.may_hold(user));
        ours.ok_or(Declined::Told(Notice::CannotBeAsked))
    }

    /// The card loses its buttons with the agenda; whoever handed it on hears who is asked now.
    async fn after_handed_on(self, spot: Spot, request: Request) {
        let joined = self.gate.join(std::slice::from_ref(&request)).await.unwrap_or_default();
        let to = request.approval.active().map(|asked| joined.name(asked.person)).collect();
        self.tell(&spot, &Notice::HandedOn { to }).await;
        self.after_done(spot).await;
    }
}

fn answers(submitted: &ViewSubmission) -> Result<Answers<'_>, ReassignProblem> {
    let to = entered(submitted, REASSIGN_TO).and_then(|user| user.parse().ok()).ok_or(ReassignProblem::NobodyChosen)?;
    let note = entered(submitted, REASSIGN_NOTE).filter(|note| !note.trim().is_empty());
    Ok(Answers { to, note: note.ok_or(ReassignProblem::NoteRequired)? })
}
