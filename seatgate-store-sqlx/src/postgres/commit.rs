//! Changes, as the function that lands them wants them.

use seatgate_core::id::{ChangeId, RequestId, SweepId};
use seatgate_core::port::{
    Answer, Change, Conflict, Inbound, Join, RowResult, Seal, SeatChange, StoreError, SweepRecord,
};
use seatgate_core::seat::Seat;
use seatgate_core::trail::Stream;
use serde::Serialize;
use sqlx::PgConnection;

use super::PgStore;
use super::agenda::{EditRow, FenceRow, LaneRow, edit_rows};
use super::queue::{Work, each_or_none, in_order, list};
use crate::landing::Landing;
use crate::row::{encode, json, unknown};

const CONTEXT: &str = "committing a change";
const COMMIT: &str = "SELECT commit_changes($1::jsonb, $2)";

#[derive(Serialize)]
struct ChangeRow<'a> {
    id: ChangeId,
    stream: Stream,
    expected: u64,
    /// How long the chain is afterwards.
    version: u64,
    /// Its end afterwards; none where nothing is appended.
    head: Option<String>,
    #[serde(flatten)]
    landing: Landing<'a>,
    fence: Option<FenceRow>,
    take: Option<SeatRow<'a>>,
    release: bool,
    /// Whose seat it is.
    seat_request: Option<RequestId>,
    sweep: Option<SweepRow<'a>>,
    join: Option<SweepRow<'a>>,
    seal: Option<SealRow>,
    rows: Vec<AnswerRow>,
    released: Vec<AnswerRow>,
    agenda: Vec<EditRow>,
    lane: Option<LaneRow>,
}

/// Sweep, row, status and body.
type AnswerRow = (SweepId, u32, &'static str, String);

#[derive(Serialize)]
struct SeatRow<'a> {
    app: &'a str,
    account: String,
    entitlement: &'a str,
    generation: u64,
}

impl<'a> SeatRow<'a> {
    fn of(Seat { app, account, entitlement, .. }: &'a Seat, generation: u64) -> Self {
        Self { app: app.id.as_str(), account: account.to_string(), entitlement: entitlement.as_str(), generation }
    }
}

/// A new sweep, or the rows that join one: then `from` is how many it has.
#[derive(Serialize)]
struct SweepRow<'a> {
    id: SweepId,
    submitted_by: Option<String>,
    received_at: i64,
    from: u32,
    rows: u32,
    inbound: Option<InboundRow<'a>>,
    /// What it is opened in bulk with, as it is stored.
    bulk: Option<String>,
}

impl<'a> SweepRow<'a> {
    fn of(sweep: &'a SweepRecord) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: sweep.id,
            submitted_by: Some(sweep.submitted_by.to_string()),
            received_at: sweep.received_at.as_micros(),
            from: 0,
            rows: sweep.rows,
            inbound: sweep.inbound.as_ref().map(InboundRow::of),
            bulk: sweep.bulk.as_ref().map(encode).transpose()?,
        })
    }

    fn joining(join: &'a Join) -> Self {
        Self {
            id: join.sweep,
            submitted_by: None,
            received_at: join.received_at.as_micros(),
            from: join.from,
            rows: join.rows,
            inbound: join.inbound.as_ref().map(InboundRow::of),
            bulk: None,
        }
    }
}

#[derive(Serialize)]
struct SealRow {
    sweep: SweepId,
    rows: u32,
    at: i64,
}

impl SealRow {
    fn of(seal: Seal) -> Self {
        Self { sweep: seal.sweep, rows: seal.rows, at: seal.at.as_micros() }
    }
}

#[derive(Serialize)]
struct InboundRow<'a> {
    id: &'a str,
    digest: String,
    first_row: u32,
}

impl<'a> InboundRow<'a> {
    fn of(inbound: &'a Inbound) -> Self {
        Self { id: &inbound.id, digest: inbound.digest.to_string(), first_row: inbound.first_row }
    }
}

impl<'a> ChangeRow<'a> {
    fn of(change: &'a Change) -> Result<Self, sqlx::Error> {
        let (seat_request, seat) = match change.stream {
            Stream::Request(request) => (Some(request), change.seat.as_ref()),
            _ => (None, None),
        };
        let take = match seat {
            Some(SeatChange::Take { seat, generation }) => Some(SeatRow::of(seat, *generation)),
            _ => None,
        };
        Ok(Self {
            id: change.id,
            stream: change.stream,
            expected: change.expected,
            version: change.expected + u64::try_from(change.entries.len()).unwrap_or(u64::MAX),
            head: change.entries.last().map(|last| last.hash.to_string()),
            landing: Landing::of(change)?,
            fence: change.fence.as_ref().map(FenceRow::of),
            take,
            release: matches!(seat, Some(SeatChange::Release)),
            seat_request,
            sweep: change.sweep.as_ref().map(SweepRow::of).transpose()?,
            join: change.join.as_ref().map(SweepRow::joining),
            seal: change.seal.map(SealRow::of),
            rows: answer_rows(&change.rows)?,
            released: answer_rows(&change.released)?,
            agenda: edit_rows(&change.agenda)?,
            lane: change.lane.as_ref().map(LaneRow::of),
        })
    }
}

fn answer_rows(rows: &[(SweepId, RowResult)]) -> Result<Vec<AnswerRow>, sqlx::Error> {
    rows.iter().map(|(sweep, row)| Ok((*sweep, row.row, row.status.label(), encode(row)?))).collect()
}

fn answer(label: &str) -> Result<Answer, sqlx::Error> {
    Ok(match label {
        "committed" => Answer::Committed,
        "duplicate" => Answer::Duplicate,
        "version" => Answer::Conflict(Conflict::Version),
        "seat" => Answer::Conflict(Conflict::Seat),
        "lease" => Answer::Conflict(Conflict::Lease),
        "row" => Answer::Conflict(Conflict::Row),
        other => return Err(unknown(other)),
    })
}

/// Which of two changes goes first, so that batches that want the same rows want them in the same order: those that take
/// seats by seat, as their streams are new; the others by stream.
fn order(change: &Change) -> Order {
    match &change.seat {
        Some(SeatChange::Take { seat, .. }) => {
            let (app, entitlement) = (seat.app.id.as_str().to_owned(), seat.entitlement.as_str().to_owned());
            (true, app, seat.account.to_string(), entitlement)
        }
        _ => (false, change.stream.to_string(), String::new(), String::new()),
    }
}

type Order = (bool, String, String, String);

/// A change on its way to the function that lands it.
pub(super) struct NewChange {
    row: String,
    order: Order,
    /// The lease clock's time, if that is not the database's.
    now: Option<i64>,
}

impl NewChange {
    fn of(change: &Change, now: Option<i64>) -> Result<Self, sqlx::Error> {
        Ok(Self { row: json(&ChangeRow::of(change)?)?, order: order(change), now })
    }
}

impl Work for NewChange {
    type Answer = Answer;
    const CONTEXT: &'static str = CONTEXT;
    const WRITES: bool = true;
    /// While one batch waits for the disk, the next is worked on.
    const SIDE_BY_SIDE: usize = 2;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Answer>, sqlx::Error> {
        let mut places: Vec<usize> = (0..pieces.len()).collect();
        places.sort_by_key(|place| &pieces[*place].order);
        let rows = list(places.iter().map(|place| pieces[*place].row.as_str()));
        let now = pieces.iter().filter_map(|piece| piece.now).max();
        let labels: Vec<String> = sqlx::query_scalar(COMMIT).bind(rows).bind(now).fetch_one(connection).await?;
        Ok(in_order(&places, answers(labels, places.len())?))
    }
}

impl PgStore {
    /// Lands changes, and answers in their order.
    pub(super) async fn land(&self, changes: &[Change]) -> Result<Vec<Answer>, StoreError> {
        let now = self.given_now();
        let rows: Result<Vec<_>, _> = changes.iter().map(|change| NewChange::of(change, now)).collect();
        let answers = self.queues.changes.perform_all(rows.map_err(super::error::store_error(CONTEXT))?).await?;
        each_or_none(answers, CONTEXT)
    }
}

pub(super) fn change_list(changes: &[&Change]) -> Result<String, sqlx::Error> {
    json(&changes.iter().map(|change| ChangeRow::of(change)).collect::<Result<Vec<_>, _>>()?)
}

/// One answer a change, by its label.
pub(super) fn answers(labels: Vec<String>, changes: usize) -> Result<Vec<Answer>, sqlx::Error> {
    let answers: Vec<Answer> = labels.iter().map(|label| answer(label)).collect::<Result<_, _>>()?;
    if answers.len() == changes { Ok(answers) } else { Err(unknown("another number of answers")) }
}
