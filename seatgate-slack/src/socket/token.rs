use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

const PREFIX: &str = "xapp-";

/// The app-level token of the Slack app, such as `xapp-...`, with the scope `connections:write`. `Debug` does not show it.
#[derive(Clone)]
pub struct AppToken(SecretString);

/// What is wrong with an app-level token. Never holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppTokenError {
    /// Nothing, or only white space.
    #[error("the app token is blank")]
    Blank,
    /// Another token, most often the bot's.
    #[error("the app token does not start with `xapp-`; it is another one than the bot token")]
    Other,
    /// It cannot be sent in a header.
    #[error("the app token holds something else than visible ASCII characters")]
    Characters,
}

impl AppToken {
    /// The value of the header `Authorization`.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0.expose_secret())
    }
}

impl FromStr for AppToken {
    type Err = AppTokenError;

    /// White space around the token (a file's last line break) is ignored.
    fn from_str(text: &str) -> Result<Self, AppTokenError> {
        match text.trim() {
            "" => Err(AppTokenError::Blank),
            token if !token.bytes().all(|byte| byte.is_ascii_graphic()) => Err(AppTokenError::Characters),
            token if token.starts_with(PREFIX) => Ok(Self(SecretString::from(token))),
            _ => Err(AppTokenError::Other),
        }
    }
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppToken([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_token_can_be_sent_and_is_not_printed() {
        let token: AppToken = " xapp-1-A1-abc\n".parse().unwrap();
        assert_eq!(token.bearer(), "Bearer xapp-1-A1-abc");
        assert_eq!(format!("{token:?}"), "AppToken([redacted])");
        let wrong = [" ", "xoxb-1-2-abc", "xapp-1 2"].map(|text| text.parse::<AppToken>().err().unwrap());
        assert_eq!(wrong, [AppTokenError::Blank, AppTokenError::Other, AppTokenError::Characters]);
    }
}
