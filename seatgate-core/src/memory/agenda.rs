//! The agenda's rows, their leases, and the lanes.

use std::collections::BTreeMap;

use crate::agenda::{Claim, Claimed, Claims, Fence, Item, Lane, LaneReport, Next};
use crate::port::AgendaDepth;
use crate::time::Timestamp;

/// Everything still to be done.
#[derive(Default)]
pub(super) struct Agenda {
    rows: BTreeMap<String, Row>,
    lanes: BTreeMap<Lane, LaneState>,
    /// The last token given. One counter for all rows: so the tokens of an item rise even if its row went and came back.
    last_token: u64,
}

struct Row {
    item: Item,
    due: Timestamp,
    lane: Option<Lane>,
    gated: bool,
    wanted: u64,
    /// Changes with every claim, and whenever a lease ends: whoever has an older one has lost the item.
    token: u64,
    tries: u32,
    /// By the store's clock. In the past: the lease was lost.
    lease_until: Option<Timestamp>,
}

#[derive(Default)]
struct LaneState {
    not_before: Option<Timestamp>,
    failures: u32,
}

impl Row {
    fn is_leased(&self, lease_now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > lease_now)
    }
}

impl Agenda {
    pub(super) fn schedule(&mut self, item: Item, due: Timestamp, lane: Option<Lane>, gated: bool) {
        let key = item.key();
        if item.coalesces()
            && let Some(row) = self.rows.get_mut(&key)
        {
            row.due = row.due.min(due);
            row.wanted += 1;
            return;
        }
        let token = self.next_token();
        self.rows.insert(key, Row { item, due, lane, gated, wanted: 1, token, tries: 0, lease_until: None });
    }

    pub(super) fn depth(&self, now: Timestamp, removals_open: bool, lease_now: Timestamp) -> AgendaDepth {
        let due = self.rows.values().filter(|row| row.due <= now).count();
        let mut claim = Claim::new(now, usize::MAX);
        claim.removals_open = removals_open;
        let free = self.free_rows(&claim, lease_now);
        let mut free = free.iter().filter_map(|key| self.rows.get(key)).filter(|row| self.opens_at(row) <= now);
        AgendaDepth::new(self.rows.len() as u64, due as u64, free.next().map(|row| row.due))
    }

    pub(super) fn remove(&mut self, item: &Item) {
        self.rows.remove(&item.key());
    }

    pub(super) fn hold(&mut self, item: &Item, until: Timestamp) {
        if let Some(row) = self.rows.get_mut(&item.key()) {
            row.lease_until = Some(until);
            row.gated = false;
        }
    }

    /// Whether the item is there under the fence's token, also with a lease that ran out.
    pub(super) fn is_held(&self, fence: &Fence) -> bool {
        self.rows.get(&fence.item.key()).is_some_and(|row| row.token == fence.token)
    }

    /// Ends the lease on an item. What was wanted meanwhile keeps the item, and its due time.
    pub(super) fn settle(&mut self, item: &Item, wanted: u64, next: Next) {
        let key = item.key();
        let token = self.next_token();
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.lease_until = None;
        row.token = token;
        let wanted_no_more = row.wanted == wanted;
        row.tries = if matches!(next, Next::Retry(_)) { row.tries.saturating_add(1) } else { 0 };
        match next {
            Next::Done if wanted_no_more => {
                self.rows.remove(&key);
            }
            Next::At(due) | Next::Retry(due) if wanted_no_more => row.due = due,
            Next::Done | Next::At(_) | Next::Retry(_) => {}
        }
    }

    pub(super) fn report(&mut self, report: LaneReport) {
        let Some(until) = report.closed_until else {
            if let Some(lane) = self.lanes.get_mut(&report.lane) {
                lane.failures = 0;
            }
            return;
        };
        let lane = self.lanes.entry(report.lane).or_default();
        lane.not_before = lane.not_before.max(Some(until));
        lane.failures = lane.failures.saturating_add(1);
    }

    pub(super) fn lane_failures(&self, lane: &Lane) -> u32 {
        self.lanes.get(lane).map_or(0, |lane| lane.failures)
    }

    pub(super) fn claim(&mut self, claim: &Claim, lease_now: Timestamp) -> Claims {
        let mut leased = self.leased_by_lane(lease_now);
        let mut claims = Claims::default();
        for key in self.free_rows(claim, lease_now) {
            let Some(row) = self.rows.get(&key) else { continue };
            let opens = self.opens_at(row);
            let cap = row.lane.as_ref().and_then(|lane| claim.caps.get(lane)).unwrap_or(&claim.per_lane);
            let in_lane = row.lane.clone().map(|lane| leased.entry(lane).or_default());
            let has_room = in_lane.as_deref().is_none_or(|count| count < cap);
            if opens > claim.now || claims.items.len() >= claim.limit || !has_room {
                claims.next_due = Some(claims.next_due.map_or(opens, |next| next.min(opens)));
                continue;
            }
            if let Some(count) = in_lane {
                *count += 1;
            }
            claims.items.extend(self.lease(&key, lease_now.saturating_add(claim.lease)));
        }
        claims.next_due = claims.next_due.filter(|_| claim.messages);
        claims
    }

    fn leased_by_lane(&self, lease_now: Timestamp) -> BTreeMap<Lane, usize> {
        let mut leased = BTreeMap::new();
        for lane in self.rows.values().filter(|row| row.is_leased(lease_now)).filter_map(|row| row.lane.clone()) {
            *leased.entry(lane).or_default() += 1;
        }
        leased
    }

    /// The keys of the rows that no lease and no mode holds, in the order in which they fall due.
    fn free_rows(&self, claim: &Claim, lease_now: Timestamp) -> Vec<String> {
        let held = |row: &Row| row.gated && !claim.removals_open && matches!(row.lane, Some(Lane::Removals(_)));
        let meant = |row: &Row| claim.messages || !matches!(row.lane, Some(Lane::Messages(_)));
        let free = self.rows.iter().filter(|(_, row)| !row.is_leased(lease_now) && !held(row) && meant(row));
        let mut keys: Vec<_> = free.map(|(key, row)| (row.due, key)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// When a row can be claimed: when it is due and its lane does not hold it.
    fn opens_at(&self, row: &Row) -> Timestamp {
        let lane = row.lane.as_ref().filter(|_| row.gated).and_then(|lane| self.lanes.get(lane));
        lane.and_then(|lane| lane.not_before).map_or(row.due, |not_before| row.due.max(not_before))
    }

    fn lease(&mut self, key: &str, until: Timestamp) -> Option<Claimed> {
        let token = self.next_token();
        let row = self.rows.get_mut(key)?;
        let after_lost_lease = row.lease_until.replace(until).is_some();
        row.token = token;
        Some(Claimed::new(row.item.clone(), token, row.wanted, row.tries, after_lost_lease))
    }

    fn next_token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }
}
