//! The fuzz targets, run with a stable compiler: over their corpora, and over small changes of what is in these. What a
//! fuzzer does in hours is not shown here, but that the targets work, and that what they found once stays mended.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Changed copies of each input of a corpus.
const CHANGED: u64 = 24;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(name)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn keeps_its_promises(name: &str) {
    let mut count = 0;
    for entry in fs::read_dir(folder("corpus").join(name)).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        // A panic does not say over which input.
        eprintln!("{}", path.display());
        targets::run(name, &input);
        (0..CHANGED).for_each(|seed| targets::run(name, &changed(&input, seed)));
        count += 1;
    }
    assert!(count > 0, "the corpus of {name} is empty");
}

/// The input with one byte changed, a piece cut out, or a piece doubled.
fn changed(input: &[u8], seed: u64) -> Vec<u8> {
    let mut number = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = |limit: usize| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(number >> 33).unwrap() % limit.max(1)
    };
    let (at, length) = (below(input.len()), 1 + below(12));
    let end = (at + length).min(input.len());
    match seed % 3 {
        0 => input.iter().enumerate().map(|(i, byte)| if i == at { *byte ^ (1 << below(8)) } else { *byte }).collect(),
        1 => [&input[..at], &input[end..]].concat(),
        _ => [&input[..end], &input[at..]].concat(),
    }
}

#[test]
fn every_target_is_a_program_and_has_a_corpus() {
    let mut known: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(names(&folder("fuzz_targets")), known);
    assert_eq!(names(&folder("corpus")), known);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in known {
        let program = fs::read_to_string(folder("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("run(\"{name}\", data)")), "{program}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in Cargo.toml");
    }
}

macro_rules! each {
    ($($name:ident)*) => {
        $(#[test] fn $name() { keeps_its_promises(stringify!($name)); })*

        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(targets::TARGETS.map(|(name, _)| name), run);
        }
    };
}

each! {
    candidates canonical mapping policy removal_reply slack_command slack_event slack_interaction slack_signature texts
    trail_export webhook_signature
}
