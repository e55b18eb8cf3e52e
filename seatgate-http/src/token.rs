//! Bearer tokens of the API.

use std::fmt;
use std::str::FromStr;

use seatgate_core::canonical::Digest;
use seatgate_core::person::{Actor, ActorName};

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
const LONGEST: usize = 1_024;
const ADMIN: &str = "admin";

/// The tokens that the API accepts. Only their digests are kept; `Debug` shows none of them.
#[derive(Clone)]
pub struct ApiTokens(Vec<ApiToken>);

#[derive(Clone)]
struct ApiToken {
    name: ActorName,
    digest: Digest,
}

/// What is wrong with a token. Never holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Too short or too long.
    #[error("the token has {length} characters; it needs {SHORTEST} to {LONGEST}")]
    Length {
        /// How many it has.
        length: usize,
    },
    /// It cannot be sent in a header.
    #[error("the token holds something else than visible ASCII characters")]
    Characters,
}

impl ApiTokens {
    /// One token, of an administrator. White space around it (a file's last line break) is ignored.
    ///
    /// # Errors
    /// When it is too short or too long, or cannot be sent.
    pub fn admin(token: &str) -> Result<Self, TokenError> {
        let digest = digest(token)?;
        let name = ActorName::from_str(ADMIN).map_err(|_| TokenError::Characters)?;
        Ok(Self(vec![ApiToken { name, digest }]))
    }

    /// Whose token this is. Compares digests, all of them and to the end, so that the time taken tells nothing.
    pub(crate) fn bearer(&self, token: &[u8]) -> Option<Actor> {
        let digest = Digest::of(token);
        let matching = |known: &&ApiToken| equal(known.digest.as_bytes(), digest.as_bytes());
        let found: Vec<_> = self.0.iter().filter(matching).collect();
        found.first().map(|known| Actor::Token(known.name.clone()))
    }
}

/// The digest of a token that can be sent and not be guessed.
pub(crate) fn digest(token: &str) -> Result<Digest, TokenError> {
    let token = token.trim();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Characters);
    }
    if !(SHORTEST..=LONGEST).contains(&token.len()) {
        return Err(TokenError::Length { length: token.len() });
    }
    Ok(Digest::of(token.as_bytes()))
}

/// Whether `token` is the one with this digest. The time taken tells nothing.
pub(crate) fn is(known: &Digest, token: &[u8]) -> bool {
    equal(known.as_bytes(), Digest::of(token).as_bytes())
}

fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

impl fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiTokens([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "sixteen-letters!";

    #[test]
    fn only_the_very_token_is_known() {
        let tokens = ApiTokens::admin(&format!("{TOKEN}\n")).unwrap();
        assert_eq!(tokens.bearer(TOKEN.as_bytes()).unwrap().to_string(), "token:admin");
        for other in ["", "sixteen-letters", "sixteen-letters!!", "Sixteen-letters!", " sixteen-letters!"] {
            assert_eq!(tokens.bearer(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_refused() {
        for (token, error) in [
            ("", TokenError::Length { length: 0 }),
            ("fifteen-letters", TokenError::Length { length: 15 }),
            (&"x".repeat(1_025), TokenError::Length { length: 1_025 }),
            ("sixteen letters!", TokenError::Characters),
            ("sixteen-letterß!", TokenError::Characters),
        ] {
            assert_eq!(ApiTokens::admin(token).unwrap_err(), error, "{token}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", ApiTokens::admin(TOKEN).unwrap()), "ApiTokens([redacted])");
    }
}
