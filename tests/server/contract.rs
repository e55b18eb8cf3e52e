//! The running server keeps to its description: schemathesis finds no answer that is not described, and no 5xx.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::house::Server;

/// What it looks for. Everything else is taste, or is tested elsewhere.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// `SEATGATE_SCHEMATHESIS`, or what `.ci/run` installed into the target directory.
fn schemathesis() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SEATGATE_SCHEMATHESIS") {
        return Some(path.into());
    }
    let test = std::env::current_exe().unwrap();
    let installed = test.ancestors().nth(3)?.join("schemathesis/bin/schemathesis");
    installed.is_file().then_some(installed)
}

/// The two that switch the mode: while it is off, others answer 503 as they should. So these are looked at by themselves.
const SWITCHES: [&str; 2] = ["put_v1_policy", "patch_v1_policy"];

fn run(binary: &Path, directory: &Path, base: &str, token: &str, switches: &str) -> (bool, String) {
    let output = Command::new(binary)
        .current_dir(directory)
        .args(["run", &format!("{base}/openapi.json"), "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1"])
        .args(["--no-color", "--request-timeout", "10", "--max-time", "40"])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(SWITCHES.iter().flat_map(|operation| [switches, *operation]))
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn no_answer_is_undescribed() {
    let Some(binary) = schemathesis() else {
        assert!(std::env::var_os("SEATGATE_REQUIRE_ALL").is_none(), "schemathesis is required, and is not installed");
        eprintln!("skipped: there is no schemathesis (set SEATGATE_SCHEMATHESIS, or let .ci/run install it)");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    super::house::run(directory.path(), &[], &["sweep", "--sample"]);
    let secrets = std::fs::read(directory.path().join("seatgate.secrets")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    for switches in ["--exclude-operation-id", "--include-operation-id"] {
        let token = secrets["api_token"].as_str().unwrap();
        let (sound, report) = run(&binary, directory.path(), &server.base, token, switches);
        assert!(sound, "{report}");
    }
    assert!(server.stop().success());
}
