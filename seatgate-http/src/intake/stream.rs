//! Rows of a body of any length, a batch at a time.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::HeaderMap;
use csv::{ByteRecord, ReaderBuilder};
use futures_util::StreamExt;
use seatgate_core::canonical::Digest;
use seatgate_core::gate::UploadRow;

use super::asked::Asked;
use super::format::Format;
use super::plan::Plan;
use super::records::Records;
use super::{csv as table, rows};
use crate::problem::Problem;
use crate::request;
use crate::server::App;

/// So many rows are kept together at the most,
const BATCH_ROWS: usize = 1000;
/// and so many bytes.
const BATCH_BYTES: usize = 1024 * 1024;

/// How rows are read.
enum Reading {
    /// Each is a candidate as JSON.
    Candidates,
    /// Each is an object that a mapping reads.
    Mapped(Plan),
    /// The next one is the header of a table.
    Header,
    /// Each is a record of a table with this plan, under the columns of this header.
    Table { plan: Plan, header: Vec<u8>, columns: usize },
}

/// The rows of a body on their way in.
pub(crate) struct RowStream {
    app: App,
    asked: Asked,
    body: BodyDataStream,
    records: Records,
    reading: Reading,
    /// Rows that were read, and how many bytes they are.
    gathered: (Vec<UploadRow>, usize),
    begun: bool,
    ended: bool,
}

impl RowStream {
    /// Reads `body` as `asked` for, in the form that its headers name.
    ///
    /// # Errors
    /// When the body is of no form that comes row by row, or the mapping does not fit it.
    pub(crate) fn new(app: App, asked: Asked, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        request::require_plain(headers)?;
        let chosen = asked.mapping(&app.options)?;
        let (records, reading) = match (Format::of(headers)?, &chosen) {
            (Format::Csv, _) => (Records::of_table(), Reading::Header),
            (Format::Ndjson, None) => (Records::of_lines(), Reading::Candidates),
            (Format::Ndjson, Some(chosen)) => (Records::of_lines(), Reading::Mapped(rows::plan(chosen)?)),
            (Format::Json, _) => {
                let detail = "expected rows that come one by one: `application/x-ndjson` or `text/csv`";
                return Err(Problem::unsupported(detail));
            }
        };
        let body = body.into_data_stream();
        Ok(Self { app, asked, body, records, reading, gathered: (Vec::new(), 0), begun: false, ended: false })
    }

    /// Gathers rows until there is a batch of them, or the body has come to its end.
    ///
    /// # Errors
    /// When the body is cut or too slow, or a row or the header cannot be read. What was gathered by then is not to be
    /// kept: the sender asks how many rows are there, and goes on.
    ///
    /// # Cancel safety
    /// Cancel safe: what was gathered stays.
    pub(crate) async fn fill(&mut self) -> Result<(), Problem> {
        let (rows, bytes) = &mut self.gathered;
        while rows.len() < BATCH_ROWS && *bytes < BATCH_BYTES {
            if let Some(row) = self.records.next_row().map_err(|error| Problem::too_large(error.to_string()))? {
                *bytes += row.len();
                rows.extend(self.reading.row(row, &self.app, &self.asked)?);
            } else if self.ended {
                let last = self.records.last_row();
                rows.extend(last.map(|row| self.reading.row(row, &self.app, &self.asked)).transpose()?.flatten());
                break;
            } else if let Some(part) = next_part(&mut self.body).await? {
                let marked = !std::mem::replace(&mut self.begun, true);
                let part = if marked { part.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&part) } else { &part };
                self.records.push(part);
            } else {
                self.ended = true;
            }
        }
        Ok(())
    }

    /// What was gathered; nothing once the body has come to its end.
    pub(crate) fn take(&mut self) -> Vec<UploadRow> {
        std::mem::take(&mut self.gathered).0
    }
}

/// The next part of the body; none at its end.
async fn next_part(body: &mut BodyDataStream) -> Result<Option<Bytes>, Problem> {
    let part = tokio::time::timeout(request::WITHIN, body.next()).await;
    let part = part.map_err(|_| Problem::too_slow("nothing more of the body came for a minute"))?;
    part.transpose().map_err(|_| Problem::bad_request("the body could not be read to its end"))
}

impl Reading {
    /// What a row is; nothing, where it is the header.
    fn row(&mut self, row: &[u8], app: &App, asked: &Asked) -> Result<Option<UploadRow>, Problem> {
        let read = match self {
            Self::Header => {
                let record = record(row)?;
                let plan = table::plan(&record, asked.mapping(&app.options)?.as_ref())?;
                *self = Self::Table { plan, header: row.to_vec(), columns: record.len() };
                return Ok(None);
            }
            Self::Candidates => rows::candidate(row, rows::ODD_LINE),
            Self::Mapped(plan) => rows::mapped(plan, row, rows::ODD_LINE),
            Self::Table { plan, columns, .. } => table::candidate(plan, *columns, &record(row)?),
        };
        Ok(Some(UploadRow::new(self.digest(row), read)))
    }

    /// The same cells under other columns are another row.
    fn digest(&self, row: &[u8]) -> Digest {
        match self {
            Self::Table { header, .. } => Digest::of(&[header.as_slice(), b"\n", row].concat()),
            _ => Digest::of(row),
        }
    }
}

/// The one record in these bytes.
fn record(row: &[u8]) -> Result<ByteRecord, Problem> {
    let mut record = ByteRecord::new();
    let mut table = ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(row.len()).from_reader(row);
    let read = table.read_byte_record(&mut record).map_err(|_| super::table::unreadable())?;
    if read { Ok(record) } else { Err(super::table::unreadable()) }
}
