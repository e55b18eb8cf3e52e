//! What a file and the environment say about the policy, not yet judged.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The keys whose value is a list, which matters where a value is given as text.
const LISTS: [&str; 3] = ["remind_after", "fallback_approvers", "exempt_tags"];

/// A policy as it is written: any keys with any values, judged together by [`super::Policy::from_draft`].
///
/// Deserializes from a table of any format, such as the `[policy]` of a TOML file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyDraft(Map<String, Value>);

impl PolicyDraft {
    /// Sets the key at `path` (`min_idle`, `retry.first`, `apps.figma.grace`) to what `text` means, in place of
    /// what was there: an integer, `true` or `false`, for the keys that are lists a comma-separated list, else text.
    ///
    /// An app's id may contain dots. Nothing is judged here: a wrong path is an unknown key of the draft.
    ///
    /// # Examples
    /// ```
    /// use seatgate_core::policy::{Policy, PolicyDraft};
    ///
    /// let mut draft = PolicyDraft::default();
    /// draft.set("apps.figma.grace", "24h");
    /// let policy = Policy::from_draft(&draft)?;
    /// assert_eq!(policy.terms("figma").grace.to_string(), "1d");
    /// # Ok::<(), seatgate_core::policy::PolicyProblems>(())
    /// ```
    pub fn set(&mut self, path: &str, text: &str) {
        let (tables, key) = steps(path);
        insert(&mut self.0, &tables, key, meaning(key, text));
    }

    pub(super) fn table(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The tables that lead to the value at `path`, and its key in the last of them.
fn steps(path: &str) -> (Vec<&str>, &str) {
    let (mut tables, rest) = match path.strip_prefix("apps.") {
        Some(rest) => (vec!["apps"], rest),
        None => (Vec::new(), path),
    };
    let Some((before, key)) = rest.rsplit_once('.') else { return (tables, rest) };
    // Below `apps`, whatever is not the table `retry` belongs to the app's id.
    match before.rsplit_once('.') {
        Some((app, "retry")) if !tables.is_empty() => tables.extend([app, "retry"]),
        _ => tables.push(before),
    }
    (tables, key)
}

/// Inserts `value` below the named tables; each is made if it is not there, or is no table.
fn insert(table: &mut Map<String, Value>, tables: &[&str], key: &str, value: Value) {
    let Some((first, rest)) = tables.split_first() else {
        table.insert(key.to_owned(), value);
        return;
    };
    let mut inner = match table.remove(*first) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    insert(&mut inner, rest, key, value);
    table.insert((*first).to_owned(), Value::Object(inner));
}

fn meaning(key: &str, text: &str) -> Value {
    if LISTS.contains(&key) {
        return text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    }
    let text = text.trim();
    match (text.parse::<bool>(), text.parse::<i64>()) {
        (Ok(flag), _) => flag.into(),
        (_, Ok(integer)) => integer.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(path: &str, text: &str) -> Value {
        let mut draft = PolicyDraft::default();
        draft.set(path, text);
        Value::Object(draft.0)
    }

    #[test]
    fn text_becomes_the_value_it_means() {
        assert_eq!(set("min_idle", "30d"), json!({"min_idle": "30d"}));
        assert_eq!(set("quorum", " 2 "), json!({"quorum": 2}));
        assert_eq!(set("sender_may_approve", "true"), json!({"sender_may_approve": true}));
        assert_eq!(set("exempt_tags", "legal, 42,"), json!({"exempt_tags": ["legal", "42"]}));
        assert_eq!(set("fallback_approvers", ""), json!({"fallback_approvers": []}));
    }

    #[test]
    fn paths_lead_through_tables() {
        assert_eq!(set("retry.first", "2s"), json!({"retry": {"first": "2s"}}));
        assert_eq!(set("apps.figma.grace", "1d"), json!({"apps": {"figma": {"grace": "1d"}}}));
        assert_eq!(set("apps.figma.retry.max", "1d"), json!({"apps": {"figma": {"retry": {"max": "1d"}}}}));
        assert_eq!(set("apps.figma.com.grace", "1d"), json!({"apps": {"figma.com": {"grace": "1d"}}}));
        assert_eq!(set("apps.a.b.retry.max", "1d"), json!({"apps": {"a.b": {"retry": {"max": "1d"}}}}));
    }

    #[test]
    fn odd_paths_are_kept_for_judgement() {
        assert_eq!(set("", "1"), json!({"": 1}));
        assert_eq!(set("apps.figma", "1"), json!({"apps": {"figma": 1}}));
        assert_eq!(set("no.such.key", "1"), json!({"no.such": {"key": 1}}));
        assert_eq!(set("figma.retry.max", "1"), json!({"figma.retry": {"max": 1}}), "`apps.` is missing");
    }

    #[test]
    fn the_later_word_counts() {
        let mut draft: PolicyDraft = serde_json::from_value(json!({"grace": "1d", "retry": 5})).unwrap();
        draft.set("grace", "2d");
        draft.set("retry.max", "1m");
        assert_eq!(Value::Object(draft.0), json!({"grace": "2d", "retry": {"max": "1m"}}));
    }

    #[test]
    fn what_is_set_in_a_table_leaves_the_other_keys_in_it() {
        let mut draft: PolicyDraft = serde_json::from_value(json!({"apps": {"figma": {"grace": "1d"}}})).unwrap();
        draft.set("apps.figma.retry.max", "1m");
        draft.set("apps.figma.retry.first", "2s");
        let retry = json!({"max": "1m", "first": "2s"});
        assert_eq!(Value::Object(draft.0), json!({"apps": {"figma": {"grace": "1d", "retry": retry}}}));
    }
}
