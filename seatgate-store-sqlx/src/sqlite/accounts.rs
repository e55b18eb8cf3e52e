//! Accounts: found by the app's own id first, then by address; merged when two turn out to be one (PS-2).

use async_trait::async_trait;
use seatgate_core::id::{AccountId, RequestId};
use seatgate_core::port::NewAccount;
use seatgate_core::seat::{AccountNames, AppId};
use seatgate_core::time::Timestamp;
use sqlx::SqliteExecutor;

use super::agenda;
use super::writer::{Desk, Outcome, Work};
use crate::found;
use crate::row::{json, read};

/// Where the names lead, and whether the account that the address leads to has an id of its own.
const LOOK: &str = "SELECT
    (SELECT account FROM account_aliases WHERE app = $1 AND kind = 'id' AND value = $2),
    (SELECT account FROM account_aliases WHERE app = $1 AND kind = 'email' AND value = $3),
    EXISTS (SELECT 1 FROM account_aliases JOIN accounts ON accounts.id = account
        WHERE account_aliases.app = $1 AND kind = 'email' AND value = $3 AND ext_id IS NOT NULL)";

/// The same for a list of app, id and address, in its order.
const LOOK_ALL: &str = "SELECT
    (SELECT account FROM account_aliases AS alias
        WHERE alias.app = wanted.value ->> 0 AND alias.kind = 'id' AND alias.value = wanted.value ->> 1),
    (SELECT account FROM account_aliases AS alias
        WHERE alias.app = wanted.value ->> 0 AND alias.kind = 'email' AND alias.value = wanted.value ->> 2),
    EXISTS (SELECT 1 FROM account_aliases AS alias JOIN accounts ON accounts.id = alias.account
        WHERE alias.app = wanted.value ->> 0 AND alias.kind = 'email' AND alias.value = wanted.value ->> 2
        AND ext_id IS NOT NULL)
    FROM json_each($1) AS wanted ORDER BY wanted.key";

/// Makes both names lead to the account. An address that led elsewhere moves, and what was said last is shown.
const LINK: &str = "UPDATE accounts SET email = NULL
        WHERE app = $1 AND email = $3 AND id <> $4
        AND id = (SELECT account FROM account_aliases WHERE app = $1 AND kind = 'email' AND value = $3);
    INSERT INTO account_aliases (app, kind, value, account)
        SELECT $1, 'id', $2, $4 WHERE $2 IS NOT NULL
        UNION ALL SELECT $1, 'email', $3, $4 WHERE $3 IS NOT NULL
        ON CONFLICT DO UPDATE SET account = excluded.account WHERE account <> excluded.account;
    INSERT INTO accounts (id, app, ext_id, email, name) VALUES ($4, $1, $2, $3, $5)
        ON CONFLICT DO UPDATE SET ext_id = COALESCE(excluded.ext_id, ext_id),
            email = COALESCE(excluded.email, email), name = COALESCE(excluded.name, name)
        WHERE (excluded.ext_id, excluded.email, excluded.name) IS NOT (ext_id, email, name)";

/// The names, aliases and exceptions of $1 become those of $2. Nothing was merged into $1: it has no id of its own.
const FOLLOW: &str = "UPDATE accounts SET email = COALESCE(email, (SELECT email FROM accounts WHERE id = $1)),
            name = COALESCE(name, (SELECT name FROM accounts WHERE id = $1))
        WHERE id = $2;
    UPDATE accounts SET ext_id = NULL, email = NULL, name = NULL, merged_into = $2 WHERE id = $1;
    UPDATE account_aliases SET account = $2 WHERE account = $1;
    UPDATE exceptions SET account = $2 WHERE account = $1";

/// Of two open requests about one seat the older one stays: ids sort by age.
const LOSERS: &str = "SELECT max(source.open_request, target.open_request)
    FROM seats AS source JOIN seats AS target USING (app, entitlement)
    WHERE source.account = $1 AND target.account = $2
    AND source.open_request IS NOT NULL AND target.open_request IS NOT NULL";
const MOVE_SEATS: &str = "INSERT INTO seats (app, account, entitlement, generation, open_request, quiet_until)
        SELECT app, $2, entitlement, generation, open_request, quiet_until FROM seats WHERE account = $1
        ON CONFLICT DO UPDATE SET generation = max(generation, excluded.generation) + 1,
            open_request = min(COALESCE(open_request, excluded.open_request),
                COALESCE(excluded.open_request, open_request)),
            quiet_until = max(COALESCE(quiet_until, excluded.quiet_until), COALESCE(excluded.quiet_until, quiet_until));
    DELETE FROM seats WHERE account = $1";

/// Finds or adds accounts, in order.
pub(super) struct FindAccounts {
    pub(super) accounts: Vec<NewAccount>,
    /// When requests that lose their seat are woken.
    pub(super) now: Timestamp,
}

#[async_trait]
impl Work for FindAccounts {
    type Answer = Vec<AccountId>;
    const CONTEXT: &'static str = "finding accounts";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<Vec<AccountId>>, sqlx::Error> {
        let mut found = Vec::with_capacity(self.accounts.len());
        for account in &self.accounts {
            found.push(find_or_add(account, self.now, desk).await?);
        }
        Ok(Outcome::Keep(found))
    }
}

async fn find_or_add(new: &NewAccount, now: Timestamp, desk: &mut Desk) -> Result<AccountId, sqlx::Error> {
    let (by_id, by_email, email_has_id) = look(new, desk).await?;
    let account = match (by_id, by_email) {
        (Some(to), Some(from)) if to != from && !email_has_id => {
            merge(from, to, now, desk).await?;
            to
        }
        (Some(found), _) => found,
        (None, Some(found)) if new.names.id.is_none() || !email_has_id => found,
        (None, _) => new.account,
    };
    link(new, account, desk).await?;
    Ok(account)
}

/// What [`find_or_add`] would find.
pub(super) async fn known(
    accounts: &[(AppId, AccountNames)],
    db: impl SqliteExecutor<'_>,
) -> Result<Vec<Vec<AccountId>>, sqlx::Error> {
    let list = accounts
        .iter()
        .map(|(app, names)| (app.as_str(), names.id.as_deref(), names.email.as_ref().map(|email| email.as_str())));
    let list = json(&list.collect::<Vec<_>>())?;
    found::known_accounts(accounts, sqlx::query_as(LOOK_ALL).bind(list).fetch_all(db).await?)
}

async fn look(new: &NewAccount, desk: &mut Desk) -> Result<(Option<AccountId>, Option<AccountId>, bool), sqlx::Error> {
    let (by_id, by_email, email_has_id): (Option<String>, Option<String>, bool) = sqlx::query_as(LOOK)
        .bind(new.app.as_str())
        .bind(new.names.id.as_deref())
        .bind(new.names.email.as_ref().map(|email| email.as_str()))
        .fetch_one(&mut desk.connection)
        .await?;
    let account = |text: Option<String>| text.map(|text| read::<AccountId>(&text)).transpose();
    Ok((account(by_id)?, account(by_email)?, email_has_id))
}

async fn link(new: &NewAccount, account: AccountId, desk: &mut Desk) -> Result<(), sqlx::Error> {
    sqlx::query(LINK)
        .bind(new.app.as_str())
        .bind(new.names.id.as_deref())
        .bind(new.names.email.as_ref().map(|email| email.as_str()))
        .bind(account.to_string())
        .bind(new.names.name.as_deref())
        .execute(&mut desk.connection)
        .await
        .map(|_| ())
}

/// One account turned out to be another: everything of `from` becomes that of `to`.
async fn merge(from: AccountId, to: AccountId, now: Timestamp, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let losers: Vec<String> =
        sqlx::query_scalar(LOSERS).bind(from.to_string()).bind(to.to_string()).fetch_all(&mut desk.connection).await?;
    for statement in [FOLLOW, MOVE_SEATS] {
        sqlx::query(statement).bind(from.to_string()).bind(to.to_string()).execute(&mut desk.connection).await?;
    }
    let wake = |loser: &String| Ok((read::<RequestId>(loser)?, now));
    let wakes = losers.iter().map(wake).collect::<Result<Vec<_>, sqlx::Error>>()?;
    if wakes.is_empty() { Ok(()) } else { agenda::wake(&wakes, desk).await }
}
