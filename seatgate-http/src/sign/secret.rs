//! The shared secrets of webhooks.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use seatgate_core::port::Entropy;
use sha2::Sha256;

const PREFIX: &str = "whsec_";
const SHORTEST: usize = 24;
/// Also SHA-256's block, so a key within it is padded with zeros and never hashed first (RFC 2104, section 2).
const LONGEST: usize = 64;
const GENERATED: usize = 32;

/// A shared secret: `whsec_` and base64 of 24 to 64 bytes.
///
/// `Debug` does not show it; [`WebhookSecret::expose`] is the only way out.
#[derive(Clone)]
pub struct WebhookSecret {
    /// The secret and zeros up to the block's length.
    block: [u8; LONGEST],
    length: usize,
}

/// What is wrong with a secret. Never holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Nothing, or only white space.
    #[error("the secret is empty")]
    Empty,
    /// It does not start with `whsec_`.
    #[error("the secret does not start with `whsec_`")]
    Prefix,
    /// What follows the prefix is no padded standard base64.
    #[error("the secret is not base64 (standard alphabet, with padding) after `whsec_`")]
    Base64,
    /// Fewer than 24 bytes.
    #[error("the secret has {bytes} bytes; it needs at least 24")]
    TooShort {
        /// How many it has.
        bytes: usize,
    },
    /// More than 64 bytes.
    #[error("the secret has {bytes} bytes; it may have at most 64")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
}

impl WebhookSecret {
    /// A new secret of 32 bytes.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut block = [0; LONGEST];
        let (secret, _) = block.split_at_mut(GENERATED);
        entropy.fill(secret);
        Self { block, length: GENERATED }
    }

    /// The secret as text, to be given to the other side or kept in a file only its owner can read.
    #[must_use]
    pub fn expose(&self) -> String {
        let secret: Vec<u8> = self.block.iter().copied().take(self.length).collect();
        format!("{PREFIX}{}", STANDARD.encode(secret))
    }

    /// The code over the signed content, not finalized.
    pub(super) fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.block.into());
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        match bytes.len() {
            count @ ..SHORTEST => Err(SecretError::TooShort { bytes: count }),
            length @ SHORTEST..=LONGEST => {
                let mut block = [0; LONGEST];
                for (slot, byte) in block.iter_mut().zip(bytes) {
                    *slot = *byte;
                }
                Ok(Self { block, length })
            }
            count => Err(SecretError::TooLong { bytes: count }),
        }
    }
}

impl FromStr for WebhookSecret {
    type Err = SecretError;

    /// White space around the secret (a file's last line break) is ignored.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

/// The secrets that are accepted: one, or several while one is being replaced.
#[derive(Debug, Clone)]
pub struct WebhookSecrets(Vec<WebhookSecret>);

/// What is wrong with a list of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {position}: {problem}")]
pub struct SecretsError {
    position: usize,
    problem: SecretError,
}

impl WebhookSecrets {
    /// Each secret, in the order written.
    pub fn iter(&self) -> impl Iterator<Item = &WebhookSecret> {
        self.0.iter()
    }
}

impl From<WebhookSecret> for WebhookSecrets {
    fn from(secret: WebhookSecret) -> Self {
        Self(vec![secret])
    }
}

impl FromStr for WebhookSecrets {
    type Err = SecretsError;

    /// Reads secrets separated by commas. An empty entry is an error: it is a secret that somebody forgot.
    fn from_str(text: &str) -> Result<Self, SecretsError> {
        let parse = |(index, entry): (usize, &str)| {
            entry.parse().map_err(|problem| SecretsError { position: index + 1, problem })
        };
        text.split(',').enumerate().map(parse).collect::<Result<_, _>>().map(Self)
    }
}
