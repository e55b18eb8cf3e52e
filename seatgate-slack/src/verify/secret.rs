//! The signing secrets of the Slack app.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

/// The signing secrets that are accepted: one, or several while one is being replaced.
///
/// There is none without a secret, so "do not verify" cannot be said. The texts are not kept, only what the algorithm
/// makes of them; `Debug` shows nothing.
#[derive(Clone)]
pub struct SigningSecrets(Vec<Hmac<Sha256>>);

/// What is wrong with a list of signing secrets. Never holds any part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// No secret at all.
    #[error("there is no signing secret")]
    None,
    /// An entry is empty or white space: a secret that somebody forgot.
    #[error("signing secret {position} is blank")]
    Blank {
        /// Which one, from 1.
        position: usize,
    },
    /// An entry holds white space inside, or characters that no secret has.
    #[error("signing secret {position} holds something else than visible ASCII characters")]
    Characters {
        /// Which one, from 1.
        position: usize,
    },
}

impl SigningSecrets {
    /// Accepts what any of `secrets` signed. White space around each (a file's last line break) is ignored.
    ///
    /// # Errors
    /// When there is none, or one is blank or cannot be a secret.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, SecretError> {
        let macs: Vec<_> =
            (1..).zip(secrets).map(|(position, text)| keyed(position, text)).collect::<Result<_, _>>()?;
        if macs.is_empty() { Err(SecretError::None) } else { Ok(Self(macs)) }
    }

    /// The algorithm under each secret, before any text.
    pub(super) fn macs(&self) -> impl Iterator<Item = Hmac<Sha256>> {
        self.0.iter().cloned()
    }
}

fn keyed(position: usize, text: &str) -> Result<Hmac<Sha256>, SecretError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SecretError::Blank { position });
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SecretError::Characters { position });
    }
    // HMAC takes keys of any length, so this error does not come.
    Hmac::new_from_slice(text.as_bytes()).map_err(|_| SecretError::Characters { position })
}

impl FromStr for SigningSecrets {
    type Err = SecretError;

    /// Reads secrets separated by commas.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        Self::new(text.split(','))
    }
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecrets([redacted])")
    }
}
