//! `GET /v1/audit`: the whole trail as one file.

use std::collections::VecDeque;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use seatgate_core::gate::Gate;
use seatgate_core::port::StoreError;
use seatgate_core::trail::{CSV_HEADER, Export, Stream, csv_row};

use super::download::{self, Parts};
use crate::problem::Problem;
use crate::request::parameters;
use crate::server::App;

/// How many streams, and how many entries of one, are read together.
const PAGE: usize = 500;
/// A part of the answer has about so many bytes.
const PART: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Ndjson,
    Csv,
}

/// `GET /v1/audit`: written while it is read, part by part. An answer without its last line was cut off.
pub(super) async fn export(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let parameters = parameters(query.as_deref(), &["format"])?;
    let (format, content_type, name) = match parameters.get("format").map(String::as_str) {
        None | Some("ndjson") => (Format::Ndjson, "application/x-ndjson", "seatgate-audit.ndjson"),
        Some("csv") => (Format::Csv, "text/csv; charset=utf-8", "seatgate-audit.csv"),
        Some(_) => return Err(Problem::bad_request("`format`: expected `ndjson` or `csv`")),
    };
    Ok(download::file(Exporting::new(app.gate, format), content_type, name).await?)
}

/// An export under way: where it stands, and what it has counted.
struct Exporting {
    gate: Gate,
    format: Format,
    export: Export,
    begun: bool,
    ended: bool,
    /// The last stream that was listed.
    listed: Option<Stream>,
    /// Streams that were listed and are not yet written.
    waiting: VecDeque<Stream>,
    /// How much of the first of them is written.
    written: u64,
}

impl Parts for Exporting {
    async fn part(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let mut part = String::new();
        while part.len() < PART && !self.ended {
            self.step(&mut part).await?;
        }
        Ok(if part.is_empty() { None } else { Some((Bytes::from(part), self)) })
    }
}

impl Exporting {
    fn new(gate: Gate, format: Format) -> Self {
        let (listed, waiting) = (None, VecDeque::new());
        Self { gate, format, export: Export::new(), begun: false, ended: false, listed, waiting, written: 0 }
    }

    async fn step(&mut self, part: &mut String) -> Result<(), StoreError> {
        if !std::mem::replace(&mut self.begun, true) {
            let header = match self.format {
                Format::Ndjson => format!("{}\n", self.export.header(self.gate.now())),
                Format::Csv => CSV_HEADER.to_owned(),
            };
            part.push_str(&header);
        } else if let Some(stream) = self.waiting.front().copied() {
            self.entries(stream, part).await?;
        } else {
            self.waiting.extend(self.gate.queries().streams(self.listed, PAGE).await?);
            self.listed = self.waiting.back().copied().or(self.listed);
            if self.waiting.is_empty() {
                self.ended = true;
                part.push_str(&self.footer());
            }
        }
        Ok(())
    }

    async fn entries(&mut self, stream: Stream, part: &mut String) -> Result<(), StoreError> {
        let entries = self.gate.queries().entries(stream, self.written, PAGE).await?;
        for entry in &entries {
            self.export.count(entry);
            match self.format {
                Format::Ndjson => part.push_str(&format!("{}\n", entry.to_json())),
                Format::Csv => part.push_str(&csv_row(entry)),
            }
        }
        match entries.last().filter(|_| entries.len() == PAGE) {
            Some(last) => self.written = last.seq,
            None => {
                self.written = 0;
                self.waiting.pop_front();
            }
        }
        Ok(())
    }

    fn footer(&self) -> String {
        match self.format {
            Format::Ndjson => format!("{}\n", self.export.footer()),
            Format::Csv => self.export.csv_footer(),
        }
    }
}
