//! The directory. Edits come with their change, and land in the function that lands it.

use async_trait::async_trait;
use seatgate_core::id::{DelegationId, PersonRef};
use seatgate_core::port::{Delegation, Directory, DirectoryEntry, DirectoryQueries, Operator, StoreError};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use sqlx::PgConnection;

use super::PgStore;
use super::ask::{Keys, Question, deal};
use super::error::store_error;
use super::queue::Work;
use crate::directory::{EntryRow, entries};
use crate::questions::Questions;
use crate::row::from_json;

const READING: &str = "reading the directory";
const READING_OWNERS: &str = "reading who owns an app";

/// What is known of people whom one caller asks about.
pub(super) struct Entries {
    people: Vec<String>,
    now: i64,
}

impl Work for Entries {
    type Answer = Vec<EntryRow>;
    const CONTEXT: &'static str = READING;
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        const SQL: &str = "SELECT manager, COALESCE(disabled, false), COALESCE(bot, false),
                COALESCE((SELECT json_agg(json_build_array(starts_at, ends_at) ORDER BY position) FROM absences
                    WHERE absences.person = wanted.person AND (ends_at IS NULL OR ends_at > now)), '[]')::text,
                COALESCE((SELECT json_agg(json_build_array(id, stand_in, starts_at, ends_at) ORDER BY id) FROM delegations
                    WHERE giver = wanted.person AND (ends_at IS NULL OR ends_at > now)), '[]')::text
            FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS wanted (person, now, place)
            LEFT JOIN directory ON directory.person = wanted.person
            ORDER BY place";
        let people: Vec<&str> = pieces.iter().flat_map(|piece| &piece.people).map(String::as_str).collect();
        let nows = pieces.iter().flat_map(|piece| std::iter::repeat_n(piece.now, piece.people.len()));
        let query = sqlx::query_as(SQL).bind(people).bind(nows.collect::<Vec<_>>());
        Ok(deal(query.fetch_all(connection).await?, pieces.iter().map(|piece| piece.people.len())))
    }
}

/// Who owns apps: a list in JSON each.
pub(super) struct Owners;

impl Question for Owners {
    type Row = (String,);
    const CONTEXT: &'static str = READING_OWNERS;
    const SQL: &'static str = "SELECT
            COALESCE((SELECT json_agg(person ORDER BY position) FROM app_owners WHERE app = wanted.id), '[]')::text
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place) ORDER BY place";
}

#[async_trait]
impl Directory for PgStore {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let wanted = Entries { people: people.iter().map(ToString::to_string).collect(), now: now.as_micros() };
        let rows = self.queues.entries.perform(wanted).await?;
        entries(people, rows).map_err(store_error(READING))
    }

    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        let rows = self.queues.owners.perform(Keys::of(std::slice::from_ref(app))).await?;
        let owners = rows.into_iter().next().map(|(owners,)| from_json(&owners)).transpose();
        Ok(owners.map_err(store_error(READING_OWNERS))?.unwrap_or_default())
    }
}

#[async_trait]
impl DirectoryQueries for PgStore {
    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        Questions::operators(&self.pool).await
    }

    async fn delegation(&self, id: DelegationId) -> Result<Option<Delegation>, StoreError> {
        Questions::delegation(id, &self.pool).await
    }

    async fn delegations(
        &self,
        now: Timestamp,
        after: Option<DelegationId>,
        limit: usize,
    ) -> Result<Vec<Delegation>, StoreError> {
        Questions::delegations(now, after, limit, &self.pool).await
    }

    async fn known_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<PersonRef>, StoreError> {
        Questions::known_people(after, limit, &self.pool).await
    }

    async fn owned(&self, people: &[PersonRef]) -> Result<Vec<Vec<AppId>>, StoreError> {
        Questions::owned(people, &self.pool).await
    }
}
