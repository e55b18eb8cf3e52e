//! The append-only, hash-chained trail.
//!
//! Each stream is a chain of its own: an entry's hash is the SHA-256 of its canonical JSON (RFC 8785) without the member
//! `hash`, and each entry names its predecessor's hash, the first one 64 zeros. So any later change shows.

mod export;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{CanonicalError, Digest, to_canonical};
use crate::id::{ChangeId, ExceptionId, InstanceId, RequestId, SweepId};
use crate::person::{Actor, Surface};
use crate::request::Fact;
use crate::text::serde_as_text;
use crate::time::Timestamp;

pub use export::{BadExport, CSV_HEADER, Export, ExportCheck, Verified, csv_cell, csv_row, verify_export};

/// The version of an entry's form.
pub const VERSION: u64 = 1;

/// One chain of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// What happened to a request.
    Request(RequestId),
    /// What a sweep brought.
    Sweep(SweepId),
    /// Who filed or revoked an exception by hand.
    Exception(ExceptionId),
    /// Who was denied what, at one running server.
    Access(InstanceId),
    /// Modes that were switched to; later policies, too.
    System,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(id) => id.fmt(f),
            Self::Sweep(id) => id.fmt(f),
            Self::Exception(id) => id.fmt(f),
            Self::Access(id) => write!(f, "access:{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// A text that names no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a stream such as req_…, swp_…, exc_…, access:srv_… or system")]
pub struct StreamError;

impl FromStr for Stream {
    type Err = StreamError;

    fn from_str(text: &str) -> Result<Self, StreamError> {
        let request = || text.parse().map(Self::Request).ok();
        let sweep = || text.parse().map(Self::Sweep).ok();
        let exception = || text.parse().map(Self::Exception).ok();
        let access = || text.strip_prefix("access:")?.parse().map(Self::Access).ok();
        let system = || (text == "system").then_some(Self::System);
        request().or_else(sweep).or_else(exception).or_else(access).or_else(system).ok_or(StreamError)
    }
}

serde_as_text!(Stream);

/// What is to be recorded, before it has a place in a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EntryDraft {
    /// When.
    pub at: Timestamp,
    /// What kind of thing happened.
    pub kind: String,
    /// Who.
    pub actor: Actor,
    /// Who handed it in, if somebody else did.
    pub submitted_by: Option<Actor>,
    /// Through what.
    pub surface: Surface,
    /// What exactly. No names, no addresses, no free text.
    pub data: Value,
}

impl EntryDraft {
    /// Something of `kind` that `actor` did.
    #[must_use]
    pub fn new(at: Timestamp, kind: &str, actor: Actor, surface: Surface, data: Value) -> Self {
        Self { at, kind: kind.to_owned(), actor, submitted_by: None, surface, data }
    }
}

/// One entry: its canonical text without `hash`, and the hash of that text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Which chain.
    pub stream: Stream,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// What kind of thing happened.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The change that it came with.
    pub change: ChangeId,
    /// The canonical text, without `hash`: the very bytes that were hashed.
    pub body: String,
    /// SHA-256 of the text.
    pub hash: Digest,
}

impl Entry {
    /// Reads an entry back from its stored text and hash.
    ///
    /// # Errors
    /// When the text is no entry. The hash is not checked here; [`verify`] does that.
    pub fn from_stored(body: String, hash: Digest) -> Result<Self, EntryError> {
        let header: Header = serde_json::from_str(&body).map_err(|_| EntryError)?;
        let Header { stream, seq, kind, at, change } = header;
        Ok(Self { stream, seq, kind, at, change, body, hash })
    }

    /// The entry as JSON, with its hash: one line of an export.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members = self.body.strip_suffix('}').unwrap_or(&self.body);
        let hashed = serde_json::from_str::<Value>(&format!("{members},\"hash\":\"{}\"}}", self.hash));
        hashed.ok().and_then(|value| to_canonical(&value).ok()).unwrap_or_else(|| self.body.clone())
    }

    /// The fact it records, if it is a request's.
    #[must_use]
    pub fn fact(&self) -> Option<Fact> {
        serde_json::from_str(&self.body).ok()
    }
}

/// A text that is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this text is no trail entry")]
pub struct EntryError;

#[derive(Deserialize)]
struct Header {
    stream: Stream,
    seq: u64,
    kind: String,
    at: Timestamp,
    change: ChangeId,
}

/// The end of a chain, to which entries are appended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// Which.
    pub stream: Stream,
    /// How many entries it has: also the version that a change compares.
    pub version: u64,
    /// The last entry's hash.
    pub head: Digest,
}

impl Chain {
    /// A chain without entries.
    #[must_use]
    pub fn empty(stream: Stream) -> Self {
        Self { stream, version: 0, head: Digest::ZERO }
    }

    /// A chain that ends with an entry `version`, hashed `head`.
    #[must_use]
    pub fn at(stream: Stream, version: u64, head: Digest) -> Self {
        Self { stream, version, head }
    }

    /// Appends `draft` as part of `change`.
    ///
    /// # Errors
    /// When the data has no canonical form.
    pub fn append(&mut self, change: ChangeId, draft: EntryDraft) -> Result<Entry, CanonicalError> {
        let body = self.body(change, &draft)?;
        Ok(self.enter(change, draft.at, draft.kind, body))
    }

    /// Appends a request's fact as part of `change`.
    ///
    /// # Errors
    /// When the fact holds something that has no canonical form; none of ours does.
    pub fn record(&mut self, change: ChangeId, fact: &Fact) -> Result<Entry, CanonicalError> {
        let body = self.body(change, fact)?;
        Ok(self.enter(change, fact.at, fact.event.kind().label().to_owned(), body))
    }

    fn body(&self, change: ChangeId, what: &impl Serialize) -> Result<String, CanonicalError> {
        let (stream, seq, prev) = (self.stream, self.version + 1, self.head);
        to_canonical(&Body { v: VERSION, stream, seq, change, prev, data: (), what })
    }

    fn enter(&mut self, change: ChangeId, at: Timestamp, kind: String, body: String) -> Entry {
        let hash = Digest::of(body.as_bytes());
        (self.version, self.head) = (self.version + 1, hash);
        Entry { stream: self.stream, seq: self.version, kind, at, change, body, hash }
    }

    /// Moves on to a stored entry, if it is the chain's next one and its bytes are those that were hashed.
    ///
    /// # Errors
    /// When it is not. The chain stays where it is.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Broken> {
        let seq = self.version + 1;
        let prev = serde_json::from_str::<Link>(&entry.body).map(|link| link.prev).ok();
        let wrong = [
            (entry.stream != self.stream, FOREIGN),
            (entry.seq != seq, OUT_OF_ORDER),
            (prev != Some(self.head), UNLINKED),
            (Digest::of(entry.body.as_bytes()) != entry.hash, CHANGED),
        ];
        if let Some((_, why)) = wrong.into_iter().find(|(wrong, _)| *wrong) {
            return Err(Broken { stream: self.stream.to_string(), seq, why });
        }
        (self.version, self.head) = (seq, entry.hash);
        Ok(())
    }
}

/// An entry without its hash: its place in the chain, and what is recorded.
#[derive(Serialize)]
struct Body<'a, T> {
    v: u64,
    stream: Stream,
    seq: u64,
    change: ChangeId,
    prev: Digest,
    /// Stands where an event has no data: of two members that have one name the later one counts.
    data: (),
    #[serde(flatten)]
    what: &'a T,
}

#[derive(Deserialize)]
struct Link {
    prev: Digest,
}

const FOREIGN: &str = "belongs to another stream";
const OUT_OF_ORDER: &str = "is out of order, or an entry before it is missing";
const UNLINKED: &str = "does not follow the entry before it";
const CHANGED: &str = "was changed: its hash does not fit";

/// What is wrong with a chain, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stream}, entry {seq}: {why}")]
#[non_exhaustive]
pub struct Broken {
    /// Which chain, as far as that can be read.
    pub stream: String,
    /// Which entry, counted from 1.
    pub seq: u64,
    /// What is wrong.
    pub why: &'static str,
}

/// Verifies one chain from its start, given as exported lines in order, and returns its end.
///
/// A line must be byte for byte what [`Entry::to_json`] wrote: JSON with a member twice, for example, means one thing to
/// one reader and another to the next.
///
/// # Errors
/// The first entry that does not fit.
pub fn verify<'a>(stream: Stream, lines: impl IntoIterator<Item = &'a str>) -> Result<Chain, Broken> {
    let mut chain = Chain::empty(stream);
    for line in lines {
        let seq = chain.version + 1;
        let broken = |why| Broken { stream: stream.to_string(), seq, why };
        chain.head = verify_line(&chain, seq, line).map_err(broken)?;
        chain.version = seq;
    }
    Ok(chain)
}

fn verify_line(chain: &Chain, seq: u64, line: &str) -> Result<Digest, &'static str> {
    let mut value: Value = serde_json::from_str(line).map_err(|_| "is not JSON")?;
    if to_canonical(&value).map_err(|_| "has no canonical form")? != line {
        return Err("is not in its canonical form");
    }
    let members = value.as_object_mut().ok_or("is not a JSON object")?;
    let hash = members.remove("hash").ok_or("has no hash")?;
    let member = |name: &str| members.get(name).cloned().unwrap_or(Value::Null);
    if member("stream") != Value::String(chain.stream.to_string()) {
        return Err(FOREIGN);
    }
    if member("seq") != seq {
        return Err(OUT_OF_ORDER);
    }
    if member("prev") != Value::String(chain.head.to_string()) {
        return Err(UNLINKED);
    }
    let body = to_canonical(&value).map_err(|_| "has no canonical form")?;
    let digest = Digest::of(body.as_bytes());
    if hash == Value::String(digest.to_string()) { Ok(digest) } else { Err(CHANGED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::SeededEntropy;
    use serde_json::json;

    fn chain_of(count: u64) -> (Stream, Vec<String>) {
        let entropy = SeededEntropy::new(7);
        let stream = Stream::Request(RequestId::generate(Timestamp::from_micros(0), &entropy));
        let mut chain = Chain::empty(stream);
        let lines = (0..count).map(|n| {
            let at = Timestamp::from_micros(i64::try_from(n).unwrap());
            let change = ChangeId::generate(at, &entropy);
            let draft = EntryDraft::new(at, "opened", Actor::worker(), Surface::Api, json!({"n": n}));
            chain.append(change, draft).unwrap().to_json()
        });
        (stream, lines.collect())
    }

    fn check(stream: Stream, lines: &[String]) -> Result<u64, &'static str> {
        verify(stream, lines.iter().map(String::as_str)).map(|chain| chain.version).map_err(|broken| broken.why)
    }

    #[test]
    fn an_untouched_chain_verifies_and_every_touch_shows() {
        let (stream, lines) = chain_of(4);
        assert_eq!(check(stream, &lines), Ok(4));
        let mut changed = lines.clone();
        changed[1] = changed[1].replace("\"n\":1", "\"n\":9");
        assert!(check(stream, &changed).is_err());
        let mut missing = lines.clone();
        missing.remove(1);
        assert!(check(stream, &missing).is_err());
        let mut swapped = lines.clone();
        swapped.swap(1, 2);
        assert!(check(stream, &swapped).is_err());
        let mut foreign = lines;
        foreign.extend(chain_of(1).1);
        assert!(check(stream, &foreign).is_err());
        assert!(check(stream, &["nonsense".to_owned()]).is_err());
    }

    #[test]
    fn a_chain_follows_its_own_stored_entries_and_no_others() {
        let (stream, lines) = chain_of(3);
        let entries: Vec<Entry> = lines.iter().map(|line| stored(line)).collect();
        let mut chain = Chain::empty(stream);
        for entry in &entries {
            chain.follow(entry).unwrap();
        }
        assert_eq!((chain.version, chain.head), (3, entries[2].hash));

        let after_one = || Chain::at(stream, 1, entries[0].hash);
        let refused = |entry: &Entry| after_one().follow(entry).map_err(|broken| (broken.seq, broken.why));
        let mut changed = entries[1].clone();
        changed.body = changed.body.replace("\"n\":1", "\"n\":9");
        assert_eq!(refused(&changed), Err((2, CHANGED)));
        assert_eq!(refused(&entries[2]), Err((2, OUT_OF_ORDER)));
        let elsewhere = Chain::at(stream, 1, Digest::ZERO).follow(&entries[1]).unwrap_err();
        assert_eq!(elsewhere.why, UNLINKED);
        let foreign = Chain::empty(Stream::System).follow(&entries[0]).unwrap_err();
        assert_eq!((foreign.stream.as_str(), foreign.why), ("system", FOREIGN));
    }

    /// The entry that an exported line was.
    fn stored(line: &str) -> Entry {
        let mut value: Value = serde_json::from_str(line).unwrap();
        let hash = value.as_object_mut().unwrap().remove("hash").unwrap();
        Entry::from_stored(to_canonical(&value).unwrap(), hash.as_str().unwrap().parse().unwrap()).unwrap()
    }

    #[test]
    fn stored_entries_read_back() {
        let (_, lines) = chain_of(1);
        let value: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(value["v"], 1);
        assert_eq!(value["prev"], "0".repeat(64));
        assert!(value["at"].as_str().unwrap().ends_with(".000000Z"));
    }

    #[test]
    fn streams_read_as_they_print() {
        let entropy = SeededEntropy::new(7);
        let access = Stream::Access(InstanceId::generate(Timestamp::MIN, &entropy));
        let exception = Stream::Exception(ExceptionId::generate(Timestamp::MIN, &entropy));
        for stream in [chain_of(0).0, exception, access, Stream::System] {
            assert_eq!(stream.to_string().parse(), Ok(stream));
        }
        assert!("request".parse::<Stream>().is_err());
    }
}
