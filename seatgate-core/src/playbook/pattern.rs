//! Patterns: texts with words in braces that stand for something about whoever leaves.

/// The words that a pattern may hold.
const WORDS: [&str; 4] = ["email", "name", "slack_user", "manager_email"];

/// A text such as `mailto:{email}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern<'a>(&'a str);

/// A piece of a pattern.
enum Piece<'a> {
    Plain(&'a str),
    Word(&'a str),
    /// A brace that is not closed.
    Broken,
}

impl<'a> Pattern<'a> {
    /// The pattern that `text` is.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// Why it cannot be filled, whoever leaves.
    pub(super) fn problem(self) -> Option<String> {
        let known = || WORDS.map(|word| format!("`{{{word}}}`")).join(", ");
        self.pieces().find_map(|piece| match piece {
            Piece::Word(word) if !WORDS.contains(&word) => {
                Some(format!("`{{{}}}` is unknown; there are {}", word.escape_debug(), known()))
            }
            Piece::Broken => Some("a `{` is not closed".to_owned()),
            _ => None,
        })
    }

    /// The text with each word replaced by what `value` says; nothing if a word stands for nothing.
    pub fn fill(self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.pieces()
            .map(|piece| match piece {
                Piece::Plain(text) => Some(text.to_owned()),
                Piece::Word(word) => value(word),
                Piece::Broken => None,
            })
            .collect()
    }

    fn pieces(self) -> impl Iterator<Item = Piece<'a>> {
        let mut parts = self.0.split('{');
        let first = parts.next().map(Piece::Plain);
        let rest = parts.flat_map(|part| match part.split_once('}') {
            Some((word, plain)) => [Piece::Word(word), Piece::Plain(plain)],
            None => [Piece::Broken, Piece::Plain("")],
        });
        first.into_iter().chain(rest)
    }
}
