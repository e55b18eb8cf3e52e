//! Rows as the domain has them.

use std::collections::BTreeMap;

use seatgate_core::canonical::Digest;
use seatgate_core::card::{About, Card};
use seatgate_core::id::{AccountId, PersonRef, RequestId, SweepId};
use seatgate_core::message::StateTally;
use seatgate_core::money::{Currency, Totals};
use seatgate_core::person::PersonDetails;
use seatgate_core::port::{Bulk, Exception, Inbound, SeatStatusRow, Stored, SweepRecord};
use seatgate_core::request::{Outcome, StateLabel};
use seatgate_core::seat::{AccountNames, AppId};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Entry, Stream};

use crate::row::{decode, from_json, read, to_count, to_number, to_time};

/// A request's body, and the length and head of its chain.
pub(crate) type StoredRow = (Option<String>, Option<i64>, Option<String>);

/// The requests behind the rows, which are in the order of `ids`.
pub(crate) fn stored(ids: &[RequestId], rows: Vec<StoredRow>) -> Result<Vec<Option<Stored>>, sqlx::Error> {
    let stored = |(id, (body, version, head)): (&RequestId, StoredRow)| {
        let Some(body) = body else { return Ok(None) };
        let chain = chain(Stream::Request(*id), version.zip(head))?;
        Ok(Some(Stored::new(decode(&body)?, chain)))
    };
    ids.iter().zip(rows).map(stored).collect()
}

/// A chain by its length and head; an empty one without a row.
pub(crate) fn chain(stream: Stream, end: Option<(i64, String)>) -> Result<Chain, sqlx::Error> {
    match end {
        Some((version, head)) => Ok(Chain::at(stream, to_count(version)?, read::<Digest>(&head)?)),
        None => Ok(Chain::empty(stream)),
    }
}

/// A seat by its generation, its open request, until when it is left alone, and the open offboarding of its holder.
pub(crate) type SeatFound = (i64, Option<String>, Option<i64>, Option<String>);

/// Seats as they are found.
pub(crate) fn seats(rows: Vec<SeatFound>) -> Result<Vec<SeatStatusRow>, sqlx::Error> {
    let request = |id: Option<String>| id.map(|id| read::<RequestId>(&id)).transpose();
    let status = |(generation, open, quiet_until, leaving): SeatFound| {
        let quiet_until = quiet_until.map(Timestamp::from_micros);
        let mut row = SeatStatusRow::new(to_count(generation)?, request(open)?).quiet_until(quiet_until);
        row.holder_leaves = request(leaving)?;
        Ok(row)
    };
    rows.into_iter().map(status).collect()
}

/// A row of the table of cards, with the requests on it.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct CardRow {
    id: String,
    approver: Option<String>,
    sweep: Option<String>,
    channel: Option<String>,
    posted: Option<String>,
    copies: String,
    shown: Option<String>,
    delivered_at: Option<i64>,
    delivered: i32,
    page: i32,
    ambiguous: bool,
    requests: String,
}

impl CardRow {
    #[cfg(feature = "postgres")]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn card(self) -> Result<Card, sqlx::Error> {
        let about = match (&self.approver, &self.sweep, &self.channel) {
            (Some(approver), ..) => About::Requests { approver: read(approver)?, requests: from_json(&self.requests)? },
            (None, Some(sweep), Some(channel)) => About::Sweep { sweep: read(sweep)?, channel: read(channel)? },
            (None, None, Some(channel)) => {
                let requests: Vec<RequestId> = from_json(&self.requests)?;
                let about = |request| Ok(About::Offboarding { request, channel: read(channel)? });
                requests.first().copied().map_or_else(|| Err(about_nothing()), about)?
            }
            _ => return Err(about_nothing()),
        };
        let mut card = Card::new(read(&self.id)?, about);
        card.posted = self.posted;
        card.copies = from_json(&self.copies)?;
        card.shown = self.shown.map(|shown| from_json(&shown)).transpose()?;
        card.delivered_at = to_time(self.delivered_at);
        card.delivered = to_number(self.delivered)?;
        card.page = to_number(self.page)?;
        card.ambiguous = self.ambiguous;
        Ok(card)
    }
}

fn about_nothing() -> sqlx::Error {
    sqlx::Error::Decode("a card about nothing".into())
}

/// State, outcome and currency; how many requests, and the millions and the rest of what their seats cost.
pub(crate) type StandingRow = (String, Option<String>, Option<String>, i64, Option<i64>, Option<i64>);

/// Standings by state and outcome.
pub(crate) fn standings(rows: Vec<StandingRow>) -> Result<Vec<StateTally>, sqlx::Error> {
    let mut standings = BTreeMap::new();
    for (state, outcome, currency, counted, millions, rest) in rows {
        let outcome = outcome.map(|outcome| read::<Outcome>(&outcome)).transpose()?;
        let key = (read::<StateLabel>(&state)?, outcome);
        let (count, costs): &mut (u64, Totals) = standings.entry(key).or_default();
        *count += to_count(counted)?;
        if let (Some(currency), Some(millions), Some(rest)) = (currency, millions, rest) {
            costs.add_sum(read::<Currency>(&currency)?, i128::from(millions) * 1_000_000 + i128::from(rest));
        }
    }
    let standing = |((state, outcome), (count, costs))| StateTally::new(state, outcome, count, costs);
    Ok(standings.into_iter().map(standing).collect())
}

/// Sweep, who handed it in, when the delivery came, how many rows the sweep has; the delivery's digest and first row; what
/// it was opened in bulk with, and when it was sealed.
pub(crate) type DeliveryRow = (String, String, i64, i32, String, i32, Option<String>, Option<i64>);

/// The sweep that the delivery `inbound` brought or joined.
pub(crate) fn delivery(inbound: &str, row: DeliveryRow) -> Result<SweepRecord, sqlx::Error> {
    let (id, submitted_by, received_at, rows, digest, first_row, opened, sealed_at) = row;
    let inbound = Inbound::new(inbound.to_owned(), read(&digest)?).from_row(to_number(first_row)?);
    let received_at = Timestamp::from_micros(received_at);
    let record = SweepRecord::new(read(&id)?, Some(inbound), read(&submitted_by)?, received_at);
    Ok(record.with_rows(to_number(rows)?).in_bulk(bulk(opened, sealed_at)?))
}

/// Who handed a sweep in, when, how many rows it has; the delivery that brought it, and its digest; what it was opened in
/// bulk with, and when it was sealed.
pub(crate) type SweepRow = (String, i64, i32, Option<String>, Option<String>, Option<String>, Option<i64>);

/// A sweep.
pub(crate) fn sweep(id: SweepId, row: SweepRow) -> Result<SweepRecord, sqlx::Error> {
    let (submitted_by, received_at, rows, inbound, digest, opened, sealed_at) = row;
    let inbound = match inbound.zip(digest) {
        Some((inbound, digest)) => Some(Inbound::new(inbound, read(&digest)?)),
        None => None,
    };
    let received_at = Timestamp::from_micros(received_at);
    let record = SweepRecord::new(id, inbound, read(&submitted_by)?, received_at);
    Ok(record.with_rows(to_number(rows)?).in_bulk(bulk(opened, sealed_at)?))
}

fn bulk(opened: Option<String>, sealed_at: Option<i64>) -> Result<Option<Bulk>, sqlx::Error> {
    let bulk = opened.map(|body| decode::<Bulk>(&body)).transpose()?;
    Ok(bulk.map(|bulk| bulk.sealed(to_time(sealed_at))))
}

/// Entries by body and hash.
pub(crate) fn entries(rows: Vec<(String, String)>) -> Result<Vec<Entry>, sqlx::Error> {
    let entry = |(body, hash): (String, String)| {
        Entry::from_stored(body, read(&hash)?).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    rows.into_iter().map(entry).collect()
}

/// An exception's body and when it was revoked, if there is one.
pub(crate) type ExceptionRow = (Option<String>, Option<i64>);

/// The exceptions behind the rows.
pub(crate) fn exceptions(rows: Vec<ExceptionRow>) -> Result<Vec<Option<Exception>>, sqlx::Error> {
    let exception = |(body, revoked_at): ExceptionRow| {
        let Some(body) = body else { return Ok(None) };
        let mut exception: Exception = decode(&body)?;
        exception.revoked_at = to_time(revoked_at);
        Ok(Some(exception))
    };
    rows.into_iter().map(exception).collect()
}

/// Whether somebody is known, their name, and their identities as JSON.
pub(crate) type PersonRow = (bool, Option<String>, String);

/// What is known about people; the rows are in their order.
pub(crate) fn details(people: &[PersonRef], rows: Vec<PersonRow>) -> Result<Vec<Option<PersonDetails>>, sqlx::Error> {
    let details = |(reference, (known, name, identities)): (&PersonRef, PersonRow)| match known {
        true => Ok(Some(PersonDetails::new(*reference, name, from_json(&identities)?))),
        false => Ok(None),
    };
    people.iter().zip(rows).map(details).collect()
}

/// An account's id in its app, its address and its name, and whether it is known.
pub(crate) type NamesRow = (Option<String>, Option<String>, Option<String>, bool);

/// The names of accounts.
pub(crate) fn names(rows: Vec<NamesRow>) -> Result<Vec<Option<AccountNames>>, sqlx::Error> {
    let names = |(id, email, name, known): NamesRow| {
        let email = email.map(|email| read(&email)).transpose()?;
        Ok(known.then(|| AccountNames::new(id, email, name)))
    };
    rows.into_iter().map(names).collect()
}

/// Where an app's own id leads, where the address leads, and whether that account has an id of its own.
pub(crate) type LedRow = (Option<String>, Option<String>, bool);

/// What finding the accounts of these names would find (PS-5); the rows are in their order.
pub(crate) fn known_accounts(
    accounts: &[(AppId, AccountNames)],
    rows: Vec<LedRow>,
) -> Result<Vec<Vec<AccountId>>, sqlx::Error> {
    let found = |((_, names), (by_id, by_email, email_has_id)): (&(AppId, AccountNames), LedRow)| {
        let account = |text: Option<String>| text.map(|text| read::<AccountId>(&text)).transpose();
        Ok(match (account(by_id)?, account(by_email)?) {
            (Some(to), Some(from)) if to != from && !email_has_id => vec![to, from],
            (Some(found), _) => vec![found],
            (None, Some(found)) if names.id.is_none() || !email_has_id => vec![found],
            (None, _) => Vec::new(),
        })
    };
    accounts.iter().zip(rows).map(found).collect()
}
