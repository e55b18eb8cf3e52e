//! Asking a target how a removal that it accepted has ended: a signed GET of the location that it named.

use seatgate_core::port::{Removal, SeatStatus, StatusLocation};
use seatgate_core::time::Timestamp;
use url::Url;

use super::wire::{Reply, classify_success, tells_an_outcome, wait_until};

/// The place that `location` means, seen from the removal URL; nothing unless it is on the same origin. The poll is
/// signed, and the target may have been tricked into naming a place of somebody else.
pub(super) fn follow(removal: &Url, location: &StatusLocation) -> Option<Url> {
    let mut place = removal.join(location.as_str()).ok()?;
    let bare = place.username().is_empty() && place.password().is_none();
    // An opaque origin, such as that of `data:`, equals no other.
    (bare && place.origin() == removal.origin()).then(|| {
        place.set_fragment(None);
        place
    })
}

/// What a reply to a poll says. A removal counts as ended only where the reply says so in the words of the contract.
pub(super) fn read(status: u16, retry_after: Option<&str>, body: &[u8], now: Timestamp) -> SeatStatus {
    let wait = retry_after.and_then(|text| wait_until(text, now));
    match status {
        202 | 408 | 425 | 429 | 500..=599 => SeatStatus::not_yet(wait),
        200 | 204 if tells_an_outcome(body) => told(classify_success(status, body, wait, None)),
        _ => SeatStatus::cannot_tell(),
    }
}

fn told(reply: Reply) -> SeatStatus {
    let (removal, receipt) = match reply {
        Reply::Removed { receipt } => (Removal::removed(), receipt),
        Reply::AlreadyAbsent { receipt } => (Removal::already_absent(), receipt),
        Reply::Scheduled { effective_at, receipt } => (Removal::scheduled(effective_at), receipt),
        Reply::StillBilled { receipt } => (Removal::still_billed(), receipt),
        Reply::Pending { check_after, .. } => return SeatStatus::not_yet(check_after),
        Reply::NotDone { .. } | Reply::Rejected { .. } | Reply::Unknown { .. } => return SeatStatus::cannot_tell(),
    };
    SeatStatus::ended(receipt.into_iter().fold(removal, |removal, receipt| removal.with_receipt(receipt.as_str())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn followed(location: &str) -> Option<String> {
        let removal = "https://idp.example/hooks/remove?token=1#top".parse().unwrap();
        follow(&removal, &StatusLocation::new(location)).map(String::from)
    }

    #[test]
    fn only_the_targets_own_origin_is_followed() {
        let cases = [
            ("/jobs/1", "https://idp.example/jobs/1"),
            ("jobs/1?a=b", "https://idp.example/hooks/jobs/1?a=b"),
            ("../jobs/1", "https://idp.example/jobs/1"),
            ("?job=1", "https://idp.example/hooks/remove?job=1"),
            ("https://idp.example/jobs/1#now", "https://idp.example/jobs/1"),
            ("https://IDP.example:443/jobs/1", "https://idp.example/jobs/1"),
            ("//idp.example/jobs/1", "https://idp.example/jobs/1"),
        ];
        for (location, place) in cases {
            assert_eq!(followed(location).as_deref(), Some(place), "{location}");
        }
        let others = [
            "https://evil.example/jobs/1",
            "//evil.example/jobs/1",
            "\\\\evil.example/jobs/1",
            "/\\evil.example/jobs/1",
            "https://idp.example.evil.example/jobs/1",
            "https://idp.example:8443/jobs/1",
            "http://idp.example/jobs/1",
            "https://ana:pw@idp.example/jobs/1",
            "https://ana@idp.example/jobs/1",
            "https://idp.example@evil.example/",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "data:,removed",
            "https://",
        ];
        for location in others {
            assert_eq!(followed(location), None, "{location}");
        }
    }

    #[test]
    fn every_status_of_a_poll() {
        let cases: [(SeatStatus, &[u16]); 3] = [
            (SeatStatus::ended(Removal::removed()), &[200, 204]),
            (SeatStatus::not_yet(None), &[202, 408, 425, 429, 500, 502, 503, 504, 599]),
            (
                SeatStatus::cannot_tell(),
                &[0, 100, 201, 203, 205, 206, 301, 303, 304, 400, 401, 403, 404, 409, 410, 600],
            ),
        ];
        for (expected, statuses) in cases {
            for status in statuses {
                assert_eq!(read(*status, None, b"", now()), expected, "{status}");
            }
        }
    }

    #[test]
    fn every_body_of_a_poll() {
        let ended = |removal: Removal| SeatStatus::ended(removal);
        let cases = [
            ("{}", ended(Removal::removed())),
            (r#"{"outcome": "removed", "receipt": "R-1"}"#, ended(Removal::removed().with_receipt("R-1"))),
            (r#"{"receipt": "R-1"}"#, ended(Removal::removed().with_receipt("R-1"))),
            (r#"{"outcome": "already_absent", "more": 1}"#, ended(Removal::already_absent())),
            (r#"{"outcome": "still_billed"}"#, ended(Removal::still_billed())),
            (
                r#"{"outcome": "scheduled", "effective_at": "2026-12-01T00:00:00Z"}"#,
                ended(Removal::scheduled("2026-12-01T00:00:00Z".parse().unwrap())),
            ),
            (r#"{"outcome": "pending"}"#, SeatStatus::not_yet(None)),
            (r#"{"outcome": "scheduled"}"#, SeatStatus::cannot_tell()),
            (r#"{"outcome": "lost"}"#, SeatStatus::cannot_tell()),
            (r#"{"outcome": null}"#, SeatStatus::cannot_tell()),
            (r#"{"status": "running"}"#, SeatStatus::cannot_tell()),
            (r#"{"held": true}"#, SeatStatus::cannot_tell()),
            ("OK", SeatStatus::cannot_tell()),
            ("<html>", SeatStatus::cannot_tell()),
            ("[]", SeatStatus::cannot_tell()),
            ("null", SeatStatus::cannot_tell()),
            ("{", SeatStatus::cannot_tell()),
        ];
        for (body, expected) in cases {
            assert_eq!(read(200, None, body.as_bytes(), now()), expected, "{body}");
        }
    }

    #[test]
    fn a_target_may_ask_for_time() {
        let later = SeatStatus::not_yet(Some(now().saturating_add(Duration::from_secs(30))));
        for (status, body) in [(200, r#"{"outcome": "pending"}"#), (202, ""), (429, ""), (503, "")] {
            assert_eq!(read(status, Some("30"), body.as_bytes(), now()), later, "{status}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_or_leave_the_origin(
            status: u16, wait in ".{0,40}", place in ".{0,60}", body in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let _ = read(status, Some(&wait), &body, now());
            if let Some(place) = followed(&place) {
                prop_assert!(place.starts_with("https://idp.example/"), "{place}");
            }
        }
    }
}
