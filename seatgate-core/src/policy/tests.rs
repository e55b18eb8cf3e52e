//! The policy as a whole.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::time::Span;

fn policy(draft: Value) -> Result<Policy, PolicyProblems> {
    Policy::from_draft(&serde_json::from_value(draft).unwrap())
}

/// The lines that the mistakes in `draft` print.
fn problems(draft: Value) -> Vec<String> {
    let problems = policy(draft).unwrap_err();
    let lines: Vec<String> = problems.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), problems.iter().count());
    lines
}

/// Every key at the value that the documentation of the settings shows.
fn documented() -> Value {
    json!({
        "min_idle": "30d", "max_evidence_age": "7d", "digest": "0s", "ask_holder_first": false, "holder_wait": "3d",
        "holder_release": "informs", "remind_after": ["2d", "4d"], "escalate_after": "5d", "expire_after": "14d",
        "on_expiry": "keep", "expiry_keep_for": "14d", "cool_down": "7d", "grace": "0s", "keep_for": "90d", "keep_max": "365d",
        "keep_reason": "required", "quorum": 1, "fallback_approvers": [], "exempt_tags": [],
        "max_requests_per_sweep": 500, "seats": 0, "max_share_per_sweep": 100,
        "strict_identity": false, "sender_may_approve": false, "business_hours": "always", "time_zone": "UTC",
        "retry": {"first": "1s", "max": "10m", "attempts": 8, "give_up_after": "24h"},
        "apps": {},
    })
}

#[test]
fn an_empty_key_is_named_as_a_file_writes_it() {
    assert_eq!(problems(json!({"": 1})), ["\"\": unknown key"]);
    assert_eq!(problems(json!({"retry": {"": 1}})), ["retry.\"\": unknown key"]);
}

#[test]
fn the_documented_values_are_the_defaults() {
    assert_eq!(policy(documented()).unwrap(), Policy::default());
    assert_eq!(policy(json!({})).unwrap(), Policy::default());
    let mut keys = documented();
    keys.as_object_mut().unwrap().remove("apps");
    assert_eq!(serde_json::from_value::<Terms>(keys).unwrap(), *Policy::default().terms("figma"));
}

#[test]
fn an_app_replaces_key_by_key() {
    let policy = policy(json!({
        "min_idle": "60d",
        "retry": {"attempts": 3},
        "apps": {"figma": {"grace": "24h", "retry": {"max": "1h"}}},
    }))
    .unwrap();
    let (figma, other) = (policy.terms("figma"), policy.terms("slack"));
    assert_eq!((figma.min_idle, other.min_idle), (Span::days(60), Span::days(60)));
    assert_eq!((figma.grace, other.grace), (Span::days(1), Span::seconds(0)));
    assert_eq!((figma.retry.attempts, other.retry.attempts), (3, 3));
    assert_eq!((figma.retry.max, other.retry.max), (Span::seconds(3_600), Span::seconds(600)));
    assert_eq!(policy.default_terms(), other);
    assert_eq!(policy.apps().map(|(app, _)| app).collect::<Vec<_>>(), ["figma"]);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let found = problems(json!({
        "min_idle": "soon",
        "on_expiry": "remove",
        "sender_may_approve": "yes",
        "fallback_approvers": ["it@example.com", "it", "a b@example.com", 7],
        "exempt_tags": "legal-hold",
        "gracee": "1d",
        "colour": "red",
        "retry": {"attempts": 0, "frist": "1s"},
        "apps": {"figma": {"grace": -1, "apps": {}}, "": {}, "slack": 3},
    }));
    let expected = [
        "min_idle: expected a whole number and a unit, such as 30s, 15m, 12h or 2d, of at most 100 years",
        "on_expiry: expected `keep`, `reclaim` or `close`",
        "fallback_approvers: item 2: expected an e-mail address",
        "fallback_approvers: item 3: expected an e-mail address",
        "fallback_approvers: item 4: expected an e-mail address",
        "exempt_tags: expected a list",
        "sender_may_approve: expected `true` or `false`",
        "retry.attempts: expected a whole number from 1 to 4294967295",
        "retry.frist: unknown key; did you mean `first`?",
        "colour: unknown key",
        "gracee: unknown key; did you mean `grace`?",
        "apps.\"\": an app's id cannot be empty",
        "apps.figma.grace: expected a whole number and a unit, such as 30s, 15m, 12h or 2d, of at most 100 years",
        "apps.figma.apps: unknown key",
        "apps.slack: expected a table of keys",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_problem_tells_its_key_and_its_reason() {
    let problems = policy(json!({"apps": {"figma": {"retry": 5}}})).unwrap_err();
    let found: Vec<_> = problems.iter().map(|problem| (problem.key(), problem.reason())).collect();
    assert_eq!(found, [("apps.figma.retry", "expected a table of keys")]);
}

#[test]
fn who_is_asked_and_when_is_the_policys() {
    let policy = policy(json!({
        "ask_holder_first": true, "holder_wait": "1d", "remind_after": ["4d", "1d", "4d"], "escalate_after": "0s",
        "quorum": 2, "cool_down": "0s", "business_hours": "mon-fri 09:00-17:00", "time_zone": "europe/berlin",
    }))
    .unwrap();
    let terms = policy.default_terms();
    assert_eq!((terms.ask_holder_first, terms.holder_wait, terms.quorum), (true, Span::days(1), 2));
    assert_eq!(terms.remind_after, [Span::days(1), Span::days(4)], "in order, each once");
    assert_eq!((terms.escalate_after, terms.cool_down), (Span::seconds(0), Span::seconds(0)));
    let hours = (terms.business_hours.to_string(), terms.time_zone.to_string());
    assert_eq!(hours, ("mon-fri 09:00-17:00".to_owned(), "Europe/Berlin".to_owned()));
}

#[test]
fn numbers_and_times_that_could_never_be_meant_are_refused() {
    let none = "max_requests_per_sweep: expected a whole number from 1 to 4294967295";
    assert_eq!(problems(json!({"max_requests_per_sweep": 0})), [none]);
    let share = policy(json!({"seats": 400, "max_share_per_sweep": 25})).unwrap();
    assert_eq!((share.terms("figma").seats, share.terms("figma").max_share_per_sweep), (400, 25));
    for wrong in [0, 101] {
        let none = "max_share_per_sweep: expected a whole number of percent from 1 to 100";
        assert_eq!(problems(json!({"max_share_per_sweep": wrong})), [none]);
    }
    assert_eq!(problems(json!({"seats": -1})), ["seats: expected a whole number from 0 to 4294967295"]);
    assert_eq!(problems(json!({"quorum": 0})), ["quorum: expected a whole number from 1 to 4294967295"]);
    assert_eq!(problems(json!({"holder_wait": "0s"})), ["holder_wait: must be longer than `0s`"]);
    assert_eq!(problems(json!({"remind_after": ["0s"]})).len(), 1);
    assert_eq!(problems(json!({"business_hours": "nine to five", "time_zone": "Mars/Olympus"})).len(), 2);
}

#[test]
fn a_policy_can_be_strict_about_who_somebody_is() {
    let strict = policy(json!({"apps": {"figma": {"strict_identity": true}}})).unwrap();
    assert!(strict.terms("figma").strict_identity && !strict.terms("jira").strict_identity);
    assert_eq!(problems(json!({"strict_identity": "yes"})), ["strict_identity: expected `true` or `false`"]);
}

#[test]
fn a_short_expiry_is_no_mistake_because_of_later_reminders() {
    assert_eq!(policy(json!({"expire_after": "1h"})).unwrap().terms("figma").expire_after, Span::seconds(3_600));
    assert_eq!(problems(json!({"expire_after": "0s"})), ["expire_after: must be longer than `0s`"]);
    assert_eq!(problems(json!({"retry": {"first": "0d"}})), ["retry.first: must be longer than `0s`"]);
}

#[test]
fn spans_that_belong_together_are_in_order() {
    assert_eq!(problems(json!({"keep_for": "400d"})), ["keep_for: cannot be longer than `keep_max`, which is 365d"]);
    assert_eq!(problems(json!({"keep_max": "30d"})), ["keep_max: cannot be shorter than `keep_for`, which is 90d"]);
    let retry = json!({"retry": {"first": "11m"}});
    assert_eq!(problems(retry), ["retry.first: cannot be longer than `max`, which is 10m"]);
    let app = json!({"keep_for": "60d", "apps": {"figma": {"keep_max": "30d"}}});
    assert_eq!(problems(app), ["apps.figma.keep_max: cannot be shorter than `keep_for`, which is 60d"]);
    assert!(policy(json!({"keep_for": "30d", "keep_max": "30d"})).is_ok());
}

#[test]
fn one_mistake_is_said_once() {
    let inherited = json!({"keep_max": "1d", "apps": {"figma": {"grace": "1h"}}});
    assert_eq!(problems(inherited).len(), 1);
    let unusable = json!({"keep_max": "much", "keep_for": "400d", "apps": {"figma": {"keep_for": "500d"}}});
    assert_eq!(problems(unusable).len(), 1);
    let retry = json!({"retry": {"max": "much"}, "apps": {"figma": {"retry": {"first": "1h"}}}});
    assert_eq!(problems(retry).len(), 1);
}

#[test]
fn a_key_cannot_forge_a_line() {
    assert_eq!(problems(json!({"a\nb": 1})), ["a\\nb: unknown key"]);
    assert_eq!(problems(json!({"apps": {"a\nb": 1}})), ["apps.a\\nb: expected a table of keys"]);
}

#[test]
fn fallback_approvers_are_lower_cased() {
    let policy = policy(json!({"fallback_approvers": ["IT-Lead@Example.COM"]})).unwrap();
    assert_eq!(policy.terms("figma").fallback_approvers, ["it-lead@example.com"]);
    for wrong in ["", "@", "a@", "@b", "a@b@c", "a\u{0}@b", "a@ b", "a\u{a0}@b"] {
        assert_eq!(problems(json!({"fallback_approvers": [wrong]})).len(), 1, "{wrong:?}");
    }
}

#[test]
fn a_tag_that_no_report_can_bear_is_refused() {
    let wrong = problems(json!({"exempt_tags": ["legal-hold", "", "  ", "a\nb", 7]}));
    let expected = |item| format!("exempt_tags: item {item}: expected a text that is not empty");
    assert_eq!(wrong, [2, 3, 4, 5].map(expected));
}

#[test]
fn text_from_the_environment_is_read_like_a_file() {
    let mut draft = PolicyDraft::default();
    for (path, text) in [("min_idle", "45d"), ("retry.attempts", "3"), ("apps.figma.exempt_tags", "legal, vip")] {
        draft.set(path, text);
    }
    let file =
        json!({"min_idle": "45d", "retry": {"attempts": 3}, "apps": {"figma": {"exempt_tags": ["legal", "vip"]}}});
    assert_eq!(Policy::from_draft(&draft).unwrap(), policy(file).unwrap());
}

#[test]
fn every_list_can_be_set_by_text() {
    for (key, value) in documented().as_object().unwrap() {
        let mut draft = PolicyDraft::default();
        draft.set(key, "x@example.com");
        let set = serde_json::to_value(&draft).unwrap();
        assert_eq!(set.get(key).unwrap().is_array(), value.is_array(), "{key}");
    }
}

#[test]
fn the_version_depends_on_the_effect_alone() {
    let version = |draft: Value| policy(draft).unwrap().version().to_owned();
    let default = Policy::default().version().to_owned();
    assert_eq!(default.len(), 16);
    assert_eq!(version(documented()), default);
    assert_eq!(version(json!({"keep_for": "2160h"})), default);
    assert_eq!(version(json!({"apps": {"figma": {"grace": "0s"}}})), default);
    assert_ne!(version(json!({"grace": "1h"})), default);
    assert_ne!(
        version(json!({"apps": {"figma": {"grace": "1h"}}})),
        version(json!({"apps": {"slack": {"grace": "1h"}}}))
    );
}

/// Changes only when a key or a default changes: then this line changes with it, and says so in the changelog.
#[test]
fn the_version_of_the_defaults_is_known() {
    assert_eq!(Policy::default().version(), "fd2bba6359f1ba28");
}

#[test]
fn a_stored_policy_keeps_its_version() {
    let policy = policy(json!({"apps": {"figma": {"grace": "1h"}}})).unwrap();
    let stored = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&stored).unwrap(), policy);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9]{0,4}[smhd]?".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::from))
}

proptest! {
    #[test]
    fn any_value_of_any_key_is_used_or_reported(
        key in prop::sample::select(documented().as_object().unwrap().keys().cloned().collect::<Vec<_>>()),
        value in any_json(),
    ) {
        match policy(json!({ key.clone(): value })) {
            Ok(policy) => prop_assert_eq!(policy.version().len(), 16),
            Err(problems) => prop_assert!(problems.iter().all(|problem| problem.key() == key)),
        }
    }

    #[test]
    fn any_text_can_be_set_anywhere(path in "(apps\\.)?[a-z._]{0,12}", text in any::<String>()) {
        let mut draft = PolicyDraft::default();
        draft.set(&path, &text);
        let _ = Policy::from_draft(&draft);
    }
}
