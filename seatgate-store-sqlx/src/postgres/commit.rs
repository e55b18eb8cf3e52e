//! Changes, as the function that lands them wants them.

use std::collections::BTreeSet;

use seatgate_core::id::{ChangeId, PersonRef, RequestId, SweepId, TextId};
use seatgate_core::port::{Answer, Change, Conflict, Inbound, Join, RowResult, SeatChange, StoreError, SweepRecord};
use seatgate_core::request::StateLabel;
use seatgate_core::seat::Seat;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;
use serde::Serialize;
use sqlx::PgConnection;

use super::PgStore;
use super::agenda::{self, FenceRow, LaneRow};
use super::batch::{Batch, Landing as Function};
use super::error::{store_error, write_error};
use super::queue::{Work, each_or_none, in_order};
use crate::directory::EditRow as DirectoryRow;
use crate::landing::{Landing, RequestRow, TextRow};
use crate::row::{encode, unknown};

const CONTEXT: &str = "committing a change";
const COMMIT: &str = "SELECT commit_together($1::jsonb, $2, $3, $4, $5)";

/// Sweep, row, status and body.
type AnswerRow = (SweepId, u32, &'static str, String);

#[derive(Serialize)]
struct SeatRow<'a> {
    app: &'a str,
    account: String,
    entitlement: &'a str,
    generation: u64,
    request: RequestId,
}

impl<'a> SeatRow<'a> {
    fn of(Seat { app, account, entitlement, .. }: &'a Seat, generation: u64, request: RequestId) -> Self {
        let (account, entitlement) = (account.to_string(), entitlement.as_str());
        Self { app: app.id.as_str(), account, entitlement, generation, request }
    }
}

/// A new sweep.
#[derive(Serialize)]
struct SweepRow<'a> {
    id: SweepId,
    submitted_by: String,
    received_at: i64,
    rows: u32,
    /// The delivery that brought it.
    delivery: Option<&'a str>,
}

impl<'a> SweepRow<'a> {
    fn of(sweep: &'a SweepRecord) -> Self {
        Self {
            id: sweep.id,
            submitted_by: sweep.submitted_by.to_string(),
            received_at: sweep.received_at.as_micros(),
            rows: sweep.rows,
            delivery: sweep.inbound.as_ref().map(|inbound| inbound.id.as_str()),
        }
    }
}

/// More rows for a sweep that has `from`.
#[derive(Serialize)]
struct JoinRow {
    id: SweepId,
    from: u32,
    rows: u32,
}

impl JoinRow {
    fn of(join: &Join) -> Self {
        Self { id: join.sweep, from: join.from, rows: join.rows }
    }
}

#[derive(Serialize)]
struct DeliveryRow<'a> {
    id: &'a str,
    digest: String,
    sweep: SweepId,
    first_row: u32,
    received_at: i64,
}

impl<'a> DeliveryRow<'a> {
    fn of(sweep: &'a SweepRecord) -> Option<Self> {
        Some(Self::new(sweep.inbound.as_ref()?, sweep.id, sweep.received_at))
    }

    fn joining(join: &'a Join) -> Option<Self> {
        Some(Self::new(join.inbound.as_ref()?, join.sweep, join.received_at))
    }

    fn new(inbound: &'a Inbound, sweep: SweepId, received_at: Timestamp) -> Self {
        let Inbound { id, digest, first_row, .. } = inbound;
        Self { id, digest: digest.to_string(), sweep, first_row: *first_row, received_at: received_at.as_micros() }
    }
}

/// A chain that grows, is created, or must only be as long as expected.
#[derive(Serialize)]
struct ChainRow {
    id: ChangeId,
    stream: Stream,
    expected: u64,
    /// How long it is afterwards.
    version: u64,
    /// Its end afterwards; none where nothing is appended.
    head: Option<String>,
}

/// A row of a table that belongs to a request, or to a stream.
#[derive(Serialize)]
struct Of<I, R> {
    #[serde(flatten)]
    owner: I,
    #[serde(flatten)]
    row: R,
}

#[derive(Serialize)]
struct Owner {
    request: RequestId,
}

#[derive(Serialize)]
struct Source {
    stream: Stream,
}

#[derive(Serialize)]
struct Place {
    position: usize,
    request: RequestId,
}

#[derive(Serialize)]
struct AskedRow {
    person: PersonRef,
    request: RequestId,
    state: StateLabel,
    kept_until: Option<i64>,
}

#[derive(Serialize)]
struct MovedRow<R> {
    #[serde(flatten)]
    row: R,
    asked: BTreeSet<PersonRef>,
}

/// The rows of a change, by the lists that the function wants.
fn batch_of(change: &Change, now: Option<i64>) -> Result<Batch, sqlx::Error> {
    let mut batch = Batch::at(now);
    add_chain(change, &mut batch)?;
    add_checks(change, &mut batch)?;
    add_landing(change, &mut batch)?;
    agenda::add_edits(change, &mut batch)?;
    batch.add("lanes", change.lane.as_ref().map(LaneRow::of))?;
    Ok(batch)
}

fn add_chain(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
    let list = match (change.entries.is_empty(), change.expected) {
        (true, _) => "unmoved",
        (false, 0) => "created",
        (false, _) => "grown",
    };
    let row = ChainRow {
        id: change.id,
        stream: change.stream,
        expected: change.expected,
        version: change.expected + u64::try_from(change.entries.len()).unwrap_or(u64::MAX),
        head: change.entries.last().map(|last| last.hash.to_string()),
    };
    batch.add(list, [row])
}

/// What must hold beside the chain's length, and what follows from that.
fn add_checks(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
    batch.add("fences", change.fence.as_ref().map(FenceRow::of))?;
    match (&change.seat, change.stream) {
        (Some(SeatChange::Take { seat, generation }), Stream::Request(request)) => {
            batch.add("takes", [SeatRow::of(seat, *generation, request)])?;
        }
        (Some(SeatChange::Release { quiet_until }), Stream::Request(request)) => {
            batch.add("quiet", quiet_until.map(|until| (request, until.as_micros())))?;
            batch.add("releases", [request])?;
        }
        _ => {}
    }
    batch.add("sweeps", change.sweep.as_ref().map(SweepRow::of))?;
    batch.add("joins", change.join.as_ref().map(JoinRow::of))?;
    batch.add("deliveries", change.sweep.as_ref().and_then(DeliveryRow::of))?;
    batch.add("deliveries", change.join.as_ref().and_then(DeliveryRow::joining))?;
    batch.add("answers", answer_rows(&change.rows)?)?;
    batch.add("released", answer_rows(&change.released)?)
}

/// What is appended and overwritten once the checks have passed.
fn add_landing(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
    let landing = Landing::of(change)?;
    for mut row in landing.events {
        batch.add_body("events", row.body.take().unwrap_or_default());
        batch.add("events", [Of { owner: Source { stream: change.stream }, row }])?;
    }
    if let Some(row) = landing.request {
        let request = row.id;
        add_request(change.expected == 0, row, landing.asked, batch)?;
        let tasks = landing.tasks.into_iter().enumerate();
        batch.add("tasks", tasks.map(|(position, row)| Of { owner: Place { position, request }, row }))?;
        match landing.saving {
            Some(row) => batch.add("savings", [Of { owner: Owner { request }, row }])?,
            None if change.expected > 0 => batch.add("unsaved", [request])?,
            None => {}
        }
    }
    let edits = change.directory.iter().map(DirectoryRow::of).collect::<Result<Vec<_>, _>>()?;
    batch.add("directory", edits)?;
    batch.add("cards", landing.cards)?;
    batch.add("members", landing.members)?;
    add_texts(landing.texts, batch)
}

fn add_request(
    is_new: bool,
    mut row: RequestRow<'_>,
    asked: Vec<PersonRef>,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    let (request, state, kept_until) = (row.id, row.state, row.kept_until);
    let asked: BTreeSet<PersonRef> = asked.into_iter().collect();
    batch.add("asked", asked.iter().map(|person| AskedRow { person: *person, request, state, kept_until }))?;
    let list = if is_new { "opened" } else { "moved" };
    batch.add_body(list, row.body.take().unwrap_or_default());
    if is_new { batch.add(list, [row]) } else { batch.add(list, [MovedRow { row, asked }]) }
}

#[derive(Serialize)]
struct SubjectRow {
    person: PersonRef,
    text: TextId,
}

/// Texts, and whose personal data they are.
pub(super) fn add_texts(texts: Vec<TextRow<'_>>, batch: &mut Batch) -> Result<(), sqlx::Error> {
    for mut row in texts {
        batch.add_body("texts", row.body.take().unwrap_or_default());
        batch.add("subjects", row.about.iter().map(|person| SubjectRow { person: *person, text: row.id }))?;
        batch.add("texts", [row])?;
    }
    Ok(())
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

/// The function that lands changes; `schema` as a prefix, where it is not on the search path.
pub(super) fn commit_statement(schema: &str) -> String {
    format!("SELECT {schema}commit_together($1::jsonb, $2, $3, $4, $5)")
}

fn landing(sql: &str) -> Function<'_> {
    Function { sql, bodies: &["opened", "moved", "events", "texts"], landed: "committed" }
}

/// A change on its way to the function that lands it.
pub(super) struct NewChange {
    batch: Batch,
    order: Order,
}

impl NewChange {
    fn of(change: &Change, now: Option<i64>) -> Result<Self, sqlx::Error> {
        Ok(Self { batch: batch_of(change, now)?, order: order(change) })
    }
}

impl Work for NewChange {
    type Answer = Answer;
    const CONTEXT: &'static str = CONTEXT;
    const WRITES: bool = true;
    /// While one batch waits for the disk, the next is worked on.
    const SIDE_BY_SIDE: usize = 2;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Answer>, sqlx::Error> {
        let (places, batches) = sorted(pieces);
        let labels = landing(COMMIT).land(&batches, connection).await?;
        Ok(in_order(&places, answers(&labels)?))
    }
}

/// The batches in their order, and whose they are.
fn sorted<'a>(pieces: &[&'a NewChange]) -> (Vec<usize>, Vec<&'a Batch>) {
    let mut places: Vec<usize> = (0..pieces.len()).collect();
    places.sort_by_key(|place| &pieces[*place].order);
    let batches = places.iter().map(|place| &pieces[*place].batch).collect();
    (places, batches)
}

impl PgStore {
    /// Lands changes, and answers in their order.
    pub(super) async fn land(&self, changes: &[Change]) -> Result<Vec<Answer>, StoreError> {
        let answers = self.queues.changes.perform_all(self.pieces(changes)?).await?;
        each_or_none(answers, CONTEXT)
    }

    /// Lands changes within a transaction of the caller's, and answers in their order.
    pub(super) async fn land_in(
        &self,
        transaction: &mut PgConnection,
        changes: &[Change],
    ) -> Result<Vec<Answer>, StoreError> {
        let pieces = self.pieces(changes)?;
        let (places, batches) = sorted(&pieces.iter().collect::<Vec<_>>());
        let labels = landing(&self.commit_here).land_in(&batches, transaction).await.map_err(write_error(CONTEXT))?;
        Ok(in_order(&places, answers(&labels).map_err(store_error(CONTEXT))?))
    }

    fn pieces(&self, changes: &[Change]) -> Result<Vec<NewChange>, StoreError> {
        let now = self.given_now();
        let pieces: Result<_, _> = changes.iter().map(|change| NewChange::of(change, now)).collect();
        pieces.map_err(store_error(CONTEXT))
    }
}

fn answers(labels: &[String]) -> Result<Vec<Answer>, sqlx::Error> {
    labels.iter().map(|label| answer(label)).collect()
}
