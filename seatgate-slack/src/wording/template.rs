//! Templates: parsed once, checked against the English one.

use std::collections::BTreeSet;

use super::phrase::Phrase;
use super::slot::Slot;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands.
    Literal(String),
    /// What is filled in.
    Slot(Slot),
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the words of `{}`: {fault}", .phrase.label())]
pub struct WordingError {
    /// For which phrase.
    pub phrase: Phrase,
    /// What is wrong.
    pub fault: WordingFault,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordingFault {
    /// A brace without its partner.
    #[error("a brace has no partner; write {{{{ or }}}} for a brace")]
    Brace,
    /// A slot that this phrase does not have.
    #[error("there is no slot {{{0}}} here")]
    UnknownSlot(String),
    /// A slot whose fact would not be said.
    #[error("the slot {{{0}}} is missing")]
    MissingSlot(&'static str),
    /// Nothing to say.
    #[error("it is empty")]
    Empty,
    /// More than fits, not counting what fills the slots.
    #[error("at most {0} characters fit here")]
    TooLong(usize),
}

impl Template {
    /// The English words. A test holds that they can be read.
    pub(super) fn built_in(phrase: Phrase) -> Self {
        let english = phrase.english();
        let pieces = pieces(english).unwrap_or_else(|_| vec![Piece::Literal(english.to_owned())]);
        Self { pieces }
    }

    /// Reads a replacement of the English words.
    pub(super) fn read(phrase: Phrase, text: &str) -> Result<Self, WordingError> {
        let checked = pieces(text).and_then(|pieces| {
            let template = Self { pieces };
            template.check(phrase).map(|()| template)
        });
        checked.map_err(|fault| WordingError { phrase, fault })
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn check(&self, phrase: Phrase) -> Result<(), WordingFault> {
        let (ours, theirs) = (Self::built_in(phrase).slots(), self.slots());
        if let Some(slot) = theirs.difference(&ours).next() {
            return Err(WordingFault::UnknownSlot(slot.name().to_owned()));
        }
        if let Some(slot) = ours.difference(&theirs).next() {
            return Err(WordingFault::MissingSlot(slot.name()));
        }
        let literals = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Slot(_) => None,
        });
        let literals: String = literals.collect();
        if theirs.is_empty() && literals.trim().is_empty() {
            return Err(WordingFault::Empty);
        }
        let most = phrase.place().most();
        if literals.chars().count() > most { Err(WordingFault::TooLong(most)) } else { Ok(()) }
    }

    fn slots(&self) -> BTreeSet<Slot> {
        let slot = |piece: &Piece| if let Piece::Slot(slot) = piece { Some(*slot) } else { None };
        self.pieces.iter().filter_map(slot).collect()
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, WordingFault> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        literal.push_str(before);
        if from.starts_with("{{") || from.starts_with("}}") {
            literal.push_str(&from[..1]);
            rest = &from[2..];
            continue;
        }
        let (name, after) = from.strip_prefix('{').and_then(|from| from.split_once('}')).ok_or(WordingFault::Brace)?;
        let slot = Slot::named(name).ok_or_else(|| WordingFault::UnknownSlot(name.to_owned()))?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Slot(slot));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}
