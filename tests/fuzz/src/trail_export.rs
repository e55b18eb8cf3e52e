//! Exports of the trail: whatever claims to be one, and sound ones that somebody touched.

use seatgate_core::id::{ChangeId, InstanceId, RequestId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::SeededEntropy;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, EntryDraft, Export, Stream, verify, verify_export};
use serde_json::{Value, json};

use super::parts;

pub(super) fn run(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        claimed(text);
    }
    let [entries, touch] = parts(input);
    touched(entries, touch);
}

/// What verifies is what it says: as many entries as it counts, each in its chain, and none that could go.
fn claimed(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let Ok(verified) = verify_export(lines.iter().copied()) else { return };
    let entries = &lines[1..lines.len() - 1];
    assert_eq!(verified.entries, entries.len() as u64);
    for at in 0..entries.len() {
        let mut fewer = lines.clone();
        fewer.remove(at + 1);
        assert!(verify_export(fewer).is_err(), "line {} could go", at + 2);
    }
    for line in entries {
        let stream =
            serde_json::from_str::<Value>(line).unwrap()["stream"].as_str().unwrap().parse::<Stream>().unwrap();
        let name = json!(stream).to_string();
        let chain = entries.iter().filter(|line| line.contains(&format!("\"stream\":{name}"))).copied();
        assert!(verify(stream, chain).is_ok());
    }
}

/// Each byte of `entries` becomes an entry; `touch` says what is done to the file then.
fn touched(entries: &[u8], touch: &[u8]) {
    let lines = export(&entries[..entries.len().min(40)]);
    let sound = verify_export(lines.iter().map(String::as_str)).expect("what was just written verifies");
    assert_eq!(sound.entries as usize, lines.len() - 2);
    let [how, line, place, byte] = std::array::from_fn(|at| usize::from(touch.get(at).copied().unwrap_or_default()));
    // The first line says when, and nothing seals it.
    if lines.len() < 3 {
        return;
    }
    let (line, mut changed) = (1 + line % (lines.len() - 2), lines.clone());
    match how % 5 {
        0 => drop(changed.remove(line)),
        1 => changed.insert(line, lines[line].clone()),
        2 => changed.swap(line, 1 + place % (lines.len() - 2)),
        3 => changed[line] = overwritten(&lines[line], place, byte),
        _ => changed.truncate(1 + place % (lines.len() - 1)),
    }
    // Two streams do not mind which of them stands first.
    let order = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.sort_by_key(|line| serde_json::from_str::<Value>(line).map(|value| value["stream"].to_string()).ok());
        lines
    };
    let verdict = verify_export(changed.iter().map(String::as_str));
    assert_eq!(verdict.is_ok(), order(&changed) == order(&lines), "{how} {line} {place} {byte}: {changed:?}");
}

fn overwritten(line: &str, place: usize, byte: usize) -> String {
    let mut characters: Vec<char> = line.chars().collect();
    let place = (place * 3) % characters.len();
    characters[place] = char::from(u8::try_from(byte).unwrap_or_default());
    characters.into_iter().filter(|character| *character != '\n').collect()
}

fn export(entries: &[u8]) -> Vec<String> {
    let (entropy, start) = (SeededEntropy::new(7), Timestamp::from_micros(1));
    let mut chains = [
        Chain::empty(Stream::Request(RequestId::generate(start, &entropy))),
        Chain::empty(Stream::Access(InstanceId::generate(start, &entropy))),
        Chain::empty(Stream::System),
    ];
    let mut export = Export::new();
    let mut lines = vec![export.header(start)];
    for (at, byte) in (0..).zip(entries) {
        let (at, chain) = (Timestamp::from_micros(at), &mut chains[usize::from(*byte) % 3]);
        let data = json!({"n": byte, "text": char::from(*byte)});
        let draft = EntryDraft::new(at, "denied", Actor::worker(), Surface::Api, data);
        let entry = chain.append(ChangeId::generate(at, &entropy), draft).unwrap();
        export.count(&entry);
        lines.push(entry.to_json());
    }
    lines.push(export.footer());
    lines
}
