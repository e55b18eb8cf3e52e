//! The rows that a change brings: entries, the state with what is searched by, cards and texts. As JSON, so that one
//! parameter holds a list.

use seatgate_core::canonical::{Digest, Salt};
use seatgate_core::card::{About, Card};
use seatgate_core::id::{CardId, ChangeId, PersonRef, RequestId, SweepId, TaskId, TextId};
use seatgate_core::money::{Currency, Money};
use seatgate_core::person::Text;
use seatgate_core::policy::Mode;
use seatgate_core::port::Change;
use seatgate_core::request::{Outcome, Phase, Proof, Request, StateLabel, Task, TaskState};
use seatgate_core::seat::{AppId, Channel};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Entry;
use serde::Serialize;

use crate::row::{encode, json};
use crate::savings::SavingRow;

/// Everything that lands with a change but its checks and its agenda.
pub(crate) struct Landing<'a> {
    pub(crate) events: Vec<EventRow<'a>>,
    pub(crate) request: Option<RequestRow<'a>>,
    /// Who is asked.
    pub(crate) asked: Vec<PersonRef>,
    pub(crate) tasks: Vec<TaskRow<'a>>,
    pub(crate) cards: Vec<CardRow<'a>>,
    /// The requests on the cards.
    pub(crate) members: Vec<MemberRow>,
    pub(crate) texts: Vec<TextRow<'a>>,
    /// What the request saves.
    pub(crate) saving: Option<SavingRow>,
}

impl<'a> Landing<'a> {
    pub(crate) fn of(change: &'a Change) -> Result<Self, sqlx::Error> {
        let request = change.request.as_ref();
        let at = change.entries.last().map(|entry| entry.at);
        Ok(Self {
            events: change.entries.iter().map(EventRow::of).collect(),
            request: request.map(RequestRow::of).transpose()?,
            asked: request.map(|request| request.listed_for().into_iter().collect()).unwrap_or_default(),
            tasks: request.iter().flat_map(|request| TaskRow::all_of(request, at)).collect(),
            cards: change.cards.iter().map(CardRow::of).collect::<Result<_, _>>()?,
            members: change.cards.iter().flat_map(MemberRow::all_of).collect(),
            texts: texts(&change.texts),
            saving: request.and_then(SavingRow::of),
        })
    }
}

/// Texts as rows.
pub(crate) fn texts<'a>(texts: &'a [Text]) -> Vec<TextRow<'a>> {
    let row = |text: &'a Text| TextRow {
        id: text.reference.id,
        salt: &text.salt,
        body: Some(&text.body),
        about: &text.about,
    };
    texts.iter().map(row).collect()
}

#[derive(Serialize)]
pub(crate) struct EventRow<'a> {
    seq: u64,
    change: ChangeId,
    kind: &'a str,
    at: i64,
    hash: Digest,
    /// None where it is sent beside the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<&'a str>,
}

impl<'a> EventRow<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            seq: entry.seq,
            change: entry.change,
            kind: &entry.kind,
            at: entry.at.as_micros(),
            hash: entry.hash,
            body: Some(&entry.body),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct RequestRow<'a> {
    pub(crate) id: RequestId,
    pub(crate) state: StateLabel,
    mode: Mode,
    app: Option<&'a AppId>,
    opened_at: i64,
    closed_at: Option<i64>,
    pub(crate) kept_until: Option<i64>,
    sweep: Option<SweepId>,
    channel: Option<&'a Channel>,
    outcome: Option<Outcome>,
    cost: Option<i64>,
    currency: Option<Currency>,
    decider: Option<PersonRef>,
    holder: Option<PersonRef>,
    playbook: Option<&'a str>,
    /// None where it is sent beside the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
}

impl<'a> RequestRow<'a> {
    fn of(request: &'a Request) -> Result<Self, sqlx::Error> {
        let closed_at = match request.phase {
            Phase::Closed { at, .. } => Some(at.as_micros()),
            _ => None,
        };
        let cost = request.evidence.as_ref().and_then(|evidence| evidence.monthly_cost);
        Ok(Self {
            id: request.id,
            state: request.label(),
            mode: request.mode,
            app: request.seat().map(|seat| &seat.app.id),
            opened_at: request.opened_at.as_micros(),
            closed_at,
            kept_until: request.exception().map(|(_, until)| until.as_micros()),
            sweep: request.origin.sweep,
            channel: request.channel.as_ref(),
            outcome: request.outcome(),
            cost: cost.map(Money::minor),
            currency: cost.map(Money::currency),
            decider: request.approval.decider(),
            holder: request.holder(),
            playbook: request.offboarding.as_ref().map(|offboarding| offboarding.playbook.as_str()),
            body: Some(encode(request)?),
        })
    }
}

#[derive(Serialize)]
pub(crate) struct TaskRow<'a> {
    id: TaskId,
    name: &'a str,
    status: &'static str,
    attempts: u32,
    pause: Option<u32>,
    may_have_happened: bool,
    proof: Option<Proof>,
    /// Also why it was left out.
    receipt: Option<TextId>,
    updated_at: Option<i64>,
}

impl<'a> TaskRow<'a> {
    fn all_of(request: &'a Request, at: Option<Timestamp>) -> impl Iterator<Item = Self> {
        request.plan.tasks.iter().map(move |task| Self::of(request, task, at))
    }

    fn of(request: &Request, task: &'a Task, at: Option<Timestamp>) -> Self {
        let (proof, receipt) = match &task.state {
            TaskState::Done { proof, receipt, .. } => (Some(*proof), *receipt),
            _ => (None, request.left_out(task)),
        };
        let pause = match task.state {
            TaskState::Paused { pause, .. } => Some(pause),
            _ => None,
        };
        Self {
            id: task.id,
            name: &task.name,
            status: task.state.label(),
            attempts: task.attempts,
            pause,
            may_have_happened: task.may_have_happened,
            proof,
            receipt: receipt.map(|receipt| receipt.id),
            updated_at: at.map(Timestamp::as_micros),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct CardRow<'a> {
    id: CardId,
    approver: Option<PersonRef>,
    sweep: Option<SweepId>,
    channel: Option<&'a Channel>,
    posted: Option<&'a str>,
    shown: Option<String>,
    delivered_at: Option<i64>,
    delivered: u32,
    ambiguous: bool,
}

impl<'a> CardRow<'a> {
    fn of(card: &'a Card) -> Result<Self, sqlx::Error> {
        let (sweep, channel) = match &card.about {
            About::Sweep { sweep, channel } => (Some(*sweep), Some(channel)),
            About::Offboarding { channel, .. } => (None, Some(channel)),
            _ => (None, None),
        };
        Ok(Self {
            id: card.id,
            approver: card.approver(),
            sweep,
            channel,
            posted: card.posted.as_deref(),
            shown: card.shown.as_ref().map(json).transpose()?,
            delivered_at: card.delivered_at.map(Timestamp::as_micros),
            delivered: card.delivered,
            ambiguous: card.ambiguous,
        })
    }
}

#[derive(Serialize)]
pub(crate) struct MemberRow {
    card: CardId,
    request: RequestId,
}

impl MemberRow {
    fn all_of(card: &Card) -> impl Iterator<Item = Self> {
        card.requests().iter().map(|request| Self { card: card.id, request: *request })
    }
}

#[derive(Serialize)]
pub(crate) struct TextRow<'a> {
    pub(crate) id: TextId,
    salt: &'a Salt,
    /// None where it is sent beside the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<&'a str>,
    pub(crate) about: &'a [PersonRef],
}
