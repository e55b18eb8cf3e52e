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
//! A row over a limit of the policy is held: its answer keeps the candidate as a text, and [`Gate::release`] asks about it.

mod arrive;
mod judge;
mod limit;
mod open;
mod release;
mod sift;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::json;

pub(super) use self::judge::{fallback, holder, identities, judge};
pub(super) use self::limit::Limits;
pub(super) use self::release::candidate as kept_candidate;
pub(super) use self::sift::cooling_down;
pub(super) use self::turn::Turns;
use crate::agenda::{self, GATHER, Lane};
use crate::both::both;
use crate::gate::{Gate, GateError, Settings, Submission, TRIES, corrupt};
use crate::id::{AccountId, CardId, PersonRef, SweepId};
use crate::person::{Actor, Identity, PersonDraft, Surface, Text, TextRef};
use crate::policy::Mode;
use crate::port::{
    Answer, Change, Inbound, NewAccount, Problem, RowResult, RowStatus, SeatStatusRow, StoreError, SweepRecord,
};
use crate::route::{self, Concerned, Known, Missing};
use crate::seat::{AccountNames, Candidate, Seat};
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
const ROUND: usize = 256;

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
    limits: Option<Limits>,
    /// What is kept of rows that are being held.
    keeping: BTreeMap<u32, Text>,
    /// Who releases, where the rows are those that were held before.
    released_by: Option<Submission>,
    /// What was kept of the rows that are released.
    kept: BTreeMap<u32, TextRef>,
}

/// A row with everything that was read for it.
struct Read {
    row: u32,
    candidate: Candidate,
    names: AccountNames,
    manager: Option<PersonRef>,
    seat: Seat,
    status: SeatStatusRow,
    fallbacks: Vec<PersonRef>,
}

impl Read {
    /// Those from whom it follows who is asked.
    fn concerned(&self, quorum: u32) -> Concerned {
        let concerned = Concerned::new(self.manager, self.seat.holder, self.fallbacks.clone());
        concerned.in_app(Some(self.seat.app.id.clone())).with_quorum(quorum)
    }
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
        intake.limits = Some(Limits::of(&settings.policy, intake.ours.start, &sweep.rows));
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
            keeping: BTreeMap::new(),
            released_by: None,
            kept: BTreeMap::new(),
        }
    }

    /// Works off what is in line.
    async fn finish(mut self) -> Result<SweepReport, GateError> {
        for _ in 0..TRIES + self.waiting.len() {
            if self.waiting.is_empty() && self.unrecorded.is_empty() {
                self.gate.wake();
                let ours = self.answered.into_iter().filter(|(row, _)| self.ours.contains(row));
                return Ok(SweepReport { sweep: self.record.id, results: ours.map(|(_, result)| result).collect() });
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
        let rows = store.rows(self.record.id).await?.into_iter().filter(|result| !open(result));
        self.answered = rows.map(|result| (result.row, result)).collect();
        self.waiting.retain(|row, _| !self.answered.contains_key(row));
        self.unrecorded.retain(|result| !self.answered.contains_key(&result.row));
        self.count_others().await
    }

    /// Counts what other deliveries of this sweep ask about.
    async fn count_others(&mut self) -> Result<(), StoreError> {
        let Some(limits) = &mut self.limits else { return Ok(()) };
        for others in limits.uncounted(&self.answered).chunks(ROUND) {
            let ids: Vec<_> = others.iter().map(|(_, request)| *request).collect();
            let requests = self.gate.parts.requests.load(&ids).await?;
            for ((row, _), stored) in others.iter().zip(requests) {
                let seat = stored.as_ref().and_then(|stored| stored.request.seat());
                seat.into_iter().for_each(|seat| limits.count(&self.settings.policy, *row, &seat.app.id));
            }
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
        match candidate.and_then(|candidate| judge(self.gate, self.settings, candidate, received_at, self.gate.now())) {
            Ok(Ok(candidate)) => {
                self.waiting.insert(row, candidate);
            }
            Ok(Err(why)) => self.turn_down(row, RowStatus::Filtered, why),
            Err(problem) => self.turn_down(row, RowStatus::Rejected, problem),
        }
    }

    fn turn_down(&mut self, row: u32, status: RowStatus, mut why: Problem) {
        if let Some(name) = self.names.get(&why.pointer) {
            why.pointer.clone_from(name);
        }
        self.unrecorded.push(RowResult::new(row, status).because(why));
    }

    async fn round(&mut self) -> Result<(), GateError> {
        let batch = self.next_batch();
        let reads = self.read(batch).await?;
        let mut changes = Vec::new();
        let mut opening = Vec::new();
        let reads = self.sift(reads).await?;
        let known = self.known(&reads).await?;
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
        let answers = self.gate.parts.requests.commit(changes).await?;
        self.take_answers(&answers, opening, recording).await
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

    /// Reads the seats' generations. Exceptions are read after this, in [`Intake::sift`].
    async fn read(&self, batch: Vec<(u32, Candidate)>) -> Result<Vec<Read>, GateError> {
        let (gate, now) = (self.gate, self.gate.now());
        let new_account = |candidate: &Candidate| {
            let account = AccountId::generate(now, &*gate.parts.entropy);
            NewAccount::new(candidate.app.id.clone(), candidate.account.clone(), account)
        };
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let accounts =
            gate.parts.people.accounts(batch.iter().map(|(_, candidate)| new_account(candidate)).collect(), now);
        let reported: Vec<AccountNames> = batch.iter().map(|(_, candidate)| candidate.account.clone()).collect();
        let (accounts, names, people) = if reported.iter().all(|names| names.email.is_some()) {
            let (accounts, people) = both(accounts, self.people(&batch, &reported)).await;
            (accounts?, reported, people?)
        } else {
            let accounts = accounts.await?;
            let names = self.names(reported, &accounts).await?;
            let people = self.people(&batch, &names).await?;
            (accounts, names, people)
        };
        let mut reads = Vec::with_capacity(batch.len());
        for (((row, candidate), account), names) in batch.into_iter().zip(accounts).zip(names) {
            let find = |draft: Option<PersonDraft>| draft.and_then(|draft| people.get(&draft.identity).copied());
            let holder = find(holder(&names));
            let manager = find(candidate.manager.clone());
            let terms = self.settings.policy.terms(candidate.app.id.as_str());
            let fallbacks = terms.fallback_approvers.iter().filter_map(|text| find(fallback(text))).collect();
            let seat = Seat::new(candidate.app.clone(), account, candidate.entitlement.clone(), holder);
            reads.push(Read { row, candidate, names, manager, seat, status: SeatStatusRow::default(), fallbacks });
        }
        let seats: Vec<Seat> = reads.iter().map(|read| read.seat.clone()).collect();
        for (read, status) in reads.iter_mut().zip(gate.parts.requests.seats(&seats).await?) {
            read.status = status;
        }
        Ok(reads)
    }

    /// What the directory says of whoever may be asked about these rows.
    async fn known(&self, reads: &[Read]) -> Result<Known, StoreError> {
        let (now, policy) = (self.gate.now(), &self.settings.policy);
        let mut known = Known::new(self.settings.operators.iter().copied());
        let terms = |read: &Read| policy.terms(read.seat.app.id.as_str());
        self.gate
            .learn(&mut known, |known| {
                let mut missing = Missing::default();
                for read in reads {
                    let concerned = read.concerned(terms(read).quorum);
                    let holder = read.seat.holder.filter(|_| terms(read).ask_holder_first);
                    missing.join(route::missing(&concerned, &[], holder, known, now));
                }
                missing
            })
            .await?;
        Ok(known)
    }

    /// The names that the accounts are known by: so a holder is known, and bound, although a report names an id alone.
    async fn names(
        &self,
        reported: Vec<AccountNames>,
        accounts: &[AccountId],
    ) -> Result<Vec<AccountNames>, StoreError> {
        let known = self.gate.parts.people.account_names(accounts).await?;
        Ok(reported.into_iter().zip(known).map(|(reported, known)| known.unwrap_or(reported)).collect())
    }

    async fn people(
        &self,
        batch: &[(u32, Candidate)],
        names: &[AccountNames],
    ) -> Result<BTreeMap<Identity, PersonRef>, StoreError> {
        let mut drafts: BTreeMap<Identity, PersonDraft> = BTreeMap::new();
        for ((_, candidate), names) in batch.iter().zip(names) {
            let terms = self.settings.policy.terms(candidate.app.id.as_str());
            let fallbacks = terms.fallback_approvers.iter().filter_map(|text| fallback(text));
            for draft in holder(names).into_iter().chain(candidate.manager.clone()).chain(fallbacks) {
                let known = drafts.entry(draft.identity.clone()).or_insert_with(|| draft.clone());
                known.name = known.name.take().or(draft.name);
            }
        }
        let (identities, drafts): (Vec<_>, Vec<_>) = drafts.into_iter().unzip();
        Ok(identities.into_iter().zip(self.gate.resolve(drafts).await?).collect())
    }

    /// What was received, as a text to be kept.
    fn received(&self, read: &Read) -> Text {
        let about = read.seat.holder.into_iter().chain(read.manager);
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
