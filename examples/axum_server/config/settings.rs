//! File and environment side by side: who wins, what is unknown, and what is not there yet.

use std::collections::BTreeSet;
use std::path::Path;

use seatgate_core::policy::PolicyDraft;

use super::table::Table;
use super::{Environment, Problems, slack};

const POLICY_PREFIX: &str = "SEATGATE_POLICY__";
const NOT_YET: &str = "is not available yet";

/// A setting with the name it was found under.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) text: String,
}

impl Named {
    pub(super) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// What was written, not yet judged.
pub(super) struct Settings {
    pub(super) file: Table,
    /// Where that is.
    pub(super) path: Option<String>,
    environment: Environment,
    heeded: BTreeSet<String>,
}

impl Settings {
    pub(super) fn load(file: Option<&Path>, environment: &Environment, problems: &mut Problems) -> Self {
        let path = file.map(|path| path.display().to_string());
        let file = file.and_then(|path| {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            let table = text.and_then(|text| text.parse::<toml::Table>().map_err(|error| error.to_string()));
            problems.keep(&path.display().to_string(), table)
        });
        let heeded = BTreeSet::from(["SEATGATE_CONFIG".to_owned()]);
        Self { file: Table::root(file.unwrap_or_default()), path, environment: environment.clone(), heeded }
    }

    /// A variable that no key of the file stands for.
    pub(super) fn variable(&mut self, variable: &str) -> Option<Named> {
        self.heeded.insert(variable.to_owned());
        self.environment.get(variable).map(|text| Named::new(variable, text))
    }

    /// The environment's variable, else the file's key.
    pub(super) fn plain(&mut self, variable: &str, key: &str, problems: &mut Problems) -> Option<Named> {
        self.with_file(|settings, file| settings.plain_in(file, variable, key, problems))
    }

    /// The same for a key of `table`.
    pub(super) fn plain_in(
        &mut self,
        table: &mut Table,
        variable: &str,
        key: &str,
        problems: &mut Problems,
    ) -> Option<Named> {
        let (in_file, name) = (table.text(key, problems), table.name(key));
        self.variable(variable).or_else(|| in_file.map(|text| Named::new(name, text)))
    }

    /// The environment's variable, else the file's key, for a secret, which may also stand in a file of its own.
    pub(super) fn secret(&mut self, variable: &str, key: &str, problems: &mut Problems) -> Option<Named> {
        self.with_file(|settings, file| settings.secret_in(file, variable, key, problems))
    }

    /// The same for a key of `table`.
    pub(super) fn secret_in(
        &mut self,
        table: &mut Table,
        variable: &str,
        key: &str,
        problems: &mut Problems,
    ) -> Option<Named> {
        let in_environment = self.secret_variable(variable, problems);
        let in_file = secret_of(table, key, problems);
        in_environment.or(in_file)
    }

    /// Lends the file's top table out while the rest is used.
    fn with_file<T>(&mut self, work: impl FnOnce(&mut Self, &mut Table) -> T) -> T {
        let mut file = std::mem::take(&mut self.file);
        let result = work(self, &mut file);
        self.file = file;
        result
    }

    /// A secret that only the environment can say.
    pub(super) fn secret_variable(&mut self, variable: &str, problems: &mut Problems) -> Option<Named> {
        pair(self.variable(variable), self.variable(&format!("{variable}_FILE")), problems)
    }

    /// Whether anything is said about targets.
    pub(super) fn names_target(&self) -> bool {
        let variables = ["URL", "SECRET", "SECRET_FILE"].map(|end| format!("SEATGATE_DEPROVISION_{end}"));
        self.file.has("targets") || variables.iter().any(|variable| self.environment.contains_key(variable))
    }

    /// What the targets are called.
    pub(super) fn target_names(&self) -> BTreeSet<String> {
        let all = self.environment.contains_key("SEATGATE_DEPROVISION_URL").then(|| "*".to_owned());
        self.file.names_under("targets").into_iter().chain(all).collect()
    }

    /// Whether anything is said about Slack.
    pub(super) fn names_slack(&self) -> bool {
        self.file.has("slack") || slack::VARIABLES.iter().any(|variable| self.environment.contains_key(*variable))
    }

    /// The `[policy]` of the file.
    pub(super) fn policy_table(&mut self, problems: &mut Problems) -> Option<PolicyDraft> {
        let Some(table) = self.file.take("policy") else { return Some(PolicyDraft::default()) };
        let draft = table.try_into::<PolicyDraft>();
        problems.keep("policy", draft.map_err(|_| "expected a table of keys"))
    }

    /// What the environment says about the policy, as paths such as `retry.first`.
    pub(super) fn policy_variables(&self) -> Vec<(String, String)> {
        let path = |name: &str| Some(name.strip_prefix(POLICY_PREFIX)?.to_lowercase().replace("__", "."));
        self.environment.iter().filter_map(|(name, text)| Some((path(name)?, text.clone()))).collect()
    }

    /// Parts that come later: their keys are checked, and refused where they would ask for something to happen.
    pub(super) fn judge_later_parts(&mut self, problems: &mut Problems) {
        for variable in ["SEATGATE_CHECKPOINT_KEY", "SEATGATE_CHECKPOINT_KEY_FILE"] {
            if self.variable(variable).is_some() {
                problems.add(variable, format!("signing checkpoints {NOT_YET}"));
            }
        }
    }

    /// Notes keys and variables that nobody has asked for: a slip of the pen must not go unnoticed.
    pub(super) fn refuse_the_rest(self, problems: &mut Problems) {
        self.file.finish(problems);
        for name in self.environment.keys() {
            if name.starts_with("SEATGATE_") && !name.starts_with(POLICY_PREFIX) && !self.heeded.contains(name) {
                problems.add(name, "unknown variable");
            }
        }
    }
}

/// The secret under `key`, or in the file under `key_file`.
pub(super) fn secret_of(table: &mut Table, key: &str, problems: &mut Problems) -> Option<Named> {
    let file_key = format!("{key}_file");
    let (name, file_name) = (table.name(key), table.name(&file_key));
    let text = table.text(key, problems).map(|text| Named::new(name, text));
    let file = table.text(&file_key, problems).map(|path| Named::new(file_name, path));
    pair(text, file, problems)
}

/// A secret that is said at one place only, with its file read. Neither is ever quoted.
fn pair(text: Option<Named>, file: Option<Named>, problems: &mut Problems) -> Option<Named> {
    match (text, file) {
        (Some(text), Some(file)) => {
            problems.add(&text.name, format!("is set, and {} too: which of them is meant?", file.name));
            Some(text)
        }
        (text, None) => text,
        (None, Some(file)) => {
            let read = std::fs::read_to_string(&file.text);
            problems.keep(&file.name, read).map(|text| Named::new(file.name, text.trim().to_owned()))
        }
    }
}
