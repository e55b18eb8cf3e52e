use std::fmt;

const LONGEST: usize = 64;
/// For a name that is too long or strange to be shown.
const OTHER: &str = "other";

/// The name of a type that we do not know, fit for a metric's label: at most 64 of `a-z`, `0-9`, `_`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeName(String);

impl TypeName {
    /// The name in `text`; `other` for what cannot be shown.
    pub(super) fn read(text: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain);
        Self(if fits { text } else { OTHER }.to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
