//! Reading tables: a header row that names columns, and rows that stand or fall alone.

use csv::{ByteRecord, ReaderBuilder};
use seatgate_core::port::Problem as RowProblem;

use super::rows::{self, MOST_ROWS};
use crate::problem::Problem;

/// A longer name of a column is not repeated.
const LONGEST_NAME: usize = 60;

/// Reads a table: first its header, then by it each row that has any cell and as many of them as the header.
///
/// # Errors
/// When the header row is missing or refused, or the table as a whole cannot be read.
pub(crate) fn read<H, T>(
    body: &[u8],
    header: impl FnOnce(&ByteRecord) -> Result<H, Problem>,
    row: impl Fn(&H, &ByteRecord) -> Result<T, RowProblem>,
) -> Result<(H, Vec<Result<T, RowProblem>>), Problem> {
    let mut table = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
    let mut record = ByteRecord::new();
    if !table.read_byte_record(&mut record).map_err(|_| unreadable())? {
        return Err(Problem::bad_request("expected a header row with the names of the columns"));
    }
    let (header, columns) = (header(&record)?, record.len());
    let mut rows = Vec::new();
    while table.read_byte_record(&mut record).map_err(|_| unreadable())? {
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        if rows.len() == MOST_ROWS {
            return Err(rows::too_many());
        }
        rows.push(of_width(columns, &record).and_then(|()| row(&header, &record)));
    }
    Ok((header, rows))
}

pub(super) fn unreadable() -> Problem {
    Problem::bad_request("the table cannot be read")
}

pub(super) fn of_width(columns: usize, record: &ByteRecord) -> Result<(), RowProblem> {
    if record.len() == columns {
        return Ok(());
    }
    let detail = format!("has {} cells under {columns} columns; is a quote missing?", record.len());
    Err(rows::invalid("", detail))
}

/// Which of the known columns each one is, from the header row.
pub(crate) fn columns(header: &ByteRecord, known: &[&'static str]) -> Result<Vec<usize>, Problem> {
    let mut places = Vec::new();
    for (index, cell) in header.iter().enumerate() {
        let Some(place) = known.iter().position(|name| name.as_bytes() == cell.trim_ascii()) else {
            let (shown, known) = (shown(index, cell), known.join(", "));
            return Err(Problem::bad_request(format!("unknown column {shown}; known are {known}")));
        };
        if places.contains(&place) {
            return Err(twice(known[place]));
        }
        places.push(place);
    }
    Ok(places)
}

pub(super) fn twice(name: &str) -> Problem {
    Problem::bad_request(format!("the column `{name}` is there twice"))
}

/// A column as its sender calls it, if that can be shown, else by its place.
fn shown(index: usize, name: &[u8]) -> String {
    match std::str::from_utf8(name.trim_ascii()) {
        Ok(name) if !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control) => {
            format!("`{name}`")
        }
        _ => format!("number {}", index + 1),
    }
}

/// One cell, trimmed, which fills the member at `pointer`.
pub(crate) fn cell<'a>(record: &'a ByteRecord, column: usize, pointer: &str) -> Result<&'a str, RowProblem> {
    let invalid = |detail| Err(rows::invalid(pointer, detail));
    match std::str::from_utf8(record.get(column).unwrap_or_default()).map(str::trim) {
        Err(_) => invalid("holds bytes that are no UTF-8"),
        Ok(cell) if cell.contains(['\n', '\r']) => invalid("holds a line break; is a quote missing at its end?"),
        Ok(cell) => Ok(cell),
    }
}
