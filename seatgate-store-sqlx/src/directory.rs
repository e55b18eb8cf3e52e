//! The directory, as rows and from rows.

use seatgate_core::id::{DelegationId, PersonRef};
use seatgate_core::port::{Delegation, DirectoryEdit, DirectoryEntry, Operator, Period};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use serde::Serialize;

use crate::row::{from_json, read, to_time};

/// An edit, as both databases read it.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum EditRow<'a> {
    Manager { person: PersonRef, manager: Option<PersonRef> },
    Disabled { person: PersonRef, disabled: bool },
    Bot { person: PersonRef, bot: bool },
    Absences { person: PersonRef, periods: Vec<PeriodRow> },
    Delegate { id: DelegationId, giver: PersonRef, stand_in: PersonRef, starts_at: i64, ends_at: Option<i64> },
    EndDelegation { id: DelegationId, at: i64 },
    Owners { app: &'a str, people: &'a [PersonRef] },
    Appoint { person: PersonRef, at: i64 },
    Dismiss { person: PersonRef },
}

/// First instant, and the first one after it.
type PeriodRow = (i64, Option<i64>);

fn period_row(period: &Period) -> PeriodRow {
    (period.starts_at.as_micros(), period.ends_at.map(Timestamp::as_micros))
}

fn period((starts_at, ends_at): PeriodRow) -> Period {
    Period::new(Timestamp::from_micros(starts_at), to_time(ends_at))
}

impl<'a> EditRow<'a> {
    pub(crate) fn of(edit: &'a DirectoryEdit) -> Result<Self, sqlx::Error> {
        Ok(match edit {
            DirectoryEdit::Manager { person, manager } => Self::Manager { person: *person, manager: *manager },
            DirectoryEdit::Disabled { person, disabled } => Self::Disabled { person: *person, disabled: *disabled },
            DirectoryEdit::Bot { person, bot } => Self::Bot { person: *person, bot: *bot },
            DirectoryEdit::Absences { person, periods } => {
                Self::Absences { person: *person, periods: periods.iter().map(period_row).collect() }
            }
            DirectoryEdit::Delegate(Delegation { id, from, to, period, .. }) => {
                let (starts_at, ends_at) = period_row(period);
                Self::Delegate { id: *id, giver: *from, stand_in: *to, starts_at, ends_at }
            }
            DirectoryEdit::EndDelegation { delegation, at } => {
                Self::EndDelegation { id: *delegation, at: at.as_micros() }
            }
            DirectoryEdit::Owners { app, people } => Self::Owners { app: app.as_str(), people },
            DirectoryEdit::Appoint { person, at } => Self::Appoint { person: *person, at: at.as_micros() },
            DirectoryEdit::Dismiss { person } => Self::Dismiss { person: *person },
            _ => return Err(sqlx::Error::Encode("an edit that this release does not know".into())),
        })
    }
}

/// Manager, disabled, bot; absences and delegations as lists in JSON.
pub(crate) type EntryRow = (Option<String>, bool, bool, String, String);

/// What is known of people, whose rows are in their order.
pub(crate) fn entries(people: &[PersonRef], rows: Vec<EntryRow>) -> Result<Vec<DirectoryEntry>, sqlx::Error> {
    people.iter().zip(rows).map(|(person, row)| entry(*person, row)).collect()
}

fn entry(
    person: PersonRef,
    (manager, disabled, bot, absences, delegations): EntryRow,
) -> Result<DirectoryEntry, sqlx::Error> {
    let mut entry = DirectoryEntry::unknown(person);
    entry.manager = manager.map(|manager| read(&manager)).transpose()?;
    (entry.disabled, entry.bot) = (disabled, bot);
    entry.absences = from_json::<Vec<PeriodRow>>(&absences)?.into_iter().map(period).collect();
    let given: Vec<(String, String, i64, Option<i64>)> = from_json(&delegations)?;
    let given = given.into_iter().map(|(id, to, starts_at, ends_at)| {
        Ok(Delegation::new(read(&id)?, person, read(&to)?, period((starts_at, ends_at))))
    });
    entry.delegations = given.collect::<Result<_, sqlx::Error>>()?;
    Ok(entry)
}

/// Id, who is stood in for, who stands in, from when, until when.
pub(crate) type DelegationRow = (String, String, String, i64, Option<i64>);

pub(crate) fn delegation((id, giver, stand_in, starts_at, ends_at): DelegationRow) -> Result<Delegation, sqlx::Error> {
    Ok(Delegation::new(read(&id)?, read(&giver)?, read(&stand_in)?, period((starts_at, ends_at))))
}

/// Person, and since when.
pub(crate) fn operator((person, since): (String, i64)) -> Result<Operator, sqlx::Error> {
    Ok(Operator::new(read(&person)?, Timestamp::from_micros(since)))
}

pub(crate) fn people(ids: &[String]) -> Result<Vec<PersonRef>, sqlx::Error> {
    ids.iter().map(|id| read(id)).collect()
}

/// The apps of each of these people, of rows of person and app.
pub(crate) fn owned(people: &[PersonRef], rows: &[(String, String)]) -> Result<Vec<Vec<AppId>>, sqlx::Error> {
    let of = |person: &PersonRef| {
        let person = person.to_string();
        rows.iter().filter(|(owner, _)| *owner == person).map(|(_, app)| read(app)).collect()
    };
    people.iter().map(of).collect()
}
