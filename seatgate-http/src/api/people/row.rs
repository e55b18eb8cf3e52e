//! One person as a row of a list says it.

use seatgate_core::person::{EmailAddress, Identity};
use seatgate_core::port::{Period, Problem as RowProblem};
use seatgate_core::seat::{AccountDraft, AppId};
use seatgate_core::time::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::api::period::{START, Unfit, period};
use crate::api::who::{SLACK_USER, slack_user};
use crate::intake::rows::invalid;
use crate::json::{Expected, Members, TEXT};

const FLAG: Expected = Expected::Value("expected true or false");
const ADDRESS: &str = "expected an e-mail address such as ana@example.com";

/// A row; what it does not say stays as it is.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PersonAsked)]
pub(in crate::api) struct PersonBody {
    #[serde(default)]
    pub(super) email: String,
    /// Taken up where none is known.
    pub(super) name: Option<String>,
    /// Team and user, such as `T1/U1`.
    pub(super) slack: Option<String>,
    /// `null`: nobody.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<ManagerBody>)]
    pub(super) manager: Option<Option<ManagerBody>>,
    pub(super) disabled: Option<bool>,
    pub(super) bot: Option<bool>,
    /// In place of those that were said before.
    pub(super) absences: Option<Vec<AbsenceBody>>,
    /// The ids of all apps whose owner they are.
    pub(super) owns: Option<Vec<String>>,
}

#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ManagerAsked)]
pub(super) struct ManagerBody {
    #[serde(default)]
    pub(super) email: String,
}

#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AbsenceAsked)]
pub(super) struct AbsenceBody {
    /// Its first day, or a time.
    #[serde(default)]
    pub(super) from: String,
    /// Its last day, or a time; without it, it lasts.
    pub(super) until: Option<String>,
}

/// What can stand in a row.
pub(super) const MEMBERS: &Members = &[&[
    ("", Expected::Object),
    ("/email", TEXT),
    ("/name", TEXT),
    ("/slack", TEXT),
    ("/manager", Expected::Object),
    ("/manager/email", TEXT),
    ("/disabled", FLAG),
    ("/bot", FLAG),
    ("/absences", Expected::Value("expected a list of objects with `from` and `until`")),
    ("/owns", Expected::Value("expected a list of ids of apps")),
]];

/// Tells `null` from what is not there.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A row that fits.
pub(super) struct PersonRow {
    pub(super) email: EmailAddress,
    pub(super) name: Option<String>,
    pub(super) slack: Option<Identity>,
    /// Who manages them, or that nobody does.
    pub(super) manager: Option<Option<EmailAddress>>,
    pub(super) disabled: Option<bool>,
    pub(super) bot: Option<bool>,
    pub(super) absences: Option<Vec<Period>>,
    pub(super) owns: Option<Vec<AppId>>,
}

impl PersonBody {
    /// Checks every member.
    pub(super) fn parse(self, now: Timestamp) -> Result<PersonRow, RowProblem> {
        let email: EmailAddress = self.email.parse().map_err(|_| invalid("/email", ADDRESS))?;
        let slack = |text: String| slack_user(&text).ok_or_else(|| invalid("/slack", SLACK_USER));
        let manager = |manager: ManagerBody| manager.email.parse().map_err(|_| invalid("/manager/email", ADDRESS));
        let absence = |(place, absence): (usize, AbsenceBody)| absence.parse(place, now);
        let app = |(place, id): (usize, String)| {
            id.trim().parse().map_err(|error| invalid(format!("/owns/{place}"), format!("{error}")))
        };
        Ok(PersonRow {
            name: named(&email, self.name)?,
            email,
            slack: self.slack.map(slack).transpose()?,
            manager: self.manager.map(|said| said.map(manager).transpose()).transpose()?,
            disabled: self.disabled,
            bot: self.bot,
            absences: self.absences.map(|said| said.into_iter().enumerate().map(absence).collect()).transpose()?,
            owns: self.owns.map(|said| said.into_iter().enumerate().map(app).collect()).transpose()?,
        })
    }
}

/// The name, by the same rules as of a seat's holder.
fn named(email: &EmailAddress, name: Option<String>) -> Result<Option<String>, RowProblem> {
    let draft = AccountDraft { id: None, email: Some(email.to_string()), name };
    draft.parse().map(|names| names.name).map_err(|error| invalid("/name", error.detail))
}

impl AbsenceBody {
    fn parse(self, place: usize, now: Timestamp) -> Result<Period, RowProblem> {
        if self.from.is_empty() {
            return Err(invalid(format!("/absences/{place}/from"), START));
        }
        period(Some(&self.from), self.until.as_deref(), now).map_err(|unfit| match unfit {
            Unfit::Start(detail) => invalid(format!("/absences/{place}/from"), detail),
            Unfit::End(detail) => invalid(format!("/absences/{place}/until"), detail),
        })
    }
}
