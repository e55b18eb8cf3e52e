//! Playbooks, read and refused.

use serde_json::{Value, json};

use super::*;

fn read(tables: &Value, default: Option<&str>) -> Result<Playbooks, Vec<String>> {
    let targets = ["figma", "okta", "*"].map(str::to_owned).into();
    Playbooks::read(tables.as_object().unwrap(), default, &targets)
        .map_err(|problems| problems.iter().map(|problem| format!("{}: {}", problem.key(), problem.reason())).collect())
}

fn one(tasks: Value) -> Result<Playbooks, Vec<String>> {
    read(&json!({"leaver": { "tasks": tasks }}), None)
}

#[test]
fn every_key_is_read() {
    let playbooks = one(json!([
        {"name": "lock", "target": "okta", "app": "google", "optional": true, "on_failure": "skip", "timeout": "40s",
            "parameters": {"login": "{email}"}, "retry": {"first": "2s", "attempts": 3}},
        {"name": "badge", "kind": "manual", "assignee": "It@Example.com", "needs": ["lock"]},
        {"name": "rest", "kind": "call", "target": "*", "app": "all"},
    ]))
    .unwrap();
    let [lock, badge, rest] = playbooks.get(None).unwrap().tasks.as_slice() else { panic!("three tasks") };
    let Deed::Call(call) = &lock.deed else { panic!("a call") };
    assert_eq!((call.target.as_str(), call.app.as_str(), lock.optional), ("okta", "google", true));
    assert_eq!((call.on_failure, call.timeout), (OnFailure::Skip, Some(Span::seconds(40))));
    assert_eq!(call.retry, Some(RetryTerms { first: Span::seconds(2), attempts: 3, ..RetryTerms::default() }));
    assert_eq!(badge.deed, Deed::Manual { assignee: "it@example.com".parse().unwrap() });
    assert_eq!((badge.needs.as_slice(), badge.optional), (["lock".to_owned()].as_slice(), false));
    let Deed::Call(call) = &rest.deed else { panic!("a call") };
    assert_eq!((call.app.as_str(), call.retry.as_ref()), ("all", None));
    assert_eq!(playbooks.longest_timeout(), Duration::from_secs(40));
}

#[test]
fn every_mistake_is_found_at_once_each_with_its_key() {
    let found = one(json!([
        {"name": "a", "target": "nowhere", "needs": ["z"], "on_failure": "panic"},
        {"target": "figma", "timeout": "1h"},
        {"name": "c", "target": "figma", "parameters": {"x": "{salary}", "y": "{email", "z": 1}},
        {"name": "d", "kind": "manual", "assignee": "somebody", "target": "figma"},
        {"name": "e", "kind": "robot", "target": "*"},
        {"name": "f", "target": "figma", "retry": {"attempts": 0}, "optionel": true},
        7,
    ]))
    .unwrap_err();
    let expected = ["playbooks.leaver.tasks: item 7: expected a table of keys"];
    assert_eq!(found, [&expected[..]].concat(), "a list that is broken is not read further");
    let found = one(json!([
        {"name": "a", "target": "nowhere", "on_failure": "panic"},
        {"target": "figma", "timeout": "1h"},
        {"name": "c", "target": "figma", "parameters": {"x": "{salary}", "y": "{email", "z": 1}},
        {"name": "d", "kind": "manual", "assignee": "somebody", "target": "figma"},
        {"name": "e", "kind": "robot", "target": "*"},
        {"name": "f", "target": "figma", "retry": {"attempts": 0}, "optionel": true},
    ]))
    .unwrap_err();
    let starts = [
        "playbooks.leaver.tasks.a.target: there is no target `nowhere`",
        "playbooks.leaver.tasks.a.on_failure: expected `pause` or `skip`",
        "playbooks.leaver.tasks.2.name: is required",
        "playbooks.leaver.tasks.2.timeout: expected 1s to 5m",
        "playbooks.leaver.tasks.c.parameters: `x`: `{salary}` is unknown",
        "playbooks.leaver.tasks.c.parameters: `y`: a `{` is not closed",
        "playbooks.leaver.tasks.c.parameters: `z`: expected a text",
        "playbooks.leaver.tasks.d.assignee: expected an e-mail address",
        "playbooks.leaver.tasks.d.target: unknown key",
        "playbooks.leaver.tasks.e.kind: expected `call` or `manual`",
        "playbooks.leaver.tasks.e.app: is required",
        "playbooks.leaver.tasks.f.retry.attempts: expected a whole number",
        "playbooks.leaver.tasks.f.optionel: unknown key; did you mean `optional`?",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found} should start with {start}");
    }
}

#[test]
fn tasks_must_fit_together() {
    let task = |name: &str, needs: &[&str]| json!({"name": name, "target": "figma", "needs": needs});
    let cases = [
        (json!([]), "playbooks.leaver.tasks: expected at least one task"),
        (json!([task("a", &[]), task("a", &[])]), "playbooks.leaver.tasks.a.name: another task has this name"),
        (json!([task("a", &["b"])]), "playbooks.leaver.tasks.a.needs: there is no task `b`"),
        (json!([task("a", &["a"])]), "playbooks.leaver.tasks.a.needs: it can never begin"),
    ];
    for (tasks, start) in cases {
        let found = one(tasks).unwrap_err();
        assert!(found.len() == 1 && found[0].starts_with(start), "{found:?}");
    }
    let circle = one(json!([task("a", &[]), task("b", &["a", "d"]), task("c", &["b"]), task("d", &["c"])]));
    let stuck: Vec<_> = circle.unwrap_err().iter().map(|found| found[..24].to_owned()).collect();
    assert_eq!(stuck, ["b", "c", "d"].map(|name| format!("playbooks.leaver.tasks.{name}")));
}

#[test]
fn the_default_is_named_or_the_only_one() {
    let task = json!({"tasks": [{"name": "a", "target": "figma"}]});
    let two = json!({"leaver": task, "contractor": task});
    assert!(read(&json!({}), None).unwrap().get(None).is_none());
    assert!(read(&two, None).unwrap().get(None).is_none());
    assert_eq!(read(&two, Some("leaver")).unwrap().get(None).unwrap().name, "leaver");
    assert_eq!(read(&two, Some("x")).unwrap_err(), ["default_playbook: there is no playbook `x`"]);
    assert_eq!(read(&json!({"leaver": 1}), None).unwrap_err(), ["playbooks.leaver: expected a table of keys"]);
}

#[test]
fn patterns_are_filled_or_not_used_at_all() {
    let value = |word: &str| (word == "email").then(|| "a@b".to_owned());
    for (pattern, filled) in [
        ("", Some("")),
        ("plain }", Some("plain }")),
        ("<{email}>{email}", Some("<a@b>a@b")),
        ("{name}", None),
        ("{email", None),
        ("{{email}}", None),
    ] {
        assert_eq!(Pattern::of(pattern).fill(value).as_deref(), filled, "{pattern}");
    }
}

#[test]
fn what_a_left_out_task_needed_comes_first_in_its_place() {
    let task = |name: &str, needs: &[&str]| json!({"name": name, "target": "figma", "needs": needs});
    let playbooks = one(json!([task("a", &[]), task("b", &["a"]), task("c", &["b"]), task("d", &["c", "a"])])).unwrap();
    let playbook = playbooks.get(None).unwrap();
    let needs = |without: &[&str]| {
        let without: Vec<String> = without.iter().map(|name| (*name).to_owned()).collect();
        playbook.needs_without(&playbook.tasks[3], &without).into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(needs(&[]), "a c");
    assert_eq!(needs(&["c"]), "a b");
    assert_eq!(needs(&["b", "c"]), "a");
    assert_eq!(needs(&["a", "b", "c"]), "");
}
