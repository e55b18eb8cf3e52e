//! Every change of an exported chain shows.

use proptest::prelude::*;
use seatgate_core::canonical::{sha256_hex, to_canonical};
use seatgate_core::id::ChangeId;
use seatgate_core::policy::Terms;
use seatgate_core::trail::{Chain, Stream, verify};
use serde_json::Value;

use crate::history::{History, any_start, any_steps};
use crate::world::{APPROVE, STOP, World};

fn lines_of(history: &History) -> Vec<String> {
    history.trail().0.iter().map(|entry| entry.to_json()).collect()
}

/// What is no text is no line.
fn verifies(stream: Stream, lines: &[Vec<u8>]) -> bool {
    let texts: Result<Vec<&str>, _> = lines.iter().map(|line| std::str::from_utf8(line)).collect();
    texts.is_ok_and(|texts| verify(stream, texts).is_ok())
}

fn bytes(lines: &[String]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.clone().into_bytes()).collect()
}

/// A short chain.
fn sample() -> (Stream, Vec<String>) {
    let world = World::new();
    let mut request = world.request(Terms::default());
    let stream = Stream::Request(request.id);
    let mut chain = Chain::empty(stream);
    let mut lines = Vec::new();
    for command in [APPROVE, STOP] {
        let transition = world.judge(&request, &command).unwrap();
        let change = ChangeId::generate(world.now, &world.entropy);
        for fact in &transition.facts {
            lines.push(chain.record(change, fact).unwrap().to_json());
        }
        request = transition.after;
    }
    (stream, lines)
}

#[test]
fn each_single_byte_of_a_chain_counts() {
    let (stream, lines) = sample();
    let original = bytes(&lines);
    assert!(verifies(stream, &original));
    for line in 0..lines.len() {
        for position in 0..lines[line].len() {
            for mask in [0x01, 0x20] {
                let mut flipped = original.clone();
                flipped[line][position] ^= mask;
                let shown = || String::from_utf8_lossy(&flipped[line]).into_owned();
                assert!(!verifies(stream, &flipped), "byte {position} of line {line}: {}", shown());
            }
        }
    }
}

#[test]
fn a_line_that_two_readers_could_read_differently_does_not_verify() {
    let (stream, lines) = sample();
    let planted = |text: &str| format!("{{{text}{}", &lines[0][1..]);
    let spaced = lines[0].replacen(',', ", ", 1);
    let renamed = lines[0].replacen("\"kind\"", "\"\\u006bind\"", 1);
    for changed in [planted("\"actor\":\"policy\","), planted("\"kind\":\"closed\","), spaced, renamed] {
        assert!(serde_json::from_str::<Value>(&changed).is_ok(), "it is JSON all the same");
        assert!(verify(stream, [changed.as_str()]).is_err(), "{changed}");
    }
}

#[test]
fn an_entry_that_is_rewritten_with_a_hash_of_its_own_breaks_the_next() {
    let (stream, mut lines) = sample();
    let mut forged: Value = serde_json::from_str(&lines[0]).unwrap();
    let members = forged.as_object_mut().unwrap();
    members.insert("actor".to_owned(), "policy".into());
    members.remove("hash");
    let hash = sha256_hex(to_canonical(&forged).unwrap().as_bytes());
    forged["hash"] = hash.into();
    lines[0] = to_canonical(&forged).unwrap();
    let broken = verify(stream, lines.iter().map(String::as_str)).unwrap_err();
    assert_eq!(broken.seq, 2, "{broken}");
}

#[test]
fn a_chain_says_which_entry_is_broken() {
    let (stream, mut lines) = sample();
    lines[1] = lines[1].replacen("system", "sistem", 1).replacen("stop_asked", "opened", 1);
    let broken = verify(stream, lines.iter().map(String::as_str)).unwrap_err();
    assert_eq!((broken.seq, broken.stream), (2, stream.to_string()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_other_byte_anywhere_makes_it_fail(
        start in any_start(), steps in any_steps(),
        line in any::<prop::sample::Index>(), position in any::<prop::sample::Index>(), other in any::<u8>(),
    ) {
        let history = History::of(&start, &steps);
        let mut lines = bytes(&lines_of(&history));
        let line = line.index(lines.len());
        let position = position.index(lines[line].len());
        prop_assume!(lines[line][position] != other);
        lines[line][position] = other;
        prop_assert!(!verifies(Stream::Request(history.id), &lines));
    }

    #[test]
    fn an_entry_that_is_missing_doubled_or_moved_makes_it_fail(
        start in any_start(), steps in any_steps(),
        one in any::<prop::sample::Index>(), two in any::<prop::sample::Index>(), how in 0..3_usize,
    ) {
        let history = History::of(&start, &steps);
        let mut lines = bytes(&lines_of(&history));
        let (one, two) = (one.index(lines.len()), two.index(lines.len()));
        match how {
            0 if one + 1 < lines.len() => {
                lines.remove(one);
            }
            1 => lines.insert(one, lines[one].clone()),
            _ if one != two => lines.swap(one, two),
            _ => return Ok(()),
        }
        prop_assert!(!verifies(Stream::Request(history.id), &lines));
    }
}
