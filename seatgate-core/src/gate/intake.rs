//! Taking in a sweep: from candidates to open requests, each seat asked about once.
//!
//! Rows are worked off in rounds. A round resolves people and accounts, reads the seats and then the exceptions, and
//! commits; the store compares the seats' generations. A row that loses a race goes into the next round, so it starts
//! again from the read: a Keep and the next sweep cannot cross. Two rows of one batch that name the same account go into
//! different rounds.
//!
//! A sweep may come in several deliveries, whose rows are numbered on. They are worked off one after the other, and the
//! limits count over all of them.
//!
//! A sweep in bulk is received first, by [`Gate::upload`], and worked off batch by batch once it is sealed.
//!
//! A row over a limit of the policy is held: its answer keeps the candidate as a text, and [`Gate::release`] asks about it.

mod arrive;
mod bulk;
mod judge;
mod limit;
mod open;
mod read;
mod release;
mod sift;
mod swept;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::json;

use self::judge::TurnedDown;
pub(super) use self::judge::{fallback, holder, identities, judge};
pub(super) use self::limit::{Limits, Room};
use self::read::Read;
pub(super) use self::release::candidate as kept_candidate;
pub(super) use self::sift::spared;
pub(super) use self::turn::Turns;
use crate::agenda::{self, Fence, GATHER, Lane};
use crate::both::both;
use crate::gate::{Gate, GateError, Settings, Submission, TRIES, corrupt};
use crate::id::{CardId, RequestId, SweepId};
use crate::person::{Actor, Surface, Text, TextRef};
use crate::policy::Mode;
use crate::port::{Answer, Change, Conflict, Inbound, Problem, RowResult, RowStatus, StoreError, SweepRecord};
use crate::seat::{AppId, Candidate};
use crate::time::Timestamp;
use crate::trail::{Chain, EntryDraft, Stream};

/// Candidates that one scan reports together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sweep {
    /// Who hands it in. They cannot approve from it.
    pub submitted_by: Actor,
    /// Through what.
    pub surface: Surface,
    /// The signed delivery it came with: a repeated one is answered from the first, and resumes it.
    pub inbound: Option<Inbound>,
    /// The sweep that these rows are added to, if it is not a new one.
    pub joins: Option<SweepId>,
    /// What the sender calls the members of a candidate, by their pointers: problems name them so.
    pub names: BTreeMap<String, String>,
    /// Whether nobody is asked: the answers say who would have been.
    pub dry_run: bool,
    /// The rows: candidates, and what is wrong with those that are none.
    pub rows: Vec<Result<Candidate, Problem>>,
}

impl Sweep {
    /// A sweep by `submitted_by`.
    #[must_use]
    pub fn new(submitted_by: Actor, surface: Surface, rows: Vec<Result<Candidate, Problem>>) -> Self {
        Self { submitted_by, surface, inbound: None, joins: None, names: BTreeMap::new(), dry_run: false, rows }
    }

    /// As part of this signed delivery.
    #[must_use]
    pub fn delivered_as(mut self, inbound: Inbound) -> Self {
        self.inbound = Some(inbound);
        self
    }

    /// Adding to `sweep`, which the same submitter has handed in. Its rows are numbered on.
    #[must_use]
    pub fn joining(mut self, sweep: SweepId) -> Self {
        self.joins = Some(sweep);
        self
    }

    /// From a sender who has other names for the members of a candidate. Rows that are released later have forgotten them.
    #[must_use]
    pub fn calling(mut self, names: BTreeMap<String, String>) -> Self {
        self.names = names;
        self
    }

    /// Asking nobody.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// What became of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepReport {
    /// Which.
    pub sweep: SweepId,
    /// One answer a row, by row: of one delivery, or of all where the whole sweep was asked for.
    pub results: Vec<RowResult>,
}

impl SweepReport {
    /// How many rows ended how.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<RowStatus, usize> {
        counts(&self.results)
    }
}

fn counts(results: &[RowResult]) -> BTreeMap<RowStatus, usize> {
    results.iter().fold(BTreeMap::new(), |mut counts, result| {
        *counts.entry(result.status).or_insert(0) += 1;
        counts
    })
}

/// How many rows are worked off at once.
pub(super) const ROUND: usize = 256;
/// What a delivery says of the number of seats: nothing, the policy does.
static SEATS: BTreeMap<AppId, u32> = BTreeMap::new();

/// A sweep on its way in.
struct Intake<'a> {
    gate: &'a Gate,
    settings: &'a Settings,
    record: SweepRecord,
    /// Which of the sweep's rows these are.
    ours: Range<u32>,
    surface: Surface,
    names: BTreeMap<String, String>,
    dry_run: bool,
    chain: Chain,
    /// The notices of the sweep that were asked for so far.
    notices: BTreeMap<CardId, Lane>,
    /// Rows that are answered, durably.
    answered: BTreeMap<u32, RowResult>,
    /// Rows that are answered in this process, and to be recorded with the next commit.
    unrecorded: Vec<RowResult>,
    /// Rows that are to be worked off.
    waiting: BTreeMap<u32, Candidate>,
    /// How many of them may be asked about.
    limits: Option<Limits<'a>>,
    /// The lease under which everything lands, where the rows are a batch's.
    fence: Option<Fence>,
    /// What is kept of rows that are being held.
    keeping: BTreeMap<u32, Text>,
    /// Who releases, where the rows are those that were held before.
    released_by: Option<Submission>,
    /// What was kept of the rows that are released.
    kept: BTreeMap<u32, TextRef>,
}

impl Gate {
    /// Takes in a sweep and answers row by row. When this returns `Ok`, every answer is durable.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::DeliveryReused`], [`GateError::NoSweep`] where none by this submitter can be joined,
    /// [`GateError::Contended`] (also while another delivery of the same sweep is being worked off), or what the store
    /// says. Rows that were answered by then stay so; handing in the same delivery again resumes.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some rows answered and some not, none half.
    pub async fn sweep(&self, sweep: Sweep) -> Result<SweepReport, GateError> {
        let settings = self.settings();
        if settings.mode == Mode::Off {
            return Err(GateError::Off);
        }
        let mut intake = Intake::start(self, &settings, &sweep).await?;
        let turns = &self.parts.turns;
        let _turn = turns.take(intake.record.id, intake.ours.start).ok_or(GateError::Contended)?;
        intake.limits = Some(Limits::of(&settings.policy, &SEATS, intake.ours.start, &sweep.rows));
        if intake.has_others() {
            intake.reread().await?;
        }
        for (row, candidate) in intake.ours.clone().zip(sweep.rows) {
            intake.put_in_line(row, candidate, intake.record.received_at);
        }
        intake.finish().await
    }
}

impl<'a> Intake<'a> {
    fn of(gate: &'a Gate, settings: &'a Settings, record: SweepRecord, surface: Surface, chain: Chain) -> Self {
        Self {
            gate,
            settings,
            record,
            ours: 0..u32::MAX,
            surface,
            names: BTreeMap::new(),
            notices: BTreeMap::new(),
            dry_run: false,
            chain,
            answered: BTreeMap::new(),
            unrecorded: Vec::new(),
            waiting: BTreeMap::new(),
            limits: None,
            fence: None,
            keeping: BTreeMap::new(),
            released_by: None,
            kept: BTreeMap::new(),
        }
    }

    /// Works off what is in line, and answers with its rows.
    async fn finish(mut self) -> Result<SweepReport, GateError> {
        self.run().await?;
        let ours = self.answered.into_iter().filter(|(row, _)| self.ours.contains(row));
        Ok(SweepReport { sweep: self.record.id, results: ours.map(|(_, result)| result).collect() })
    }

    /// Works off what is in line.
    async fn run(&mut self) -> Result<(), GateError> {
        for _ in 0..TRIES + self.waiting.len() {
            if self.waiting.is_empty() && self.unrecorded.is_empty() {
                self.gate.wake();
                return Ok(());
            }
            self.round().await?;
        }
        Err(GateError::Contended)
    }

    /// Reads what another worker on the same sweep may have written.
    async fn reread(&mut self) -> Result<(), StoreError> {
        let store = &self.gate.parts.requests;
        self.chain = store.chain(Stream::Sweep(self.record.id)).await?;
        let releasing = self.released_by.is_some();
        let open = |result: &RowResult| releasing && result.status == RowStatus::Held;
        let rows = store.rows(self.record.id, self.ours.clone()).await?.into_iter().filter(|result| !open(result));
        self.answered = rows.map(|result| (result.row, result)).collect();
        self.waiting.retain(|row, _| !self.answered.contains_key(row));
        self.unrecorded.retain(|result| !self.answered.contains_key(&result.row));
        self.count_others().await
    }

    /// Counts what other deliveries of this sweep ask about; those of other batches are counted beside the rows.
    async fn count_others(&mut self) -> Result<(), StoreError> {
        if let Some(limits) = self.limits.as_mut().filter(|_| self.fence.is_none()) {
            limits.count_all(self.gate.parts.queries.opened_by_app(self.record.id).await?, &self.answered);
        }
        Ok(())
    }

    fn append(&mut self, change: &mut Change, kind: &str, data: serde_json::Value) -> Result<(), StoreError> {
        let by = self.released_by.as_ref();
        let actor = by.map_or(&self.record.submitted_by, |by| &by.actor).clone();
        let mut draft = EntryDraft::new(self.gate.now(), kind, actor, self.surface, data);
        draft.submitted_by = by.and_then(|by| by.submitted_by.clone());
        change.entries.push(self.chain.append(change.id, draft).map_err(corrupt)?);
        Ok(())
    }

    /// Answers a row that needs no look into the store, and puts any other in line.
    fn put_in_line(&mut self, row: u32, candidate: Result<Candidate, Problem>, received_at: Timestamp) {
        if self.answered.contains_key(&row) {
            return;
        }
        match judge(self.gate, self.settings, candidate, received_at, self.gate.now()) {
            Ok(candidate) => {
                self.waiting.insert(row, candidate);
            }
            Err(turned_down) => self.turn_down(row, turned_down),
        }
    }

    fn turn_down(&mut self, row: u32, (status, mut why): TurnedDown) {
        if let Some(name) = self.names.get(&why.pointer) {
            why.pointer.clone_from(name);
        }
        self.unrecorded.push(RowResult::new(row, status).because(why));
    }

    async fn round(&mut self) -> Result<(), GateError> {
        let batch = self.next_batch();
        let (reads, version) = both(self.read(batch), self.gate.system_version()).await;
        let (reads, version) = (reads?, version?);
        let mut changes = Vec::new();
        let mut opening = Vec::new();
        let reads = self.sift(reads).await?;
        let concerned = reads.iter().map(|read| &read.concerned).collect::<Vec<_>>();
        let known = self.gate.known_about_all(&concerned, &self.settings.operators).await?;
        for read in reads {
            let (change, result) = self.open(&read, &known)?;
            let notices = change.cards.iter().filter(|card| card.approver().is_none());
            self.notices.extend(notices.map(|card| (card.id, card.lane())));
            changes.push(change);
            opening.push((result, read.candidate));
        }
        let recording = std::mem::take(&mut self.unrecorded);
        if !recording.is_empty() {
            changes.push(self.record_rows(&recording)?);
        }
        if changes.is_empty() {
            return Ok(());
        }
        changes.iter_mut().for_each(|change| change.fence.clone_from(&self.fence));
        let answers = self.gate.parts.requests.commit(changes).await?;
        let kept = opening.iter().zip(&answers).filter(|(_, answer)| answer.is_kept());
        let opened: Vec<RequestId> = kept.filter_map(|((result, _), _)| result.request_id).collect();
        self.take_answers(&answers, opening, recording).await?;
        // They are opened, and answered so, whatever the store says now: what it cannot tell here is left to their next wake.
        let _ = self.gate.look_again(&opened, version).await;
        Ok(())
    }

    /// Rows whose accounts have nothing in common.
    fn next_batch(&mut self) -> Vec<(u32, Candidate)> {
        let mut names = BTreeSet::new();
        let mut batch = Vec::new();
        for (row, candidate) in &self.waiting {
            if batch.len() == ROUND {
                break;
            }
            let ours = identities(candidate);
            if ours.iter().all(|name| !names.contains(name)) {
                names.extend(ours);
                batch.push(*row);
            }
        }
        batch.into_iter().filter_map(|row| self.waiting.remove_entry(&row)).collect()
    }

    /// What was received, as a text to be kept.
    fn received(&self, read: &Read) -> Text {
        let about = read.seat.holder.into_iter().chain(read.concerned.manager);
        Text::new(read.candidate.received.clone(), about, self.gate.now(), &*self.gate.parts.entropy)
    }

    fn record_rows(&mut self, results: &[RowResult]) -> Result<Change, StoreError> {
        let mut change = Change::new(self.gate.new_change(), &self.chain);
        let data: BTreeMap<&str, usize> =
            counts(results).into_iter().map(|(status, count)| (status.label(), count)).collect();
        self.append(&mut change, "rows_answered", json!({ "counts": data }))?;
        change.texts = results.iter().filter_map(|result| self.keeping.get(&result.row).cloned()).collect();
        let due = self.gate.now().saturating_add(GATHER);
        change.agenda = self.notices.iter().map(|(card, lane)| agenda::sync(*card, due, lane.clone())).collect();
        self.answer(&mut change, results.iter().cloned());
        Ok(change)
    }

    /// Adds answers to rows; in place of `held` where rows are released.
    fn answer(&self, change: &mut Change, results: impl IntoIterator<Item = RowResult>) {
        let rows = if self.released_by.is_some() { &mut change.released } else { &mut change.rows };
        rows.extend(results.into_iter().map(|result| (self.record.id, result)));
    }

    async fn take_answers(
        &mut self,
        answers: &[Answer],
        opening: Vec<(RowResult, Candidate)>,
        recording: Vec<RowResult>,
    ) -> Result<(), GateError> {
        if answers.contains(&Answer::Conflict(Conflict::Lease)) {
            return Err(GateError::Contended);
        }
        let mut raced = false;
        for ((result, candidate), answer) in opening.into_iter().zip(answers) {
            match answer {
                Answer::Committed | Answer::Duplicate => {
                    self.answered.insert(result.row, result);
                }
                Answer::Conflict(_) => {
                    // Another worker on this sweep may have been first: what it asked about counts for the limit.
                    raced = true;
                    self.waiting.insert(result.row, candidate);
                }
            }
        }
        match answers.last() {
            Some(answer) if !recording.is_empty() && answer.is_kept() => {
                self.answered.extend(recording.into_iter().map(|result| (result.row, result)));
            }
            _ if !recording.is_empty() => {
                raced = true;
                self.unrecorded = recording;
            }
            _ => {}
        }
        if raced {
            self.reread().await?;
        }
        Ok(())
    }
}
