//! People, accounts and their names, and texts.

use async_trait::async_trait;
use seatgate_core::id::{AccountId, PersonRef, RequestId, TextId};
use seatgate_core::person::{Identity, PersonDetails};
use seatgate_core::port::{NewAccount, NewPerson, PeopleStore, StoreError};
use seatgate_core::seat::{AccountNames, AppId};
use seatgate_core::time::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::PgStore;
use super::ask::{Keys, deal};
use super::call::write;
use super::error::{is_crossed, store_error, write_error};
use super::queue::{TRIES, Work, list};
use crate::edits::ItemRow;
use crate::found;
use crate::row::{json, read};

const FINDING_PEOPLE: &str = "finding people";
const FIND_PEOPLE: &str = "SELECT find_people($1::jsonb)";
const ERASE: &str = "SELECT erase($1) IS NULL";

/// So many accounts are looked for in one transaction that may merge them.
const BATCH: usize = 64;
const FINDING_ACCOUNTS: &str = "finding accounts";
const SETTLE_ACCOUNTS: &str = "SELECT settle_accounts($1::jsonb)";
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

/// People whom one caller looks for.
pub(super) struct NewPeople(Vec<String>);

impl Work for NewPeople {
    type Answer = Vec<String>;
    const CONTEXT: &'static str = FINDING_PEOPLE;
    const WRITES: bool = true;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Vec<String>>, sqlx::Error> {
        let wanted = list(pieces.iter().flat_map(|piece| &piece.0).map(String::as_str));
        let found: Vec<String> = sqlx::query_scalar(FIND_PEOPLE).bind(wanted).fetch_one(connection).await?;
        Ok(deal(found, pieces.iter().map(|piece| piece.0.len())))
    }
}

/// Accounts that one caller looks for.
pub(super) struct NewAccounts(Vec<String>);

impl Work for NewAccounts {
    /// None where accounts have to be merged.
    type Answer = Vec<Option<String>>;
    const CONTEXT: &'static str = FINDING_ACCOUNTS;
    const WRITES: bool = true;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let wanted = list(pieces.iter().flat_map(|piece| &piece.0).map(String::as_str));
        let found: Vec<Option<String>> = sqlx::query_scalar(SETTLE_ACCOUNTS).bind(wanted).fetch_one(connection).await?;
        Ok(deal(found, pieces.iter().map(|piece| piece.0.len())))
    }
}

fn rows<T: Serialize>(values: impl Iterator<Item = T>) -> Result<Vec<String>, sqlx::Error> {
    values.map(|value| json(&value)).collect()
}

impl PgStore {
    /// The accounts; nothing where some have to be merged.
    async fn settled_accounts(&self, accounts: &[NewAccount]) -> Result<Option<Vec<AccountId>>, StoreError> {
        let wanted = rows(accounts.iter().map(AccountRow::of)).map_err(store_error(FINDING_ACCOUNTS))?;
        let found = self.queues.accounts.perform(NewAccounts(wanted)).await?;
        let found: Option<Vec<String>> = found.into_iter().collect();
        let found = found.map(|found| found.iter().map(|account| read(account)).collect());
        found.transpose().map_err(store_error(FINDING_ACCOUNTS))
    }

    /// Finds, adds and merges, and wakes requests that lose their seat, all in one transaction.
    async fn find_accounts(&self, accounts: &[NewAccount], now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_accounts(accounts, now).await {
                Err(error) if is_crossed(&error) && tries < TRIES => {}
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
}

#[async_trait]
impl PeopleStore for PgStore {
    async fn people(&self, people: Vec<NewPerson>) -> Result<Vec<PersonRef>, StoreError> {
        let wanted = rows(people.iter().map(PersonRow::of)).map_err(store_error(FINDING_PEOPLE))?;
        let found = self.queues.people.perform(NewPeople(wanted)).await?;
        found.iter().map(|person| read(person)).collect::<Result<_, _>>().map_err(store_error(FINDING_PEOPLE))
    }

    async fn find(&self, identity: &Identity) -> Result<Option<PersonRef>, StoreError> {
        let found = self.queues.identities.perform(Keys::of(std::slice::from_ref(identity))).await?;
        let person = found.into_iter().next().and_then(|(person,)| person);
        person.map(|person| read(&person)).transpose().map_err(store_error("finding a person"))
    }

    async fn details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, StoreError> {
        let rows = self.queues.details.perform(Keys::of(people)).await?;
        found::details(people, rows).map_err(store_error("reading people"))
    }

    async fn accounts(&self, accounts: Vec<NewAccount>, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        if let Some(found) = self.settled_accounts(&accounts).await? {
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
        let rows = self.queues.names.perform(Keys::of(accounts)).await?;
        found::names(rows).map_err(store_error("reading the names of accounts"))
    }

    async fn texts(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, StoreError> {
        let rows = self.queues.texts.perform(Keys::of(texts)).await?;
        Ok(rows.into_iter().map(|(body,)| body).collect())
    }

    async fn erase(&self, person: PersonRef) -> Result<(), StoreError> {
        let person = person.to_string();
        let call = || sqlx::query_scalar::<_, bool>(ERASE).bind(person.as_str());
        write(&self.pool, "erasing a person", call).await.map(|_| ())
    }
}
