//! Checking that a request comes from Slack: `HMAC-SHA256(secret, v0:timestamp:body)`.
//!
//! Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>. Nothing is parsed before: what the
//! routes read is a [`Verified`], and only [`SigningSecrets::verify`] makes one.

mod secret;

use std::fmt;
use std::time::Duration;

use hmac::Mac;
use seatgate_core::time::Timestamp;

pub use secret::{SecretError, SigningSecrets};

/// The header that holds the signature: `v0=` and 64 lower-case hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// The header that holds the time of sending, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// The longest body a route reads, in bytes. It is enforced while reading, before anything is hashed.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How far a request's timestamp may lie from our time, in both directions and inclusive.
const TOLERANCE_SECONDS: i64 = 300;
/// Twenty digits do not fit an `i64`.
const LONGEST_TIMESTAMP: usize = 19;
const VERSION: &[u8] = b"v0=";
const DIGEST_BYTES: usize = 32;

/// The signature headers of a request, as raw bytes.
#[derive(Clone, Copy, Default)]
pub struct RequestHeaders<'a> {
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: Option<&'a [u8]>,
    /// The value of [`TIMESTAMP_HEADER`].
    pub timestamp: Option<&'a [u8]>,
}

impl<'a> RequestHeaders<'a> {
    /// Asks `lookup` for each of the two headers by its name in lower case.
    pub fn from_lookup(lookup: impl Fn(&'static str) -> Option<&'a [u8]>) -> Self {
        Self { signature: lookup(SIGNATURE_HEADER), timestamp: lookup(TIMESTAMP_HEADER) }
    }
}

impl fmt::Debug for RequestHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestHeaders([redacted])")
    }
}

/// Why a request is not authentic: answered 401 with an empty body. Holds no part of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header is not there.
    #[error("the header `{header}` is missing")]
    Missing {
        /// Its name.
        header: &'static str,
    },
    /// A header is not as Slack writes it.
    #[error("the header `{header}` is malformed")]
    Malformed {
        /// Its name.
        header: &'static str,
    },
    /// Sent more than five minutes ago: a replay, or a clock is wrong.
    #[error("the request's timestamp is more than 300 seconds in the past")]
    Late,
    /// Sent more than five minutes from now: a clock is wrong.
    #[error("the request's timestamp is more than 300 seconds in the future")]
    Early,
    /// The signature belongs to none of our secrets.
    #[error("the signature matches no signing secret")]
    Mismatch,
}

impl VerifyError {
    /// A label for metrics and the access log: `missing`, `malformed`, `late`, `early` or `mismatch`.
    ///
    /// `late` and `early` stand apart, because a wrong clock refuses every request and looks like an attack otherwise.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Malformed { .. } => "malformed",
            Self::Late => "late",
            Self::Early => "early",
            Self::Mismatch => "mismatch",
        }
    }
}

/// The raw body of a request that Slack signed. Only [`SigningSecrets::verify`] makes one; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Verified<B> {
    sent_at: Timestamp,
    body: B,
}

impl<B: AsRef<[u8]>> Verified<B> {
    /// When it was sent, by Slack's clock.
    #[must_use]
    pub fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// The body, exactly as it was signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.body.as_ref()
    }
}

impl<B> fmt::Debug for Verified<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("sent_at", &self.sent_at).finish_non_exhaustive()
    }
}

impl SigningSecrets {
    /// Checks headers and body, exactly as they came over the wire; cap the body at [`BODY_LIMIT`] before.
    ///
    /// The time is compared in whole seconds, and 300 s off is still accepted. A replay within that time is not seen
    /// here: decisions are made once each, and events are told apart by their ids.
    ///
    /// # Errors
    /// When a header is missing or malformed, the timestamp is out of tolerance, or the signature is not of ours.
    pub fn verify<B: AsRef<[u8]>>(
        &self,
        headers: &RequestHeaders<'_>,
        body: B,
        now: Timestamp,
    ) -> Result<Verified<B>, VerifyError> {
        let timestamp = headers.timestamp.ok_or(VerifyError::Missing { header: TIMESTAMP_HEADER })?;
        let signature = headers.signature.ok_or(VerifyError::Missing { header: SIGNATURE_HEADER })?;
        let seconds = parse_seconds(timestamp)?;
        let signature = parse_signature(signature).ok_or(VerifyError::Malformed { header: SIGNATURE_HEADER })?;
        check_tolerance(seconds, now)?;
        if !self.any_matches(timestamp, body.as_ref(), &signature) {
            return Err(VerifyError::Mismatch);
        }
        let sent_at = Timestamp::from_micros(0).saturating_add(Duration::from_secs(seconds.unsigned_abs()));
        Ok(Verified { sent_at, body })
    }

    /// Tries every secret, without an early end, so that the time taken tells nothing.
    fn any_matches(&self, timestamp: &[u8], body: &[u8], signature: &[u8; DIGEST_BYTES]) -> bool {
        let mut matched = false;
        for mut mac in self.macs() {
            for part in [b"v0:", timestamp, b":", body] {
                mac.update(part);
            }
            // Constant time; our own digest never leaves this line, so it cannot be logged.
            matched |= mac.verify_slice(signature).is_ok();
        }
        matched
    }
}

fn parse_seconds(text: &[u8]) -> Result<i64, VerifyError> {
    let malformed = VerifyError::Malformed { header: TIMESTAMP_HEADER };
    // Digits only: `i64` would also read a sign.
    if text.len() > LONGEST_TIMESTAMP || !text.iter().all(u8::is_ascii_digit) {
        return Err(malformed);
    }
    std::str::from_utf8(text).ok().and_then(|digits| digits.parse().ok()).ok_or(malformed)
}

fn check_tolerance(seconds: i64, now: Timestamp) -> Result<(), VerifyError> {
    // An age beyond `i64` would be that of a timestamp far in the future.
    let age = now.as_seconds().checked_sub(seconds).ok_or(VerifyError::Early)?;
    match age {
        age if age > TOLERANCE_SECONDS => Err(VerifyError::Late),
        age if age < -TOLERANCE_SECONDS => Err(VerifyError::Early),
        _ => Ok(()),
    }
}

fn parse_signature(text: &[u8]) -> Option<[u8; DIGEST_BYTES]> {
    let digits = text.strip_prefix(VERSION)?;
    if digits.len() != 2 * DIGEST_BYTES {
        return None;
    }
    let mut bytes = [0; DIGEST_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().try_fold(0, |high, digit| Some(high << 4 | nibble(*digit)?))?;
    }
    Some(bytes)
}

/// Lower case only: there is one way to write a signature.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
