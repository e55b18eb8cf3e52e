//! The trail as a file: all streams, with counts by which an auditor ties out that nothing is missing.
//!
//! The first line is a header, the last one says how many entries each stream has; between them are the entries, those
//! of a stream in their order. No line is sealed yet: whoever can rewrite the whole file can make another that verifies.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Broken, Chain, Entry, Stream, verify_line};
use crate::canonical::to_canonical;
use crate::time::Timestamp;

/// The version of an export's form.
const VERSION: u64 = 1;
/// The columns of an export as CSV.
pub const CSV_HEADER: &str = "record,stream,seq,at,kind,actor,submitted_by,surface,data,change,prev,hash\r\n";

/// Writes an export and counts what it writes. It holds one number a stream, and no entries.
#[derive(Debug, Clone, Default)]
pub struct Export {
    counts: BTreeMap<String, u64>,
}

impl Export {
    /// An export with nothing in it yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first line, without its line break.
    #[must_use]
    pub fn header(&self, now: Timestamp) -> String {
        json!({ "seatgate_audit": VERSION, "exported_at": now }).to_string()
    }

    /// Counts an entry that is written.
    pub fn count(&mut self, entry: &Entry) {
        *self.counts.entry(entry.stream.to_string()).or_default() += 1;
    }

    /// How many entries each stream has, and how many there are.
    #[must_use]
    pub fn counts(&self) -> (&BTreeMap<String, u64>, u64) {
        (&self.counts, self.counts.values().sum())
    }

    /// The last line, without its line break.
    #[must_use]
    pub fn footer(&self) -> String {
        let (counts, entries) = self.counts();
        // Texts and numbers can always be written.
        serde_json::to_string(&Footer { counts: counts.clone(), entries }).unwrap_or_default()
    }

    /// The last rows of a CSV: one a stream with its number of entries as `seq`, and one for all of them.
    #[must_use]
    pub fn csv_footer(&self) -> String {
        let (counts, entries) = self.counts();
        let empty = ",".repeat(9);
        let mut rows = String::new();
        for (stream, count) in counts {
            let _ = write!(rows, "count,{stream},{count}{empty}\r\n");
        }
        let _ = write!(rows, "total,,{entries}{empty}\r\n");
        rows
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    counts: BTreeMap<String, u64>,
    entries: u64,
}

/// An entry as a row of a CSV, with its line break. No cell is a formula to a spreadsheet.
#[must_use]
pub fn csv_row(entry: &Entry) -> String {
    let value: Value = serde_json::from_str(&entry.to_json()).unwrap_or_default();
    let mut row = "entry".to_owned();
    for name in ["stream", "seq", "at", "kind", "actor", "submitted_by", "surface", "data", "change", "prev", "hash"] {
        row.push(',');
        match value.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => row.push_str(&csv_cell(text)),
            Some(other) => row.push_str(&csv_cell(&to_canonical(other).unwrap_or_default())),
        }
    }
    row.push_str("\r\n");
    row
}

/// A cell of a CSV. What a spreadsheet would take for a formula gets an apostrophe before it.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// What is wrong with an exported file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadExport {
    /// The first line is no header, or one of a version that is not known.
    #[error("line 1 is not the header of an export that can be read here")]
    Header,
    /// A line between the first and the last is no entry of any stream.
    #[error("line {0} is no entry of any stream")]
    Line(u64),
    /// A chain does not hold.
    #[error(transparent)]
    Chain(#[from] Broken),
    /// The last line does not say how many entries there are: the file was cut off.
    #[error("the last line does not hold the counts: the file was cut off")]
    Footer,
    /// There are other numbers of entries than the last line says.
    #[error("{stream}: {found} entries, but the last line counts {counted}")]
    Count {
        /// Of which stream; or `all streams`.
        stream: String,
        /// How many there are.
        found: u64,
        /// How many there should be.
        counted: u64,
    },
}

/// What a sound export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// How many streams.
    pub streams: u64,
    /// How many entries.
    pub entries: u64,
}

/// Verifies an export line by line. It holds the end of each chain, and of the lines only the one before.
#[derive(Debug, Default)]
pub struct ExportCheck {
    lines: u64,
    held: Option<String>,
    chains: BTreeMap<String, State>,
    bad: Vec<BadExport>,
}

/// A chain while its entries are read.
#[derive(Debug)]
struct State {
    chain: Chain,
    found: u64,
    broken: bool,
}

impl ExportCheck {
    /// Nothing is read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line, without its line break.
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        if self.lines == 1 {
            let header: Value = serde_json::from_str(line).unwrap_or_default();
            if header.get("seatgate_audit") != Some(&VERSION.into()) {
                self.bad.push(BadExport::Header);
            }
        } else if let Some(entry) = self.held.replace(line.to_owned()) {
            self.entry(&entry, self.lines - 1);
        }
    }

    fn entry(&mut self, line: &str, number: u64) {
        let name = serde_json::from_str::<Value>(line).ok();
        let name = name.as_ref().and_then(|value| value.get("stream")?.as_str());
        let Some((name, stream)) = name.and_then(|name| Some((name.to_owned(), name.parse::<Stream>().ok()?))) else {
            self.bad.push(BadExport::Line(number));
            return;
        };
        let new = || State { chain: Chain::empty(stream), found: 0, broken: false };
        let state = self.chains.entry(name).or_insert_with(new);
        state.found += 1;
        if state.broken {
            return;
        }
        let seq = state.chain.version + 1;
        match verify_line(&state.chain, seq, line) {
            Ok(head) => state.chain = Chain::at(stream, seq, head),
            Err(why) => {
                state.broken = true;
                self.bad.push(Broken { stream: stream.to_string(), seq, why }.into());
            }
        }
    }

    /// Ties out the counts, and says what was found.
    ///
    /// # Errors
    /// Everything that is wrong; of each chain the first entry that does not fit.
    pub fn finish(mut self) -> Result<Verified, Vec<BadExport>> {
        let footer = self.held.take().and_then(|line| serde_json::from_str::<Footer>(&line).ok());
        match footer {
            Some(footer) => self.tie_out(&footer),
            None => self.bad.push(BadExport::Footer),
        }
        let entries = self.chains.values().map(|state| state.found).sum();
        let verified = Verified { streams: self.chains.len() as u64, entries };
        if self.bad.is_empty() { Ok(verified) } else { Err(self.bad) }
    }

    fn tie_out(&mut self, footer: &Footer) {
        let found = |name: &str| self.chains.get(name).map_or(0, |state| state.found);
        let named = footer.counts.iter().map(|(name, counted)| (name.clone(), found(name), *counted));
        let unnamed = self.chains.iter().filter(|(name, _)| !footer.counts.contains_key(*name));
        let unnamed = unnamed.map(|(name, state)| (name.clone(), state.found, 0));
        let all = ("all streams".to_owned(), self.chains.values().map(|state| state.found).sum(), footer.entries);
        let wrong = named.chain(unnamed).chain([all]).filter(|(_, found, counted)| found != counted);
        self.bad.extend(wrong.map(|(stream, found, counted)| BadExport::Count { stream, found, counted }));
    }
}

/// Verifies an export, given as its lines.
///
/// # Errors
/// As for [`ExportCheck::finish`].
pub fn verify_export<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Verified, Vec<BadExport>> {
    let mut check = ExportCheck::new();
    lines.into_iter().for_each(|line| check.line(line));
    check.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChangeId, InstanceId, RequestId};
    use crate::person::{Actor, Surface};
    use crate::port::SeededEntropy;
    use crate::trail::EntryDraft;

    fn entries() -> Vec<Entry> {
        let entropy = SeededEntropy::new(7);
        let at = Timestamp::from_micros(1);
        let access = Stream::Access(InstanceId::generate(at, &entropy));
        let request = Stream::Request(RequestId::generate(at, &entropy));
        let mut entries = Vec::new();
        for (stream, count) in [(access, 1), (request, 3), (Stream::System, 2)] {
            let mut chain = Chain::empty(stream);
            for n in 0..count {
                let draft = EntryDraft::new(at, "denied", Actor::worker(), Surface::Api, json!({"n": n}));
                entries.push(chain.append(ChangeId::generate(at, &entropy), draft).unwrap());
            }
        }
        entries
    }

    fn lines() -> Vec<String> {
        let mut export = Export::new();
        let mut lines = vec![export.header(Timestamp::from_micros(5))];
        for entry in entries() {
            export.count(&entry);
            lines.push(entry.to_json());
        }
        lines.push(export.footer());
        lines
    }

    fn wrong(lines: &[String]) -> Vec<String> {
        let bad = verify_export(lines.iter().map(String::as_str)).unwrap_err();
        bad.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_export_verifies() {
        let verified = verify_export(lines().iter().map(String::as_str));
        assert_eq!(verified, Ok(Verified { streams: 3, entries: 6 }));
        let empty = Export::new();
        let lines = [empty.header(Timestamp::from_micros(5)), empty.footer()];
        assert_eq!(verify_export(lines.iter().map(String::as_str)), Ok(Verified { streams: 0, entries: 0 }));
    }

    #[test]
    fn the_first_broken_entry_of_each_chain_is_named() {
        let mut changed = lines();
        changed[3] = changed[3].replace("\"n\":1", "\"n\":9");
        changed[5] = changed[5].replace("\"n\":0", "\"n\":9");
        let wrong = wrong(&changed);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains(", entry 2: was changed") && wrong[1].starts_with("system, entry 1:"), "{wrong:?}");
    }

    #[test]
    fn what_is_missing_shows() {
        // The end of a chain: its links are whole, and the count is not.
        let mut shorter = lines();
        shorter.remove(6);
        assert_eq!(
            wrong(&shorter),
            ["system: 1 entries, but the last line counts 2", "all streams: 5 entries, but the last line counts 6"]
        );
        let mut without_stream = lines();
        without_stream.remove(1);
        assert_eq!(wrong(&without_stream).len(), 2);
        let mut cut = lines();
        cut.pop();
        assert_eq!(wrong(&cut), ["the last line does not hold the counts: the file was cut off"]);
        let mut uncounted = lines();
        uncounted[7] = r#"{"counts":{},"entries":6}"#.to_owned();
        assert_eq!(wrong(&uncounted).len(), 3);
    }

    #[test]
    fn what_is_no_export_is_refused() {
        assert_eq!(wrong(&[]).len(), 1);
        assert_eq!(wrong(&["{}".to_owned()]).len(), 2);
        let mut foreign = lines();
        foreign[0] = r#"{"seatgate_audit":2}"#.to_owned();
        foreign[2] = "nonsense".to_owned();
        let wrong = wrong(&foreign);
        assert!(wrong[0].starts_with("line 1 ") && wrong[1].starts_with("line 3 "), "{wrong:?}");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert!(csv_cell(text).trim_start_matches('"').starts_with('\''), "{text}");
        }
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("plain"), "plain");
    }

    #[test]
    fn rows_and_counts_have_all_columns() {
        let mut export = Export::new();
        let entries = entries();
        let mut rows = CSV_HEADER.to_owned();
        for entry in &entries {
            export.count(entry);
            rows.push_str(&csv_row(entry));
        }
        rows.push_str(&export.csv_footer());
        assert_eq!(rows.lines().count(), 1 + 6 + 3 + 1);
        assert!(rows.contains("\"{\"\"n\"\":1}\""), "{rows}");
        // No cell here holds a comma.
        assert!(rows.lines().all(|row| row.matches(',').count() == 11), "{rows}");
        assert!(rows.ends_with("total,,6,,,,,,,,,\r\n"));
    }
}
