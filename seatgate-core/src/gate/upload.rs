//! Sweeps of any length: opened, received batch by batch, sealed. Nobody is asked before the seal.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::{Gate, GateError, TRIES, corrupt};
use crate::agenda::{AgendaChange, Item};
use crate::canonical::Digest;
use crate::id::SweepId;
use crate::person::{Actor, Surface};
use crate::policy::Mode;
use crate::port::{
    Batch, BatchRow, Bulk, Change, Inbound, Problem, RowResult, RowStatus, Seal, StoreError, SweepRecord,
};
use crate::seat::{AppId, Candidate};
use crate::trail::{Chain, EntryDraft, Stream};

/// A sweep whose rows will come in batches.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BulkSweep {
    /// Who hands it in. They cannot approve from it.
    pub submitted_by: Actor,
    /// Through what.
    pub surface: Surface,
    /// What the sender calls it: opened again under the same name by the same sender, it is the same sweep.
    pub external_id: Option<String>,
    /// What the sender calls where it comes from.
    pub source: Option<String>,
    /// Whether nobody is asked: the answers say who would have been.
    pub dry_run: bool,
    /// How many seats these apps have in all, in place of what the policy says.
    pub seats: BTreeMap<AppId, u32>,
}

impl BulkSweep {
    /// A sweep by `submitted_by`.
    #[must_use]
    pub fn new(submitted_by: Actor, surface: Surface) -> Self {
        Self { submitted_by, surface, external_id: None, source: None, dry_run: false, seats: BTreeMap::new() }
    }

    /// What makes a repeated one known. What is opened otherwise is another sweep, and must be called so.
    fn inbound(&self) -> Option<Inbound> {
        let id = self.external_id.as_ref()?;
        let said = json!([self.submitted_by, self.source, self.dry_run, self.seats]);
        // No delivery bears such an id: theirs have no space.
        Some(Inbound::new(format!("bulk {id}"), Digest::of(said.to_string().as_bytes())))
    }
}

/// A row of an upload.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UploadRow {
    /// Of what was sent.
    pub digest: Digest,
    /// The candidate, or what is wrong with it.
    pub row: Result<Candidate, Problem>,
}

impl UploadRow {
    /// A row with this digest.
    #[must_use]
    pub fn new(digest: Digest, row: Result<Candidate, Problem>) -> Self {
        Self { digest, row }
    }

    /// As it is kept.
    fn kept(&self) -> BatchRow {
        let text = self.row.as_ref().map(|candidate| candidate.received.clone());
        BatchRow::new(self.digest, text.unwrap_or_default())
    }

    /// As it is answered once it is kept under this number.
    fn answer(&self, number: u32) -> RowResult {
        match &self.row {
            Ok(_) => RowResult::new(number, RowStatus::Received),
            Err(problem) => RowResult::new(number, RowStatus::Rejected).because(problem.clone()),
        }
    }
}

/// Rows on their way into a sweep.
pub struct Upload {
    gate: Gate,
    sweep: SweepId,
    next: u32,
}

impl Gate {
    /// Opens a sweep for rows.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::DeliveryReused`] where the name was used for something else,
    /// [`GateError::Contended`], or what the store says. Opening again under the same name is safe.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether there is a sweep.
    pub async fn open_bulk(&self, bulk: BulkSweep) -> Result<SweepId, GateError> {
        self.not_off()?;
        let (now, inbound) = (self.now(), bulk.inbound());
        for _ in 0..TRIES {
            let id = SweepId::generate(now, &*self.parts.entropy);
            let data = json!({ "dry_run": bulk.dry_run, "seats": bulk.seats });
            let by = (&bulk.submitted_by, bulk.surface);
            let mut change = self.entry(&Chain::empty(Stream::Sweep(id)), "sweep_opened", by, data)?;
            let kept = Bulk::new(bulk.source.clone(), bulk.dry_run, bulk.seats.clone());
            let record = SweepRecord::new(id, inbound.clone(), bulk.submitted_by.clone(), now);
            change.sweep = Some(record.in_bulk(Some(kept)));
            if self.commit_one(change).await?.is_kept() {
                return Ok(id);
            }
            let Some(inbound) = &inbound else { continue };
            if let Some(known) = self.parts.requests.sweep_of(&inbound.id).await? {
                let same = known.inbound.is_some_and(|known| known.digest == inbound.digest);
                return if same { Ok(known.id) } else { Err(GateError::DeliveryReused) };
            }
        }
        Err(GateError::Contended)
    }

    /// Rows for an open sweep of the same sender, numbered from `from`: at most as many as it has. Rows that it has
    /// already are compared with what came first.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::NoSweep`], [`GateError::Sealed`], [`GateError::OtherRows`], or when the store cannot
    /// tell.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn upload(&self, sweep: SweepId, by: &Actor, from: u32) -> Result<Upload, GateError> {
        self.not_off()?;
        let record = self.own_sweep(sweep, by).await?;
        let upload = Upload { gate: self.clone(), sweep, next: from };
        upload.fits(&record)?;
        Ok(upload)
    }

    /// Ends the rows of a sweep of the same sender, and has it worked off: limits count over all of its rows, and those
    /// within them are asked about. `rows`, if given, is how many there must be. Sealed twice is sealed once.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::NoSweep`], [`GateError::Sealed`] for a sweep that was never open,
    /// [`GateError::OtherRows`], [`GateError::Contended`], or what the store says. Sealing again is safe.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether the sweep is sealed.
    pub async fn seal(
        &self,
        sweep: SweepId,
        by: (&Actor, Surface),
        rows: Option<u32>,
    ) -> Result<SweepRecord, GateError> {
        self.not_off()?;
        for _ in 0..TRIES {
            // Before the record: whoever seals between the two makes this change conflict.
            let chain = self.parts.requests.chain(Stream::Sweep(sweep)).await?;
            let record = self.own_sweep(sweep, by.0).await?;
            if rows.is_some_and(|rows| rows != record.rows) {
                return Err(GateError::OtherRows { received: record.rows });
            }
            match &record.bulk {
                None => return Err(GateError::Sealed(sweep)),
                Some(bulk) if bulk.sealed_at.is_some() => return Ok(record),
                Some(_) => {}
            }
            if self.commit_seal(&record, &chain, by).await? {
                self.wake();
                return self.own_sweep(sweep, by.0).await;
            }
        }
        Err(GateError::Contended)
    }

    async fn commit_seal(&self, record: &SweepRecord, chain: &Chain, by: (&Actor, Surface)) -> Result<bool, GateError> {
        let now = self.now();
        let mut change = self.entry(chain, "sweep_sealed", by, json!({ "rows": record.rows }))?;
        change.seal = Some(Seal::new(record.id, record.rows, now));
        let item = Item::Intake(record.id);
        change.agenda.push(AgendaChange::Schedule { item, due: now, lane: None, gated: false });
        Ok(self.commit_one(change).await?.is_kept())
    }

    /// A change that says this in the trail.
    fn entry(&self, chain: &Chain, kind: &str, by: (&Actor, Surface), data: Value) -> Result<Change, StoreError> {
        let mut change = Change::new(self.new_change(), chain);
        let draft = EntryDraft::new(self.now(), kind, by.0.clone(), by.1, data);
        change.entries.push(chain.clone().append(change.id, draft).map_err(corrupt)?);
        Ok(change)
    }

    fn not_off(&self) -> Result<(), GateError> {
        if self.settings().mode == Mode::Off { Err(GateError::Off) } else { Ok(()) }
    }

    async fn own_sweep(&self, sweep: SweepId, by: &Actor) -> Result<SweepRecord, GateError> {
        let record = self.sweep_record(sweep).await?;
        if record.submitted_by == *by { Ok(record) } else { Err(GateError::NoSweep(sweep)) }
    }
}

impl Upload {
    /// The number of the next row.
    #[must_use]
    pub fn next_row(&self) -> u32 {
        self.next
    }

    /// Adds the next rows, and answers them once they are durable: as received, or as rejected with what is wrong. A row
    /// that came before with other bytes is rejected and changes nothing: what came first is kept.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::Sealed`], [`GateError::Contended`] where others add rows at the same time, or what
    /// the store says. Adding the same rows again is safe, as is another upload from where the sweep stands.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether the rows are kept.
    pub async fn add(&mut self, rows: &[UploadRow]) -> Result<Vec<RowResult>, GateError> {
        let (mut results, mut rest) = (Vec::with_capacity(rows.len()), rows);
        for _ in 0..TRIES {
            if rest.is_empty() {
                return Ok(results);
            }
            self.gate.not_off()?;
            let fresh = if self.keep(rest).await? { self.answers(rest) } else { self.known(rest).await? };
            rest = rest.get(fresh.len()..).unwrap_or_default();
            self.next = self.next.saturating_add(length(&fresh));
            results.extend(fresh);
        }
        Err(GateError::Contended)
    }

    /// Whether the next rows were new, and are kept.
    async fn keep(&self, rows: &[UploadRow]) -> Result<bool, StoreError> {
        let kept = rows.iter().map(UploadRow::kept).collect();
        let batch = Batch::new(self.sweep, self.next, self.gate.now(), kept);
        let rejected: Vec<_> =
            self.answers(rows).into_iter().filter(|answer| answer.status == RowStatus::Rejected).collect();
        self.gate.parts.requests.receive(&batch, &rejected).await
    }

    fn answers(&self, rows: &[UploadRow]) -> Vec<RowResult> {
        (self.next..).zip(rows).map(|(number, row)| row.answer(number)).collect()
    }

    /// The answers to those of the next rows that are there already.
    async fn known(&self, rows: &[UploadRow]) -> Result<Vec<RowResult>, GateError> {
        let store = &self.gate.parts.requests;
        let record = self.gate.sweep_record(self.sweep).await?;
        self.fits(&record)?;
        let there = self.next..record.rows.min(self.next.saturating_add(length(rows)));
        let digests = self.digests(there.clone()).await?;
        let answers = store.rows(self.sweep, there.clone()).await?;
        let mut answers: BTreeMap<u32, RowResult> = answers.into_iter().map(|result| (result.row, result)).collect();
        let answer = |(number, row): (u32, &UploadRow)| match digests.get(&number) {
            Some(digest) if *digest == row.digest => {
                answers.remove(&number).unwrap_or_else(|| RowResult::new(number, RowStatus::Received))
            }
            _ => RowResult::new(number, RowStatus::Rejected).because(other_bytes()),
        };
        Ok(there.zip(rows).map(answer).collect())
    }

    /// What was received as these rows.
    async fn digests(&self, rows: Range<u32>) -> Result<BTreeMap<u32, Digest>, StoreError> {
        let (mut digests, mut from) = (BTreeMap::new(), rows.start);
        while from < rows.end {
            let batches = self.gate.parts.requests.received(self.sweep, from, 1).await?;
            let Some(batch) = batches.into_iter().next() else { break };
            from = batch.end();
            digests.extend((batch.from..).zip(batch.rows).map(|(number, row)| (number, row.digest)));
        }
        Ok(digests)
    }

    fn fits(&self, record: &SweepRecord) -> Result<(), GateError> {
        if !record.is_open() {
            return Err(GateError::Sealed(self.sweep));
        }
        if self.next > record.rows {
            return Err(GateError::OtherRows { received: record.rows });
        }
        Ok(())
    }
}

fn other_bytes() -> Problem {
    Problem::new("Other bytes", "a row with this number came before with other bytes, and what came first is kept", "")
}

fn length<T>(rows: &[T]) -> u32 {
    u32::try_from(rows.len()).unwrap_or(u32::MAX)
}
