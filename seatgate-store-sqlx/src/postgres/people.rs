//! People, accounts and their names, and texts.

use async_trait::async_trait;
use seatgate_core::id::{AccountId, PersonRef, RequestId, TextId};
use seatgate_core::person::{Identity, PersonDetails};
use seatgate_core::port::{NewAccount, NewPerson, PeopleStore, StoreError};
use seatgate_core::seat::{AccountNames, AppId};
use seatgate_core::time::Timestamp;
use serde::Serialize;

use super::PgStore;
use super::agenda::ItemRow;
use super::call::{BATCH, write};
use super::error::{is_crossed, store_error, write_error};
use super::query::texts;
use crate::found;
use crate::questions::Questions;
use crate::row::{json, read};

const FINDING_PEOPLE: &str = "finding people";
const FIND_PEOPLE: &str = "SELECT find_people($1::jsonb)";
const DETAILS: &str = "SELECT people.id IS NOT NULL, people.name,
        COALESCE((SELECT json_agg(identity ORDER BY number) FROM identities WHERE person = people.id), '[]')::text
    FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place) LEFT JOIN people ON people.id = wanted.id
    ORDER BY place";
const NAMES: &str = "SELECT remaining.ext_id, remaining.email, remaining.name, remaining.id IS NOT NULL
    FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN accounts ON accounts.id = wanted.id
    LEFT JOIN accounts AS remaining ON remaining.id = COALESCE(accounts.merged_into, accounts.id)
    ORDER BY place";
const TEXTS: &str = "SELECT texts.body FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN texts ON texts.id = wanted.id ORDER BY place";
const ERASE: &str = "SELECT erase($1) IS NULL";

const FINDING_ACCOUNTS: &str = "finding accounts";
const SETTLED_ACCOUNTS: &str = "SELECT settled_accounts($1::jsonb)";
const FIND_ACCOUNTS: &str = "SELECT found_accounts, COALESCE(losers, '{}') FROM find_accounts($1::jsonb)";
const WAKE: &str = "SELECT schedule(value) FROM jsonb_array_elements($1::jsonb)";
const LOOK: &str = "SELECT led.by_id, led.by_email, led.email_has_id
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (app, id, email, place),
        look(wanted.app, wanted.id, wanted.email) AS led
    ORDER BY place";

#[derive(Serialize)]
struct PersonRow<'a> {
    identity: String,
    name: Option<&'a str>,
    reference: PersonRef,
}

impl<'a> PersonRow<'a> {
    fn of(new: &'a NewPerson) -> Self {
        Self { identity: new.draft.identity.to_string(), name: new.draft.name.as_deref(), reference: new.reference }
    }
}

#[derive(Serialize)]
struct AccountRow<'a> {
    app: &'a str,
    id: Option<&'a str>,
    email: Option<&'a str>,
    name: Option<&'a str>,
    account: AccountId,
}

impl<'a> AccountRow<'a> {
    fn of(NewAccount { app, names, account, .. }: &'a NewAccount) -> Self {
        let email = names.email.as_ref().map(|email| email.as_str());
        Self { app: app.as_str(), id: names.id.as_deref(), email, name: names.name.as_deref(), account: *account }
    }
}

impl PgStore {
    /// The accounts, if finding them writes nothing: as in nearly every sweep.
    async fn settled_accounts(&self, accounts: &[NewAccount]) -> Result<Option<Vec<AccountId>>, sqlx::Error> {
        let wanted = json(&accounts.iter().map(AccountRow::of).collect::<Vec<_>>())?;
        let found: Option<Vec<Option<String>>> =
            sqlx::query_scalar(SETTLED_ACCOUNTS).bind(wanted).fetch_one(&self.pool).await?;
        let found: Option<Vec<String>> = found.unwrap_or_default().into_iter().collect();
        found.map(|found| found.iter().map(|account| read(account)).collect()).transpose()
    }

    /// Finds, adds and merges, and wakes requests that lose their seat, all in one transaction.
    async fn find_accounts(&self, accounts: &[NewAccount], now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_accounts(accounts, now).await {
                Err(error) if is_crossed(&error) && tries < super::call::TRIES => {}
                result => return result.map_err(write_error(FINDING_ACCOUNTS)),
            }
        }
    }

    async fn try_accounts(&self, accounts: &[NewAccount], now: Timestamp) -> Result<Vec<AccountId>, sqlx::Error> {
        let wanted = json(&accounts.iter().map(AccountRow::of).collect::<Vec<_>>())?;
        let mut transaction = self.pool.begin().await?;
        let (found, losers): (Vec<String>, Vec<String>) =
            sqlx::query_as(FIND_ACCOUNTS).bind(wanted).fetch_one(&mut *transaction).await?;
        if !losers.is_empty() {
            let wake = |loser: &String| ItemRow::wake(read::<RequestId>(loser)?, now);
            let wakes = losers.iter().map(wake).collect::<Result<Vec<_>, sqlx::Error>>()?;
            sqlx::query(WAKE).bind(json(&wakes)?).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        found.iter().map(|account| read(account)).collect()
    }

    async fn look_for(&self, accounts: &[(AppId, AccountNames)]) -> Result<Vec<Vec<AccountId>>, sqlx::Error> {
        let apps: Vec<&str> = accounts.iter().map(|(app, _)| app.as_str()).collect();
        let ids: Vec<Option<&str>> = accounts.iter().map(|(_, names)| names.id.as_deref()).collect();
        let emails = accounts.iter().map(|(_, names)| names.email.as_ref().map(|email| email.as_str()));
        let query = sqlx::query_as(LOOK).bind(apps).bind(ids).bind(emails.collect::<Vec<_>>());
        found::known_accounts(accounts, query.fetch_all(&self.pool).await?)
    }

    async fn person_details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, sqlx::Error> {
        found::details(people, sqlx::query_as(DETAILS).bind(texts(people)).fetch_all(&self.pool).await?)
    }

    async fn names_of(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, sqlx::Error> {
        found::names(sqlx::query_as(NAMES).bind(texts(accounts)).fetch_all(&self.pool).await?)
    }

    async fn text_bodies(&self, ids: &[TextId]) -> Result<Vec<Option<String>>, sqlx::Error> {
        sqlx::query_scalar(TEXTS).bind(texts(ids)).fetch_all(&self.pool).await
    }
}

#[async_trait]
impl PeopleStore for PgStore {
    async fn people(&self, people: Vec<NewPerson>) -> Result<Vec<PersonRef>, StoreError> {
        let wanted =
            json(&people.iter().map(PersonRow::of).collect::<Vec<_>>()).map_err(store_error(FINDING_PEOPLE))?;
        let call = || sqlx::query_scalar(FIND_PEOPLE).bind(wanted.as_str());
        let found: Vec<String> = write(&self.pool, FINDING_PEOPLE, call).await?;
        found.iter().map(|person| read(person)).collect::<Result<_, _>>().map_err(store_error(FINDING_PEOPLE))
    }

    async fn find(&self, identity: &Identity) -> Result<Option<PersonRef>, StoreError> {
        Questions::person(identity, &self.pool).await.map_err(store_error("finding a person"))
    }

    async fn details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, StoreError> {
        self.person_details(people).await.map_err(store_error("reading people"))
    }

    async fn accounts(&self, accounts: Vec<NewAccount>, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        if let Some(found) = self.settled_accounts(&accounts).await.map_err(store_error(FINDING_ACCOUNTS))? {
            return Ok(found);
        }
        let mut found = Vec::with_capacity(accounts.len());
        for batch in accounts.chunks(BATCH) {
            found.extend(self.find_accounts(batch, now).await?);
        }
        Ok(found)
    }

    async fn known_accounts(&self, accounts: &[(AppId, AccountNames)]) -> Result<Vec<Vec<AccountId>>, StoreError> {
        self.look_for(accounts).await.map_err(store_error("looking for accounts"))
    }

    async fn account_names(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, StoreError> {
        self.names_of(accounts).await.map_err(store_error("reading the names of accounts"))
    }

    async fn texts(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, StoreError> {
        self.text_bodies(texts).await.map_err(store_error("reading texts"))
    }

    async fn erase(&self, person: PersonRef) -> Result<(), StoreError> {
        let person = person.to_string();
        let call = || sqlx::query_scalar::<_, bool>(ERASE).bind(person.as_str());
        write(&self.pool, "erasing a person", call).await.map(|_| ())
    }
}
