//! Independent judges, in a virtual environment that `.ci/run` installs: Slack's own SDK, and a validator of schemas.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use seatgate_core::time::Timestamp;
use seatgate_slack::verify::{RequestHeaders, SigningSecrets};

use crate::fake_slack::{SIGNING_SECRET, sign};

/// What `.ci/run` installed into cargo's target directory. `None` skips the test, unless nothing may be skipped.
pub(crate) fn installed(path: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let found = test.ancestors().nth(3).unwrap().join(path);
    if found.is_file() {
        return Some(found);
    }
    assert!(std::env::var_os("SEATGATE_REQUIRE_ALL").is_none(), "{path} is required, and is not installed");
    eprintln!("skipped: there is no {path} in the target directory (let .ci/run install it)");
    None
}

pub(crate) fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let python = installed("slack-peers/bin/python")?;
    let mut command = Command::new(python);
    let output = command.arg("-c").arg(script).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

const BODIES: [&str; 4] = ["", "payload=%7B%7D", "text=Ä%20ö&x=1", "{\"challenge\":\"\u{1f512}\"}"];

#[test]
fn slacks_sdk_signs_what_we_verify_and_verifies_what_we_sign() {
    const SCRIPT: &str = "\
import sys
from slack_sdk.signature import SignatureVerifier
class Clock:
    def now(self): return 1531420618
verifier = SignatureVerifier(sys.argv[1], Clock())
body, ours = sys.argv[2], sys.argv[3]
assert verifier.is_valid(body, '1531420618', ours), 'our signature'
assert not verifier.is_valid(body + ' ', '1531420618', ours), 'another body'
print(verifier.generate_signature(timestamp='1531420618', body=body))";
    let secrets: SigningSecrets = SIGNING_SECRET.parse().unwrap();
    let now = Timestamp::from_micros(1_531_420_618_000_000);
    for body in BODIES {
        let ours = sign(SIGNING_SECRET, "1531420618", body);
        let Some(theirs) = python(SCRIPT, &[SIGNING_SECRET, body, &ours]) else { return };
        let headers = RequestHeaders { signature: Some(theirs.as_bytes()), timestamp: Some(b"1531420618") };
        assert!(secrets.verify(&headers, body, now).is_ok(), "{body}");
    }
}

#[test]
fn the_manifest_is_sound() {
    const SCRIPT: &str = "\
import json, sys, yaml, jsonschema
manifest, schema = yaml.safe_load(open(sys.argv[1])), json.load(open(sys.argv[2]))
jsonschema.Draft7Validator.check_schema(schema)
errors = [f'{e.json_path}: {e.message}' for e in jsonschema.Draft7Validator(schema).iter_errors(manifest)]
manifest['settings']['no_such_setting'] = True
assert not jsonschema.Draft7Validator(schema).is_valid(manifest), 'the schema refuses nothing'
print('\\n'.join(errors))";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = root.join("seatgate-slack/manifest.yaml");
    let schema = root.join("tests/slack/manifest.schema.json");
    if let Some(errors) = python(SCRIPT, &[manifest.to_str().unwrap(), schema.to_str().unwrap()]) {
        assert_eq!(errors, "");
    }
}
