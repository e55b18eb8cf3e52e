//! A file of candidates: its form, by its extension, and what to show of its rows.

use std::path::Path;

use serde_json::{Map, Value};

/// The most that the server takes in one delivery.
const MOST: u64 = 8 * 1024 * 1024;

/// What is handed in.
pub(crate) struct SweepFile {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: &'static str,
    /// The rows as the server counts them, as far as they can be read: for showing whose they are, and no more.
    pub(crate) rows: Vec<Value>,
}

impl SweepFile {
    /// Whether a file is more than one delivery.
    pub(crate) fn is_large(path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|file| file.len() > MOST)
    }

    /// Reads a file: `.ndjson` and `.jsonl` are JSON lines, `.csv` is a table, everything else is JSON.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
        let body = std::fs::read(path).map_err(cannot)?;
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("ndjson" | "jsonl") => Ok(Self { rows: lines(&body), content_type: "application/x-ndjson", body }),
            Some("csv") => Ok(Self { rows: table(&body), content_type: "text/csv", body }),
            _ => Self::json(body),
        }
    }

    /// A JSON object or array.
    pub(crate) fn json(body: Vec<u8>) -> Result<Self, String> {
        let rows =
            match serde_json::from_slice(without_mark(&body)).map_err(|error| format!("this is no JSON: {error}"))? {
                Value::Array(rows) => rows,
                row => vec![row],
            };
        Ok(Self { body, content_type: "application/json", rows })
    }
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

fn lines(body: &[u8]) -> Vec<Value> {
    let lines = without_mark(body).split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap_or(Value::Null)).collect()
}

/// The columns that say which seat a row is about: each with the object and the member that it is in JSON.
const COLUMNS: [(&str, &str, &str); 4] = [
    ("app_id", "app", "id"),
    ("account_id", "account", "id"),
    ("account_email", "account", "email"),
    ("entitlement", "", "entitlement"),
];

fn table(body: &[u8]) -> Vec<Value> {
    let mut table = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(without_mark(body));
    let Ok(header) = table.byte_headers().cloned() else { return Vec::new() };
    let column = |name: &str| header.iter().position(|column| column == name.as_bytes());
    let places = COLUMNS.map(|(name, parent, member)| (column(name), parent, member));
    let records = table.byte_records().map_while(Result::ok);
    let records = records.filter(|record| record.iter().any(|cell| !cell.is_empty()));
    records
        .map(|record| {
            let mut row = Value::Object(Map::new());
            for (place, parent, member) in &places {
                let cell = place.and_then(|place| record.get(place)).filter(|cell| !cell.is_empty());
                if let Some(cell) = cell {
                    let text = Value::String(String::from_utf8_lossy(cell).into_owned());
                    let holder = if parent.is_empty() { &mut row } else { &mut row[*parent] };
                    holder[*member] = text;
                }
            }
            row
        })
        .collect()
}
