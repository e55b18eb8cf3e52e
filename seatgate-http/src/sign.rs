//! Standard Webhooks 1.0, both directions: `HMAC-SHA256(secret, id.timestamp.body)`.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>. Only the
//! symmetric scheme (`v1`) is spoken; signatures of other versions in the header are skipped.

mod secret;
mod verify;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;

pub use secret::{SecretError, SecretsError, WebhookSecret, WebhookSecrets};
pub use verify::{Verified, Verifier, VerifyError, WebhookHeaders};

/// The header that holds the webhook's id.
pub const ID_HEADER: &str = "webhook-id";
/// The header that holds the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header that holds the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const LONGEST_ID: usize = 256;

/// The id of one webhook: the same on every repetition, 1 to 256 bytes of visible ASCII without a full stop.
///
/// Without a full stop, because the signed text is `id.timestamp.body`: with one in the id, a captured signature would
/// fit another split of the same text, with another id and another body. The specification asks for this ("not be
/// allowed to include any `.`").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebhookId(String);

/// A text that is no webhook id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a webhook id of 1 to 256 visible ASCII characters without a full stop")]
pub struct WebhookIdError;

impl WebhookId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WebhookId {
    type Err = WebhookIdError;

    fn from_str(text: &str) -> Result<Self, WebhookIdError> {
        let length_fits = (1..=LONGEST_ID).contains(&text.len());
        let allowed = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        if length_fits && allowed { Ok(Self(text.to_owned())) } else { Err(WebhookIdError) }
    }
}

/// Signs what we send.
#[derive(Debug, Clone)]
pub struct Signer {
    secret: WebhookSecret,
}

/// The three headers of a signed webhook. `Debug` hides the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// The value of [`ID_HEADER`].
    pub id: String,
    /// The value of [`TIMESTAMP_HEADER`].
    pub timestamp: String,
    /// The value of [`SIGNATURE_HEADER`]: `v1,` and the signature in base64.
    pub signature: String,
}

impl Signer {
    /// Signs with `secret`.
    #[must_use]
    pub fn new(secret: WebhookSecret) -> Self {
        Self { secret }
    }

    /// Signs `body`, sent at `timestamp_seconds` after 1970 (a negative time is sent as 0).
    ///
    /// Sign each attempt anew: the receiver refuses a timestamp older than five minutes.
    #[must_use]
    pub fn sign(&self, id: &WebhookId, timestamp_seconds: i64, body: &[u8]) -> SignedHeaders {
        let timestamp = timestamp_seconds.max(0).to_string();
        let mac = self.secret.mac(id.as_str(), &timestamp, body);
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        SignedHeaders { id: id.0.clone(), timestamp, signature }
    }
}

impl SignedHeaders {
    /// The headers as names and values.
    #[must_use]
    pub fn into_pairs(self) -> [(&'static str, String); 3] {
        [(ID_HEADER, self.id), (TIMESTAMP_HEADER, self.timestamp), (SIGNATURE_HEADER, self.signature)]
    }
}

impl fmt::Debug for SignedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedHeaders")
            .field("id", &self.id)
            .field("timestamp", &self.timestamp)
            .field("signature", &"[redacted]")
            .finish()
    }
}

#[cfg(test)]
mod tests;
