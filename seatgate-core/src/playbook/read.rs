//! Reads playbooks: every key once, every mistake noted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};

use super::order::stuck;
use super::{Deed, Pattern, PlannedTask, Playbook, TargetCall};
use crate::person::EmailAddress;
use crate::policy::read::{NO_TABLE, Reasons, Table, because, flag, list, parsed, printable};
use crate::policy::{PolicyProblem, PolicyProblems, RetryTerms};
use crate::request::OnFailure;
use crate::seat::AppId;
use crate::time::Span;

const LONGEST_NAME: usize = 64;
/// As long as a target's own calls may take.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) fn playbooks(
    tables: &Map<String, Value>,
    default: Option<&str>,
    targets: &BTreeSet<String>,
) -> Result<BTreeMap<String, Playbook>, PolicyProblems> {
    let mut problems = Vec::new();
    let mut by_name = BTreeMap::new();
    for (name, value) in tables {
        let mut reader = Reader { path: format!("playbooks.{}", printable(name)), targets, problems: Vec::new() };
        by_name.insert(name.clone(), reader.playbook(name, value));
        problems.extend(reader.problems);
    }
    if let Some(default) = default.filter(|default| !tables.contains_key(*default)) {
        let reason = format!("there is no playbook `{}`", default.escape_debug());
        problems.push(PolicyProblem::new("default_playbook".to_owned(), reason));
    }
    PolicyProblems::unless_empty(problems)?;
    Ok(by_name)
}

/// Reads one playbook.
struct Reader<'a> {
    /// Its own key.
    path: String,
    targets: &'a BTreeSet<String>,
    problems: Vec<PolicyProblem>,
}

impl Reader<'_> {
    fn playbook(&mut self, name: &str, value: &Value) -> Playbook {
        let mut playbook = Playbook { name: name.to_owned(), four_eyes: false, tasks: Vec::new() };
        if let Err(reasons) = plain_name(&Value::from(name)) {
            self.problem("", reasons.join(", "));
        }
        let Value::Object(keys) = value else {
            self.problem("", NO_TABLE.to_owned());
            return playbook;
        };
        let mut table = Table::new(keys, format!("{}.", self.path), BTreeSet::new());
        let mut tasks = Vec::new();
        table.value("four_eyes", &mut playbook.four_eyes, flag);
        table.value("tasks", &mut tasks, |value| list(value, task_table));
        let unread = table.is_wrong("tasks");
        self.problems.extend(table.finish());
        if tasks.is_empty() && !unread {
            self.problem(".tasks", "expected at least one task".to_owned());
        }
        let read: Vec<_> = tasks.iter().enumerate().map(|(index, keys)| self.task(index, keys)).collect();
        if read.iter().all(Option::is_some) {
            playbook.tasks = read.into_iter().flatten().collect();
            self.judge(&playbook);
        }
        playbook
    }

    /// Nothing if it has mistakes, which are noted.
    fn task(&mut self, index: usize, keys: &Map<String, Value>) -> Option<PlannedTask> {
        let name = keys.get("name").and_then(Value::as_str).map_or_else(|| (index + 1).to_string(), printable);
        let mut table = Table::new(keys, format!("{}.tasks.{name}.", self.path), BTreeSet::new());
        let mut task = (String::new(), Vec::new(), false, false);
        table.required("name", &mut task.0, plain_name);
        table.value("needs", &mut task.1, |value| list(value, plain_name));
        table.value("optional", &mut task.2, flag);
        table.value("kind", &mut task.3, is_manual);
        let deed = if task.3 { manual(&mut table) } else { self.call(&mut table) };
        let problems = table.finish();
        let good = problems.is_empty();
        self.problems.extend(problems);
        let (name, needs, optional, _) = task;
        deed.filter(|_| good).map(|deed| PlannedTask { name, needs, optional, deed })
    }

    fn call(&self, table: &mut Table<'_>) -> Option<Deed> {
        let (mut target, mut app, mut parameters) = (String::new(), None, BTreeMap::new());
        let (mut on_failure, mut timeout, mut retry) = (OnFailure::Pause, None, RetryTerms::default());
        table.required("target", &mut target, |value| self.target(value));
        table.value("app", &mut app, |value| parsed::<AppId>(value).map(Some));
        table.value("parameters", &mut parameters, patterns);
        table.value("on_failure", &mut on_failure, what_follows);
        table.value("timeout", &mut timeout, |value| call_time(value).map(Some));
        let has_retry = table.has("retry");
        table.retry(&mut retry);
        if target == "*" && app.is_none() {
            table.note("app", "is required, because the target `*` serves any");
        }
        let app = app.or_else(|| target.parse().ok())?;
        let retry = has_retry.then_some(retry);
        Some(Deed::Call(Box::new(TargetCall { target, app, parameters, on_failure, timeout, retry })))
    }

    fn target(&self, value: &Value) -> Result<String, Reasons> {
        match value.as_str() {
            Some(name) if self.targets.contains(name) => Ok(name.to_owned()),
            Some(name) => because(format!("there is no target `{}`", name.escape_debug())),
            None => because("expected the name of a target"),
        }
    }

    /// What can be said only about all tasks together.
    fn judge(&mut self, playbook: &Playbook) {
        let mut names = BTreeSet::new();
        for task in &playbook.tasks {
            if !names.insert(task.name.as_str()) {
                self.problem(&format!(".tasks.{}.name", task.name), "another task has this name".to_owned());
            }
        }
        let before = self.problems.len();
        for task in &playbook.tasks {
            for need in task.needs.iter().filter(|need| !names.contains(need.as_str())) {
                self.problem(&format!(".tasks.{}.needs", task.name), format!("there is no task `{need}`"));
            }
        }
        if self.problems.len() > before {
            return;
        }
        for task in stuck(&playbook.tasks) {
            let reason = "it can never begin: tasks that come first wait for each other".to_owned();
            self.problem(&format!(".tasks.{}.needs", task.name), reason);
        }
    }

    fn problem(&mut self, key: &str, reason: String) {
        self.problems.push(PolicyProblem::new(format!("{}{key}", self.path), reason));
    }
}

fn manual(table: &mut Table<'_>) -> Option<Deed> {
    let mut assignee = None;
    table.required("assignee", &mut assignee, |value| parsed::<EmailAddress>(value).map(Some));
    assignee.map(|assignee| Deed::Manual { assignee })
}

fn task_table(value: &Value) -> Result<Map<String, Value>, Reasons> {
    value.as_object().cloned().map_or_else(|| because(NO_TABLE), Ok)
}

/// A name that a line, a key and a URL can hold.
fn plain_name(value: &Value) -> Result<String, Reasons> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    match value.as_str() {
        Some(name) if (1..=LONGEST_NAME).contains(&name.chars().count()) && name.chars().all(plain) => {
            Ok(name.to_owned())
        }
        _ => because(format!("expected a name of 1 to {LONGEST_NAME} letters, digits, `-`, `_`, `.` and spaces")),
    }
}

fn is_manual(value: &Value) -> Result<bool, Reasons> {
    match value.as_str() {
        Some("call") => Ok(false),
        Some("manual") => Ok(true),
        _ => because("expected `call` or `manual`"),
    }
}

fn what_follows(value: &Value) -> Result<OnFailure, Reasons> {
    match value.as_str() {
        Some("pause") => Ok(OnFailure::Pause),
        Some("skip") => Ok(OnFailure::Skip),
        _ => because("expected `pause` or `skip`"),
    }
}

fn call_time(value: &Value) -> Result<Span, Reasons> {
    let span: Span = parsed(value)?;
    if span.is_zero() || span.duration() > LONGEST_TIMEOUT { because("expected 1s to 5m") } else { Ok(span) }
}

fn patterns(value: &Value) -> Result<BTreeMap<String, String>, Reasons> {
    let Some(keys) = value.as_object() else { return because(NO_TABLE) };
    let (mut good, mut reasons) = (BTreeMap::new(), Vec::new());
    for (key, value) in keys {
        let problem = match value.as_str() {
            Some(text) => Pattern::of(text).problem(),
            None => Some("expected a text".to_owned()),
        };
        match problem {
            Some(problem) => reasons.push(format!("`{}`: {problem}", printable(key))),
            None => drop(good.insert(key.clone(), value.as_str().unwrap_or_default().to_owned())),
        }
    }
    if reasons.is_empty() { Ok(good) } else { Err(reasons) }
}
