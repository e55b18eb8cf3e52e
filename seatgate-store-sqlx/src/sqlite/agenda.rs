//! Edits of the agenda, and the settling of leases.

use std::mem::{Discriminant, discriminant};

use async_trait::async_trait;
use seatgate_core::agenda::{AgendaChange, Item, Next, Settlement};
use seatgate_core::card::{Card, CardEdit, CardReceipt};
use seatgate_core::id::{CardId, RequestId};
use seatgate_core::time::Timestamp;
use serde::Serialize;

use super::writer::{Desk, Outcome, Work};
use super::{lane, query};
use crate::landing;
use crate::row::{encode, from_count, json};

/// An item that coalesces is due at the earlier time and wanted once more. Its lease stays.
const WANT: &str = "INSERT INTO agenda (key, item, due, lane, gated)
    SELECT value ->> 'key', value ->> 'item', value ->> 'due', value ->> 'lane', value ->> 'gated'
    FROM json_each($1) WHERE true
    ON CONFLICT DO UPDATE SET due = min(due, excluded.due), wanted = wanted + 1";
/// Any other item is replaced whole. Its lease ends.
const REPLACE: &str = "INSERT OR REPLACE INTO agenda (key, item, due, lane, gated)
    SELECT value ->> 'key', value ->> 'item', value ->> 'due', value ->> 'lane', value ->> 'gated'
    FROM json_each($1)";
const REMOVE: &str = "DELETE FROM agenda WHERE key = $1";
const HOLD: &str = "UPDATE agenda SET lease_until = $2, gated = 0 WHERE key = $1";

/// Two statements of which exactly one fits an item that is still ours: so their count says whether it was.
const SETTLE_DONE: &str = "DELETE FROM agenda WHERE key = $1 AND token = $2 AND wanted = $3;
    UPDATE agenda SET tries = 0, token = NULL, lease_until = NULL WHERE key = $1 AND token = $2";
const SETTLE_AT: &str = "UPDATE agenda
    SET due = CASE wanted WHEN $3 THEN $4 ELSE due END, tries = 0, token = NULL, lease_until = NULL
    WHERE key = $1 AND token = $2";
const SETTLE_RETRY: &str = "UPDATE agenda
    SET due = CASE wanted WHEN $3 THEN $4 ELSE due END, tries = tries + 1, token = NULL, lease_until = NULL
    WHERE key = $1 AND token = $2";
const TOKEN: &str = "SELECT token FROM agenda WHERE key = $1";

const KEEP_CARD: &str = "UPDATE cards
    SET posted = $2, copies = $3, shown = $4, delivered_at = $5, delivered = $6, page = $7, ambiguous = $8 WHERE id = $1";
const TEXTS: &str = "INSERT INTO texts (id, salt, body)
    SELECT value ->> 'id', value ->> 'salt', value ->> 'body' FROM json_each($1) WHERE true
    ON CONFLICT DO NOTHING;
    INSERT INTO text_subjects (person, text)
    SELECT subject.value, added.value ->> 'id' FROM json_each($1) AS added, json_each(added.value, '$.about') AS subject
    WHERE true
    ON CONFLICT DO NOTHING";

#[derive(Serialize)]
struct Row {
    key: String,
    item: String,
    due: i64,
    lane: Option<String>,
    gated: bool,
}

/// Makes edits in their order. A `Settle` counts only for `fenced`, the item whose fence the change has passed.
pub(super) async fn edit(edits: &[AgendaChange], fenced: Option<&Item>, desk: &mut Desk) -> Result<(), sqlx::Error> {
    for run in edits.chunk_by(|a, b| kind(a) == kind(b)) {
        match run {
            [AgendaChange::Schedule { item, .. }, ..] => {
                let rows = run.iter().filter_map(row).collect::<Result<Vec<_>, _>>()?;
                put(&rows, item.coalesces(), desk).await?;
            }
            others => {
                for edit in others {
                    edit_one(edit, fenced, desk).await?;
                }
            }
        }
    }
    Ok(())
}

/// Edits of one kind in a row are one statement, where they can be.
fn kind(edit: &AgendaChange) -> (Discriminant<AgendaChange>, bool) {
    (discriminant(edit), matches!(edit, AgendaChange::Schedule { item, .. } if item.coalesces()))
}

fn row(edit: &AgendaChange) -> Option<Result<Row, sqlx::Error>> {
    let AgendaChange::Schedule { item, due, lane, gated } = edit else { return None };
    let lane = lane.as_ref().map(ToString::to_string);
    Some(encode(item).map(|body| Row { key: item.key(), item: body, due: due.as_micros(), lane, gated: *gated }))
}

async fn put(rows: &[Row], coalescing: bool, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(if coalescing { WANT } else { REPLACE }).bind(json(rows)?);
    statement.execute(&mut desk.connection).await.map(|_| ())
}

/// Wakes requests.
pub(super) async fn wake(wakes: &[(RequestId, Timestamp)], desk: &mut Desk) -> Result<(), sqlx::Error> {
    let wake = |(request, due): &(RequestId, Timestamp)| {
        let item = Item::Wake(*request);
        Ok(Row { key: item.key(), item: encode(&item)?, due: due.as_micros(), lane: None, gated: false })
    };
    put(&wakes.iter().map(wake).collect::<Result<Vec<_>, sqlx::Error>>()?, true, desk).await
}

async fn edit_one(edit: &AgendaChange, fenced: Option<&Item>, desk: &mut Desk) -> Result<(), sqlx::Error> {
    match edit {
        AgendaChange::Remove(item) => {
            sqlx::query(REMOVE).bind(item.key()).execute(&mut desk.connection).await?;
        }
        AgendaChange::Hold { item, lease } => {
            let until = desk.lease_clock.now().saturating_add(*lease);
            let hold = sqlx::query(HOLD).bind(item.key()).bind(until.as_micros());
            hold.execute(&mut desk.connection).await?;
        }
        AgendaChange::Settle { item, wanted, next } if fenced == Some(item) => {
            let token = sqlx::query_scalar(TOKEN).bind(item.key()).fetch_optional(&mut desk.connection).await?;
            if let Some(Some(token)) = token {
                settle(item, token, *wanted, *next, desk).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Ends the lease on an item that is there under `token`; `false` if none is. What was wanted meanwhile keeps the item,
/// and its due time.
async fn settle(item: &Item, token: i64, wanted: u64, next: Next, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let (statement, due) = match next {
        Next::Done => (SETTLE_DONE, None),
        Next::At(due) => (SETTLE_AT, Some(due)),
        Next::Retry(due) => (SETTLE_RETRY, Some(due)),
    };
    let statement = sqlx::query(statement).bind(item.key()).bind(token).bind(from_count(wanted));
    let statement = match due {
        Some(due) => statement.bind(due.as_micros()),
        None => statement,
    };
    Ok(statement.execute(&mut desk.connection).await?.rows_affected() > 0)
}

#[async_trait]
impl Work for Settlement {
    type Answer = bool;
    const CONTEXT: &'static str = "settling an item";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<bool>, sqlx::Error> {
        let token = from_count(self.fence.token);
        if !settle(&self.fence.item, token, self.wanted, self.next, desk).await? {
            return Ok(Outcome::Undo(false));
        }
        if let Some(receipt) = &self.card {
            receive(receipt, desk).await?;
        }
        if !self.wakes.is_empty() {
            wake(&self.wakes, desk).await?;
        }
        if !self.texts.is_empty() {
            sqlx::query(TEXTS).bind(json(&landing::texts(&self.texts))?).execute(&mut desk.connection).await?;
        }
        if let Some(report) = &self.lane {
            lane::report(report, desk).await?;
        }
        Ok(Outcome::Keep(true))
    }
}

async fn receive(receipt: &CardReceipt, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let Some(mut card) = card(receipt.card, desk).await? else { return Ok(()) };
    card.receive(receipt);
    keep(&card, desk).await
}

async fn card(id: CardId, desk: &mut Desk) -> Result<Option<Card>, sqlx::Error> {
    Ok(query::cards(&[id], &mut desk.connection).await?.pop().flatten())
}

async fn keep(card: &Card, desk: &mut Desk) -> Result<(), sqlx::Error> {
    sqlx::query(KEEP_CARD)
        .bind(card.id.to_string())
        .bind(card.posted.as_deref())
        .bind(json(&card.copies)?)
        .bind(card.shown.as_ref().map(json).transpose()?)
        .bind(card.delivered_at.map(Timestamp::as_micros))
        .bind(card.delivered)
        .bind(card.page)
        .bind(card.ambiguous)
        .execute(&mut desk.connection)
        .await
        .map(|_| ())
}

/// What a viewer does to a card, and the sync that follows.
pub(super) struct Edited {
    pub(super) card: CardId,
    pub(super) edit: CardEdit,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Work for Edited {
    type Answer = bool;
    const CONTEXT: &'static str = "editing a card";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<bool>, sqlx::Error> {
        let Some(mut card) = card(self.card, desk).await? else { return Ok(Outcome::Undo(false)) };
        card.edit(&self.edit);
        keep(&card, desk).await?;
        let (item, lane) = (Item::SyncCard(card.id), Some(card.lane()));
        let sync = AgendaChange::Schedule { item, due: self.now, lane, gated: true };
        edit(&[sync], None, desk).await?;
        Ok(Outcome::Keep(true))
    }
}
