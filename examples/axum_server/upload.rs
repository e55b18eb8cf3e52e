//! Handing in a file of any length: opened under its digest, sent from where an earlier try was cut, sealed, waited for.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use futures_util::{Stream, stream};
use indicatif::ProgressBar;
use seatgate_http::intake::records::{Records, TooLong};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::{CallError, Client};
use crate::progress::bar;

/// So much of the file is read, and sent, together.
const PART: usize = 64 * 1024;
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const AGAIN: &str = "run the same command again to go on where it stopped";
/// So many rows that were rejected are repeated at the end.
const SHOWN: usize = 20;

/// What came of an upload.
pub(crate) struct Uploaded {
    /// The sweep as it stands, without its rows.
    pub(crate) sweep: Value,
    /// The first rows that were rejected while they were sent.
    pub(crate) rejected: Vec<Value>,
}

/// Sends the file at `path` and waits until every row has its answer. `query` says how the rows are read, and whether
/// anybody is asked.
pub(crate) async fn upload(client: &Client, path: &Path, query: &[(&str, &str)]) -> Result<Uploaded, CallError> {
    let mut file = RowFile::open(path).map_err(CallError::Local)?;
    let (dry_run, reading): (Vec<_>, Vec<_>) = query.iter().copied().partition(|(name, _)| *name == "dry_run");
    let name = format!("file {} {}", file.digest, pairs(query));
    let opened = client.post(&format!("/v1/sweeps?{}", pairs(&dry_run)), &json!({ "external_id": name })).await?;
    let id = opened.get("sweep_id").and_then(Value::as_str).unwrap_or_default();
    let sweep = format!("/v1/sweeps/{id}");
    let standing = client.get(&format!("{sweep}?limit=0")).await?;
    let mut rejected = Vec::new();
    if standing.get("state").and_then(Value::as_str) == Some("open") {
        let received = number(&standing, "received");
        file.skip = usize::try_from(received).unwrap_or(usize::MAX);
        let query = pairs(&[&reading[..], &[("from", &received.to_string())]].concat());
        let sent = send(client, file, &format!("{sweep}/rows?{query}"), &mut rejected).await?;
        client.post(&format!("{sweep}/seal"), &json!({ "rows": sent })).await?;
    }
    Ok(Uploaded { sweep: answered(client, &sweep).await?, rejected })
}

/// Sends the rows, and answers how many the sweep has then.
async fn send(client: &Client, file: RowFile, path: &str, rejected: &mut Vec<Value>) -> Result<u64, CallError> {
    let content_type = file.content_type;
    let bar = bar(file.length, "{wide_bar} {bytes} of {total_bytes}  {msg}");
    let moved = bar.clone();
    let mut answer = client.stream(path, content_type, reqwest::Body::wrap_stream(file.parts(moved))).await?;
    let (mut lines, mut received) = (Records::of_lines(), None);
    while let Some(part) = answer.part().await? {
        lines.push(&part);
        while let Some(line) = lines.next_row().map_err(|error| CallError::Local(error.to_string()))? {
            let line: Value = serde_json::from_slice(line).unwrap_or_default();
            if let Some(problem) = line.get("problem").filter(|_| line.get("row").is_none()) {
                let detail = problem.get("detail").and_then(Value::as_str).unwrap_or_default();
                return Err(CallError::Local(format!("{detail}; {AGAIN}")));
            }
            match line.get("row").and_then(Value::as_u64) {
                None => received = Some(number(&line, "received")),
                Some(row) => {
                    bar.set_message(format!("{} rows", row + number(&line, "rows").max(1)));
                    rejected.extend((rejected.len() < SHOWN && line.get("problem").is_some()).then_some(line));
                }
            }
        }
    }
    bar.finish_and_clear();
    received.ok_or_else(|| CallError::Unreachable(format!("it was cut off; {AGAIN}")))
}

/// Waits until every row has its answer.
async fn answered(client: &Client, path: &str) -> Result<Value, CallError> {
    let bar = bar(0, "{wide_bar} {pos} of {len} rows are looked at");
    loop {
        let sweep = client.get(&format!("{path}?limit=0")).await?;
        if sweep.get("state").and_then(Value::as_str) == Some("answered") {
            bar.finish_and_clear();
            return Ok(sweep);
        }
        let (rows, waiting) = (number(&sweep, "received"), sweep.pointer("/counts/received"));
        bar.set_length(rows);
        bar.set_position(rows - waiting.and_then(Value::as_u64).unwrap_or_default().min(rows));
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn pairs(query: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
}

/// The rows of a file, one after the other.
struct RowFile {
    bytes: Box<dyn Read + Send>,
    length: u64,
    /// Of the whole file.
    digest: String,
    content_type: &'static str,
    records: Records,
    /// A table's first row is sent with every part of it.
    header: bool,
    /// So many rows the server has already.
    skip: usize,
}

impl RowFile {
    /// A list of JSON is read as a whole and sent row by row; everything else never is in memory.
    fn open(path: &Path) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let (digest, length) = digest(path).map_err(cannot)?;
        let file = File::open(path).map_err(cannot)?;
        let table = extension.as_deref() == Some("csv");
        let bytes: Box<dyn Read + Send> = match extension.as_deref() {
            Some("ndjson" | "jsonl" | "csv") => Box::new(file),
            _ => {
                let rows: Vec<Value> = serde_json::from_reader(std::io::BufReader::new(file))
                    .map_err(|error| format!("{}: this is no list of JSON: {error}", path.display()))?;
                let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
                Box::new(std::io::Cursor::new(lines))
            }
        };
        let records = if table { Records::of_table() } else { Records::of_lines() };
        let content_type = if table { "text/csv" } else { "application/x-ndjson" };
        Ok(Self { bytes, length, digest, content_type, records, header: table, skip: 0 })
    }

    /// What is to be sent, part by part; `bar` moves as it is read.
    fn parts(self, bar: ProgressBar) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send {
        stream::try_unfold(Some(self), move |file| {
            let bar = bar.clone();
            async move {
                let Some(mut file) = file else { return Ok(None) };
                let (part, more) = file.part(&bar)?;
                Ok(Some((part, more.then_some(file))))
            }
        })
    }

    /// Some more rows, and whether there may be others behind them.
    fn part(&mut self, bar: &ProgressBar) -> std::io::Result<(Vec<u8>, bool)> {
        let mut read = vec![0; PART];
        let length = self.bytes.read(&mut read)?;
        bar.inc(length as u64);
        self.records.push(&read[..length]);
        let mut part = Vec::with_capacity(PART);
        let too_long = |error: TooLong| std::io::Error::other(error);
        while let Some(row) = self.records.next_row().map_err(too_long)? {
            take(row, &mut self.header, &mut self.skip, &mut part);
        }
        if length == 0
            && let Some(row) = self.records.last_row()
        {
            take(row, &mut self.header, &mut self.skip, &mut part);
        }
        Ok((part, length > 0))
    }
}

/// Adds a row to what is sent, unless the server has it.
fn take(row: &[u8], header: &mut bool, skip: &mut usize, part: &mut Vec<u8>) {
    if !std::mem::take(header) && *skip > 0 {
        *skip -= 1;
        return;
    }
    part.extend_from_slice(row);
    part.push(b'\n');
}

/// The digest of a file, and its length.
fn digest(path: &Path) -> std::io::Result<(String, u64)> {
    let (mut file, mut hash, mut length) = (File::open(path)?, Sha256::new(), 0);
    let mut part = vec![0; PART];
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            let digest = hash.finalize();
            return Ok((digest.iter().map(|byte| format!("{byte:02x}")).collect(), length));
        }
        hash.update(&part[..read]);
        length += read as u64;
    }
}
