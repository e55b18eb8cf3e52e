//! One change: its checks, each made by the write that it guards, and then everything that lands with it.

use async_trait::async_trait;
use seatgate_core::agenda::Fence;
use seatgate_core::id::{PersonRef, RequestId, SweepId};
use seatgate_core::port::{Answer, Change, Conflict, Inbound, Join, RowResult, RowStatus, SeatChange, SweepRecord};
use seatgate_core::seat::Seat;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;

use super::writer::{Desk, Outcome, Work};
use super::{agenda, bulk, directory, lane, together};
use crate::batch::Batch;
use crate::changes::add_landing;
use crate::row::{encode, from_count, json};

/// Lengthens a chain that has exactly the expected entries and does not bear the change.
const ADVANCE: &str = "UPDATE streams SET version = $2, head = $3 WHERE stream = $1 AND version = $4
    AND NOT EXISTS (SELECT 1 FROM events WHERE stream = $1 AND change_id = $5)";
const CREATE: &str = "INSERT INTO streams (stream, version, head) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const LOOK: &str = "SELECT COALESCE((SELECT version FROM streams WHERE stream = $1), 0),
    EXISTS (SELECT 1 FROM events WHERE stream = $1 AND change_id = $2)";

const HELD: &str = "SELECT EXISTS (SELECT 1 FROM agenda WHERE key = $1 AND token = $2)";

/// A seat that nobody knows has the generation 0.
const TAKE_NEW: &str = "INSERT INTO seats (app, account, entitlement, generation, open_request)
    VALUES ($1, COALESCE((SELECT merged_into FROM accounts WHERE id = $2), $2), $3, 0, $4)
    ON CONFLICT DO UPDATE SET open_request = excluded.open_request WHERE open_request IS NULL AND generation = 0";
const TAKE_KNOWN: &str = "UPDATE seats SET open_request = $4
    WHERE app = $1 AND account = COALESCE((SELECT merged_into FROM accounts WHERE id = $2), $2) AND entitlement = $3
    AND open_request IS NULL AND generation = $5";
const TAKE_PERSON: &str = "INSERT INTO seats (app, account, entitlement, generation, open_request)
    VALUES ('', $1, '', 0, $2)
    ON CONFLICT DO UPDATE SET open_request = excluded.open_request WHERE open_request IS NULL";
const RELEASE: &str = "UPDATE seats SET open_request = NULL, generation = generation + 1,
    quiet_until = COALESCE($2, quiet_until) WHERE open_request = $1";

const SWEEP: &str = "INSERT INTO sweeps (id, submitted_by, received_at, row_count, delivery)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const JOIN: &str = "UPDATE sweeps SET row_count = row_count + $3 WHERE id = $1 AND row_count = $2";
const INBOUND: &str = "INSERT INTO inbound_ids (id, digest, sweep, first_row, received_at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
pub(super) const ROWS: &str = "INSERT INTO sweep_rows (sweep, row, status, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1) WHERE true ON CONFLICT DO NOTHING";
/// An answer that is not held stays, and so does its row in the count.
const RELEASED: &str =
    "UPDATE sweep_rows SET status = new.value ->> 2, body = new.value ->> 3 FROM json_each($1) AS new
    WHERE sweep = new.value ->> 0 AND row = new.value ->> 1 AND status = $2";

#[async_trait]
impl Work for Change {
    type Answer = Answer;
    const CONTEXT: &'static str = "committing a change";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<Answer>, sqlx::Error> {
        if let Some(answer) = advance(self, desk).await? {
            return Ok(Outcome::Undo(answer));
        }
        if let Some(conflict) = conflict(self, desk).await? {
            return Ok(Outcome::Undo(Answer::Conflict(conflict)));
        }
        let mut batch = Batch::whole();
        add_landing(self, &mut batch)?;
        together::append(&batch, desk).await?;
        agenda::edit(&self.agenda, self.fence.as_ref().map(|fence| &fence.item), desk).await?;
        if let Some(report) = &self.lane {
            lane::report(report, desk).await?;
        }
        directory::edit(&self.directory, desk).await?;
        Ok(Outcome::Keep(Answer::Committed))
    }

    fn change(&self) -> Option<(&Change, Answer)> {
        Some((self, Answer::Committed))
    }
}

/// Moves the stream's end, or says why it does not move.
async fn advance(change: &Change, desk: &mut Desk) -> Result<Option<Answer>, sqlx::Error> {
    let moved = match change.entries.last() {
        Some(last) => {
            let version = change.expected + u64::try_from(change.entries.len()).unwrap_or(u64::MAX);
            let statement = sqlx::query(if change.expected == 0 { CREATE } else { ADVANCE })
                .bind(change.stream.to_string())
                .bind(from_count(version))
                .bind(last.hash.to_string());
            // Parameters that a statement does not have must not be bound.
            let statement = match change.expected {
                0 => statement,
                expected => statement.bind(from_count(expected)).bind(change.id.to_string()),
            };
            statement.execute(&mut desk.connection).await?.rows_affected() == 1
        }
        None => false,
    };
    if moved { Ok(None) } else { look(change, desk).await }
}

/// Why a change did not move its stream; nothing, if it only appends nothing.
async fn look(change: &Change, desk: &mut Desk) -> Result<Option<Answer>, sqlx::Error> {
    let (version, known): (i64, bool) = sqlx::query_as(LOOK)
        .bind(change.stream.to_string())
        .bind(change.id.to_string())
        .fetch_one(&mut desk.connection)
        .await?;
    let fits = change.entries.is_empty() && version == from_count(change.expected);
    Ok(match (known, fits) {
        (true, _) => Some(Answer::Duplicate),
        (false, true) => None,
        (false, false) => Some(Answer::Conflict(Conflict::Version)),
    })
}

/// What the change collides with, beside its stream's version.
async fn conflict(change: &Change, desk: &mut Desk) -> Result<Option<Conflict>, sqlx::Error> {
    if let Some(fence) = &change.fence
        && !is_held(fence, desk).await?
    {
        return Ok(Some(Conflict::Lease));
    }
    if let Some(seat) = &change.seat
        && !change_seat(seat, request_of(change), desk).await?
    {
        return Ok(Some(Conflict::Seat));
    }
    let new = match &change.sweep {
        Some(sweep) => add_sweep(sweep, desk).await?,
        None => true,
    };
    let new = match &change.join {
        Some(join) => new && join_sweep(join, desk).await?,
        None => new,
    };
    let new = match &change.seal {
        Some(seal) => new && bulk::seal(seal, desk).await?,
        None => new,
    };
    let new = new && (change.rows.is_empty() || add_rows(&change.rows, desk).await?);
    let fits = new && (change.released.is_empty() || release_rows(&change.released, desk).await?);
    Ok((!fits).then_some(Conflict::Row))
}

async fn is_held(fence: &Fence, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let held = sqlx::query_scalar(HELD).bind(fence.item.key()).bind(from_count(fence.token));
    held.fetch_one(&mut desk.connection).await
}

/// The request for which a change takes or releases a seat.
fn request_of(change: &Change) -> Option<RequestId> {
    match change.stream {
        Stream::Request(request) => Some(request),
        _ => None,
    }
}

async fn change_seat(change: &SeatChange, request: Option<RequestId>, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    match (change, request) {
        (SeatChange::Take { seat, generation }, Some(request)) => take(seat, *generation, request, desk).await,
        (SeatChange::TakePerson { person }, Some(request)) => take_person(*person, request, desk).await,
        (SeatChange::Release { quiet_until }, Some(request)) => {
            let quiet_until = quiet_until.map(Timestamp::as_micros);
            sqlx::query(RELEASE).bind(request.to_string()).bind(quiet_until).execute(&mut desk.connection).await?;
            Ok(true)
        }
        (SeatChange::Take { .. } | SeatChange::TakePerson { .. }, None) => Ok(false),
        _ => Ok(true),
    }
}

async fn take(seat: &Seat, generation: u64, request: RequestId, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let statement = sqlx::query(if generation == 0 { TAKE_NEW } else { TAKE_KNOWN })
        .bind(seat.app.id.as_str())
        .bind(seat.account.to_string())
        .bind(seat.entitlement.as_str())
        .bind(request.to_string());
    let statement = if generation == 0 { statement } else { statement.bind(from_count(generation)) };
    Ok(statement.execute(&mut desk.connection).await?.rows_affected() == 1)
}

/// A person stands among the seats, in no app: so releasing it is the same.
async fn take_person(person: PersonRef, request: RequestId, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let statement = sqlx::query(TAKE_PERSON).bind(person.to_string()).bind(request.to_string());
    Ok(statement.execute(&mut desk.connection).await?.rows_affected() == 1)
}

async fn add_sweep(sweep: &SweepRecord, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let added = sqlx::query(SWEEP)
        .bind(sweep.id.to_string())
        .bind(sweep.submitted_by.to_string())
        .bind(sweep.received_at.as_micros())
        .bind(sweep.rows)
        .bind(sweep.inbound.as_ref().map(|inbound| &inbound.id))
        .execute(&mut desk.connection)
        .await?;
    let added = added.rows_affected() == 1;
    if !added {
        return Ok(false);
    }
    bulk::open(sweep, desk).await?;
    add_delivery(sweep.id, sweep.inbound.as_ref(), sweep.received_at, desk).await
}

async fn join_sweep(join: &Join, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let joined = sqlx::query(JOIN)
        .bind(join.sweep.to_string())
        .bind(join.from)
        .bind(join.rows)
        .execute(&mut desk.connection)
        .await?;
    let joined = joined.rows_affected() == 1;
    Ok(joined && add_delivery(join.sweep, join.inbound.as_ref(), join.received_at, desk).await?)
}

/// Whether the delivery is new; so is none at all.
async fn add_delivery(
    sweep: SweepId,
    inbound: Option<&Inbound>,
    received_at: Timestamp,
    desk: &mut Desk,
) -> Result<bool, sqlx::Error> {
    let Some(inbound) = inbound else { return Ok(true) };
    let added = sqlx::query(INBOUND)
        .bind(&inbound.id)
        .bind(inbound.digest.to_string())
        .bind(sweep.to_string())
        .bind(inbound.first_row)
        .bind(received_at.as_micros())
        .execute(&mut desk.connection)
        .await?;
    Ok(added.rows_affected() == 1)
}

async fn add_rows(rows: &[(SweepId, RowResult)], desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let added = sqlx::query(ROWS).bind(row_list(rows)?).execute(&mut desk.connection).await?;
    Ok(usize::try_from(added.rows_affected()).is_ok_and(|added| added == rows.len()))
}

async fn release_rows(rows: &[(SweepId, RowResult)], desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let release = sqlx::query(RELEASED).bind(row_list(rows)?).bind(RowStatus::Held.label());
    let released = release.execute(&mut desk.connection).await?;
    Ok(usize::try_from(released.rows_affected()).is_ok_and(|released| released == rows.len()))
}

/// Answers as a list of sweep, row, status and body.
fn row_list(rows: &[(SweepId, RowResult)]) -> Result<String, sqlx::Error> {
    let list = rows.iter().map(|(sweep, result)| Ok((sweep, result.row, result.status, encode(result)?)));
    json(&list.collect::<Result<Vec<_>, sqlx::Error>>()?)
}
