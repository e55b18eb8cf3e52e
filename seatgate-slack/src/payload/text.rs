//! The words of a command.

use std::fmt;

use seatgate_core::person::EmailAddress;

use crate::id::UserId;

/// What was typed after a command. `Debug` does not show it: it names people.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CommandText(String);

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Word {
    /// Somebody who was mentioned: `<@U123>` or `<@U123|ana>`. Only the id counts, the name can be anything.
    Mention(UserId),
    /// An e-mail address, bare or as Slack links it.
    Email(EmailAddress),
    /// Anything else, with Slack's `&amp;`, `&lt;` and `&gt;` undone.
    Text(String),
}

impl CommandText {
    pub(super) fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text as Slack sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its words, separated by white space.
    pub fn words(&self) -> impl Iterator<Item = Word> {
        split(&self.0).map(Word::read)
    }
}

impl fmt::Debug for CommandText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommandText([redacted])")
    }
}

impl Word {
    fn read(word: &str) -> Self {
        let link = word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).map(target);
        let mention = link.and_then(|link| link.strip_prefix('@')?.parse().ok()).map(Self::Mention);
        let bare = || Some(word).filter(|word| !word.contains(['<', '>']));
        let address = link.and_then(|link| link.strip_prefix("mailto:")).or_else(bare);
        let email = || address.and_then(|address| address.parse().ok()).map(Self::Email);
        mention.or_else(email).unwrap_or_else(|| Self::Text(unescape(word)))
    }
}

/// Splits at white space outside `<...>`: a display name may hold spaces.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    let separates = move |c: char| {
        inside = match c {
            '<' => true,
            '>' => false,
            _ => inside,
        };
        !inside && c.is_whitespace()
    };
    text.split(separates).filter(|word| !word.is_empty())
}

/// What a link leads to, without the words shown for it.
fn target(link: &str) -> &str {
    link.split_once('|').map_or(link, |(target, _)| target)
}

/// Once, and `&amp;` last, so that `&amp;lt;` becomes `&lt;`.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        CommandText::new(text).words().collect()
    }

    fn mention(id: &str) -> Word {
        Word::Mention(id.parse().unwrap())
    }

    fn email(address: &str) -> Word {
        Word::Email(address.parse().unwrap())
    }

    fn plain(text: &str) -> Word {
        Word::Text(text.to_owned())
    }

    #[test]
    fn mentions_and_addresses_are_found() {
        assert_eq!(words("<@U123|ana>  <@W9>\tleaver"), [mention("U123"), mention("W9"), plain("leaver")]);
        assert_eq!(words("<@U123|Ana Ruiz> now"), [mention("U123"), plain("now")]);
        assert_eq!(words("Ana@Example.com"), [email("ana@example.com")]);
        assert_eq!(words("<mailto:ana@example.com|ana@example.com> x"), [email("ana@example.com"), plain("x")]);
        assert_eq!(words("  "), []);
    }

    #[test]
    fn what_only_looks_like_one_stays_a_text() {
        for text in ["@ana", "<@>", "<@U1", "U1", "<#C1|general>", "<!channel>", "a@b@c", "<@U 1>"] {
            assert_eq!(words(text), [plain(text)], "{text}");
        }
        // The name shown never decides who is meant.
        assert_eq!(words("<@U1|@U2>"), [mention("U1")]);
    }

    #[test]
    fn texts_are_unescaped_once() {
        assert_eq!(words("R&amp;D &lt;x&gt; &amp;lt;"), [plain("R&D"), plain("<x>"), plain("&lt;")]);
    }
}
