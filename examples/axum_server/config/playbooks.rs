//! What people who leave are taken through: `[playbooks.NAME]`, and which of them is meant where nobody says.

use std::collections::BTreeSet;

use seatgate_core::playbook::Playbooks;
use serde_json::{Map, Value};

use super::Problems;
use super::settings::Settings;

/// The name of the target that the demo has.
pub(crate) const DEMO_TARGET: &str = "demo";

/// The targets that tasks may call, before they are read themselves.
pub(super) fn targets(settings: &Settings) -> BTreeSet<String> {
    let mut names = settings.target_names();
    if names.is_empty() {
        names.insert(DEMO_TARGET.to_owned());
    }
    names
}

/// Every playbook of the file. Each mistake is named with the file that it is in.
pub(super) fn read(settings: &mut Settings, targets: &BTreeSet<String>, problems: &mut Problems) -> Playbooks {
    let default = settings.file.text("default_playbook", problems);
    let name = |key: &str| settings.path.as_ref().map_or_else(|| key.to_owned(), |path| format!("{path}: {key}"));
    let tables = match settings.file.take("playbooks").map(toml::Value::try_into::<Map<String, Value>>) {
        None => Map::new(),
        Some(Ok(tables)) => tables,
        Some(Err(_)) => {
            problems.add(&name("playbooks"), "expected a table of keys");
            Map::new()
        }
    };
    Playbooks::read(&tables, default.as_deref(), targets).unwrap_or_else(|found| {
        found.iter().for_each(|problem| problems.add(&name(problem.key()), problem.reason()));
        Playbooks::default()
    })
}
