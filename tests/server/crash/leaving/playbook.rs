//! What somebody who leaves is taken through here: twelve tasks, most of them side by side, and a target that does not do
//! all of them at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::crash::REMOVAL;
use crate::crash::target::{Call, Target};

/// A task, the target that does it (nothing, where a person does), and what comes first.
const TASKS: [(&str, Option<&str>, &[&str]); 12] = [
    ("lock", Some("idp"), &[]),
    ("mail", Some("idp"), &["lock"]),
    ("drive", Some("busy"), &["lock"]),
    ("chat", Some("shaky"), &["lock"]),
    ("figma", Some("strict"), &["lock"]),
    ("github", Some("once"), &["lock"]),
    ("zoom", Some("strict"), &["lock"]),
    ("wiki", Some("strict"), &["lock"]),
    ("badge", None, &["lock"]),
    ("laptop", Some("idp"), &["badge"]),
    ("archive", Some("idp"), &["mail", "drive", "figma", "zoom"]),
    ("farewell", Some("idp"), &["archive", "laptop", "github"]),
];

/// The only one that does not promise to do nothing twice.
const ONCE: &str = "once";

/// Which tasks a person has put right since the target refused them, by their ids.
#[derive(Clone, Default)]
pub(super) struct Mended(Arc<Mutex<BTreeSet<String>>>);

impl Mended {
    pub(super) fn mend(&self, task: &str) {
        self.0.lock().unwrap().insert(task.to_owned());
    }

    fn contains(&self, task: &Value) -> bool {
        self.0.lock().unwrap().contains(task.as_str().unwrap())
    }
}

/// The file of a server with this number.
pub(super) fn file(target: &Target, life: usize) -> String {
    let mut file = "[policy.retry]\nfirst = \"1s\"\nmax = \"1s\"\nattempts = 1000\n".to_owned();
    for name in ["idp", "busy", "shaky", "strict", ONCE] {
        let url = target.url(life);
        let idempotent = name != ONCE;
        writeln!(file, "[targets.{name}]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{REMOVAL}\"").unwrap();
        writeln!(file, "timeout = \"5s\"\nidempotent = {idempotent}").unwrap();
    }
    for (name, target, needs) in TASKS {
        let on_failure = if name == "wiki" { "skip" } else { "pause" };
        writeln!(file, "[[playbooks.leaver.tasks]]\nname = \"{name}\"\nneeds = {needs:?}").unwrap();
        match target {
            Some(target) => writeln!(file, "target = \"{target}\"\non_failure = \"{on_failure}\"").unwrap(),
            None => writeln!(file, "kind = \"manual\"\nassignee = \"ivo@example.com\"").unwrap(),
        }
    }
    file
}

/// `drive` is told to come again, `chat` is done and the reply says otherwise, `figma` is refused until somebody has mended
/// it, `zoom` and `wiki` are refused for good; everything else is done at once.
pub(super) fn reply(body: &Value, earlier: &[Call], mended: &Mended) -> u16 {
    assert_eq!(body["type"], "offboarding.task");
    match body["offboarding"]["task"].as_str().unwrap() {
        "drive" if earlier.is_empty() => 503,
        "chat" if earlier.is_empty() => 500,
        "figma" if !mended.contains(&body["task_id"]) => 400,
        "zoom" | "wiki" => 400,
        _ => 200,
    }
}

/// How every task ends, in this order.
pub(super) fn ends() -> impl Iterator<Item = (&'static str, &'static str)> {
    TASKS.into_iter().map(|(name, ..)| (name, if ["zoom", "wiki"].contains(&name) { "skipped" } else { "done" }))
}

/// Whether a task of this name goes to the target that does what it is told as often as it is told.
pub(super) fn is_once(name: &str) -> bool {
    TASKS.iter().any(|(task, target, _)| *task == name && *target == Some(ONCE))
}
