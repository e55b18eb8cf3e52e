//! The members of a candidate that a cell can fill.

use std::str::FromStr;

use seatgate_core::port::Problem as RowProblem;
use seatgate_core::seat::{CandidateDraft, CostDraft, ManagerDraft};

use super::rows::invalid;

/// What the columns are called, and where in a candidate their cells go.
const FIELDS: [(&str, &str); 16] = [
    ("source", "/source"),
    ("external_id", "/external_id"),
    ("app_id", "/app/id"),
    ("app_name", "/app/name"),
    ("account_id", "/account/id"),
    ("account_email", "/account/email"),
    ("account_name", "/account/name"),
    ("entitlement", "/entitlement"),
    ("manager_email", "/manager/email"),
    ("manager_name", "/manager/name"),
    ("last_activity_at", "/last_activity_at"),
    ("never_used", "/never_used"),
    ("observed_at", "/observed_at"),
    ("monthly_cost", "/monthly_cost/amount"),
    ("currency", "/monthly_cost/currency"),
    ("requesting_channel", "/requesting_channel"),
];
/// Every row needs one of each line.
const REQUIRED: [&[&str]; 3] = [&["app_id"], &["account_id", "account_email"], &["last_activity_at", "never_used"]];

/// A member of a candidate that one cell fills, such as `account_email`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field(usize);

/// A name that is no field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown field")]
pub struct UnknownField;

impl Field {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..FIELDS.len()).map(Self)
    }

    /// Its name: the column of the default table, and the key in a mapping.
    #[must_use]
    pub fn name(self) -> &'static str {
        FIELDS[self.0].0
    }

    /// Its JSON pointer in a candidate.
    #[must_use]
    pub fn pointer(self) -> &'static str {
        FIELDS[self.0].1
    }

    /// Whether it holds a time.
    pub(super) fn is_time(self) -> bool {
        matches!(self.name(), "last_activity_at" | "observed_at")
    }

    /// The names of fields of which one is needed, where none is among these.
    pub(super) fn lacking(fields: &[Self]) -> Option<&'static [&'static str]> {
        REQUIRED.into_iter().find(|choice| !fields.iter().any(|field| choice.contains(&field.name())))
    }

    /// Fills it with a text that is not empty.
    pub(super) fn fill(self, draft: &mut CandidateDraft, text: String) -> Result<(), RowProblem> {
        match self.pointer() {
            "/source" => draft.source = Some(text),
            "/external_id" => draft.external_id = Some(text),
            "/app/id" => draft.app.id = text,
            "/app/name" => draft.app.name = Some(text),
            "/account/id" => draft.account.id = Some(text),
            "/account/email" => draft.account.email = Some(text),
            "/account/name" => draft.account.name = Some(text),
            "/entitlement" => draft.entitlement = Some(text),
            "/manager/email" => draft.manager.get_or_insert_with(ManagerDraft::default).email = text,
            "/manager/name" => draft.manager.get_or_insert_with(ManagerDraft::default).name = Some(text),
            "/last_activity_at" => draft.last_activity_at = Some(text),
            "/never_used" => draft.never_used = Some(flag(&text, "/never_used")?),
            "/observed_at" => draft.observed_at = Some(text),
            "/monthly_cost/amount" => draft.monthly_cost.get_or_insert_with(CostDraft::default).amount = text,
            "/monthly_cost/currency" => draft.monthly_cost.get_or_insert_with(CostDraft::default).currency = text,
            _ => draft.requesting_channel = Some(text),
        }
        Ok(())
    }
}

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(name: &str) -> Result<Self, UnknownField> {
        Self::all().find(|field| field.name() == name).ok_or(UnknownField)
    }
}

/// A cell for the member at `pointer` that says yes or no. Spreadsheets write `TRUE`.
pub(crate) fn flag(text: &str, pointer: &str) -> Result<bool, RowProblem> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(pointer, "expected true or false")),
    }
}
