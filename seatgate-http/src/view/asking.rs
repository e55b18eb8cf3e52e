//! Who is asked about a request, what they have said so far, and what happens if they say nothing more.

use seatgate_core::gate::Joined;
use seatgate_core::id::PersonRef;
use seatgate_core::request::{Asked, Decision, HandedOn, HolderAnswer, Request, Stage, Vote, Why};
use seatgate_core::route::{Step, Turn};
use seatgate_core::schedule::{self, Outlook};
use seatgate_core::time::Timestamp;
use serde::Serialize;

use super::PersonView;

/// Somebody who was asked.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Approver)]
pub(super) struct ApproverView {
    #[serde(flatten)]
    person: PersonView,
    #[schema(value_type = crate::openapi::labels::Why)]
    why: Why,
    /// For whom they stand in.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<PersonView>,
    /// Who was met on the way to them, they themselves last; empty where there was no detour.
    path: Vec<StepView>,
    /// Who handed it to them, and why, if somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    handed_on: Option<HandedOnView>,
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    /// Whether they are asked no more: somebody else is, in their place.
    left: bool,
}

/// Who handed a question on.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = HandedOn)]
struct HandedOnView {
    by: PersonView,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Step)]
struct StepView {
    #[serde(flatten)]
    person: PersonView,
    #[schema(value_type = crate::openapi::labels::Why)]
    role: Why,
    /// What became of them.
    #[schema(value_type = crate::openapi::labels::Turn)]
    turn: Turn,
}

/// One approval of several that the policy wants.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Vote)]
pub(super) struct VoteView {
    by: PersonView,
    /// Whose vote it is, where somebody stood in for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<PersonView>,
    /// Who handed it in, if somebody else did.
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What the holder said when they were asked first. It decides nothing.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = HolderAnswer)]
pub(super) struct HolderAnswerView {
    /// `keep`: they still need the seat. `approve`: they release it.
    #[schema(value_type = crate::openapi::labels::Decision)]
    answer: Decision,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What happens while nobody answers. Known once a card was delivered.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Deadlines)]
pub(super) struct DeadlinesView {
    /// When those who are asked are reminded, still to come.
    #[schema(value_type = Vec<String>)]
    reminders: Vec<Timestamp>,
    /// When the approvers are asked, if the holder, who is asked first, has not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    holder_until: Option<Timestamp>,
    /// When further people are asked next.
    #[schema(value_type = Option<String>, format = DateTime)]
    escalate_at: Option<Timestamp>,
    /// When the approvers' time to answer is up.
    #[schema(value_type = Option<String>, format = DateTime)]
    expire_at: Option<Timestamp>,
}

impl ApproverView {
    pub(super) fn of(asked: &Asked, request: &Request, joined: &Joined) -> Self {
        let step = |step: &Step| StepView { person: person(step.person, joined), role: step.role, turn: step.turn };
        let handed_on = |handed_on: &HandedOn| HandedOnView {
            by: PersonView::acting(&handed_on.by, |by| person(by, joined)),
            note: joined.text(handed_on.note).map(str::to_owned),
        };
        Self {
            person: person(asked.person, joined),
            why: asked.why,
            on_behalf_of: asked.on_behalf_of.map(|principal| person(principal, joined)),
            path: asked.path.iter().map(step).collect(),
            handed_on: asked.handed_on.as_ref().map(handed_on),
            asked_at: asked.at.unwrap_or(request.opened_at),
            left: asked.left,
        }
    }
}

impl VoteView {
    pub(super) fn of(vote: &Vote, joined: &Joined) -> Self {
        let another = vote.by.person() != Some(vote.principal);
        Self {
            by: PersonView::acting(&vote.by, |by| person(by, joined)),
            on_behalf_of: another.then(|| person(vote.principal, joined)),
            submitted_by: vote.submitted_by.as_ref().map(|actor| joined.actor(actor)),
            at: vote.at,
            reason: joined.text(vote.reason).map(str::to_owned),
        }
    }
}

impl HolderAnswerView {
    pub(super) fn of(said: &HolderAnswer, joined: &Joined) -> Self {
        Self { answer: said.answer, at: said.at, reason: joined.text(said.reason).map(str::to_owned) }
    }
}

impl DeadlinesView {
    pub(super) fn of(request: &Request, delivered_at: Option<Timestamp>) -> Self {
        let Outlook { reminders, escalates_at, ends_at, .. } = schedule::outlook(request, delivered_at);
        let ends = |stage| ends_at.filter(|_| request.approval.stage == stage);
        Self {
            reminders,
            holder_until: ends(Stage::Holder),
            escalate_at: escalates_at,
            expire_at: ends(Stage::Approvers),
        }
    }
}

fn person(person: PersonRef, joined: &Joined) -> PersonView {
    PersonView::of(joined.person(person))
}
