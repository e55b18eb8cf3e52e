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
pub struct SigningSecrets {
    macs: Vec<Hmac<Sha256>>,
    /// The positions, from 1, of those that do not look as Slack writes them.
    unusual: Vec<usize>,
}

/// Slack gives 32 hexadecimal digits. It nowhere promises so, hence another secret is odd, but no error.
const USUAL_LENGTH: usize = 32;

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
        let (mut macs, mut unusual) = (Vec::new(), Vec::new());
        for (position, text) in (1..).zip(secrets) {
            macs.push(keyed(position, text)?);
            unusual.extend((!is_usual(text.trim())).then_some(position));
        }
        if macs.is_empty() { Err(SecretError::None) } else { Ok(Self { macs, unusual }) }
    }

    /// How many there are: at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.macs.len()
    }

    /// Which of them, counted from 1, do not look as Slack writes them: most often something else was copied.
    #[must_use]
    pub fn unusual(&self) -> &[usize] {
        &self.unusual
    }

    /// The algorithm under each secret, before any text.
    pub(super) fn macs(&self) -> impl Iterator<Item = Hmac<Sha256>> {
        self.macs.iter().cloned()
    }
}

fn is_usual(text: &str) -> bool {
    text.len() == USUAL_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
