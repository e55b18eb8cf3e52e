//! The rows that a change brings: entries, the state with what is searched by, cards and texts.

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

use super::savings::SavingRow;
use super::writer::Desk;
use crate::row::{encode, json};

const LAND: &str = include_str!("land.sql");

/// Writes all of them at once.
pub(super) async fn land(change: &Change, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let request = change.request.as_ref();
    let at = change.entries.last().map(|entry| entry.at);
    let asked: Vec<_> = request.iter().flat_map(|request| &request.approval.asked).map(|asked| asked.person).collect();
    let tasks: Vec<_> =
        request.iter().flat_map(|request| &request.plan.tasks).map(|task| TaskRow::of(task, at)).collect();
    let cards = change.cards.iter().map(CardRow::of).collect::<Result<Vec<_>, _>>()?;
    let members: Vec<_> = change.cards.iter().flat_map(MemberRow::all_of).collect();
    sqlx::query(LAND)
        .bind(change.stream.to_string())
        .bind(list(change.entries.iter().map(EventRow::of))?)
        .bind(request.map(RequestRow::of).transpose()?.map(|row| json(&row)).transpose()?)
        .bind(json(&asked)?)
        .bind(json(&tasks)?)
        .bind(json(&cards)?)
        .bind(json(&members)?)
        .bind(texts(&change.texts)?)
        .bind(request.and_then(SavingRow::of).map(|row| json(&row)).transpose()?)
        .execute(&mut desk.connection)
        .await
        .map(|_| ())
}

fn list<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<String, sqlx::Error> {
    json(&rows.collect::<Vec<_>>())
}

/// Texts as a list for `json_each`.
pub(super) fn texts(texts: &[Text]) -> Result<String, sqlx::Error> {
    list(texts.iter().map(|text| TextRow {
        id: text.reference.id,
        salt: &text.salt,
        body: &text.body,
        about: &text.about,
    }))
}

#[derive(Serialize)]
struct EventRow<'a> {
    seq: u64,
    change: ChangeId,
    kind: &'a str,
    at: i64,
    hash: Digest,
    body: &'a str,
}

impl<'a> EventRow<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            seq: entry.seq,
            change: entry.change,
            kind: &entry.kind,
            at: entry.at.as_micros(),
            hash: entry.hash,
            body: &entry.body,
        }
    }
}

#[derive(Serialize)]
struct RequestRow<'a> {
    id: RequestId,
    state: StateLabel,
    mode: Mode,
    app: Option<&'a AppId>,
    opened_at: i64,
    closed_at: Option<i64>,
    kept_until: Option<i64>,
    sweep: SweepId,
    channel: Option<&'a Channel>,
    outcome: Option<Outcome>,
    cost: Option<i64>,
    currency: Option<Currency>,
    decider: Option<PersonRef>,
    body: String,
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
            body: encode(request)?,
        })
    }
}

#[derive(Serialize)]
struct TaskRow<'a> {
    id: TaskId,
    name: &'a str,
    status: &'static str,
    attempts: u32,
    pause: Option<u32>,
    may_have_happened: bool,
    proof: Option<Proof>,
    receipt: Option<TextId>,
    updated_at: Option<i64>,
}

impl<'a> TaskRow<'a> {
    fn of(task: &'a Task, at: Option<Timestamp>) -> Self {
        let (proof, receipt) = match &task.state {
            TaskState::Done { proof, receipt, .. } => (Some(*proof), receipt.map(|receipt| receipt.id)),
            _ => (None, None),
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
            receipt,
            updated_at: at.map(Timestamp::as_micros),
        }
    }
}

#[derive(Serialize)]
struct CardRow<'a> {
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
struct MemberRow {
    card: CardId,
    request: RequestId,
}

impl MemberRow {
    fn all_of(card: &Card) -> impl Iterator<Item = Self> {
        card.requests().iter().map(|request| Self { card: card.id, request: *request })
    }
}

#[derive(Serialize)]
struct TextRow<'a> {
    id: TextId,
    salt: &'a Salt,
    body: &'a str,
    about: &'a [PersonRef],
}
