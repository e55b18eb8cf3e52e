//! Limits and doubled ids by the fake Slack's own book, and other people's models of Slack's blocks.

use std::path::Path;
use std::process::Command;

use seatgate_core::message::Row;
use seatgate_slack::card::{Addressee, Renderer};
use serde_json::{Value, json};

use super::samples::{Sample, asking, body, open, samples};
use crate::fake_slack::blocks;
use crate::peers::python;

/// What Slack would answer; nothing, if it would take it. Stricter by one thing: every card is updated, and `chat.update`
/// takes no more than 4000 characters of text.
pub(super) fn refusal(body: &Value) -> Option<String> {
    match body["type"].as_str() {
        Some(kind) => blocks::view(&json!({ "view": body }), kind).err().map(str::to_owned),
        None if body["text"].as_str().is_some_and(|text| text.chars().count() > 4000) => {
            Some("msg_too_long".to_owned())
        }
        None => blocks::content(body).err().map(str::to_owned),
    }
}

#[test]
fn slack_takes_everything() {
    for sample in samples(&Renderer::default()) {
        assert_eq!(refusal(&sample.body), None, "{}", sample.name);
    }
    let twice = json!({ "text": "x", "blocks": [{ "type": "divider", "block_id": "a" }, { "type": "divider", "block_id": "a" }] });
    assert!(refusal(&twice).is_some() && refusal(&json!({ "text": "x".repeat(4001) })).is_some(), "nothing is refused");
}

/// What a block tells, line by line as the text beside it would say it: moments in UTC, without what is bold or a label.
fn told(block: &Value) -> Vec<String> {
    let fields = block["fields"].as_array().into_iter().flatten();
    let labelled = fields.filter_map(|field| Some(field["text"].as_str()?.split_once('\n')?.1));
    let texts = block["elements"].as_array().into_iter().flatten().chain([&block["text"]]);
    let texts: Vec<&str> =
        texts.filter(|_| block["type"] != "actions").filter_map(|text| text["text"].as_str()).collect();
    let lines = labelled.chain(texts.into_iter().flat_map(str::lines));
    lines.map(|line| in_utc(line).replace('*', "")).collect()
}

fn in_utc(line: &str) -> String {
    let mut parts = line.split("<!date^");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| {
        let (date, rest) = part.split_once('>').unwrap();
        format!("{said}{}{rest}", date.split_once('|').unwrap().1)
    })
}

#[test]
fn the_text_beside_the_blocks_says_it_all() {
    let mut lines = 0;
    for sample in samples(&Renderer::default()).iter().filter(|sample| sample.body["text"].is_string()) {
        let text = sample.body["text"].as_str().unwrap();
        for line in sample.body["blocks"].as_array().unwrap().iter().flat_map(told) {
            assert!(text.contains(&line), "{}: {line:?} is not in {text}", sample.name);
            lines += 1;
        }
    }
    assert!(lines > 150, "{lines}");
}

#[test]
fn a_test_among_real_ones_is_marked() {
    let mut rows = vec![open(1, "Figma", "Ana"), open(2, "Figma", "Ben")];
    let marks = |rows: &[Row]| {
        let body = body(Renderer::default().message(&asking(rows.to_vec(), 0), &Addressee::Direct));
        let text = body["text"].as_str().unwrap().to_owned();
        text.lines().enumerate().filter(|(_, line)| line.starts_with("TEST")).map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(marks(&rows), [0; 0]);
    rows[1].test = true;
    let below_ben = marks(&rows);
    assert!(below_ben.len() == 1 && below_ben[0] > 5, "{below_ben:?}");
    rows[0].test = true;
    assert_eq!(marks(&rows), [1], "once for all");
}

/// Every sample in a file of its own.
fn written(folder: &Path) -> Vec<Sample> {
    let samples = samples(&Renderer::default());
    for sample in &samples {
        std::fs::write(folder.join(format!("{}.json", sample.name)), sample.body.to_string()).unwrap();
    }
    samples
}

#[test]
fn slacks_sdk_reads_everything() {
    const SCRIPT: &str = "\
import json, pathlib, sys
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
def check(block):
    parsed = Block.parse(block)
    assert parsed is not None, block
    parsed.validate_json()
    for element in list(getattr(parsed, 'elements', None) or []) + [getattr(parsed, 'element', None)]:
        if hasattr(element, 'validate_json'): element.validate_json()
    written = parsed.to_dict()
    assert written == block, (written, block)
count = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.json')):
    body = json.loads(path.read_text())
    for block in body['blocks']: check(block)
    if 'type' in body: View(**body).validate_json()
    count += 1
try:
    check({'type': 'header', 'text': {'type': 'plain_text', 'text': 'x' * 151}})
except Exception: pass
else: raise SystemExit('a header that is too long is taken')
print(count)";
    let folder = tempfile::tempdir().unwrap();
    let samples = written(folder.path());
    if let Some(count) = python(SCRIPT, &[folder.path().to_str().unwrap()]) {
        assert_eq!(count, samples.len().to_string());
    }
}

/// It builds a crate with a lock file and dependencies of its own, so it runs only when asked.
#[test]
fn the_crate_slackblocks_reads_everything() {
    let asked = ["SEATGATE_REQUIRE_ALL", "SEATGATE_SLACKBLOCKS"].iter().any(|name| std::env::var_os(name).is_some());
    if !asked {
        eprintln!("skipped: set SEATGATE_SLACKBLOCKS=1 to build the crate in tests/slackblocks and let it judge");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let samples = written(folder.path());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slackblocks/Cargo.toml");
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap().join("slackblocks");
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target);
    let output = command.arg("--").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), samples.len().to_string());
}
