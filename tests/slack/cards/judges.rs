//! Limits and doubled ids by the fake Slack's own book, and other people's models of Slack's blocks.

use std::path::Path;
use std::process::Command;

use seatgate_slack::card::Renderer;
use serde_json::{Value, json};

use super::samples::{Sample, samples};
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
