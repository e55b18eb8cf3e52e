//! The account itself: whatever is forged in true evidence is found.

use serde_json::json;

use super::account::{Account, Evidence};
use super::ground::End;
use super::work::{Fate, Surface};

/// What is forged, and whether it is a loss (or else something that nothing explains).
type Forgery = (&'static str, bool, fn(&mut Evidence));

const FORGERIES: [Forgery; 14] = [
    ("an acknowledged row is missing", true, |evidence| {
        evidence.sweeps.values_mut().next().unwrap().as_array_mut().unwrap().pop();
    }),
    ("a request is missing", true, |evidence| drop(evidence.requests.pop())),
    ("an acknowledged click was somebody else's", true, |evidence| {
        of(evidence, Surface::Slack)["decision"]["by"]["email"] = json!("mallory@example.com");
    }),
    ("an acknowledged decision is missing", true, |evidence| {
        of(evidence, Surface::Api)["decision"] = json!(null);
    }),
    ("a request is still open", true, |evidence| evidence.requests[0]["state"] = json!("executing")),
    ("an exception is missing", true, |evidence| drop(evidence.exceptions.remove(0))),
    ("nobody reported a request", false, |evidence| {
        let mut request = evidence.requests[0].clone();
        request["id"] = json!("req_of_nobody");
        evidence.requests.push(request);
    }),
    ("a request was decided twice", false, |evidence| {
        let trail = evidence.trails.values_mut().next().unwrap();
        let decided = trail.iter().find(|entry| entry["kind"] == "decided").unwrap().clone();
        trail.push(decided);
    }),
    ("a call has another key", false, |evidence| {
        evidence.calls.values_mut().next().unwrap()[0].key.push_str("-2");
    }),
    ("a call was made twice", false, |evidence| {
        let calls = evidence.calls.values_mut().next().unwrap();
        calls.push(calls[0].clone());
    }),
    ("no kill explains an attempt that was cut short", false, |evidence| {
        evidence.lived.iter_mut().for_each(|life| life.end = End::Whole);
    }),
    ("a kept seat was removed", false, |evidence| {
        let call = evidence.calls.values().next().unwrap().clone();
        evidence.calls.insert("tsk_of_nobody".to_owned(), call);
    }),
    ("a card has buttons", false, |evidence| {
        let card = evidence.messages.iter_mut().find(|card| !card.edits.is_empty()).unwrap();
        card.blocks = card.edits[0].1.clone();
    }),
    ("a life posted a card twice", false, |evidence| {
        evidence.messages.push(evidence.messages[0].clone());
    }),
];

fn of(evidence: &mut Evidence, surface: Surface) -> &mut serde_json::Value {
    let fits = |id: &str| {
        let case = &evidence.book.requests[id];
        case.surface == surface && case.fate == Fate::Removed
    };
    let at = evidence.requests.iter().position(|request| fits(request["id"].as_str().unwrap())).unwrap();
    &mut evidence.requests[at]
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
