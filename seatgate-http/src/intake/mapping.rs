//! Other people's columns and members: how an export is read as candidates.
//!
//! A [`Mapping`] says for each [`Field`] of a candidate where its value stands: in a column of a table, at a JSON pointer
//! of a row, or nowhere, because it is the same for every row. A row that cannot be used names the sender's own column or
//! pointer. `seatgate-http/docs/mappings.md` describes the presets, with their sources.

mod dates;
mod preset;

use std::collections::BTreeMap;

use seatgate_core::seat::{CandidateDraft, CandidateError, CostDraft, ManagerDraft};

pub use self::dates::Dates;
pub use super::field::{Field, UnknownField};

/// The longest name of a column, pointer or mapping, and the longest constant.
const LONGEST: usize = 200;
/// Fields that are the same for every row, if they are constants. Nobody's account or activity is.
const CONSTANTS: [&str; 9] = [
    "source",
    "app_id",
    "app_name",
    "entitlement",
    "manager_email",
    "manager_name",
    "monthly_cost",
    "currency",
    "requesting_channel",
];
/// The only field for which several places make sense: the latest of them counts.
const LATEST: &str = "last_activity_at";

/// Where the value of a field stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    columns: Vec<String>,
    pointers: Vec<String>,
    value: Option<String>,
}

impl Source {
    /// In these columns of a table. The latest counts where there are several.
    #[must_use]
    pub fn columns<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.columns = names.into_iter().map(Into::into).collect();
        self
    }

    /// At these JSON pointers (RFC 6901) of a row. The latest counts where there are several.
    #[must_use]
    pub fn pointers<T: Into<String>>(mut self, pointers: impl IntoIterator<Item = T>) -> Self {
        self.pointers = pointers.into_iter().map(Into::into).collect();
        self
    }

    /// The same value for every row.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    fn check(&self, field: Field) -> Result<(), MappingError> {
        let (places, name) = (self.columns.len().max(self.pointers.len()), field.name());
        let usable =
            |text: &String| !text.trim().is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
        match &self.value {
            None if places == 0 => Err(MappingError::Empty),
            None if places > 1 && name != LATEST => Err(MappingError::Several),
            None if !self.columns.iter().chain(&self.pointers).all(usable) => Err(MappingError::Name),
            None if !self.pointers.iter().all(|pointer| is_pointer(pointer)) => Err(MappingError::Pointer),
            None => Ok(()),
            Some(_) if places > 0 => Err(MappingError::Both),
            Some(_) if !CONSTANTS.contains(&name) => Err(MappingError::NoConstant),
            Some(value) if !usable(value) => Err(MappingError::Name),
            Some(value) => check_constant(field, value),
        }
    }
}

/// RFC 6901: it begins with a slash, and a tilde is one of two escapes.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
}

/// Tries a constant in an otherwise good candidate.
fn check_constant(field: Field, value: &str) -> Result<(), MappingError> {
    let mut draft = CandidateDraft::default();
    draft.app.id = "app".to_owned();
    draft.account.id = Some("account".to_owned());
    draft.never_used = Some(true);
    draft.manager = Some(ManagerDraft { email: "manager@example.com".to_owned(), name: None });
    draft.monthly_cost = Some(CostDraft { amount: "1".to_owned(), currency: "USD".to_owned() });
    // An amount may fit one currency only, which a column may name: rows are judged with it.
    if field.name() == "monthly_cost" {
        return Ok(());
    }
    if field.name() == "currency" {
        draft.monthly_cost = Some(CostDraft { amount: "0".to_owned(), currency: String::new() });
    }
    field.fill(&mut draft, value.to_owned()).map_err(|problem| MappingError::Constant(problem.detail))?;
    draft.parse().map(|_| ()).map_err(|CandidateError { detail, .. }| MappingError::Constant(detail))
}

/// What is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// A field is mapped to nothing.
    #[error("expected a column, a pointer or a value")]
    Empty,
    /// A field has a constant and a place.
    #[error("has a value and a place: which of them is meant?")]
    Both,
    /// A field that takes one value has several places.
    #[error("several places are for `last_activity_at` only, where the latest counts")]
    Several,
    /// A field that differs from row to row has a constant.
    #[error("differs from row to row, so it cannot be a value")]
    NoConstant,
    /// A name or value that is empty, too long, or has control characters.
    #[error("expected 1 to {LONGEST} bytes without control characters")]
    Name,
    /// A pointer that is none.
    #[error("expected a JSON pointer such as \"/user/email\"")]
    Pointer,
    /// A constant that does not fit its field.
    #[error("{0}")]
    Constant(String),
    /// A field without another that it needs.
    #[error("needs `{0}` beside it")]
    Lonely(&'static str),
    /// One of these is needed.
    #[error("lacks `{}`", .0.join("` or `"))]
    Lacking(&'static [&'static str]),
}

/// How an export is read as candidates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    sources: BTreeMap<Field, Source>,
    dates: Dates,
    empty_is_never_used: bool,
}

impl Mapping {
    /// A mapping of nothing, to be filled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The preset of that name: `torii`, `zylo`, `microsoft365` or `okta`.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        preset::find(name)
    }

    /// The names of the presets.
    #[must_use]
    pub fn presets() -> Vec<&'static str> {
        preset::names()
    }

    /// Takes a field from there, and from nowhere else.
    ///
    /// # Errors
    /// When the field cannot be taken from there.
    pub fn set(&mut self, field: Field, source: Source) -> Result<(), MappingError> {
        source.check(field)?;
        self.sources.insert(field, source);
        Ok(())
    }

    /// Reads dates so.
    pub fn set_dates(&mut self, dates: Dates) {
        self.dates = dates;
    }

    /// Whether a row without a time of last activity says that the seat was never used. Say so only of an export that
    /// knows: many leave out what is older than they remember.
    pub fn set_empty_is_never_used(&mut self, empty_is_never_used: bool) {
        self.empty_is_never_used = empty_is_never_used;
    }

    /// What is missing in it, each with the field that it is about. The app may come with the delivery.
    #[must_use]
    pub fn problems(&self) -> Vec<(Option<Field>, MappingError)> {
        let mut fields: Vec<Field> = self.sources.keys().copied().collect();
        let mut problems = Vec::new();
        for (name, needed) in [("monthly_cost", "currency"), ("manager_name", "manager_email")] {
            let find = |name: &str| fields.iter().find(|field| field.name() == name).copied();
            if let (Some(field), None) = (find(name), find(needed)) {
                problems.push((Some(field), MappingError::Lonely(needed)));
            }
        }
        fields.extend("app_id".parse::<Field>());
        problems.extend(Field::lacking(&fields).map(|choice| (None, MappingError::Lacking(choice))));
        problems
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (Field, &Source)> {
        self.sources.iter().map(|(field, source)| (*field, source))
    }

    pub(super) fn dates(&self) -> Dates {
        self.dates
    }

    pub(super) fn empty_is_never_used(&self) -> bool {
        self.empty_is_never_used
    }
}

impl Source {
    pub(super) fn constant(&self) -> Option<&str> {
        self.value.as_deref()
    }

    pub(super) fn in_table(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn in_json(&self) -> &[String] {
        &self.pointers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Field {
        name.parse().unwrap()
    }

    fn set(name: &str, source: Source) -> Result<(), MappingError> {
        Mapping::new().set(field(name), source)
    }

    #[test]
    fn a_field_is_taken_from_where_it_can_stand() {
        let source = Source::default;
        assert_eq!(set("account_email", source()), Err(MappingError::Empty));
        assert_eq!(set("account_email", source().columns(["Email"]).value("x")), Err(MappingError::Both));
        assert_eq!(set("account_email", source().columns(["Email", "UPN"])), Err(MappingError::Several));
        assert_eq!(set("account_email", source().value("ana@example.com")), Err(MappingError::NoConstant));
        assert_eq!(set("account_email", source().columns([" "])), Err(MappingError::Name));
        assert_eq!(set("account_email", source().columns(["x".repeat(201)])), Err(MappingError::Name));
        for pointer in ["email", "/a~", "/a~2"] {
            assert_eq!(set("account_email", source().pointers([pointer])), Err(MappingError::Pointer), "{pointer}");
        }
        assert_eq!(set("account_email", source().columns(["E~/mail"]).pointers(["/a~1b/~0"])), Ok(()));
        assert_eq!(set("last_activity_at", source().columns(["Mail", "Calls"])), Ok(()));
    }

    #[test]
    fn a_constant_is_tried_before_any_row() {
        let tried = |name, value: &str| set(name, Source::default().value(value));
        for (name, value) in [("currency", "dollars"), ("manager_email", "mona"), ("app_id", &"x".repeat(121))] {
            assert!(matches!(tried(name, value), Err(MappingError::Constant(_))), "{name}");
        }
        let good = [
            ("currency", "JPY"),
            ("manager_email", "mona@example.com"),
            ("manager_name", "Mona"),
            ("monthly_cost", "9.50"),
        ];
        for (name, value) in good {
            assert_eq!(tried(name, value), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_a_mapping_lacks_is_said_at_once() {
        let mut mapping = Mapping::new();
        for name in ["monthly_cost", "manager_name"] {
            mapping.set(field(name), Source::default().columns([name])).unwrap();
        }
        let problems = mapping.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0], (Some(field("monthly_cost")), MappingError::Lonely("currency")));
        assert!(problems[2].1.to_string().contains("`account_id` or `account_email`"));
    }

    #[test]
    fn presets_lack_nothing() {
        assert_eq!(Mapping::presets(), ["microsoft365", "okta", "torii", "zylo"]);
        for name in Mapping::presets() {
            assert_eq!(Mapping::preset(name).unwrap().problems(), [], "{name}");
        }
        assert_eq!(Mapping::preset("tori"), None);
    }
}
