//! People, the names of accounts, and texts.

use async_trait::async_trait;
use seatgate_core::id::{AccountId, PersonRef, TextId};
use seatgate_core::person::{Identity, PersonDetails};
use seatgate_core::port::{NewAccount, NewPerson, PeopleStore, StoreError};
use seatgate_core::seat::{AccountNames, AppId};
use seatgate_core::time::Timestamp;

use super::SqliteStore;
use super::accounts::{self, FindAccounts};
use super::error::store_error;
use super::query;
use super::writer::{Desk, Outcome, Work};
use crate::found;
use crate::row::{json, read};

/// Somebody who is known, and whether their name is.
const KNOWN: &str = "SELECT person, people.name IS NOT NULL
    FROM identities JOIN people ON people.id = person WHERE identity = $1";
const NAME: &str = "UPDATE people SET name = $2 WHERE id = $1";
/// A reference that is there already gets one more identity.
const ADD: &str = "INSERT INTO people (id, name) VALUES ($1, $2)
        ON CONFLICT DO UPDATE SET name = COALESCE(name, excluded.name);
    INSERT INTO identities (identity, person) VALUES ($3, $1)";
const DETAILS: &str = "SELECT people.id IS NOT NULL, people.name,
        (SELECT json_group_array(identity ORDER BY number) FROM identities WHERE person = people.id)
    FROM json_each($1) AS wanted LEFT JOIN people ON people.id = wanted.value
    ORDER BY wanted.key";
const NAMES: &str = "SELECT remaining.ext_id, remaining.email, remaining.name, remaining.id IS NOT NULL
    FROM json_each($1) AS wanted
    LEFT JOIN accounts ON accounts.id = wanted.value
    LEFT JOIN accounts AS remaining ON remaining.id = COALESCE(accounts.merged_into, accounts.id)
    ORDER BY wanted.key";
const TEXTS: &str = "SELECT texts.body FROM json_each($1) AS wanted LEFT JOIN texts ON texts.id = wanted.value
    ORDER BY wanted.key";

/// An account that bears one of the addresses goes with all of its names; a row without names, which only leads from a
/// merged account to the one that remains, stays.
pub(super) const ERASE: &str = "DELETE FROM accounts WHERE id IN (
        SELECT account FROM identities JOIN account_aliases ON kind = 'email' AND value = substr(identity, 7)
        WHERE person = $1 AND identity LIKE 'email:%');
    DELETE FROM account_aliases WHERE account IN (
        SELECT account FROM identities JOIN account_aliases ON kind = 'email' AND value = substr(identity, 7)
        WHERE person = $1 AND identity LIKE 'email:%');
    DELETE FROM texts WHERE id IN (SELECT text FROM text_subjects WHERE person = $1);
    DELETE FROM text_subjects WHERE person = $1;
    DELETE FROM identities WHERE person = $1;
    DELETE FROM people WHERE id = $1;
    DELETE FROM directory WHERE person = $1;
    UPDATE directory SET manager = NULL WHERE manager = $1;
    DELETE FROM absences WHERE person = $1;
    DELETE FROM delegations WHERE giver = $1 OR stand_in = $1;
    DELETE FROM app_owners WHERE person = $1;
    DELETE FROM operators WHERE person = $1";

struct FindPeople(Vec<NewPerson>);

#[async_trait]
impl Work for FindPeople {
    type Answer = Vec<PersonRef>;
    const CONTEXT: &'static str = "finding people";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<Vec<PersonRef>>, sqlx::Error> {
        let mut found = Vec::with_capacity(self.0.len());
        for person in &self.0 {
            found.push(find_or_add(person, desk).await?);
        }
        Ok(Outcome::Keep(found))
    }
}

async fn find_or_add(new: &NewPerson, desk: &mut Desk) -> Result<PersonRef, sqlx::Error> {
    let identity = new.draft.identity.to_string();
    let known: Option<(String, bool)> =
        sqlx::query_as(KNOWN).bind(&identity).fetch_optional(&mut desk.connection).await?;
    match (known, &new.draft.name) {
        (Some((person, false)), Some(name)) => {
            sqlx::query(NAME).bind(&person).bind(name).execute(&mut desk.connection).await?;
            read(&person)
        }
        (Some((person, _)), _) => read(&person),
        (None, name) => {
            let add = sqlx::query(ADD).bind(new.reference.to_string()).bind(name.as_deref()).bind(identity);
            add.execute(&mut desk.connection).await?;
            Ok(new.reference)
        }
    }
}

struct Erase(PersonRef);

#[async_trait]
impl Work for Erase {
    type Answer = ();
    const CONTEXT: &'static str = "erasing a person";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<()>, sqlx::Error> {
        sqlx::query(ERASE).bind(self.0.to_string()).execute(&mut desk.connection).await?;
        Ok(Outcome::Keep(()))
    }
}

impl SqliteStore {
    async fn person_details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, sqlx::Error> {
        found::details(people, sqlx::query_as(DETAILS).bind(json(people)?).fetch_all(&self.readers).await?)
    }

    async fn names_of(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, sqlx::Error> {
        found::names(sqlx::query_as(NAMES).bind(json(accounts)?).fetch_all(&self.readers).await?)
    }

    async fn text_bodies(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, sqlx::Error> {
        sqlx::query_scalar(TEXTS).bind(json(texts)?).fetch_all(&self.readers).await
    }
}

#[async_trait]
impl PeopleStore for SqliteStore {
    async fn people(&self, people: Vec<NewPerson>) -> Result<Vec<PersonRef>, StoreError> {
        self.writer.perform(FindPeople(people)).await
    }

    async fn find(&self, identity: &Identity) -> Result<Option<PersonRef>, StoreError> {
        query::person(identity, &self.readers).await.map_err(store_error("finding a person"))
    }

    async fn details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, StoreError> {
        self.person_details(people).await.map_err(store_error("reading people"))
    }

    async fn accounts(&self, accounts: Vec<NewAccount>, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        self.writer.perform(FindAccounts { accounts, now }).await
    }

    async fn known_accounts(&self, accounts: &[(AppId, AccountNames)]) -> Result<Vec<Vec<AccountId>>, StoreError> {
        accounts::known(accounts, &self.readers).await.map_err(store_error("looking for accounts"))
    }

    async fn account_names(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, StoreError> {
        self.names_of(accounts).await.map_err(store_error("reading the names of accounts"))
    }

    async fn texts(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, StoreError> {
        self.text_bodies(texts).await.map_err(store_error("reading texts"))
    }

    async fn erase(&self, person: PersonRef) -> Result<(), StoreError> {
        self.writer.perform(Erase(person)).await
    }
}
