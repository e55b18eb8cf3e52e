//! The account itself: whatever is forged in true evidence is found.

use serde_json::{Value, json};

use super::account::{Account, Evidence};
use crate::crash::ground::End;
use crate::crash::target::Call;

/// What is forged, and whether it is a loss (or else something that nothing explains).
type Forgery = (&'static str, bool, fn(&mut Evidence));

const FORGERIES: [Forgery; 13] = [
    ("an acknowledged offboarding is missing", true, |evidence| drop(evidence.requests.pop_first())),
    ("one ended otherwise", true, |evidence| request(evidence)["outcome"] = json!("reclaimed")),
    ("a task is not over", true, |evidence| request(evidence)["tasks"][0]["status"] = json!("in_flight")),
    ("an acknowledged answer is missing", true, |evidence| {
        trail(evidence).retain(|entry| entry["kind"] != "resolved");
    }),
    ("a pause was answered twice", false, |evidence| again(trail(evidence), "resolved")),
    ("a pause was over unanswered", false, |evidence| evidence.cases[0].moved.push("by itself".to_owned())),
    ("it was decided twice", false, |evidence| again(trail(evidence), "decided")),
    ("the table says something else", false, |evidence| evidence.rows[0]["attempts"] = json!(99)),
    ("the table lacks a row", false, |evidence| drop(evidence.rows.pop())),
    ("a call has another key", false, |evidence| calls(evidence)[0].key.push_str("-2")),
    ("a task was called for once more at its end", false, |evidence| {
        let call = calls(evidence)[0].clone();
        calls(evidence).push(call);
    }),
    ("an attempt ended otherwise than the target replied", false, |evidence| {
        evidence.calls.values_mut().flatten().for_each(|call| call.reply = 503);
    }),
    ("no kill explains an attempt that was cut short", false, |evidence| {
        evidence.lived.iter_mut().for_each(|life| life.end = End::Whole);
    }),
];

fn request(evidence: &mut Evidence) -> &mut Value {
    evidence.requests.values_mut().next().unwrap()
}

fn trail(evidence: &mut Evidence) -> &mut Vec<Value> {
    evidence.trails.values_mut().next().unwrap()
}

fn calls(evidence: &mut Evidence) -> &mut Vec<Call> {
    evidence.calls.values_mut().next().unwrap()
}

fn again(trail: &mut Vec<Value>, kind: &str) {
    let entry = trail.iter().find(|entry| entry["kind"] == kind).unwrap().clone();
    trail.push(entry);
}

/// Nothing is found in the evidence as it is, and something of the right kind in each forgery.
pub(super) fn is_found_in(evidence: &Evidence) {
    Account::of(evidence).demand();
    for (what, is_loss, forge) in FORGERIES {
        let mut forged = evidence.clone();
        forge(&mut forged);
        let account = Account::of(&forged);
        let found = if is_loss { &account.lost } else { &account.unexplained };
        assert!(!found.is_empty(), "{what}, and nobody notices: {account}");
    }
}
