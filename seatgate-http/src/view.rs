//! A request as others see it: the public JSON, joined with names at the last moment.

mod asking;

use seatgate_core::gate::{Gate, GateError, Joined};
use seatgate_core::id::{PersonRef, RequestId, SweepId, TaskId};
use seatgate_core::money::Money;
use seatgate_core::person::{Actor, PersonDetails, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::StoreError;
use seatgate_core::request::{
    Decision, Outcome, PauseReason, Phase, Proof, RemovalKind, Request, Stage, StateLabel, Task, TaskState, Why,
    WithdrawReason,
};
use seatgate_core::seat::{AccountNames, Activity, App, Evidence};
use seatgate_core::time::Timestamp;
use serde::Serialize;

use crate::problem::Problem;
use asking::{ApproverView, DeadlinesView, HolderAnswerView, VoteView};

/// One request. Personal data: never log it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Request)]
pub(crate) struct RequestView {
    #[schema(value_type = String)]
    id: RequestId,
    #[schema(value_type = crate::openapi::labels::State)]
    state: StateLabel,
    #[schema(value_type = Option<crate::openapi::labels::Outcome>)]
    outcome: Option<Outcome>,
    #[schema(value_type = crate::openapi::labels::Mode)]
    mode: Mode,
    app: Option<AppView>,
    account: Option<AccountView>,
    entitlement: Option<String>,
    approvers: Vec<ApproverView>,
    /// Why the first of the approvers was asked.
    #[schema(value_type = Option<crate::openapi::labels::Why>)]
    why: Option<Why>,
    /// Whose answer is waited for, or decided it.
    #[schema(value_type = crate::openapi::labels::Stage)]
    stage: Stage,
    /// Approvals so far, where the policy wants several. The one that is enough is the decision.
    votes: Vec<VoteView>,
    /// How many must approve.
    quorum: u32,
    holder_answer: Option<HolderAnswerView>,
    deadlines: DeadlinesView,
    /// Which reminder was due last, of those who are asked now.
    reminded: u32,
    /// How often further people were asked because nobody answered.
    escalations: u32,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    grace_until: Option<Timestamp>,
    evidence: Option<EvidenceView>,
    decision: Option<DecisionView>,
    /// Why it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    withdrawn: Option<WithdrawReason>,
    tasks: Vec<TaskView>,
    /// What an offboarding is about; missing for a seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    offboarding: Option<OffboardingView>,
    /// The sweep that reported the seat; nothing for an offboarding.
    #[schema(value_type = Option<String>)]
    sweep_id: Option<SweepId>,
    row: u32,
    requesting_channel: Option<String>,
    policy_version: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = App)]
pub(crate) struct AppView {
    id: String,
    name: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountView {
    id: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

/// Somebody, by address and name; both are missing once they are erased.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[non_exhaustive]
#[schema(as = Person)]
pub struct PersonView {
    /// Their first address.
    pub email: Option<String>,
    /// What they are called.
    pub name: Option<String>,
}

/// Somebody who leaves, by which playbook, and who asked for it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Offboarding)]
struct OffboardingView {
    person: PersonView,
    playbook: String,
    /// Whether another operator must approve.
    four_eyes: bool,
    asked_by: PersonView,
    reason: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Evidence)]
struct EvidenceView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_activity_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_used: Option<bool>,
    #[schema(value_type = String, format = DateTime)]
    observed_at: Timestamp,
    /// Up to `observed_at`: what came after is not known.
    days_idle: Option<u64>,
    monthly_cost: Option<MoneyView>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Money)]
struct MoneyView {
    amount: String,
    #[schema(value_type = String)]
    currency: &'static str,
}

/// What was decided, by whom, and when. Personal data: never log it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[non_exhaustive]
#[schema(as = Decision)]
pub struct DecisionView {
    /// What.
    #[schema(value_type = crate::openapi::labels::Decision)]
    pub decision: Decision,
    /// By whom.
    pub by: PersonView,
    /// Who handed it in, if somebody else did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<String>,
    /// Through what.
    #[schema(value_type = crate::openapi::labels::Surface)]
    pub surface: Surface,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when the seat is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub keep_until: Option<Timestamp>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Task)]
struct TaskView {
    #[schema(value_type = String)]
    id: TaskId,
    name: String,
    #[schema(value_type = String)]
    status: &'static str,
    attempts: u32,
    /// The number of the pause that an answer names.
    pause: Option<u32>,
    #[schema(value_type = Option<String>)]
    pause_reason: Option<PauseReason>,
    may_have_happened: bool,
    #[schema(value_type = Option<crate::openapi::labels::Proof>)]
    proof: Option<Proof>,
    receipt: Option<String>,
    detail: Option<String>,
    /// The tasks of the same request that come first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    needs: Vec<TaskId>,
    /// Who is to do it, if it is for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<PersonView>,
    /// What the removal came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    removal: Option<RemovalKind>,
    /// Why it was skipped, or stopped or declined with the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl RequestView {
    /// These requests, in this order.
    pub(crate) async fn all(gate: &Gate, requests: &[Request]) -> Result<Vec<Self>, StoreError> {
        let joined = gate.join(requests).await?;
        let delivered = gate.delivered(requests).await?;
        let view = |request: &Request| Self::of(request, &joined, delivered.get(&request.id).copied());
        Ok(requests.iter().map(view).collect())
    }

    /// The request that the gate answered with, or the problem.
    pub(crate) async fn answer(gate: &Gate, answer: Result<Request, GateError>) -> Result<Self, Problem> {
        match answer {
            Ok(request) => Ok(Self::one(gate, &request).await?),
            Err(error) => Err(Problem::of(gate, error).await),
        }
    }

    async fn one(gate: &Gate, request: &Request) -> Result<Self, StoreError> {
        let requests = std::slice::from_ref(request);
        let (joined, delivered) = (gate.join(requests).await?, gate.delivered(requests).await?);
        Ok(Self::of(request, &joined, delivered.get(&request.id).copied()))
    }

    fn of(request: &Request, joined: &Joined, delivered_at: Option<Timestamp>) -> Self {
        let (seat, approval) = (request.seat(), &request.approval);
        Self {
            id: request.id,
            state: request.label(),
            outcome: request.outcome(),
            mode: request.mode,
            app: seat.map(|seat| AppView::of(&seat.app)),
            account: seat.map(|seat| AccountView::of(joined.account(seat.account))),
            entitlement: seat.map(|seat| seat.entitlement.to_string()),
            approvers: approval.asked.iter().map(|asked| ApproverView::of(asked, request, joined)).collect(),
            why: approval.asked.first().map(|asked| asked.why),
            stage: approval.stage,
            votes: approval.votes.iter().map(|vote| VoteView::of(vote, joined)).collect(),
            quorum: request.terms.quorum,
            holder_answer: approval.holder_answer.as_ref().map(|said| HolderAnswerView::of(said, joined)),
            deadlines: DeadlinesView::of(request, delivered_at),
            reminded: approval.reminded,
            escalations: approval.escalations,
            opened_at: request.opened_at,
            closed_at: match request.phase {
                Phase::Closed { at, .. } => Some(at),
                _ => None,
            },
            grace_until: match request.phase {
                Phase::InGrace { until } => Some(until),
                _ => None,
            },
            evidence: request.evidence.as_ref().map(EvidenceView::of),
            decision: DecisionView::of(request, joined),
            withdrawn: request.withdrawn,
            tasks: request.plan.tasks.iter().map(|task| TaskView::of(request, task, joined)).collect(),
            offboarding: OffboardingView::of(request, joined),
            sweep_id: request.origin.sweep,
            row: request.origin.row,
            requesting_channel: request.channel.as_ref().map(ToString::to_string),
            policy_version: request.policy_version.clone(),
        }
    }
}

impl OffboardingView {
    fn of(request: &Request, joined: &Joined) -> Option<Self> {
        let offboarding = request.offboarding.as_ref()?;
        let find = |person| PersonView::of(joined.person(person));
        Some(Self {
            person: request.holder().map_or_else(|| PersonView::of(None), find),
            playbook: offboarding.playbook.clone(),
            four_eyes: offboarding.four_eyes,
            asked_by: PersonView::acting(&request.origin.submitted_by, find),
            reason: joined.text(offboarding.reason).map(str::to_owned),
        })
    }
}

impl AppView {
    pub(crate) fn of(app: &App) -> Self {
        Self { id: app.id.to_string(), name: app.name.clone() }
    }
}

impl AccountView {
    /// Nothing but nulls once the account's names are erased.
    pub(crate) fn of(names: Option<&AccountNames>) -> Self {
        Self {
            id: names.and_then(|names| names.id.clone()),
            email: names.and_then(|names| names.email.as_ref()).map(ToString::to_string),
            name: names.and_then(|names| names.name.clone()),
        }
    }
}

impl PersonView {
    pub(crate) fn of(person: Option<&PersonDetails>) -> Self {
        Self {
            email: person.and_then(PersonDetails::email).map(ToString::to_string),
            name: person.and_then(|person| person.name.clone()),
        }
    }

    /// Whoever acted; what is no person has a name and no address.
    pub(crate) fn acting(actor: &Actor, find: impl Fn(PersonRef) -> Self) -> Self {
        match actor {
            Actor::Person(person) => find(*person),
            Actor::Policy => Self { email: None, name: Some("the policy".to_owned()) },
            other => Self { email: None, name: Some(other.to_string()) },
        }
    }
}

impl EvidenceView {
    fn of(evidence: &Evidence) -> Self {
        Self {
            last_activity_at: match evidence.activity {
                Activity::LastAt(at) => Some(at),
                Activity::NeverUsed => None,
            },
            never_used: (evidence.activity == Activity::NeverUsed).then_some(true),
            observed_at: evidence.observed_at,
            days_idle: evidence.days_idle(evidence.observed_at),
            monthly_cost: evidence.monthly_cost.map(MoneyView::of),
        }
    }
}

impl MoneyView {
    fn of(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().code() }
    }
}

impl DecisionView {
    /// The decision about `request`, once there is one.
    pub(crate) fn of(request: &Request, joined: &Joined) -> Option<Self> {
        let verdict = request.approval.verdict.as_ref()?;
        let silence = || (verdict.by == Actor::Policy).then(|| "no answer".to_owned());
        Some(Self {
            decision: verdict.decision,
            by: PersonView::acting(&verdict.by, |person| PersonView::of(joined.person(person))),
            submitted_by: verdict.submitted_by.as_ref().map(|actor| joined.actor(actor)),
            surface: verdict.surface,
            at: verdict.at,
            reason: joined.text(verdict.reason).map(str::to_owned).or_else(silence),
            keep_until: verdict.keep_until,
        })
    }
}

impl TaskView {
    fn of(request: &Request, task: &Task, joined: &Joined) -> Self {
        let text = |text| joined.text(text).map(str::to_owned);
        let mut view = Self {
            id: task.id,
            name: task.name.clone(),
            status: task.state.label(),
            attempts: task.attempts,
            pause: None,
            pause_reason: None,
            may_have_happened: task.may_have_happened,
            proof: None,
            receipt: None,
            detail: text(task.detail),
            needs: task.needs.clone(),
            assignee: task.assignee().map(|assignee| PersonView::of(joined.person(assignee))),
            removal: None,
            reason: text(request.left_out(task)),
        };
        match &task.state {
            TaskState::Paused { pause, why } => (view.pause, view.pause_reason) = (Some(*pause), Some(*why)),
            TaskState::Done { removal, proof, receipt } => {
                (view.proof, view.receipt, view.removal) = (Some(*proof), text(*receipt), *removal);
            }
            _ => {}
        }
        view
    }
}
