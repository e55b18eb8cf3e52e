//! Asking a target whether a seat is held: a signed GET.

use std::fmt;
use std::str::FromStr;

use seatgate_core::port::{Job, SeatStatus};
use seatgate_core::request::ProbeAnswer;
use seatgate_core::time::Timestamp;
use serde::Deserialize;
use url::Url;

/// The names that a template may hold, in braces.
const NAMES: [&str; 4] = ["app_id", "account_id", "account_email", "entitlement"];

/// Where a target says whether a seat is held: a URL with `{app_id}`, `{account_id}`, `{account_email}` and
/// `{entitlement}` in its path or query, such as `https://idp.example.com/seats/{account_id}?app={app_id}`.
///
/// Values are percent-encoded, and cannot choose the host. `Debug` hides the URL, because it may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusUrl {
    parts: Vec<Part>,
    sample: Url,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(&'static str),
}

/// What is wrong with a [`StatusUrl`]. Never holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusUrlError {
    /// Something else in braces.
    #[error("expected {{app_id}}, {{account_id}}, {{account_email}} or {{entitlement}} in braces, and no other braces")]
    Name,
    /// No URL.
    #[error("expected a URL")]
    Url,
    /// A value would choose whom to call.
    #[error("names may stand in the path and the query only")]
    Origin,
}

impl StatusUrl {
    /// The URL with `x` in each place: good for checking whether it may be called at all.
    #[must_use]
    pub fn sample(&self) -> &Url {
        &self.sample
    }

    /// The URL for a job's seat; nothing where a value is not known, or cannot stand in a URL.
    pub(super) fn of(&self, job: &Job) -> Option<Url> {
        let value = |name: &str| match name {
            "app_id" => Some(job.app.id.to_string()),
            "account_id" => job.account.id.clone(),
            "account_email" => job.account.email.as_ref().map(ToString::to_string),
            _ => Some(job.entitlement.to_string()),
        };
        let url = expand(&self.parts, value)?;
        // Cannot be otherwise, by `from_str`; the signature must go nowhere else.
        (url.origin() == self.sample.origin()).then_some(url)
    }
}

impl FromStr for StatusUrl {
    type Err = StatusUrlError;

    fn from_str(text: &str) -> Result<Self, StatusUrlError> {
        let parts = parts(text.trim())?;
        let with = |value: &str| expand(&parts, |_| Some(value.to_owned())).ok_or(StatusUrlError::Url);
        let (sample, other) = (with("x")?, with("7")?);
        let whom = |url: &Url| (url.origin(), url.username().to_owned(), url.password().map(str::to_owned));
        if whom(&sample) != whom(&other) || sample.host().is_none() {
            return Err(StatusUrlError::Origin);
        }
        Ok(Self { parts, sample })
    }
}

impl fmt::Debug for StatusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusUrl([redacted])")
    }
}

fn parts(text: &str) -> Result<Vec<Part>, StatusUrlError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or(StatusUrlError::Name)?;
        let name = NAMES.into_iter().find(|known| *known == name).ok_or(StatusUrlError::Name)?;
        parts.extend([Part::Text(before.to_owned()), Part::Name(name)]);
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    let stray = |part: &Part| matches!(part, Part::Text(text) if text.contains('}'));
    if parts.iter().any(stray) { Err(StatusUrlError::Name) } else { Ok(parts) }
}

fn expand(parts: &[Part], value: impl Fn(&str) -> Option<String>) -> Option<Url> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Name(name) => {
                let value = value(name)?;
                // As a part of a path these mean another path, encoded or not.
                if matches!(value.as_str(), "." | "..") {
                    return None;
                }
                value.bytes().for_each(|byte| encode(byte, &mut text));
            }
        }
    }
    Url::parse(&text).ok()
}

/// Leaves only what RFC 3986, section 2.3 calls unreserved.
fn encode(byte: u8, text: &mut String) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        text.push(char::from(byte));
    } else {
        text.push_str(&format!("%{byte:02X}"));
    }
}

#[derive(Deserialize)]
struct StatusBody {
    #[serde(default)]
    held: Option<bool>,
    #[serde(default)]
    last_activity_at: Option<Timestamp>,
}

/// What a reply says about the seat. Whatever is not a clear answer with a success status says nothing: above all, 404
/// may mean that the app, or the path, is not known.
pub(super) fn read(status: u16, body: &[u8]) -> SeatStatus {
    let body = match status {
        200 => serde_json::from_slice::<StatusBody>(body).ok(),
        _ => None,
    };
    let Some(StatusBody { held, last_activity_at }) = body else { return SeatStatus::cannot_tell() };
    let mut status = SeatStatus::cannot_tell();
    status.held = match held {
        Some(true) => ProbeAnswer::Held,
        Some(false) => ProbeAnswer::NotHeld,
        None => ProbeAnswer::CannotTell,
    };
    status.last_activity = last_activity_at;
    status
}

#[cfg(test)]
mod tests {
    use super::super::tests::job;
    use super::*;

    #[test]
    fn values_are_encoded_and_stay_where_they_are() {
        let url: StatusUrl =
            "https://idp.example/s/{account_id}?app={app_id}&m={account_email}&e={entitlement}".parse().unwrap();
        let mut job = job();
        job.account.id = Some("../ä?&#/%2e".to_owned());
        assert_eq!(
            url.of(&job).unwrap().as_str(),
            "https://idp.example/s/..%2F%C3%A4%3F%26%23%2F%252e?app=figma&m=ana%40example.com&e=pro"
        );
        for id in [Some("..".to_owned()), Some(".".to_owned()), None] {
            job.account.id = id;
            assert_eq!(url.of(&job), None);
        }
        assert_eq!(url.sample().as_str(), "https://idp.example/s/x?app=x&m=x&e=x");
    }

    #[test]
    fn a_template_that_could_call_anybody_is_refused() {
        let cases = [
            ("https://idp.example/{account}", StatusUrlError::Name),
            ("https://idp.example/{account_id", StatusUrlError::Name),
            ("https://idp.example/account_id}", StatusUrlError::Name),
            ("https://idp.example/{{account_id}}", StatusUrlError::Name),
            ("https://{account_id}/", StatusUrlError::Origin),
            ("https://idp.example.{account_id}/", StatusUrlError::Origin),
            ("https://{app_id}@idp.example/", StatusUrlError::Origin),
            ("https://idp.example:{account_id}/", StatusUrlError::Url),
            ("{account_id}://idp.example/", StatusUrlError::Origin),
            ("data:{account_id}", StatusUrlError::Origin),
            ("/seats/{account_id}", StatusUrlError::Url),
            ("", StatusUrlError::Url),
        ];
        for (text, error) in cases {
            let parsed = text.parse::<StatusUrl>();
            assert!(parsed.is_err(), "{text}");
            if error != StatusUrlError::Origin {
                assert_eq!(parsed.unwrap_err(), error, "{text}");
            }
        }
        assert!(!format!("{:?}", "https://idp.example/?t=s3cret".parse::<StatusUrl>()).contains("s3cret"));
    }

    #[test]
    fn only_a_clear_answer_says_something() {
        let held = |status, body: &str| read(status, body.as_bytes()).held;
        assert_eq!(held(200, r#"{"held": true}"#), ProbeAnswer::Held);
        assert_eq!(held(200, r#"{"held": false, "more": 1}"#), ProbeAnswer::NotHeld);
        for body in ["", "{}", "null", r#"{"held": null}"#, r#"{"held": "no"}"#, r#"{"held": false, "held": true}"#] {
            assert_eq!(held(200, body), ProbeAnswer::CannotTell, "{body}");
        }
        for status in [201, 204, 302, 404, 410, 500] {
            assert_eq!(held(status, r#"{"held": false}"#), ProbeAnswer::CannotTell, "{status}");
        }
        let used = read(200, br#"{"held": null, "last_activity_at": "2026-11-21T00:00:00Z"}"#);
        assert_eq!(used, SeatStatus::cannot_tell().used_at("2026-11-21T00:00:00Z".parse().unwrap()));
        assert_eq!(held(200, r#"{"held": false, "last_activity_at": "soon"}"#), ProbeAnswer::CannotTell);
    }
}
