//! What a slash command is called.

use std::fmt;
use std::str::FromStr;

/// The name of a slash command with its slash, such as `/offboard`: as the manifest of the Slack app names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandName(String);

/// How long Slack lets a command be, the slash included.
const LONGEST: usize = 32;

/// A text that names no slash command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one word that starts with `/`, of 2 to 32 characters, such as /offboard")]
pub struct CommandNameError;

impl CommandName {
    /// The name as text, with its slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommandName {
    type Err = CommandNameError;

    /// White space around the name is ignored.
    fn from_str(text: &str) -> Result<Self, CommandNameError> {
        let text = text.trim();
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let named = text.strip_prefix('/').is_some_and(is_word) && text.chars().count() <= LONGEST;
        if named { Ok(Self(text.to_owned())) } else { Err(CommandNameError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_word_after_a_slash() {
        let longest = format!("/{}", "x".repeat(31));
        for text in ["/offboard", "/x", "/it-leaver_2", "/абмеження", &longest] {
            assert_eq!(text.parse().map(|name: CommandName| name.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(" /offboard\n".parse::<CommandName>().unwrap().as_str(), "/offboard");
        let long = format!("{longest}x");
        for text in ["", "/", "offboard", "/off board", "/off\u{0}", "/ offboard", &long] {
            assert_eq!(text.parse::<CommandName>(), Err(CommandNameError), "{text}");
        }
    }
}
