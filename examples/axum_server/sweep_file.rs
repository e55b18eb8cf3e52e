//! A file of candidates: its form, by its extension, and what to show of its rows.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

/// The most that the server takes in one delivery.
const MOST: u64 = 8 * 1024 * 1024;
const TOO_LARGE: &str = "is larger than 8 MiB, and the server takes no more at once: nothing was sent. Split the file and \
    hand in one part after the other; a table needs its header line in each";

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

/// What a file holds, if the server takes so much.
pub(crate) fn body(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut body = Vec::new();
    File::open(path).map_err(cannot)?.take(MOST + 1).read_to_end(&mut body).map_err(cannot)?;
    if body.len() as u64 > MOST {
        return Err(format!("{}: {TOO_LARGE}", path.display()));
    }
    Ok(body)
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
