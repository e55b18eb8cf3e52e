//! Reads a draft: every key once, every mistake noted.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::{Map, Value};

use super::problem::{PolicyProblem, PolicyProblems};
use super::terms::{RetryTerms, Terms};
use crate::time::Span;

/// The terms of every app, and those of the apps that have keys of their own.
pub(super) fn policy(draft: &Map<String, Value>) -> Result<(Terms, BTreeMap<String, Terms>), PolicyProblems> {
    let mut table = Table::new(draft, String::new(), BTreeSet::new());
    let default = table.terms(Terms::default());
    let apps = table.inner("apps");
    let wrong = table.wrong.clone();
    let mut problems = table.finish();

    let mut terms_by_app = BTreeMap::new();
    for (app, value) in apps.into_iter().flatten() {
        let (terms, found) = app_terms(app, value, &default, &wrong);
        terms_by_app.insert(app.clone(), terms);
        problems.extend(found);
    }
    PolicyProblems::unless_empty(problems)?;
    Ok((default, terms_by_app))
}

/// The terms of one app: those of every app, with its own keys in their place.
fn app_terms(app: &str, value: &Value, default: &Terms, wrong: &BTreeSet<String>) -> (Terms, Vec<PolicyProblem>) {
    let path = format!("apps.{}", printable(app));
    if app.is_empty() {
        return (default.clone(), vec![PolicyProblem::new(path, "an app's id cannot be empty".to_owned())]);
    }
    let Value::Object(keys) = value else {
        return (default.clone(), vec![PolicyProblem::new(path, NO_TABLE.to_owned())]);
    };
    let mut table = Table::new(keys, format!("{path}."), wrong.clone());
    let terms = table.terms(default.clone());
    (terms, table.finish())
}

pub(crate) const NO_TABLE: &str = "expected a table of keys";

/// One table of a draft while it is read.
pub(crate) struct Table<'a> {
    keys: &'a Map<String, Value>,
    /// What stands before a key of this table: empty, or a path that ends with a dot.
    path: String,
    /// The keys asked for so far. Once all were, any other key in the table is unknown.
    known: Vec<&'static str>,
    /// The keys whose value cannot be used, here or in the table whose keys this one replaces: nothing is concluded
    /// from what stands in their place.
    wrong: BTreeSet<String>,
    problems: Vec<PolicyProblem>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(keys: &'a Map<String, Value>, path: String, wrong: BTreeSet<String>) -> Self {
        Self { keys, path, known: Vec::new(), wrong, problems: Vec::new() }
    }

    /// Reads every key of an app's terms over `terms`.
    fn terms(&mut self, mut terms: Terms) -> Terms {
        self.value("min_idle", &mut terms.min_idle, span);
        self.value("max_evidence_age", &mut terms.max_evidence_age, span);
        self.value("digest", &mut terms.digest, span);
        self.value("ask_holder_first", &mut terms.ask_holder_first, flag);
        self.value("holder_wait", &mut terms.holder_wait, longer_than_nothing);
        self.value("holder_release", &mut terms.holder_release, parsed);
        self.value("remind_after", &mut terms.remind_after, reminders);
        self.value("escalate_after", &mut terms.escalate_after, span);
        self.value("expire_after", &mut terms.expire_after, longer_than_nothing);
        self.value("on_expiry", &mut terms.on_expiry, parsed);
        self.value("expiry_keep_for", &mut terms.expiry_keep_for, span);
        self.value("cool_down", &mut terms.cool_down, span);
        self.value("grace", &mut terms.grace, span);
        self.value("keep_for", &mut terms.keep_for, span);
        self.value("keep_max", &mut terms.keep_max, span);
        self.value("keep_reason", &mut terms.keep_reason, parsed);
        self.value("quorum", &mut terms.quorum, at_least_one);
        self.value("fallback_approvers", &mut terms.fallback_approvers, |value| list(value, email));
        self.value("exempt_tags", &mut terms.exempt_tags, |value| list(value, tag));
        self.value("max_requests_per_sweep", &mut terms.max_requests_per_sweep, at_least_one);
        self.value("seats", &mut terms.seats, count);
        self.value("max_share_per_sweep", &mut terms.max_share_per_sweep, percent);
        self.value("strict_identity", &mut terms.strict_identity, flag);
        self.value("sender_may_approve", &mut terms.sender_may_approve, flag);
        self.value("business_hours", &mut terms.business_hours, parsed);
        self.value("time_zone", &mut terms.time_zone, parsed);
        self.in_order(("keep_for", terms.keep_for), ("keep_max", terms.keep_max));
        self.retry(&mut terms.retry);
        terms
    }

    pub(crate) fn retry(&mut self, terms: &mut RetryTerms) {
        let Some(keys) = self.inner("retry") else { return };
        let path = format!("{}retry.", self.path);
        let wrong = self.wrong.iter().filter_map(|key| key.strip_prefix("retry.")).map(str::to_owned).collect();
        let mut table = Table::new(keys, path, wrong);
        table.value("first", &mut terms.first, longer_than_nothing);
        table.value("max", &mut terms.max, span);
        table.value("attempts", &mut terms.attempts, at_least_one);
        table.value("give_up_after", &mut terms.give_up_after, span);
        table.in_order(("first", terms.first), ("max", terms.max));
        self.wrong.extend(table.wrong.iter().map(|key| format!("retry.{key}")));
        self.problems.extend(table.finish());
    }

    /// Puts the value of `key` into `place`, if the table has one that can be used.
    pub(crate) fn value<T>(&mut self, key: &'static str, place: &mut T, read: impl Fn(&Value) -> Result<T, Reasons>) {
        self.known.push(key);
        let Some(value) = self.keys.get(key) else { return };
        match read(value) {
            Ok(value) => {
                *place = value;
            }
            Err(reasons) => reasons.into_iter().for_each(|reason| self.problem(key, reason)),
        }
    }

    /// Puts the value of `key` into `place`; the table must have one.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        place: &mut T,
        read: impl Fn(&Value) -> Result<T, Reasons>,
    ) {
        if self.keys.contains_key(key) {
            self.value(key, place, read);
        } else {
            self.known.push(key);
            self.note(key, "is required");
        }
    }

    /// Notes a mistake about `key`.
    pub(crate) fn note(&mut self, key: &'static str, reason: &str) {
        self.problem(key, reason.to_owned());
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Whether the value of `key` cannot be used.
    pub(crate) fn is_wrong(&self, key: &str) -> bool {
        self.wrong.contains(key)
    }

    /// The table under `key`.
    fn inner(&mut self, key: &'static str) -> Option<&'a Map<String, Value>> {
        self.known.push(key);
        match self.keys.get(key)? {
            Value::Object(inner) => Some(inner),
            _ => {
                self.problem(key, NO_TABLE.to_owned());
                None
            }
        }
    }

    /// Notes if the first span is longer than the second. Said once, about a key that this table sets.
    fn in_order(&mut self, (less, low): (&str, Span), (more, high): (&str, Span)) {
        if low <= high || self.wrong.contains(less) || self.wrong.contains(more) {
            return;
        }
        if self.keys.contains_key(less) {
            self.problem(less, format!("cannot be longer than `{more}`, which is {high}"));
        } else if self.keys.contains_key(more) {
            self.problem(more, format!("cannot be shorter than `{less}`, which is {low}"));
        }
    }

    fn problem(&mut self, key: &str, reason: String) {
        self.wrong.insert(key.to_owned());
        self.problems.push(PolicyProblem::new(format!("{}{key}", self.path), reason));
    }

    /// The problems, those of unknown keys last.
    pub(crate) fn finish(mut self) -> Vec<PolicyProblem> {
        for key in self.keys.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let reason = match closest(key, &self.known) {
                Some(known) => format!("unknown key; did you mean `{known}`?"),
                None => "unknown key".to_owned(),
            };
            self.problems.push(PolicyProblem::new(format!("{}{}", self.path, printable(key)), reason));
        }
        self.problems
    }
}

/// Why a value cannot be used: one reason, or one for each item of a list.
pub(crate) type Reasons = Vec<String>;

pub(crate) fn because<T>(reason: impl ToString) -> Result<T, Reasons> {
    Err(vec![reason.to_string()])
}

/// A text that its type can read: a span, a label.
pub(crate) fn parsed<T: FromStr<Err: ToString>>(value: &Value) -> Result<T, Reasons> {
    // What is no text is read as an empty one, which every such type refuses with what it expects.
    value.as_str().unwrap_or_default().parse().or_else(because::<T>)
}

fn span(value: &Value) -> Result<Span, Reasons> {
    parsed(value)
}

/// Times after the delivery of a card, the earliest first.
fn reminders(value: &Value) -> Result<Vec<Span>, Reasons> {
    let mut times = list(value, longer_than_nothing)?;
    times.sort_unstable();
    times.dedup();
    Ok(times)
}

fn longer_than_nothing(value: &Value) -> Result<Span, Reasons> {
    let span = span(value)?;
    if span.is_zero() { because("must be longer than `0s`") } else { Ok(span) }
}

pub(crate) fn flag(value: &Value) -> Result<bool, Reasons> {
    value.as_bool().map_or_else(|| because("expected `true` or `false`"), Ok)
}

fn at_least_one(value: &Value) -> Result<u32, Reasons> {
    match value.as_u64().map(u32::try_from) {
        Some(Ok(count)) if count >= 1 => Ok(count),
        _ => because("expected a whole number from 1 to 4294967295"),
    }
}

fn count(value: &Value) -> Result<u32, Reasons> {
    match value.as_u64().map(u32::try_from) {
        Some(Ok(count)) => Ok(count),
        _ => because("expected a whole number from 0 to 4294967295"),
    }
}

fn percent(value: &Value) -> Result<u32, Reasons> {
    match value.as_u64().map(u32::try_from) {
        Some(Ok(percent)) if (1..=100).contains(&percent) => Ok(percent),
        _ => because("expected a whole number of percent from 1 to 100"),
    }
}

pub(crate) fn list<T>(value: &Value, read: impl Fn(&Value) -> Result<T, Reasons>) -> Result<Vec<T>, Reasons> {
    let Some(items) = value.as_array() else { return because("expected a list") };
    let (mut good, mut reasons) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match read(item) {
            Ok(item) => good.push(item),
            Err(found) => reasons.extend(found.iter().map(|reason| format!("item {}: {reason}", index + 1))),
        }
    }
    if reasons.is_empty() { Ok(good) } else { Err(reasons) }
}

fn email(value: &Value) -> Result<String, Reasons> {
    let text = value.as_str().unwrap_or_default();
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && !host.is_empty() && !host.contains('@') => {
            Ok(text.to_lowercase())
        }
        _ => because("expected an e-mail address"),
    }
}

fn tag(value: &Value) -> Result<String, Reasons> {
    match value.as_str() {
        Some(text) if !text.trim().is_empty() && !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => because("expected a text that is not empty"),
    }
}

/// A key from outside, on one line; an empty one as a file writes it.
pub(crate) fn printable(key: &str) -> String {
    if key.is_empty() { "\"\"".to_owned() } else { key.escape_debug().to_string() }
}

/// The known key that `key` probably was meant to be: at most two slips away, and not another word altogether.
fn closest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let slips = known.iter().map(|candidate| (distance(key, candidate), *candidate));
    let (slips, candidate) = slips.min_by_key(|(slips, _)| *slips)?;
    (slips <= 2 && slips * 2 < candidate.len()).then_some(candidate)
}

/// How many characters must be added, removed or replaced to turn one text into the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, a) in one.chars().enumerate() {
        let (mut diagonal, mut left) = (index, index + 1);
        for (cell, b) in row.iter_mut().zip(std::iter::once(None).chain(other.chars().map(Some))) {
            let above = *cell;
            if let Some(b) = b {
                left = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            }
            (diagonal, *cell) = (above, left);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        let cases = [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("grace", "grace", 0)];
        for (one, other, expected) in cases.into_iter().chain([("garce", "grace", 2), ("graze", "grace", 1)]) {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_a_likely_key_is_suggested() {
        let known = ["grace", "max", "min_idle"];
        assert_eq!(closest("grcae", &known), Some("grace"));
        assert_eq!(closest("min-idle", &known), Some("min_idle"));
        assert_eq!(closest("mux", &known), Some("max"));
        assert_eq!(closest("a", &known), None);
        assert_eq!(closest("nose", &["name"]), None, "half of it differs: another word");
        assert_eq!(closest("colour", &known), None);
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_bounded(one in "\\PC{0,12}", other in "\\PC{0,12}") {
            let slips = distance(&one, &other);
            prop_assert_eq!(slips, distance(&other, &one));
            prop_assert_eq!(slips == 0, one == other);
            prop_assert!(slips <= one.chars().count().max(other.chars().count()));
        }
    }
}
