//! Batches of rows as columns: one row of a table holds a thousand of a sweep, so that taking in many costs little.

use seatgate_core::canonical::Digest;
use seatgate_core::id::SweepId;
use seatgate_core::port::{Batch, BatchRow, RowResult};
use seatgate_core::time::Timestamp;

use crate::row::{encode, json, read, to_number};

/// A digest is so many letters.
const DIGEST: usize = 64;

/// The digests of a batch, one after the other.
pub(crate) fn digests(batch: &Batch) -> String {
    let mut digests = String::with_capacity(DIGEST * batch.rows.len());
    batch.rows.iter().for_each(|row| digests.push_str(&row.digest.to_string()));
    digests
}

/// The texts of a batch, a line each: none holds a line break.
pub(crate) fn texts(batch: &Batch) -> String {
    batch.rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Answers to rows of one sweep, as a list of sweep, row, status and body.
pub(crate) fn answers(sweep: SweepId, rows: &[RowResult]) -> Result<String, sqlx::Error> {
    let list = rows.iter().map(|result| Ok((sweep, result.row, result.status, encode(result)?)));
    json(&list.collect::<Result<Vec<_>, sqlx::Error>>()?)
}

/// First row, when it came, digests, and texts.
pub(crate) type Columns = (i32, i64, String, String);

/// The batch behind the columns.
pub(crate) fn batch(sweep: SweepId, (from, received_at, digests, texts): Columns) -> Result<Batch, sqlx::Error> {
    let mut rows = Vec::with_capacity(digests.len() / DIGEST);
    let mut rest = digests.as_str();
    for text in texts.split('\n') {
        let (digest, behind) = rest.split_at_checked(DIGEST).ok_or_else(unequal)?;
        rows.push(BatchRow::new(read::<Digest>(digest)?, text.to_owned()));
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(unequal());
    }
    Ok(Batch::new(sweep, to_number(from)?, Timestamp::from_micros(received_at), rows))
}

fn unequal() -> sqlx::Error {
    sqlx::Error::Decode("a batch with another number of digests than of texts".into())
}
