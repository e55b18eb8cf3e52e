//! Taking in a sweep: from candidates to open requests, each seat asked about once.
//!
//! Rows are worked off in rounds. A round resolves people and accounts, reads the seats and then the exceptions, and
//! commits; the store compares the seats' generations. A row that loses a race goes into the next round, so it starts
//! again from the read: a Keep and the next sweep cannot cross. Two rows of one batch that name the same account go into
//! different rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::agenda::{self, Card};
use crate::approvers::approvers_of;
use crate::gate::{Gate, GateError, Settings, TRIES, corrupt};
use crate::id::{AccountId, CardId, PersonRef, RequestId, SweepId};
use crate::person::{Actor, Identity, PersonDraft, Surface, Text};
use crate::policy::{Mode, Terms};
use crate::port::{
    Answer, Change, Conflict, Inbound, NamedSeat, NewAccount, Problem, RowResult, RowStatus, SeatChange, SeatStatusRow,
    StoreError, SweepRecord,
};
use crate::request::{Asked, Event, Fact, Opening, Origin, Request, Subject};
use crate::seat::{AccountNames, Activity, Candidate, Evidence, Seat};
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
    /// Whether nobody is asked: the answers say who would have been.
    pub dry_run: bool,
    /// The rows: candidates, and what is wrong with those that are none.
    pub rows: Vec<Result<Candidate, Problem>>,
}

impl Sweep {
    /// A sweep by `submitted_by`.
    #[must_use]
    pub fn new(submitted_by: Actor, surface: Surface, rows: Vec<Result<Candidate, Problem>>) -> Self {
        Self { submitted_by, surface, inbound: None, dry_run: false, rows }
    }

    /// As part of this signed delivery.
    #[must_use]
    pub fn delivered_as(mut self, inbound: Inbound) -> Self {
        self.inbound = Some(inbound);
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
    /// One answer a row, by row.
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

/// How far ahead of our clock an observation may be.
const FUTURE_TOLERANCE: Duration = Duration::from_secs(300);
/// How many rows are worked off at once.
const ROUND: usize = 256;

/// A sweep on its way in.
struct Intake<'a> {
    gate: &'a Gate,
    settings: &'a Settings,
    record: SweepRecord,
    surface: Surface,
    dry_run: bool,
    chain: Chain,
    /// Rows that are answered, durably.
    answered: BTreeMap<u32, RowResult>,
    /// Rows that are answered in this process, and to be recorded with the next commit.
    unrecorded: Vec<RowResult>,
    /// Rows that are to be worked off.
    waiting: BTreeMap<u32, Candidate>,
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

impl Gate {
    /// Takes in a sweep and answers row by row. When this returns `Ok`, every answer is durable.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::DeliveryReused`], [`GateError::Contended`], or what the store says. Rows that were
    /// answered by then stay so; handing in the same delivery again resumes.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some rows answered and some not, none half.
    pub async fn sweep(&self, sweep: Sweep) -> Result<SweepReport, GateError> {
        let settings = self.settings();
        if settings.mode == Mode::Off {
            return Err(GateError::Off);
        }
        let mut intake = Intake::start(self, &settings, &sweep).await?;
        intake.sort(sweep.rows);
        for _ in 0..TRIES + intake.waiting.len() {
            if intake.waiting.is_empty() && intake.unrecorded.is_empty() {
                self.wake();
                return Ok(SweepReport { sweep: intake.record.id, results: intake.answered.into_values().collect() });
            }
            intake.round().await?;
        }
        Err(GateError::Contended)
    }
}

impl<'a> Intake<'a> {
    /// Finds the sweep that this delivery brought before, or records a new one.
    async fn start(gate: &'a Gate, settings: &'a Settings, sweep: &Sweep) -> Result<Self, GateError> {
        let (now, entropy) = (gate.now(), &*gate.parts.entropy);
        let id = SweepId::generate(now, entropy);
        let mut intake = Self {
            gate,
            settings,
            record: SweepRecord::new(id, sweep.inbound.clone(), sweep.submitted_by.clone(), now),
            surface: sweep.surface,
            dry_run: sweep.dry_run,
            chain: Chain::empty(Stream::Sweep(id)),
            answered: BTreeMap::new(),
            unrecorded: Vec::new(),
            waiting: BTreeMap::new(),
        };
        for _ in 0..TRIES {
            if intake.resume(sweep.inbound.as_ref()).await? || intake.record_sweep(sweep).await? {
                return Ok(intake);
            }
        }
        Err(GateError::Contended)
    }

    async fn resume(&mut self, inbound: Option<&Inbound>) -> Result<bool, GateError> {
        let Some(inbound) = inbound else { return Ok(false) };
        let store = &self.gate.parts.requests;
        let Some(known) = store.sweep_of(&inbound.id).await? else { return Ok(false) };
        if known.inbound.as_ref().is_some_and(|known| known.digest != inbound.digest) {
            return Err(GateError::DeliveryReused);
        }
        self.record = known;
        self.reread().await?;
        Ok(true)
    }

    /// Reads what another worker on the same sweep may have written.
    async fn reread(&mut self) -> Result<(), StoreError> {
        let store = &self.gate.parts.requests;
        self.chain = store.chain(Stream::Sweep(self.record.id)).await?;
        self.answered = store.rows(self.record.id).await?.into_iter().map(|result| (result.row, result)).collect();
        self.waiting.retain(|row, _| !self.answered.contains_key(row));
        self.unrecorded.retain(|result| !self.answered.contains_key(&result.row));
        Ok(())
    }

    async fn record_sweep(&mut self, sweep: &Sweep) -> Result<bool, GateError> {
        let mut change = Change::new(self.gate.new_change(), &self.chain);
        let data = json!({
            "rows": sweep.rows.len(),
            "dry_run": sweep.dry_run,
            "delivery": sweep.inbound.as_ref().map(|inbound| inbound.digest.to_string()),
        });
        self.append(&mut change, "sweep_received", data)?;
        change.sweep = Some(self.record.clone());
        let kept = self.gate.commit_one(change).await?.is_kept();
        if !kept {
            self.chain = Chain::empty(self.chain.stream);
        }
        Ok(kept)
    }

    fn append(&mut self, change: &mut Change, kind: &str, data: serde_json::Value) -> Result<(), StoreError> {
        let actor = self.record.submitted_by.clone();
        let draft = EntryDraft::new(self.gate.now(), kind, actor, self.surface, data);
        change.entries.push(self.chain.append(change.id, draft).map_err(corrupt)?);
        Ok(())
    }

    /// Answers what needs no look into the store, and puts the rest in line.
    fn sort(&mut self, rows: Vec<Result<Candidate, Problem>>) {
        for (row, candidate) in (0_u32..).zip(rows) {
            if self.answered.contains_key(&row) {
                continue;
            }
            match candidate.and_then(|candidate| self.judge(candidate)) {
                Ok(Ok(candidate)) => {
                    self.waiting.insert(row, candidate);
                }
                Ok(Err(why)) => self.unrecorded.push(RowResult::new(row, RowStatus::Filtered).because(why)),
                Err(problem) => self.unrecorded.push(RowResult::new(row, RowStatus::Rejected).because(problem)),
            }
        }
    }

    /// `Err` rejects the row, `Ok(Err)` filters it.
    fn judge(&self, mut candidate: Candidate) -> Result<Result<Candidate, Problem>, Problem> {
        let (terms, now) = (self.settings.policy.terms(candidate.app.id.as_str()), self.gate.now());
        if self.gate.parts.router.target(&candidate.app.id).is_none() {
            return Err(Problem::new("No target", "no target removes seats of this app", "/app/id"));
        }
        let observed_at = *candidate.observed_at.get_or_insert(now);
        stale_or_future(observed_at, candidate.activity, terms, now)?;
        Ok(match not_asked_about(&candidate, observed_at, terms) {
            Some(why) => Err(why),
            None => Ok(candidate),
        })
    }

    async fn round(&mut self) -> Result<(), GateError> {
        let batch = self.next_batch();
        let reads = self.read(batch).await?;
        let mut changes = Vec::new();
        let mut opening = Vec::new();
        for read in self.sift(reads).await? {
            let (change, result) = self.open(&read)?;
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
        let accounts = batch.iter().map(|(_, candidate)| new_account(candidate)).collect();
        let accounts = gate.parts.people.accounts(accounts, now).await?;
        let names = self.names(&batch, &accounts).await?;
        let people = self.people(&batch, &names).await?;
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

    /// The names that the accounts are known by: so a holder is known, and bound, although a report names an id alone.
    async fn names(&self, batch: &[(u32, Candidate)], accounts: &[AccountId]) -> Result<Vec<AccountNames>, StoreError> {
        let reported = batch.iter().map(|(_, candidate)| candidate.account.clone());
        if batch.iter().all(|(_, candidate)| candidate.account.email.is_some()) {
            return Ok(reported.collect());
        }
        let known = self.gate.parts.people.account_names(accounts).await?;
        Ok(reported.zip(known).map(|(reported, known)| known.unwrap_or(reported)).collect())
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

    /// Answers rows whose seat is asked about or excepted already, and gives back the rest.
    async fn sift(&mut self, reads: Vec<Read>) -> Result<Vec<Read>, StoreError> {
        let named: Vec<_> = reads.iter().map(|read| NamedSeat::new(read.seat.clone(), read.names.clone())).collect();
        let mut excepted = Vec::new();
        if !named.is_empty() {
            excepted = self.gate.parts.exceptions.active(&named, self.gate.now()).await?;
        }
        let mut rest = Vec::new();
        for (read, exception) in reads.into_iter().zip(excepted) {
            if let Some(request) = read.status.open_request {
                self.unrecorded.push(RowResult::new(read.row, RowStatus::Duplicate).about(request));
            } else if exception.is_some() {
                self.unrecorded.push(RowResult::new(read.row, RowStatus::Excepted));
            } else if self.dry_run {
                self.unrecorded.push(RowResult::new(read.row, RowStatus::SuppressedDryRun));
            } else {
                rest.push(read);
            }
        }
        Ok(rest)
    }

    fn open(&self, read: &Read) -> Result<(Change, RowResult), StoreError> {
        let (gate, now, entropy) = (self.gate, self.gate.now(), &*self.gate.parts.entropy);
        let id = RequestId::generate(now, entropy);
        let received =
            Text::new(read.candidate.received.clone(), read.seat.holder.into_iter().chain(read.manager), now, entropy);
        let opening = self.opening(read, &received);
        let request = Request::open(id, now, opening.clone());
        let event = Event::Opened(Box::new(opening));
        let fact = Fact::new(now, self.record.submitted_by.clone(), None, self.surface, event);
        let mut chain = Chain::empty(Stream::Request(id));
        let mut change = Change::new(gate.new_change(), &chain);
        let entry = EntryDraft::of_fact(&fact).and_then(|draft| chain.append(change.id, draft)).map_err(corrupt)?;
        change.entries.push(entry);
        change.texts.push(received);
        change.cards = request.approval.asked.iter().map(|a| Card::new(a.card, a.person, vec![id])).collect();
        change.agenda = agenda::changes(None, &request, None, "none", now, entropy);
        if request.mode == Mode::Live {
            change.seat = Some(SeatChange::Take { seat: read.seat.clone(), generation: read.status.generation });
        }
        change.request = Some(request);
        let result = RowResult::new(read.row, RowStatus::Asked).about(id);
        change.rows.push((self.record.id, result.clone()));
        Ok((change, result))
    }

    fn opening(&self, read: &Read, received: &Text) -> Opening {
        let (now, entropy, candidate) = (self.gate.now(), &*self.gate.parts.entropy, &read.candidate);
        let policy = &self.settings.policy;
        let operators: Vec<_> = self.settings.operators.iter().copied().collect();
        let asked = approvers_of(read.manager, read.seat.holder, &read.fallbacks, &operators)
            .into_iter()
            .map(|(person, why)| Asked::new(person, why, CardId::generate(now, entropy)))
            .collect();
        let observed_at = candidate.observed_at.unwrap_or(now);
        let evidence = Evidence::new(candidate.activity, observed_at, candidate.monthly_cost, received.reference);
        let origin = Origin::new(self.record.id, read.row, self.record.submitted_by.clone());
        let terms = policy.terms(candidate.app.id.as_str()).clone();
        let subject = Subject::Seat(read.seat.clone());
        let channel = candidate.requesting_channel.clone().or_else(|| self.settings.channel.clone());
        Opening::new(subject, origin, self.settings.mode, policy.version().to_owned(), terms)
            .with_evidence(evidence)
            .asking(asked)
            .telling(channel)
    }

    fn record_rows(&mut self, results: &[RowResult]) -> Result<Change, StoreError> {
        let mut change = Change::new(self.gate.new_change(), &self.chain);
        let data: BTreeMap<&str, usize> =
            counts(results).into_iter().map(|(status, count)| (status.label(), count)).collect();
        self.append(&mut change, "rows_answered", json!({ "counts": data }))?;
        change.rows = results.iter().map(|result| (self.record.id, result.clone())).collect();
        Ok(change)
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
                Answer::Conflict(conflict) => {
                    raced |= *conflict == Conflict::Row;
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

/// What an account is found by.
fn identities(candidate: &Candidate) -> Vec<(String, String)> {
    let app = candidate.app.id.as_str();
    let id = candidate.account.id.iter().map(|id| format!("id:{id}"));
    let email = candidate.account.email.iter().map(|email| format!("email:{email}"));
    id.chain(email).map(|name| (app.to_owned(), name)).collect()
}

fn holder(names: &AccountNames) -> Option<PersonDraft> {
    Some(PersonDraft::new(Identity::Email(names.email.clone()?), names.name.clone()))
}

fn fallback(address: &str) -> Option<PersonDraft> {
    address.parse().ok().map(|identity| PersonDraft::new(identity, None))
}

fn stale_or_future(observed: Timestamp, activity: Activity, terms: &Terms, now: Timestamp) -> Result<(), Problem> {
    let observed_at = |detail: String| Err(Problem::new("Unusable evidence", detail, "/observed_at"));
    if observed > now.saturating_add(FUTURE_TOLERANCE) {
        return observed_at("lies in the future".to_owned());
    }
    if now.since(observed) > terms.max_evidence_age.duration() {
        return observed_at(format!("is older than the policy's max_evidence_age of {}", terms.max_evidence_age));
    }
    match activity {
        Activity::LastAt(at) if at > observed => {
            Err(Problem::new("Unusable evidence", "lies after `observed_at`", "/last_activity_at"))
        }
        Activity::LastAt(_) | Activity::NeverUsed => Ok(()),
    }
}

fn not_asked_about(candidate: &Candidate, observed_at: Timestamp, terms: &Terms) -> Option<Problem> {
    if let Some(position) = candidate.risk_tags.iter().position(|tag| terms.exempt_tags.contains(tag)) {
        let pointer = format!("/risk_tags/{position}");
        return Some(Problem::new("Exempt", "the policy exempts seats with this tag", pointer));
    }
    match candidate.activity {
        Activity::LastAt(at) if observed_at.since(at) < terms.min_idle.duration() => {
            let detail = format!("was used within the policy's min_idle of {}", terms.min_idle);
            Some(Problem::new("Not idle", detail, "/last_activity_at"))
        }
        Activity::LastAt(_) | Activity::NeverUsed => None,
    }
}
