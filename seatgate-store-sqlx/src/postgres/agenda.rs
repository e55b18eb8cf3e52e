//! The settling of leases, and edits of cards.

use std::collections::BTreeMap;

use seatgate_core::agenda::{Item, Next, Settlement};
use seatgate_core::card::{Card, CardEdit};
use seatgate_core::id::CardId;
use seatgate_core::port::{StoreError, StoreErrorKind};
use seatgate_core::time::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::PgStore;
use super::ask::{CardsById, VersionedCard};
use super::call::write;
use super::error::store_error;
use super::queue::{Work, each_or_none, in_order};
use super::together::Landing;
use crate::batch::Batch;
use crate::changes::add_texts;
use crate::edits::{EndRow, FenceRow, ItemRow, LaneRow};
use crate::landing;
use crate::row::{json, unknown};

const SETTLING: &str = "settling an item";
const SETTLE: Landing<'static> =
    Landing { sql: "SELECT settle_together($1::jsonb, $2)", bodies: &["texts"], landed: "settled" };
const EDITING: &str = "editing a card";
const EDIT_CARD: &str = "SELECT edit_card($1::jsonb, $2::jsonb)";

/// A card as it is to be, and the version it was made of.
#[derive(Serialize)]
struct KeptCard {
    id: CardId,
    posted: Option<String>,
    copies: String,
    shown: Option<String>,
    delivered_at: Option<i64>,
    delivered: u32,
    page: u32,
    ambiguous: bool,
    version: i64,
}

impl KeptCard {
    fn of(card: Card, version: i64) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: card.id,
            posted: card.posted,
            copies: json(&card.copies)?,
            shown: card.shown.as_ref().map(json).transpose()?,
            delivered_at: card.delivered_at.map(Timestamp::as_micros),
            delivered: card.delivered,
            page: card.page,
            ambiguous: card.ambiguous,
            version,
        })
    }
}

/// An end of a lease.
#[derive(Serialize)]
struct EndedRow {
    #[serde(flatten)]
    fence: FenceRow,
    #[serde(flatten)]
    end: EndRow,
}

type Cards = BTreeMap<CardId, (Card, i64)>;

/// What became of a settlement.
pub(super) enum Settled {
    Ours(bool),
    /// Its card has changed since it was read.
    Again,
}

/// A settlement on its way to the function that lands it.
pub(super) struct NewSettlement {
    key: String,
    batch: Batch,
}

impl NewSettlement {
    fn of(settlement: &Settlement, cards: &Cards) -> Result<Self, sqlx::Error> {
        let mut batch = Batch::with_bodies(None);
        let fence = FenceRow::of(&settlement.fence);
        let list = if settlement.next == Next::Done { "ended" } else { "postponed" };
        batch.add(list, [EndedRow { fence, end: EndRow::of(settlement.wanted, settlement.next) }])?;
        if let Some(receipt) = &settlement.card
            && let Some((card, version)) = cards.get(&receipt.card)
        {
            let mut card = card.clone();
            card.receive(receipt);
            batch.add("kept", [KeptCard::of(card, *version)?])?;
        }
        for (request, due) in &settlement.wakes {
            batch.add("wanted", [ItemRow::wake(*request, *due)?])?;
        }
        add_texts(landing::texts(&settlement.texts), &mut batch)?;
        batch.add("lanes", settlement.lane.as_ref().map(LaneRow::of))?;
        Ok(Self { key: settlement.fence.item.key(), batch })
    }
}

impl Work for NewSettlement {
    type Answer = Settled;
    const CONTEXT: &'static str = SETTLING;
    const WRITES: bool = true;
    /// While one batch waits for the disk, the next is worked on.
    const SIDE_BY_SIDE: usize = 2;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Settled>, sqlx::Error> {
        let mut places: Vec<usize> = (0..pieces.len()).collect();
        places.sort_by_key(|place| &pieces[*place].key);
        let batches: Vec<&Batch> = places.iter().map(|place| &pieces[*place].batch).collect();
        let labels = SETTLE.land(&batches, connection).await?;
        let answers = labels.iter().map(|label| settled(label)).collect::<Result<Vec<_>, _>>()?;
        Ok(in_order(&places, answers))
    }
}

impl PgStore {
    /// Settles items and answers in the order of the question.
    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let mut open: Vec<usize> = (0..settlements.len()).collect();
        let mut answers = vec![false; settlements.len()];
        let mut landed = false;
        // Whoever has to read a card again has been overtaken by somebody who got through, so this ends.
        while !open.is_empty() {
            let asked: Vec<&Settlement> = open.iter().map(|place| &settlements[*place]).collect();
            let settled = self.settle_once(&asked).await.map_err(|error| {
                if landed { StoreError::new(StoreErrorKind::Unknown, SETTLING).caused_by(error) } else { error }
            })?;
            landed = true;
            let mut again = Vec::new();
            for (place, settled) in open.into_iter().zip(settled) {
                match settled {
                    Settled::Ours(ours) => answers[place] = ours,
                    Settled::Again => again.push(place),
                }
            }
            open = again;
        }
        Ok(answers)
    }

    async fn settle_once(&self, settlements: &[&Settlement]) -> Result<Vec<Settled>, StoreError> {
        let ids = settlements.iter().filter_map(|settlement| Some(settlement.card.as_ref()?.card));
        let cards = self.versioned_cards(&ids.collect::<Vec<_>>()).await?;
        let rows: Result<Vec<_>, _> = settlements.iter().map(|one| NewSettlement::of(one, &cards)).collect();
        let settled = self.queues.settlements.perform_all(rows.map_err(store_error(SETTLING))?).await?;
        each_or_none(settled, SETTLING)
    }

    pub(super) async fn versioned_cards(&self, ids: &[CardId]) -> Result<Cards, StoreError> {
        if ids.is_empty() {
            return Ok(Cards::new());
        }
        let rows = self.queues.cards.perform(CardsById(ids.iter().map(ToString::to_string).collect())).await?;
        let card = |row: VersionedCard| row.card.card().map(|card| (card.id, (card, row.version)));
        rows.into_iter().map(card).collect::<Result<_, _>>().map_err(store_error("reading cards"))
    }

    /// Edits a card and schedules its sync; false if there is none.
    pub(super) async fn edit(&self, id: CardId, edit: &CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        loop {
            let mut cards = self.versioned_cards(&[id]).await?;
            let Some((mut card, version)) = cards.remove(&id) else { return Ok(false) };
            card.edit(edit);
            let sync = ItemRow::of(&Item::SyncCard(id), now, Some(card.lane().to_string()), true);
            let sync = sync.and_then(|sync| json(&sync)).map_err(store_error(EDITING))?;
            let card = KeptCard::of(card, version).and_then(|card| json(&card)).map_err(store_error(EDITING))?;
            let call = || sqlx::query_scalar(EDIT_CARD).bind(card.as_str()).bind(sync.as_str());
            // Refused, it was overtaken by somebody who got through, so this ends.
            if write(&self.pool, EDITING, call).await? {
                return Ok(true);
            }
        }
    }
}

fn settled(label: &str) -> Result<Settled, sqlx::Error> {
    match label {
        "settled" => Ok(Settled::Ours(true)),
        "lost" => Ok(Settled::Ours(false)),
        "again" => Ok(Settled::Again),
        other => Err(unknown(other)),
    }
}
