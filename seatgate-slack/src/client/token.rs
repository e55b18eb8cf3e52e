use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

/// The bot token of the Slack app, such as `xoxb-...`. `Debug` does not show it.
#[derive(Clone)]
pub struct BotToken(SecretString);

/// What is wrong with a token. Never holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Nothing, or only white space.
    #[error("the bot token is blank")]
    Blank,
    /// It cannot be sent in a header.
    #[error("the bot token holds something else than visible ASCII characters")]
    Characters,
}

impl BotToken {
    /// The value of the header `Authorization`.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0.expose_secret())
    }
}

impl FromStr for BotToken {
    type Err = TokenError;

    /// White space around the token (a file's last line break) is ignored.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        match text.trim() {
            "" => Err(TokenError::Blank),
            token if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Self(SecretString::from(token))),
            _ => Err(TokenError::Characters),
        }
    }
}

impl fmt::Debug for BotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BotToken([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_can_be_sent_and_is_not_printed() {
        let token: BotToken = " xoxb-1-2-abc\n".parse().unwrap();
        assert_eq!(token.bearer(), "Bearer xoxb-1-2-abc");
        assert_eq!(format!("{token:?}"), "BotToken([redacted])");
        assert_eq!(" ".parse::<BotToken>().err(), Some(TokenError::Blank));
        assert_eq!("xoxb 1".parse::<BotToken>().err(), Some(TokenError::Characters));
    }
}
