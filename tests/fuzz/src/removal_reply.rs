//! A target's reply to the removal webhook: status, `Retry-After`, `Location` and body, divided by the byte 0xFF.

use std::time::{Duration, UNIX_EPOCH};

use seatgate_core::time::Timestamp;
use seatgate_http::deprovisioner::{Receipt, Reply, classify};

use super::{is_a_sentence, parts};

const NOW: i64 = 1_795_334_400_000_000;
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn run(input: &[u8]) {
    let [status, retry_after, location, body] = parts(input);
    let text = |bytes| std::str::from_utf8(bytes).ok().filter(|text: &&str| !text.is_empty());
    let status = text(status).and_then(|text| text.parse().ok()).unwrap_or(200);
    let (retry_after, location) = (text(retry_after), text(location));
    let reply = classify(status, retry_after, location, body, Timestamp::from_micros(NOW));
    assert_eq!(reply, classify(status, retry_after, location, body, Timestamp::from_micros(NOW)));
    let receipt = match &reply {
        Reply::Removed { receipt } | Reply::AlreadyAbsent { receipt } | Reply::StillBilled { receipt } => receipt,
        Reply::Scheduled { receipt, .. } => receipt,
        _ => &None,
    };
    assert!(
        receipt.as_ref().map(Receipt::as_str).is_none_or(|text| is_a_sentence(text) && text.chars().count() <= 200)
    );
    match reply {
        Reply::Removed { .. } | Reply::AlreadyAbsent { .. } | Reply::StillBilled { .. } | Reply::Scheduled { .. } => {
            assert!((200..=299).contains(&status), "{status} says that the seat is gone");
        }
        Reply::Pending { check_after, .. } => assert_eq!(check_after, waits_until(retry_after)),
        Reply::NotDone { retry_at, detail } => {
            assert!(matches!(status, 425 | 429 | 503));
            assert_eq!(retry_at, waits_until(retry_after));
            is_ours(&detail, status);
        }
        Reply::Rejected { detail, gone } => {
            assert!((300..=499).contains(&status) && gone == (status == 410));
            is_ours(&detail, status);
        }
        Reply::Unknown { detail } => is_ours(&detail, status),
        other => panic!("{other:?}"),
    }
}

/// `Retry-After`, read once more: RFC 9110, section 10.2.3, within a day.
fn waits_until(text: Option<&str>) -> Option<Timestamp> {
    let text = text?.trim();
    let now = Duration::from_micros(NOW as u64);
    let wait = match text.parse::<u128>() {
        Ok(seconds) if !text.starts_with('+') => Duration::from_secs(seconds.min(100_000) as u64),
        _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => DAY,
        _ => httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(now),
    };
    Some(Timestamp::from_micros(NOW).saturating_add(wait.min(DAY)))
}

/// A detail holds nothing that the target wrote.
fn is_ours(detail: &str, status: u16) {
    assert!(is_a_sentence(detail) && detail.starts_with(&format!("status {status}: ")), "{detail}");
}
