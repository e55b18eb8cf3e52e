//! Checking what comes in signed.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use seatgate_core::time::Timestamp;

use super::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookId, WebhookSecrets};

/// How far a webhook's timestamp may lie from our time, in both directions and inclusive.
const TOLERANCE_SECONDS: i64 = 300;
/// Signatures considered. A sender needs one for each secret in rotation; more would only buy work.
const MOST_SIGNATURES: usize = 16;
/// Twenty digits do not fit an `i64`.
const LONGEST_TIMESTAMP: usize = 19;

/// The signature headers of a request, as raw bytes.
#[derive(Clone, Copy, Default)]
pub struct WebhookHeaders<'a> {
    /// The value of [`ID_HEADER`].
    pub id: Option<&'a [u8]>,
    /// The value of [`TIMESTAMP_HEADER`].
    pub timestamp: Option<&'a [u8]>,
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: Option<&'a [u8]>,
}

impl<'a> WebhookHeaders<'a> {
    /// Asks `lookup` for each of the three headers by its name in lower case.
    pub fn from_lookup(lookup: impl Fn(&'static str) -> Option<&'a [u8]>) -> Self {
        Self { id: lookup(ID_HEADER), timestamp: lookup(TIMESTAMP_HEADER), signature: lookup(SIGNATURE_HEADER) }
    }
}

impl fmt::Debug for WebhookHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookHeaders([redacted])")
    }
}

/// Why a webhook is not authentic. Holds neither a signature nor any other part of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header is not there.
    #[error("the header `{header}` is missing")]
    Missing {
        /// Its name.
        header: &'static str,
    },
    /// A header is not what the specification asks for.
    #[error("the header `{header}` is malformed")]
    Malformed {
        /// Its name.
        header: &'static str,
    },
    /// Sent more than five minutes ago: a replay, or a clock is wrong.
    #[error("the webhook's timestamp is more than 300 seconds in the past")]
    TooOld,
    /// Sent more than five minutes from now: a clock is wrong.
    #[error("the webhook's timestamp is more than 300 seconds in the future")]
    TooNew,
    /// No signature belongs to any of our secrets.
    #[error("no signature matches")]
    NoMatch,
}

/// Something that came in signed by one of our secrets. Only [`Verifier::verify`] makes one.
///
/// `Debug` shows the id only: the body may hold personal data.
#[derive(Clone)]
pub struct Verified<T> {
    id: WebhookId,
    sent_at: Timestamp,
    body: T,
}

impl<T> Verified<T> {
    /// The webhook's id, which stays the same when it is sent again.
    #[must_use]
    pub fn id(&self) -> &WebhookId {
        &self.id
    }

    /// When this attempt was sent, by the sender's clock.
    #[must_use]
    pub fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// What was signed.
    #[must_use]
    pub fn body(&self) -> &T {
        &self.body
    }

    /// What was signed.
    #[must_use]
    pub fn into_body(self) -> T {
        self.body
    }

    /// What `parse` makes of the signed bytes, still marked as verified.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn try_map<U, E>(self, parse: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U>, E> {
        Ok(Verified { id: self.id, sent_at: self.sent_at, body: parse(self.body)? })
    }
}

impl<T> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Checks what comes in. There is no verifier without a secret.
#[derive(Debug, Clone)]
pub struct Verifier {
    secrets: WebhookSecrets,
}

impl Verifier {
    /// Accepts what any of `secrets` signed.
    #[must_use]
    pub fn new(secrets: WebhookSecrets) -> Self {
        Self { secrets }
    }

    /// Checks headers and body, exactly as they came over the wire; cap the body's size before.
    ///
    /// The time is compared in whole seconds, and 300 s off is still accepted. This does not detect a replay within
    /// that time: that is for whoever keeps the ids.
    ///
    /// # Errors
    /// When a header is missing or malformed, the timestamp is out of tolerance, or no signature matches.
    pub fn verify<B: AsRef<[u8]>>(
        &self,
        headers: &WebhookHeaders<'_>,
        body: B,
        now: Timestamp,
    ) -> Result<Verified<B>, VerifyError> {
        let id: WebhookId =
            text(headers.id, ID_HEADER)?.parse().map_err(|_| VerifyError::Malformed { header: ID_HEADER })?;
        let timestamp = text(headers.timestamp, TIMESTAMP_HEADER)?;
        let seconds = parse_seconds(timestamp)?;
        check_tolerance(seconds, now)?;
        let signatures = decode_signatures(text(headers.signature, SIGNATURE_HEADER)?)?;
        if !self.any_matches(&id, timestamp, body.as_ref(), &signatures) {
            return Err(VerifyError::NoMatch);
        }
        let sent_at = Timestamp::from_micros(0).saturating_add(Duration::from_secs(seconds.unsigned_abs()));
        Ok(Verified { id, sent_at, body })
    }

    /// Tries every secret with every signature, without an early end, so that the time taken tells nothing.
    fn any_matches(&self, id: &WebhookId, timestamp: &str, body: &[u8], signatures: &[Vec<u8>]) -> bool {
        let mut matched = false;
        for secret in self.secrets.iter() {
            let mac = secret.mac(id.as_str(), timestamp, body);
            for signature in signatures {
                // Constant time, and the whole length: a comparison up to the shorter one lets `v1,` pass
                // (RUSTSEC-2024-0010).
                matched |= mac.clone().verify_slice(signature).is_ok();
            }
        }
        matched
    }
}

fn text<'a>(value: Option<&'a [u8]>, header: &'static str) -> Result<&'a str, VerifyError> {
    let value = value.ok_or(VerifyError::Missing { header })?;
    std::str::from_utf8(value).map_err(|_| VerifyError::Malformed { header })
}

fn parse_seconds(text: &str) -> Result<i64, VerifyError> {
    let malformed = VerifyError::Malformed { header: TIMESTAMP_HEADER };
    // Digits only: `i64` would also read a sign.
    if text.len() > LONGEST_TIMESTAMP || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed);
    }
    text.parse().map_err(|_| malformed)
}

fn check_tolerance(seconds: i64, now: Timestamp) -> Result<(), VerifyError> {
    // An age beyond `i64` would be that of a timestamp far in the future.
    let age = now.as_seconds().checked_sub(seconds).ok_or(VerifyError::TooNew)?;
    match age {
        age if age > TOLERANCE_SECONDS => Err(VerifyError::TooOld),
        age if age < -TOLERANCE_SECONDS => Err(VerifyError::TooNew),
        _ => Ok(()),
    }
}

/// The `v1` signatures. One that is no base64 matches nothing, so it is left out.
fn decode_signatures(text: &str) -> Result<Vec<Vec<u8>>, VerifyError> {
    if text.split(' ').nth(MOST_SIGNATURES).is_some() {
        return Err(VerifyError::Malformed { header: SIGNATURE_HEADER });
    }
    Ok(text.split(' ').filter_map(|entry| STANDARD.decode(entry.strip_prefix("v1,")?).ok()).collect())
}
