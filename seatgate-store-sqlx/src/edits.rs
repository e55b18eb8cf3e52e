//! Edits of the agenda, and what goes with them, as rows.

use std::collections::BTreeSet;
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Fence, Item, LaneReport, Next};
#[cfg(feature = "postgres")]
use seatgate_core::id::RequestId;
use seatgate_core::port::Change;
use seatgate_core::time::Timestamp;
use serde::Serialize;

use crate::batch::Batch;
use crate::row::encode;

/// The lease under which something may land.
#[derive(Serialize)]
pub(crate) struct FenceRow {
    key: String,
    token: u64,
}

impl FenceRow {
    pub(crate) fn of(fence: &Fence) -> Self {
        Self { key: fence.item.key(), token: fence.token }
    }
}

/// What is said about a lane.
#[derive(Serialize)]
pub(crate) struct LaneRow {
    lane: String,
    closed_until: Option<i64>,
}

impl LaneRow {
    pub(crate) fn of(report: &LaneReport) -> Self {
        Self { lane: report.lane.to_string(), closed_until: report.closed_until.map(Timestamp::as_micros) }
    }
}

/// An edit of the agenda.
#[derive(Serialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub(crate) enum EditRow {
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

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// An item that is put on the agenda.
#[derive(Serialize)]
pub(crate) struct ItemRow {
    key: String,
    item: String,
    due: i64,
    lane: Option<String>,
    gated: bool,
    coalesces: bool,
}

impl ItemRow {
    pub(crate) fn of(item: &Item, due: Timestamp, lane: Option<String>, gated: bool) -> Result<Self, sqlx::Error> {
        let (key, body, coalesces) = (item.key(), encode(item)?, item.coalesces());
        Ok(Self { key, item: body, due: due.as_micros(), lane, gated, coalesces })
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn wake(request: RequestId, due: Timestamp) -> Result<Self, sqlx::Error> {
        Self::of(&Item::Wake(request), due, None, false)
    }
}

/// What becomes of an item after its lease.
#[derive(Serialize)]
pub(crate) struct EndRow {
    wanted: u64,
    next: &'static str,
    due: Option<i64>,
}

impl EndRow {
    pub(crate) fn of(wanted: u64, next: Next) -> Self {
        let (next, due) = match next {
            Next::Done => ("done", None),
            Next::At(due) => ("at", Some(due)),
            Next::Retry(due) => ("retry", Some(due)),
        };
        Self { wanted, next, due: due.map(Timestamp::as_micros) }
    }
}

/// Adds the edits of a change: each to its list, or, where an item is edited several times, all of them in their order.
pub(crate) fn add_edits(change: &Change, batch: &mut Batch) -> Result<(), sqlx::Error> {
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
