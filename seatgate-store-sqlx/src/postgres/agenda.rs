//! Edits of the agenda, the settling of leases, and cards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Fence, Item, LaneReport, Next, Settlement};
use seatgate_core::card::{Card, CardEdit};
use seatgate_core::id::{CardId, RequestId};
use seatgate_core::port::{Change, StoreError, StoreErrorKind};
use seatgate_core::time::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::PgStore;
use super::ask::{CardsById, VersionedCard};
use super::batch::{Batch, Landing};
use super::call::write;
use super::commit::add_texts;
use super::error::store_error;
use super::queue::{Work, each_or_none, in_order};
use crate::landing;
use crate::row::{encode, json, unknown};

const SETTLING: &str = "settling an item";
const SETTLE: Landing<'static> =
    Landing { sql: "SELECT settle_together($1::jsonb, $2)", bodies: &["texts"], landed: "settled" };
const EDITING: &str = "editing a card";
const EDIT_CARD: &str = "SELECT edit_card($1::jsonb, $2::jsonb)";

/// The lease under which something may land.
#[derive(Serialize)]
pub(super) struct FenceRow {
    key: String,
    token: u64,
}

impl FenceRow {
    pub(super) fn of(fence: &Fence) -> Self {
        Self { key: fence.item.key(), token: fence.token }
    }
}

/// What is said about a lane.
#[derive(Serialize)]
pub(super) struct LaneRow {
    lane: String,
    closed_until: Option<i64>,
}

impl LaneRow {
    pub(super) fn of(report: &LaneReport) -> Self {
        Self { lane: report.lane.to_string(), closed_until: report.closed_until.map(Timestamp::as_micros) }
    }
}

/// An edit of the agenda.
#[derive(Serialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub(super) enum EditRow {
    Schedule(ItemRow),
    Remove {
        key: String,
    },
    Hold {
        key: String,
        /// In microseconds.
        lease: u64,
    },
    Settle {
        key: String,
        #[serde(flatten)]
        end: EndRow,
    },
}

impl EditRow {
    fn key(&self) -> &str {
        match self {
            Self::Schedule(ItemRow { key, .. })
            | Self::Remove { key }
            | Self::Hold { key, .. }
            | Self::Settle { key, .. } => key,
        }
    }

    /// Whether several of it become one.
    fn is_wish(&self) -> bool {
        matches!(self, Self::Schedule(row) if row.coalesces)
    }

    fn of(edit: &AgendaChange) -> Option<Result<Self, sqlx::Error>> {
        match edit {
            AgendaChange::Schedule { item, due, lane, gated } => {
                let lane = lane.as_ref().map(ToString::to_string);
                Some(ItemRow::of(item, *due, lane, *gated).map(Self::Schedule))
            }
            AgendaChange::Remove(item) => Some(Ok(Self::Remove { key: item.key() })),
            AgendaChange::Hold { item, lease } => Some(Ok(Self::Hold { key: item.key(), lease: micros(*lease) })),
            AgendaChange::Settle { item, wanted, next } => {
                Some(Ok(Self::Settle { key: item.key(), end: EndRow::of(*wanted, *next) }))
            }
            _ => None,
        }
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// An item that is put on the agenda.
#[derive(Serialize)]
pub(super) struct ItemRow {
    key: String,
    item: String,
    due: i64,
    lane: Option<String>,
    gated: bool,
    coalesces: bool,
}

impl ItemRow {
    fn of(item: &Item, due: Timestamp, lane: Option<String>, gated: bool) -> Result<Self, sqlx::Error> {
        let (key, body, coalesces) = (item.key(), encode(item)?, item.coalesces());
        Ok(Self { key, item: body, due: due.as_micros(), lane, gated, coalesces })
    }

    pub(super) fn wake(request: RequestId, due: Timestamp) -> Result<Self, sqlx::Error> {
        Self::of(&Item::Wake(request), due, None, false)
    }
}

/// What becomes of an item after its lease.
#[derive(Serialize)]
pub(super) struct EndRow {
    wanted: u64,
    next: &'static str,
    due: Option<i64>,
}

impl EndRow {
    fn of(wanted: u64, next: Next) -> Self {
        let (next, due) = match next {
            Next::Done => ("done", None),
            Next::At(due) => ("at", Some(due)),
            Next::Retry(due) => ("retry", Some(due)),
        };
        Self { wanted, next, due: due.map(Timestamp::as_micros) }
    }
}

/// Adds the edits of a change: each to its list, or, where an item is edited several times, all of them in their order.
pub(super) fn add_edits(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
    let fenced = change.fence.as_ref().map(|fence| &fence.item);
    let counts = |edit: &&AgendaChange| !matches!(edit, AgendaChange::Settle { item, .. } if fenced != Some(item));
    let edits = change.agenda.iter().filter(counts).filter_map(EditRow::of).collect::<Result<Vec<_>, _>>()?;
    let mut keys = BTreeSet::new();
    let in_order = !edits.iter().all(|edit| keys.insert(edit.key()));
    edits.iter().for_each(|edit| batch.note_item(edit.key(), edit.is_wish() && !in_order));
    if in_order {
        return batch.add("edits", edits);
    }
    for edit in edits {
        match edit {
            EditRow::Schedule(row) if row.coalesces => batch.add("wanted", [row])?,
            EditRow::Schedule(row) => batch.add("replaced", [row])?,
            EditRow::Remove { key } => batch.add("removed", [key])?,
            EditRow::Hold { .. } => batch.add("held", [edit])?,
            EditRow::Settle { .. } => batch.add("settled", [edit])?,
        }
    }
    Ok(())
}

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
        let mut batch = Batch::default();
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
