//! Canonical JSON: one form for each value.

use seatgate_core::canonical::to_canonical;
use serde_json::Value;

pub(super) fn run(input: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(input) else { return };
    let Ok(text) = to_canonical(&value) else { return };
    let read: Value = serde_json::from_str(&text).expect("canonical JSON is JSON");
    assert_eq!(read, value, "{text} says something else");
    assert_eq!(to_canonical(&read).as_ref(), Ok(&text), "there is more than one canonical form");
    // serde_json's own writer agrees wherever the members are in the same order: theirs is that of UTF-8.
    if text.is_ascii() {
        assert_eq!(serde_json::to_string(&value).unwrap().replace('\u{7f}', ""), text.replace('\u{7f}', ""));
    }
}
