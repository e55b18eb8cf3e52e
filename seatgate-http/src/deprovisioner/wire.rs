//! What a target's reply means. Pure: no clock, no socket.

use std::time::Duration;

use seatgate_core::port::StatusLocation;
use seatgate_core::time::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The longest wait that a target can ask for. Beyond it a typing error would park a removal for years.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
const LONGEST_RECEIPT: usize = 200;
const LONGEST_LOCATION: usize = 2_048;

/// The target's own reference for the removal: 1 to 200 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(String);

impl Receipt {
    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Drops control characters and what is too long; nothing left is no receipt.
    fn from_target(text: &str) -> Option<Self> {
        let kept: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_RECEIPT).collect();
        (!kept.is_empty()).then_some(Self(kept))
    }
}

/// What a reply to the removal webhook means.
///
/// `detail` is a short text of ours with the status code; it never holds anything that the target wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The seat is gone, the target says.
    Removed {
        /// The target's reference.
        receipt: Option<Receipt>,
    },
    /// There was no seat to remove.
    AlreadyAbsent {
        /// The target's reference.
        receipt: Option<Receipt>,
    },
    /// The seat will be gone at a later time.
    Scheduled {
        /// When.
        effective_at: Timestamp,
        /// The target's reference.
        receipt: Option<Receipt>,
    },
    /// Access is gone, and the seat is paid all the same.
    StillBilled {
        /// The target's reference.
        receipt: Option<Receipt>,
    },
    /// The target is at work on it.
    Pending {
        /// When to ask, if the target said so.
        check_after: Option<Timestamp>,
        /// Where to ask, if the target said so: absolute or relative to the call's URL, as the target wrote it.
        location: Option<StatusLocation>,
    },
    /// Certainly not performed; try again.
    NotDone {
        /// When to try again, if the target said so.
        retry_at: Option<Timestamp>,
        /// What happened.
        detail: String,
    },
    /// Refused for good: trying again will not help.
    Rejected {
        /// What happened.
        detail: String,
        /// The target says that it no longer exists (410): disable it.
        gone: bool,
    },
    /// Nobody can say whether the seat is gone.
    Unknown {
        /// What happened.
        detail: String,
    },
}

/// Reads a reply to the removal webhook: its status, its headers `Retry-After` and `Location`, and its body.
///
/// - 202 with a `Location` is pending, whatever its body says: the poll will tell.
/// - Any other 2xx means removed, unless a JSON object in the body says another outcome. An outcome that we do not
///   know, one that is no text, `scheduled` without a readable `effective_at`, and a broken object are unknown: they
///   said something else, and we could not read what. A body that is no object (`OK`) says nothing.
/// - 425, 429 and 503 are not done, 408 is unknown, 410 is rejected by a target that is gone, any other 3xx or 4xx is
///   rejected, and everything else is unknown.
///
/// `Retry-After` (seconds or a date) is counted from `now` and held within one day.
#[must_use]
pub fn classify(status: u16, retry_after: Option<&str>, location: Option<&str>, body: &[u8], now: Timestamp) -> Reply {
    let wait = retry_after.and_then(|text| wait_until(text, now));
    match status {
        202 if location.is_some() => pending(wait, location),
        200..=299 => classify_success(status, body, wait, location),
        408 => Reply::Unknown { detail: detail(status, "the target gave up waiting for the request") },
        410 => Reply::Rejected { detail: detail(status, "the target no longer exists"), gone: true },
        425 | 429 | 503 => Reply::NotDone { retry_at: wait, detail: detail(status, "the target asks to try later") },
        300..=399 => Reply::Rejected { detail: detail(status, "redirects are not followed"), gone: false },
        400..=499 => Reply::Rejected { detail: detail(status, "the target refused"), gone: false },
        500..=599 => Reply::Unknown { detail: detail(status, "the target failed") },
        _ => Reply::Unknown { detail: detail(status, "no final status") },
    }
}

#[derive(Default, Deserialize)]
struct ReplyBody {
    /// `None` only when the key is not there: `null` is an outcome that we do not know.
    #[serde(default, deserialize_with = "present")]
    outcome: Option<Value>,
    #[serde(default)]
    effective_at: Value,
    #[serde(default)]
    receipt: Value,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(super) fn classify_success(status: u16, body: &[u8], wait: Option<Timestamp>, location: Option<&str>) -> Reply {
    let unknown = |what| Reply::Unknown { detail: detail(status, what) };
    let Ok(body) = read_body(body) else {
        return unknown("the reply's JSON cannot be read");
    };
    let receipt = body.receipt.as_str().and_then(Receipt::from_target);
    match body.outcome.as_ref().map(Value::as_str) {
        None | Some(Some("removed")) => Reply::Removed { receipt },
        Some(Some("already_absent")) => Reply::AlreadyAbsent { receipt },
        Some(Some("still_billed")) => Reply::StillBilled { receipt },
        Some(Some("pending")) => pending(wait, location),
        Some(Some("scheduled")) => match body.effective_at.as_str().map(Timestamp::parse_end) {
            Some(Ok(effective_at)) => Reply::Scheduled { effective_at, receipt },
            _ => unknown("the reply says scheduled without a readable effective_at"),
        },
        Some(_) => unknown("the reply names an outcome that is not known"),
    }
}

/// Whether the body of a reply to a poll speaks the language of the contract: empty, or an object that names an outcome,
/// or nothing but a receipt. The page of a job that runs, `{"status": "running"}`, must not pass for a removal.
pub(super) fn tells_an_outcome(body: &[u8]) -> bool {
    let body = trimmed(body);
    let known = |object: &serde_json::Map<String, Value>| {
        object.contains_key("outcome") || object.keys().all(|key| key == "receipt")
    };
    body.is_empty() || serde_json::from_slice(body).is_ok_and(|object| known(&object))
}

/// The object in the body; an empty one where the body is something else than an object.
fn read_body(body: &[u8]) -> Result<ReplyBody, serde_json::Error> {
    let body = trimmed(body);
    if body.starts_with(b"{") { serde_json::from_slice(body) } else { Ok(ReplyBody::default()) }
}

/// Without a byte order mark, and without white space around it.
fn trimmed(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii()
}

fn pending(check_after: Option<Timestamp>, location: Option<&str>) -> Reply {
    let fits = |text: &&str| (1..=LONGEST_LOCATION).contains(&text.len());
    Reply::Pending { check_after, location: location.map(str::trim).filter(fits).map(StatusLocation::new) }
}

fn detail(status: u16, what: &str) -> String {
    format!("status {status}: {what}")
}

/// The time that a `Retry-After` means (RFC 9110, section 10.2.3): not before `now`, not after one day.
pub(super) fn wait_until(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a `u64` holds are still a very long wait.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        let since_epoch = date.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(0).saturating_add(since_epoch).since(now)
    };
    Some(now.saturating_add(wait.min(LONGEST_WAIT)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn receipt(text: &str) -> Option<Receipt> {
        Some(Receipt(text.to_owned()))
    }

    fn ok(body: &str) -> Reply {
        classify(200, None, None, body.as_bytes(), now())
    }

    fn kind(reply: &Reply) -> &'static str {
        match reply {
            Reply::Removed { .. } => "removed",
            Reply::AlreadyAbsent { .. } => "already_absent",
            Reply::Scheduled { .. } => "scheduled",
            Reply::StillBilled { .. } => "still_billed",
            Reply::Pending { .. } => "pending",
            Reply::NotDone { .. } => "not_done",
            Reply::Rejected { gone: true, .. } => "gone",
            Reply::Rejected { .. } => "rejected",
            Reply::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn every_status_without_a_body() {
        let cases: [(&str, &[u16]); 6] = [
            ("removed", &[200, 201, 202, 203, 204, 205, 206, 299]),
            ("not_done", &[425, 429, 503]),
            ("rejected", &[300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 409, 412, 422, 451, 499]),
            ("gone", &[410]),
            ("unknown", &[408, 500, 501, 502, 504, 505, 507, 511, 599]),
            ("unknown", &[0, 99, 100, 101, 103, 199, 600, 999, u16::MAX]),
        ];
        for (expected, statuses) in cases {
            for status in statuses {
                let reply = classify(*status, None, None, b"", now());
                assert_eq!(kind(&reply), expected, "{status}");
            }
        }
    }

    #[test]
    fn every_outcome_in_a_body() {
        let cases = [
            ("", "removed"),
            (" \r\n", "removed"),
            ("{}", "removed"),
            ("OK", "removed"),
            ("<html>", "removed"),
            ("null", "removed"),
            ("[]", "removed"),
            (r#""pending""#, "removed"),
            (r#"{"ok": true}"#, "removed"),
            (r#"{"outcome": "removed"}"#, "removed"),
            ("\u{feff}{\"outcome\": \"pending\"}", "pending"),
            (r#"{"outcome": "already_absent"}"#, "already_absent"),
            (r#"{"outcome": "still_billed"}"#, "still_billed"),
            (r#"{"outcome": "pending"}"#, "pending"),
            (r#"{"outcome": "scheduled", "effective_at": "2026-12-01T00:00:00Z"}"#, "scheduled"),
            (r#"{"outcome": "scheduled"}"#, "unknown"),
            (r#"{"outcome": "scheduled", "effective_at": "soon"}"#, "unknown"),
            (r#"{"outcome": "scheduled", "effective_at": 7}"#, "unknown"),
            (r#"{"outcome": "banana"}"#, "unknown"),
            (r#"{"outcome": "Removed"}"#, "unknown"),
            (r#"{"outcome": ""}"#, "unknown"),
            (r#"{"outcome": null}"#, "unknown"),
            (r#"{"outcome": true}"#, "unknown"),
            (r#"{"outcome": "removed", "outcome": "pending"}"#, "unknown"),
            (r#"{"outcome": "pend"#, "unknown"),
            (r#"{"outcome": "removed"} trailing"#, "unknown"),
        ];
        for (body, expected) in cases {
            assert_eq!(kind(&ok(body)), expected, "{body}");
        }
    }

    #[test]
    fn a_failure_status_is_not_softened_by_its_body() {
        let body = br#"{"outcome": "removed"}"#;
        assert_eq!(kind(&classify(404, None, None, body, now())), "rejected");
        assert_eq!(kind(&classify(500, None, None, body, now())), "unknown");
        assert_eq!(kind(&classify(503, None, None, body, now())), "not_done");
    }

    #[test]
    fn a_schedule_carries_its_time_and_receipt() {
        let reply = ok(r#"{"outcome": "scheduled", "effective_at": "2026-11-30", "receipt": "R-1"}"#);
        let effective_at = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(reply, Reply::Scheduled { effective_at, receipt: receipt("R-1") });
    }

    #[test]
    fn pending_carries_when_and_where() {
        let expected = Reply::Pending {
            check_after: Some(now().saturating_add(Duration::from_secs(30))),
            location: Some(StatusLocation::new("/jobs/1")),
        };
        assert_eq!(classify(202, Some("30"), Some(" /jobs/1 "), b"", now()), expected);
        assert_eq!(classify(202, Some("30"), Some("/jobs/1"), br#"{"outcome": "removed"}"#, now()), expected);
        assert_eq!(classify(200, Some("30"), Some("/jobs/1"), br#"{"outcome": "pending"}"#, now()), expected);
        assert_eq!(kind(&classify(201, None, Some("/seats/1"), b"", now())), "removed");
        let nowhere = Reply::Pending { check_after: None, location: None };
        assert_eq!(classify(202, None, Some(""), b"", now()), nowhere);
        assert_eq!(classify(202, None, Some(&"x".repeat(2_049)), b"", now()), nowhere);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_within_a_day() {
        let at = |text: &str| match classify(429, Some(text), None, b"", now()) {
            Reply::NotDone { retry_at, .. } => retry_at.map(|at| at.since(now()).as_secs()),
            other => panic!("{other:?}"),
        };
        let cases = [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("86401", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("Sun, 22 Nov 2026 08:01:00 GMT", Some(60)),
            ("Sun, 22 Nov 2026 07:00:00 GMT", Some(0)),
            ("Mon, 22 Nov 2027 08:00:00 GMT", Some(86_400)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn receipts_are_short_and_clean() {
        let long = format!(r#"{{"receipt": "a\u0000\u001b[31m\n{}"}}"#, "é".repeat(300));
        let Reply::Removed { receipt: Some(kept) } = ok(&long) else { panic!() };
        assert!(kept.as_str().starts_with("a[31mé"));
        assert_eq!(kept.as_str().chars().count(), 200);
        for body in [r#"{"receipt": ""}"#, r#"{"receipt": "\n"}"#, r#"{"receipt": 7}"#, r#"{"receipt": null}"#] {
            assert_eq!(ok(body), Reply::Removed { receipt: None }, "{body}");
        }
    }

    #[test]
    fn nothing_shows_what_the_target_wrote() {
        let reply = classify(202, None, Some("https://t.example/?token=s3cret"), b"", now());
        assert!(!format!("{reply:?}").contains("s3cret"));
        let reply = classify(400, None, None, b"s3cret", now());
        assert!(!format!("{reply:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            status: u16, retry in ".{0,40}", place in ".{0,40}",
            body in proptest::collection::vec(any::<u8>(), 0..60), micros: i64,
        ) {
            let _ = classify(status, Some(&retry), Some(&place), &body, Timestamp::from_micros(micros));
        }
    }
}
