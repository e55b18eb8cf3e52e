//! Changes, as rows in lists.

use std::collections::BTreeSet;

use seatgate_core::id::{ChangeId, PersonRef, RequestId, SweepId, TextId};
use seatgate_core::port::{Change, Inbound, Join, RowResult, Seal, SeatChange, SweepRecord};
use seatgate_core::request::StateLabel;
use seatgate_core::seat::Seat;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;
use serde::Serialize;

use crate::batch::Batch;
use crate::directory::EditRow as DirectoryRow;
use crate::edits::{self, FenceRow, LaneRow};
use crate::landing::{Landing, RequestRow, TextRow};
use crate::row::encode;

/// Sweep, row, status and body.
type AnswerRow = (SweepId, u32, &'static str, String);

#[derive(Serialize)]
struct SeatRow<'a> {
    app: &'a str,
    account: String,
    entitlement: &'a str,
    /// None for a person who leaves.
    generation: Option<u64>,
    request: RequestId,
}

impl<'a> SeatRow<'a> {
    fn of(Seat { app, account, entitlement, .. }: &'a Seat, generation: u64, request: RequestId) -> Self {
        let (account, entitlement) = (account.to_string(), entitlement.as_str());
        Self { app: app.id.as_str(), account, entitlement, generation: Some(generation), request }
    }

    /// A person stands among the seats, in no app: so releasing it is the same.
    fn leaver(person: PersonRef, request: RequestId) -> Self {
        Self { app: "", account: person.to_string(), entitlement: "", generation: None, request }
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

/// What a sweep is opened in bulk with, as it is stored.
#[derive(Serialize)]
struct BulkRow {
    id: SweepId,
    bulk: String,
}

impl BulkRow {
    fn of(sweep: &SweepRecord) -> Result<Option<Self>, sqlx::Error> {
        sweep.bulk.as_ref().map(|bulk| Ok(Self { id: sweep.id, bulk: encode(bulk)? })).transpose()
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

/// Adds the rows of a change to the lists that the statements want.
pub(crate) fn add_change(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
    add_chain(change, batch)?;
    add_checks(change, batch)?;
    add_landing(change, batch)?;
    edits::add_edits(change, batch)?;
    batch.add("lanes", change.lane.as_ref().map(LaneRow::of))
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
        (Some(SeatChange::TakePerson { person }), Stream::Request(request)) => {
            batch.add("leavers", [SeatRow::leaver(*person, request)])?;
        }
        (Some(SeatChange::Release { quiet_until }), Stream::Request(request)) => {
            batch.add("quiet", quiet_until.map(|until| (request, until.as_micros())))?;
            batch.add("releases", [request])?;
        }
        _ => {}
    }
    batch.add("sweeps", change.sweep.as_ref().map(SweepRow::of))?;
    batch.add("bulks", change.sweep.as_ref().map(BulkRow::of).transpose()?.flatten())?;
    batch.add("seals", change.seal.map(SealRow::of))?;
    batch.add("joins", change.join.as_ref().map(JoinRow::of))?;
    batch.add("deliveries", change.sweep.as_ref().and_then(DeliveryRow::of))?;
    batch.add("deliveries", change.join.as_ref().and_then(DeliveryRow::joining))?;
    batch.add("answers", answer_rows(&change.rows)?)?;
    batch.add("released", answer_rows(&change.released)?)
}

/// What is appended and overwritten once the checks have passed.
pub(crate) fn add_landing(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
    let landing = Landing::of(change)?;
    for row in landing.events {
        let row = Of { owner: Source { stream: change.stream }, row };
        batch.add_with_body("events", row, |event| &mut event.row.body)?;
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

fn add_request(is_new: bool, row: RequestRow<'_>, asked: Vec<PersonRef>, batch: &mut Batch) -> Result<(), sqlx::Error> {
    let (request, state, kept_until) = (row.id, row.state, row.kept_until);
    let asked: BTreeSet<PersonRef> = asked.into_iter().collect();
    batch.add("asked", asked.iter().map(|person| AskedRow { person: *person, request, state, kept_until }))?;
    if is_new {
        return batch.add_with_body("opened", row, |row| &mut row.body);
    }
    batch.add_with_body("moved", MovedRow { row, asked }, |moved| &mut moved.row.body)
}

#[derive(Serialize)]
struct SubjectRow {
    person: PersonRef,
    text: TextId,
}

/// Texts, and whose personal data they are.
pub(crate) fn add_texts(texts: Vec<TextRow<'_>>, batch: &mut Batch) -> Result<(), sqlx::Error> {
    for row in texts {
        batch.add("subjects", row.about.iter().map(|person| SubjectRow { person: *person, text: row.id }))?;
        batch.add_with_body("texts", row, |text| &mut text.body)?;
    }
    Ok(())
}

fn answer_rows(rows: &[(SweepId, RowResult)]) -> Result<Vec<AnswerRow>, sqlx::Error> {
    rows.iter().map(|(sweep, row)| Ok((*sweep, row.row, row.status.label(), encode(row)?))).collect()
}
