//! A second language: nothing that is shown is English, so nothing is said outside the wording.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_slack::card::Renderer;
use seatgate_slack::wording::{Phrase, Wording};
use serde_json::Value;

use super::samples::{answers, samples};

const GERMAN: &str = include_str!("german.toml");
/// Names and reasons in the samples, what Slack reads and does not show, and what people type.
const FROM_OUTSIDE: [&str; 30] = [
    "She stays",
    "github",
    "She moves to Lisbon",
    "Their token expired",
    "lock-okta",
    "revoke-figma",
    "wipe-laptop",
    "offboard",
    "leaver",
    "answer_reason:",
    "The plan is full",
    "Mona said",
    "!here",
    "Back from leave in spring",
    "The rebranding starts in March",
    "need_reason:",
    "reassign_to:",
    "reassign_note:",
    "Ana Ruiz",
    "Mona Li",
    "/seatgate",
    "keep_reason:",
    "keep_until:",
    "date_short_pretty",
    "date_short",
    "time",
    "person",
    "example",
    "list",
    "help",
];

fn german() -> BTreeMap<String, String> {
    toml::from_str(GERMAN).unwrap()
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() > 2);
    words.map(str::to_lowercase).collect()
}

/// Everything that a reader sees or hears.
fn shown(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match (name.as_str(), value) {
            ("text" | "accessibility_label", Value::String(text)) => found.push(text.clone()),
            _ => shown(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| shown(item, found)),
        _ => {}
    }
}

#[test]
fn every_phrase_can_be_said_in_another_language() {
    let german = german();
    let labels: BTreeSet<&str> = Phrase::ALL.iter().map(|phrase| phrase.label()).collect();
    assert_eq!(labels.len(), Phrase::ALL.len(), "a label stands for two phrases");
    assert_eq!(german.keys().map(String::as_str).collect::<BTreeSet<_>>(), labels);

    let say = |wording: Wording, phrase: &Phrase| wording.with(*phrase, &german[phrase.label()]).unwrap();
    let renderer = Renderer::new(Phrase::ALL.iter().fold(Wording::english(), say));
    let ours = words(&german.values().cloned().collect::<Vec<_>>().join(" "));
    let template_words = |text: &str| words(&text.split(['{', '}']).step_by(2).collect::<Vec<_>>().join(" "));
    let english: BTreeSet<String> = Phrase::ALL.iter().flat_map(|phrase| template_words(phrase.english())).collect();
    let english: BTreeSet<&String> = english.difference(&ours).collect();
    assert!(english.len() > 150, "{}", english.len());

    let mut texts: Vec<String> = answers(&renderer);
    samples(&renderer).iter().for_each(|sample| shown(&sample.body, &mut texts));
    assert!(texts.len() > 300, "{}", texts.len());
    for text in texts {
        let text = FROM_OUTSIDE.iter().fold(text, |text, outside| text.replace(outside, " "));
        let left: Vec<String> = words(&text).into_iter().filter(|word| english.contains(word)).collect();
        assert!(left.is_empty(), "{left:?} in {text}");
    }
}
