//! The directory.

use async_trait::async_trait;
use seatgate_core::id::{DelegationId, PersonRef};
use seatgate_core::port::{
    Delegation, Directory, DirectoryEdit, DirectoryEntry, DirectoryQueries, Operator, StoreError,
};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;

use super::SqliteStore;
use super::error::store_error;
use super::writer::Desk;
use crate::directory::{EditRow, entries, people as read_people};
use crate::questions::Questions;
use crate::row::json;

/// $1 people, $2 now.
const ENTRIES: &str = "SELECT manager, COALESCE(disabled, 0), COALESCE(bot, 0),
        (SELECT json_group_array(json_array(starts_at, ends_at) ORDER BY position) FROM absences
            WHERE person = wanted.value AND (ends_at IS NULL OR ends_at > $2)),
        (SELECT json_group_array(json_array(id, stand_in, starts_at, ends_at) ORDER BY id) FROM delegations
            WHERE giver = wanted.value AND (ends_at IS NULL OR ends_at > $2))
    FROM json_each($1) AS wanted LEFT JOIN directory ON directory.person = wanted.value
    ORDER BY wanted.key";
const OWNERS: &str = "SELECT person FROM app_owners WHERE app = $1 ORDER BY position";

const MANAGER: &str = "INSERT INTO directory (person, manager) VALUES ($1 ->> 'person', $1 ->> 'manager')
    ON CONFLICT DO UPDATE SET manager = excluded.manager";
const DISABLED: &str = "INSERT INTO directory (person, disabled) VALUES ($1 ->> 'person', $1 ->> 'disabled')
    ON CONFLICT DO UPDATE SET disabled = excluded.disabled";
const BOT: &str = "INSERT INTO directory (person, bot) VALUES ($1 ->> 'person', $1 ->> 'bot')
    ON CONFLICT DO UPDATE SET bot = excluded.bot";
const ABSENCES: &str = "DELETE FROM absences WHERE person = $1 ->> 'person';
    INSERT INTO absences (person, position, starts_at, ends_at)
    SELECT $1 ->> 'person', key, value ->> 0, value ->> 1 FROM json_each($1, '$.periods')";
const DELEGATE: &str = "INSERT INTO delegations (id, giver, stand_in, starts_at, ends_at)
    VALUES ($1 ->> 'id', $1 ->> 'giver', $1 ->> 'stand_in', $1 ->> 'starts_at', $1 ->> 'ends_at')
    ON CONFLICT DO NOTHING";
/// A delegation that has not begun by then never does.
const END_DELEGATION: &str = "DELETE FROM delegations WHERE id = $1 ->> 'id' AND starts_at >= $1 ->> 'at';
    UPDATE delegations SET ends_at = $1 ->> 'at'
    WHERE id = $1 ->> 'id' AND (ends_at IS NULL OR ends_at > $1 ->> 'at')";
const SET_OWNERS: &str = "DELETE FROM app_owners WHERE app = $1 ->> 'app';
    INSERT INTO app_owners (app, position, person)
    SELECT $1 ->> 'app', key, value FROM json_each($1, '$.people')";
const APPOINT: &str = "INSERT INTO operators (person, since) VALUES ($1 ->> 'person', $1 ->> 'at')
    ON CONFLICT DO NOTHING";
const DISMISS: &str = "DELETE FROM operators WHERE person = $1 ->> 'person'";

/// Applies edits, in their order.
pub(super) async fn edit(edits: &[DirectoryEdit], desk: &mut Desk) -> Result<(), sqlx::Error> {
    for edit in edits {
        let row = EditRow::of(edit)?;
        sqlx::query(statement(&row)).bind(json(&row)?).execute(&mut desk.connection).await?;
    }
    Ok(())
}

fn statement(edit: &EditRow<'_>) -> &'static str {
    match edit {
        EditRow::Manager { .. } => MANAGER,
        EditRow::Disabled { .. } => DISABLED,
        EditRow::Bot { .. } => BOT,
        EditRow::Absences { .. } => ABSENCES,
        EditRow::Delegate { .. } => DELEGATE,
        EditRow::EndDelegation { .. } => END_DELEGATION,
        EditRow::Owners { .. } => SET_OWNERS,
        EditRow::Appoint { .. } => APPOINT,
        EditRow::Dismiss { .. } => DISMISS,
    }
}

impl SqliteStore {
    async fn entries_of(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, sqlx::Error> {
        let query = sqlx::query_as(ENTRIES).bind(json(people)?).bind(now.as_micros());
        entries(people, query.fetch_all(&self.readers).await?)
    }

    async fn owners_of(&self, app: &AppId) -> Result<Vec<PersonRef>, sqlx::Error> {
        read_people(&sqlx::query_scalar(OWNERS).bind(app.as_str()).fetch_all(&self.readers).await?)
    }
}

#[async_trait]
impl Directory for SqliteStore {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        self.entries_of(people, now).await.map_err(store_error("reading the directory"))
    }

    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        self.owners_of(app).await.map_err(store_error("reading who owns an app"))
    }
}

#[async_trait]
impl DirectoryQueries for SqliteStore {
    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        Questions::operators(&self.readers).await
    }

    async fn delegation(&self, id: DelegationId) -> Result<Option<Delegation>, StoreError> {
        Questions::delegation(id, &self.readers).await
    }

    async fn delegations(
        &self,
        now: Timestamp,
        after: Option<DelegationId>,
        limit: usize,
    ) -> Result<Vec<Delegation>, StoreError> {
        Questions::delegations(now, after, limit, &self.readers).await
    }

    async fn known_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<PersonRef>, StoreError> {
        Questions::known_people(after, limit, &self.readers).await
    }

    async fn owned(&self, people: &[PersonRef]) -> Result<Vec<Vec<AppId>>, StoreError> {
        Questions::owned(people, &self.readers).await
    }
}
