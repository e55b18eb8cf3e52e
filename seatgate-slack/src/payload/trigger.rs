use std::fmt;

/// The right to open one modal, within three seconds of the click or command that it came with.
///
/// `Debug` does not show it: whoever has it, and our token, can open a modal in front of that person.
#[derive(Clone, PartialEq, Eq)]
pub struct TriggerId(String);

impl TriggerId {
    /// What came with a click; `None` for an empty text.
    pub(super) fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// For the call that uses it up.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TriggerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TriggerId([redacted])")
    }
}
