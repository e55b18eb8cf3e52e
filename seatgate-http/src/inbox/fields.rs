//! Forms in which a field may be sent several times, as boxes that are ticked are.

use axum::extract::Form;
use axum::extract::rejection::FormRejection;

use super::page::PageError;

/// Such a form as it came in.
pub(super) type Sent = Result<Form<Vec<(String, String)>>, FormRejection>;

/// What was written into such a form. May be personal data: never log it.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn of(sent: Sent) -> Result<Self, PageError> {
        let Form(fields) = sent.map_err(|_| PageError::BadForm)?;
        Ok(Self(fields))
    }

    /// What each field of this name says, in their order.
    pub(super) fn all(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the last field of this name says; nothing where none was sent.
    pub(super) fn last(&self, name: &'static str) -> &str {
        self.all(name).next_back().unwrap_or_default()
    }

    /// The token that shows that the form came from a page of ours.
    pub(super) fn token(&self) -> &str {
        self.last("token")
    }

    /// Whether the second page was sent, which says what would happen.
    pub(super) fn confirmed(&self) -> bool {
        self.last("confirmed") == "yes"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_is_read_whole_or_by_its_last_value() {
        let sent = [("request", "1"), ("confirmed", "no"), ("request", "2"), ("confirmed", "yes"), ("requests", "3")];
        let fields = Fields(sent.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        assert_eq!(fields.all("request").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.last("request"), "2");
        assert!(fields.confirmed(), "what was said last counts");
        assert_eq!(fields.token(), "");
    }
}
