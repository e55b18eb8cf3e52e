//! Which rows need no question: the seat is asked about already, cools down, or is excepted; or there are too many.

use super::{Intake, Read};
use crate::id::RequestId;
use crate::port::{NamedSeat, Problem, RowResult, RowStatus, SeatStatusRow, StoreError};
use crate::time::Timestamp;

impl Intake<'_> {
    /// Answers rows whose seat is asked about or excepted already, or that are too many, and gives back the rest.
    pub(super) async fn sift(&mut self, reads: Vec<Read>) -> Result<Vec<Read>, StoreError> {
        let now = self.gate.now();
        let named: Vec<_> = reads.iter().map(|read| NamedSeat::new(read.seat.clone(), read.names.clone())).collect();
        let mut excepted = Vec::new();
        if !named.is_empty() {
            excepted = self.gate.parts.exceptions.active(&named, now).await?;
        }
        let mut room = self.limits.as_ref().map(|limits| limits.room(&self.answered));
        let (mut rest, mut over) = (Vec::new(), Vec::new());
        for (read, exception) in reads.into_iter().zip(excepted) {
            if let Some(answer) = spared(read.row, &read.status, exception.is_some(), now) {
                self.unrecorded.push(answer);
            } else if self.dry_run {
                self.unrecorded.push(RowResult::new(read.row, RowStatus::SuppressedDryRun));
            } else if room.as_mut().is_none_or(|room| room.take(read.row)) {
                rest.push(read);
            } else {
                over.push(read);
            }
        }
        over.iter().for_each(|read| self.hold(read));
        Ok(rest)
    }

    fn hold(&mut self, read: &Read) {
        let text = self.received(read);
        let held = RowResult::new(read.row, RowStatus::Held).keeping(text.reference, self.record.received_at);
        self.unrecorded.push(held);
        self.keeping.insert(read.row, text);
    }
}

/// The answer to a row whose seat is asked about already, whose holder is leaving, which is left alone for a while, or is
/// excepted; nothing for any other.
pub(in crate::gate) fn spared(
    row: u32,
    status: &SeatStatusRow,
    is_excepted: bool,
    now: Timestamp,
) -> Option<RowResult> {
    if let Some(request) = status.open_request {
        return Some(RowResult::new(row, RowStatus::Duplicate).about(request));
    }
    if let Some(offboarding) = status.holder_leaves {
        return Some(RowResult::new(row, RowStatus::Filtered).because(being_offboarded(offboarding)));
    }
    if let Some(until) = status.quiet_until.filter(|until| *until > now) {
        return Some(RowResult::new(row, RowStatus::Filtered).because(cooling_down(until)));
    }
    is_excepted.then(|| RowResult::new(row, RowStatus::Excepted))
}

/// Why nobody is asked about the seat of whoever leaves.
fn being_offboarded(offboarding: RequestId) -> Problem {
    let detail =
        format!("whoever holds it is being offboarded ({offboarding}): it is not asked about before that is over");
    Problem::new("Being offboarded", detail, "")
}

/// Why a seat is not asked about again so soon.
fn cooling_down(until: Timestamp) -> Problem {
    let detail = format!("it was asked about, and by the policy's cool_down it is left alone until {until}");
    Problem::new("Cooling down", detail, "")
}
