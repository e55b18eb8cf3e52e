//! Texts from outside, made harmless; and texts made to fit.

/// Stands for what was left out.
pub(super) const ELLIPSIS: char = '…';
/// Stands for a name of which nothing can be shown.
const NOTHING: &str = "—";

/// One line of at most `most` characters as they will be written, with the outer spaces gone: line breaks, control
/// characters and those that turn the direction of writing become spaces, so that no name can pose as another line or
/// rearrange the words around it.
pub(super) fn harmless(text: &str, most: usize, escape: bool) -> String {
    let space = |c: char| if c.is_whitespace() || c.is_control() || turns_direction(c) { ' ' } else { c };
    // Names of megabytes are cut before anything is done with them: what is cut off here could not be shown.
    let plain: String = text.chars().take(most * 8).map(space).collect();
    let plain = plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let written = if escape { escaped(&plain) } else { plain };
    if written.is_empty() { NOTHING.to_owned() } else { shortened(&written, most) }
}

/// Marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As Slack wants it escaped: these three, the ampersand first, and nothing else.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most `most` characters, the last of them an ellipsis where something was left out. An escaped character and a date,
/// mention or link in angle brackets are left whole or left out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let (mut kept, mut length, mut rest) = (String::new(), 0, text);
    while let Some(token) = token(rest) {
        length += token.chars().count();
        if length > room {
            break;
        }
        kept.push_str(token);
        rest = &rest[token.len()..];
    }
    let mut kept = kept.trim_end().to_owned();
    kept.push(ELLIPSIS);
    kept
}

/// The first part of a text that must not be cut.
fn token(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let whole = match first {
        '&' => ["&amp;", "&lt;", "&gt;"].iter().find(|entity| text.starts_with(**entity)).map(|entity| entity.len()),
        '<' => text.find('>').map(|end| end + 1),
        _ => None,
    };
    text.get(..whole.unwrap_or(first.len_utf8()))
}
