//! Reading JSON so that a mistake is named by its JSON pointer, without quoting what was sent.

use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// A pointer holds names that the sender chose; a longer one is cut to its parent.
const LONGEST_POINTER: usize = 200;

/// The members of a document in parts: pointers, each with what is expected there.
pub(crate) type Members = [&'static [(&'static str, Expected)]];

/// A member that is any text.
pub(crate) const TEXT: Expected = Expected::Value("expected a text");

/// What is expected at a pointer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// An object with the members that are listed below it.
    Object,
    /// A value, in words.
    Value(&'static str),
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// It is no JSON, or holds something that cannot be read (too deep, a broken escape, a number out of range).
    Malformed,
    /// A member does not fit.
    Member(MemberError),
}

/// A member that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberError {
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    pub(crate) pointer: String,
}

/// Reads a document that has these members.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a [u8], members: &Members) -> Result<T, JsonError> {
    // A list would be read as an object's members in the order of their definition.
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(JsonError::Member(judge("", members)));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let document =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner().classify() {
            Category::Data => JsonError::Member(judge(&pointer(error.path()), members)),
            Category::Syntax | Category::Eof | Category::Io => JsonError::Malformed,
        })?;
    deserializer.end().map_err(|_| JsonError::Malformed)?;
    Ok(document)
}

/// Says what is wrong at `pointer`, from what is expected there or around it. The parser's own words are not used: they
/// quote values.
fn judge(pointer: &str, members: &Members) -> MemberError {
    let mut place = pointer;
    loop {
        match members.iter().copied().flatten().find(|(known, _)| *known == place).map(|(_, expected)| *expected) {
            Some(Expected::Value(words)) => return invalid(pointer, words),
            Some(Expected::Object) if place == pointer => {
                return invalid(pointer, "expected an object of known members, each at most once");
            }
            Some(Expected::Object) => {
                let detail = "this member is not known here".to_owned();
                return MemberError { title: "Unknown member", detail, pointer: pointer.to_owned() };
            }
            None => match place.rsplit_once('/') {
                Some((parent, _)) => place = parent,
                None => return invalid(pointer, "expected an object"),
            },
        }
    }
}

fn invalid(pointer: &str, words: &str) -> MemberError {
    MemberError { title: "Invalid value", detail: words.to_owned(), pointer: pointer.to_owned() }
}

/// A name as a part of a pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            Segment::Enum { .. } | Segment::Unknown => break,
        };
        if pointer.len() + part.len() >= LONGEST_POINTER || part.chars().any(char::is_control) {
            break;
        }
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Document {
        name: Option<String>,
        inner: Option<Inner>,
        list: Option<Vec<u8>>,
        free: Option<Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Inner {
        flag: Option<bool>,
    }

    const MEMBERS: &Members = &[
        &[("", Expected::Object), ("/name", TEXT)],
        &[
            ("/inner", Expected::Object),
            ("/inner/flag", Expected::Value("expected true or false")),
            ("/list", Expected::Value("expected a list of small numbers")),
        ],
    ];

    fn member(text: &str) -> (&'static str, String) {
        match read::<Document>(text.as_bytes(), MEMBERS) {
            Err(JsonError::Member(error)) => (error.title, error.pointer),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn each_mistake_has_its_pointer() {
        let cases = [
            (r#"{"name": 1}"#, "Invalid value", "/name"),
            (r#"{"nome": 1}"#, "Unknown member", "/nome"),
            (r#"{"a/b~c": 1}"#, "Unknown member", "/a~1b~0c"),
            (r#"{"inner": {"flag": "s3cret"}}"#, "Invalid value", "/inner/flag"),
            (r#"{"inner": {"flog": 1}}"#, "Unknown member", "/inner/flog"),
            (r#"{"inner": 5}"#, "Invalid value", "/inner"),
            (r#"{"inner": {"flag": true, "flag": true}}"#, "Invalid value", "/inner"),
            (r#"{"list": [1, 256]}"#, "Invalid value", "/list/1"),
            ("5", "Invalid value", ""),
            (r#" ["Ana"]"#, "Invalid value", ""),
            (r#"{"name": "", "name": ""}"#, "Invalid value", ""),
            ("{\"\\u0000\": 1}", "Invalid value", ""),
        ];
        for (text, title, pointer) in cases {
            assert_eq!(member(text), (title, pointer.to_owned()), "{text}");
        }
        let long = format!(r#"{{"{}": 1}}"#, "x".repeat(300));
        assert_eq!(member(&long), ("Invalid value", String::new()));
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let deep = format!(r#"{{"free": {}1{}}}"#, "[".repeat(500), "]".repeat(500));
        for text in ["", "{", "{} x", r#"{"name": "\ud800"}"#, r#"{"free": 1e999}"#, &deep] {
            assert_eq!(read::<Document>(text.as_bytes(), MEMBERS).unwrap_err(), JsonError::Malformed, "{text}");
        }
    }

    #[test]
    fn values_are_not_quoted() {
        let error = read::<Document>(br#"{"inner": {"flag": "s3cret"}}"#, MEMBERS).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
