//! Trying a policy: what a sweep would lead to, without asking anybody.
//!
//! It reads what the intake reads, in the same order, and writes nothing: whoever is not known yet gets a reference that
//! is forgotten afterwards. Requests that another sweep opens meanwhile are not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::intake::{Limits, being_offboarded, cooling_down, fallback, holder, identities, judge, kept_candidate};
use crate::gate::{Gate, GateError, Settings};
use crate::id::{AccountId, PersonRef, RequestId, SweepId};
use crate::message::PathLine;
use crate::money::{Money, Totals};
use crate::person::{Identity, PersonDetails, PersonDraft};
use crate::policy::Policy;
use crate::port::{NamedSeat, Problem, RowStatus, SeatStatusRow, StoreError};
use crate::request::Why;
use crate::route::{self, Concerned, Known, Missing, Routed};
use crate::seat::{Candidate, Seat};
use crate::time::Timestamp;

/// One row to try.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trial {
    /// Its number in the sweep.
    pub row: u32,
    /// The candidate, or what is wrong with it.
    pub candidate: Result<Candidate, Problem>,
    /// When it was received: its evidence is as old as it was then.
    pub received_at: Timestamp,
}

impl Trial {
    /// A row that is received now.
    #[must_use]
    pub fn new(row: u32, candidate: Result<Candidate, Problem>, received_at: Timestamp) -> Self {
        Self { row, candidate, received_at }
    }
}

/// What a sweep would lead to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Simulation {
    /// One a row, by row.
    pub rows: Vec<SimulatedRow>,
    /// Everybody who would be asked, with how many messages: by their name.
    pub people: Vec<SimulatedPerson>,
    /// What the seats cost a month that would be asked about: the money at stake.
    pub at_stake: Totals,
    /// Rows of a past sweep of which nothing was kept that could be tried again.
    pub not_kept: u64,
}

/// What a row would come to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SimulatedRow {
    /// Which.
    pub row: u32,
    /// How it would be answered.
    pub status: RowStatus,
    /// Why, where nobody would be asked.
    pub problem: Option<Problem>,
    /// The request that asks about its seat already.
    pub request: Option<RequestId>,
    /// Who would be asked.
    pub asked: Vec<SimulatedAsk>,
    /// What the seat costs a month.
    pub monthly_cost: Option<Money>,
}

/// Somebody who would be asked about a row. Personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedAsk {
    /// Who.
    pub person: String,
    /// Why they.
    pub why: Why,
    /// Who was met on the way to them.
    pub path: Vec<PathLine>,
}

/// Somebody who would be asked. Personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedPerson {
    /// Who.
    pub person: String,
    /// About how many seats.
    pub seats: u64,
    /// With how many messages: one a seat, or one a digest.
    pub messages: u64,
    /// How many reminders would follow at the most, where they do not answer.
    pub reminders: u64,
}

/// A candidate with everything that was read for it.
struct Read {
    row: u32,
    candidate: Candidate,
    concerned: Concerned,
    seat: Seat,
}

/// The references by which people are told apart here, and what to call them.
#[derive(Default)]
struct People {
    references: BTreeMap<Identity, PersonRef>,
    names: BTreeMap<PersonRef, String>,
    /// Accounts that are not known yet, by the names that they were reported under.
    accounts: BTreeMap<(String, String), AccountId>,
}

impl Gate {
    /// What these rows would lead to under `policy`. Nobody is asked, and nothing is recorded.
    ///
    /// # Errors
    /// When a store or the directory cannot tell.
    ///
    /// # Cancel safety
    /// Nothing changes.
    pub async fn simulate(&self, trials: Vec<Trial>, policy: &Policy) -> Result<Simulation, StoreError> {
        let settings = Settings { policy: policy.clone(), ..(*self.settings()).clone() };
        let mut simulator =
            Simulator { gate: self, settings, people: People::default(), simulation: Simulation::default() };
        simulator.run(trials).await?;
        Ok(simulator.simulation)
    }

    /// The rows of a past sweep, as far as what was received is kept, and how many are not: whoever was asked about, and
    /// what was held.
    ///
    /// # Errors
    /// [`GateError::NoSweep`], or when a store cannot tell.
    ///
    /// # Cancel safety
    /// Nothing changes.
    pub async fn trials_of(&self, sweep: SweepId) -> Result<(Vec<Trial>, u64), GateError> {
        let (record, report) = self.swept(sweep, 0..u32::MAX).await?;
        let asked: Vec<RequestId> = report
            .results
            .iter()
            .filter(|row| row.status == RowStatus::Asked)
            .filter_map(|row| row.request_id)
            .collect();
        let mut kept = BTreeMap::new();
        for stored in self.parts.requests.load(&asked).await?.into_iter().flatten() {
            let evidence = stored.request.evidence.as_ref();
            kept.extend(evidence.map(|evidence| (stored.request.origin.row, evidence.received.id)));
        }
        kept.extend(report.results.iter().filter_map(|row| Some((row.row, row.candidate?.id))));
        let (rows, texts): (Vec<u32>, Vec<_>) = kept.into_iter().unzip();
        let mut trials = Vec::with_capacity(rows.len());
        for (row, text) in rows.into_iter().zip(self.parts.people.texts(&texts).await?) {
            trials.push(Trial::new(row, kept_candidate(text), record.received_at));
        }
        let all = u64::try_from(report.results.len()).unwrap_or(u64::MAX);
        let not_kept = all.saturating_sub(u64::try_from(trials.len()).unwrap_or(u64::MAX));
        Ok((trials, not_kept))
    }
}

struct Simulator<'a> {
    gate: &'a Gate,
    settings: Settings,
    people: People,
    simulation: Simulation,
}

/// How many rows are looked up together.
const ROUND: usize = 256;

impl Simulator<'_> {
    async fn run(&mut self, trials: Vec<Trial>) -> Result<(), StoreError> {
        // Of the number of seats a past sweep may have said something else; the policy's counts here.
        let (policy, seats) = (self.settings.policy.clone(), BTreeMap::new());
        let mut limits = Limits::of(&policy, &seats, 0, &[]);
        for trial in &trials {
            if let Ok(candidate) = &trial.candidate {
                limits.count(trial.row, &candidate.app.id);
            }
        }
        let answered = BTreeMap::new();
        let mut room = limits.room(&answered);
        let mut seats = BTreeSet::new();
        let mut waiting = Vec::new();
        for trial in trials {
            waiting.extend(self.judged(trial));
        }
        while !waiting.is_empty() {
            let batch: Vec<_> = waiting.drain(..waiting.len().min(ROUND)).collect();
            let reads = self.read(batch).await?;
            let asked = self.sift(reads, &mut seats, &mut |row| room.take(row)).await?;
            self.ask(asked).await?;
        }
        self.simulation.rows.sort_by_key(|row| row.row);
        self.count_messages();
        Ok(())
    }

    /// What is left to be looked up.
    fn judged(&mut self, trial: Trial) -> Option<(u32, Candidate)> {
        let judged = trial
            .candidate
            .and_then(|candidate| judge(self.gate, &self.settings, candidate, trial.received_at, trial.received_at));
        match judged {
            Ok(Ok(candidate)) => return Some((trial.row, candidate)),
            Ok(Err(why)) => self.answer(trial.row, RowStatus::Filtered, Some(why), None),
            Err(problem) => self.answer(trial.row, RowStatus::Rejected, Some(problem), None),
        }
        None
    }

    fn answer(&mut self, row: u32, status: RowStatus, problem: Option<Problem>, request: Option<RequestId>) {
        self.simulation.rows.push(SimulatedRow {
            row,
            status,
            problem,
            request,
            asked: Vec::new(),
            monthly_cost: None,
        });
    }

    async fn read(&mut self, batch: Vec<(u32, Candidate)>) -> Result<Vec<Read>, StoreError> {
        let gate = self.gate;
        let questions: Vec<_> =
            batch.iter().map(|(_, candidate)| (candidate.app.id.clone(), candidate.account.clone())).collect();
        let accounts = gate.parts.people.known_accounts(&questions).await?;
        let known: Vec<AccountId> = accounts.iter().flatten().copied().collect();
        let names = gate.parts.people.account_names(&known).await?;
        let names: BTreeMap<_, _> = known.into_iter().zip(names).filter_map(|(id, names)| Some((id, names?))).collect();
        let mut reads = Vec::with_capacity(batch.len());
        for ((row, candidate), accounts) in batch.into_iter().zip(accounts) {
            let known = accounts.into_iter().next();
            let account = known.unwrap_or_else(|| self.new_account(&candidate));
            let held_by = candidate.account.email.is_some().then_some(&candidate.account);
            let held_by = held_by.or_else(|| names.get(&account)).unwrap_or(&candidate.account);
            let holder = self.person(holder(held_by)).await?;
            let manager = self.person(candidate.manager.clone()).await?;
            let terms = self.settings.policy.terms(candidate.app.id.as_str()).clone();
            let mut fallbacks = Vec::new();
            for address in &terms.fallback_approvers {
                fallbacks.extend(self.person(fallback(address)).await?);
            }
            let seat = Seat::new(candidate.app.clone(), account, candidate.entitlement.clone(), holder);
            let concerned = Concerned::new(manager, holder, fallbacks).in_app(Some(candidate.app.id.clone()));
            reads.push(Read { row, candidate, concerned: concerned.with_quorum(terms.quorum), seat });
        }
        Ok(reads)
    }

    /// An id that stands for an account which is not known yet while this lasts, by whichever of its names.
    fn new_account(&mut self, candidate: &Candidate) -> AccountId {
        let names = identities(candidate);
        let met = names.iter().find_map(|name| self.people.accounts.get(name).copied());
        let account = met.unwrap_or_else(|| AccountId::generate(self.gate.now(), &*self.gate.parts.entropy));
        self.people.accounts.extend(names.into_iter().map(|name| (name, account)));
        account
    }

    /// A reference that stands for somebody while this lasts.
    async fn person(&mut self, draft: Option<PersonDraft>) -> Result<Option<PersonRef>, StoreError> {
        let Some(draft) = draft else { return Ok(None) };
        if let Some(known) = self.people.references.get(&draft.identity) {
            return Ok(Some(*known));
        }
        let found = self.gate.parts.people.find(&draft.identity).await?;
        let reference = found.unwrap_or_else(|| PersonRef::generate(self.gate.now(), &*self.gate.parts.entropy));
        let shown = PersonDetails::new(reference, draft.name, vec![draft.identity.clone()]);
        self.people.names.insert(reference, shown.label());
        self.people.references.insert(draft.identity, reference);
        Ok(Some(reference))
    }

    /// Answers rows whose seat is asked about, left alone or excepted already, or that are too many.
    async fn sift(
        &mut self,
        reads: Vec<Read>,
        taken: &mut BTreeSet<String>,
        room: &mut (dyn FnMut(u32) -> bool + Send),
    ) -> Result<Vec<Read>, StoreError> {
        let (gate, now) = (self.gate, self.gate.now());
        let seats: Vec<Seat> = reads.iter().map(|read| read.seat.clone()).collect();
        let statuses = gate.parts.requests.seats(&seats).await?;
        let named = |read: &Read| NamedSeat::new(read.seat.clone(), read.candidate.account.clone());
        let exceptions = gate.parts.exceptions.active(&reads.iter().map(named).collect::<Vec<_>>(), now).await?;
        let mut rest = Vec::new();
        for ((read, status), exception) in reads.into_iter().zip(statuses).zip(exceptions) {
            let SeatStatusRow { open_request, quiet_until, holder_leaves, .. } = status;
            let quiet = quiet_until.filter(|until| *until > now);
            if open_request.is_some() || taken.contains(&read.seat.key().to_string()) {
                self.answer(read.row, RowStatus::Duplicate, None, open_request);
            } else if let Some(offboarding) = holder_leaves {
                self.answer(read.row, RowStatus::Filtered, Some(being_offboarded(offboarding)), None);
            } else if let Some(until) = quiet {
                self.answer(read.row, RowStatus::Filtered, Some(cooling_down(until)), None);
            } else if exception.is_some() {
                self.answer(read.row, RowStatus::Excepted, None, None);
            } else if !room(read.row) {
                self.answer(read.row, RowStatus::Held, None, None);
            } else {
                taken.insert(read.seat.key().to_string());
                rest.push(read);
            }
        }
        Ok(rest)
    }

    async fn ask(&mut self, reads: Vec<Read>) -> Result<(), StoreError> {
        let now = self.gate.now();
        let first = |read: &Read| {
            let terms = self.settings.policy.terms(read.seat.app.id.as_str());
            read.seat.holder.filter(|_| terms.ask_holder_first)
        };
        let mut known = Known::new(self.settings.operators.iter().copied());
        self.gate
            .learn(&mut known, |known| {
                let mut missing = Missing::default();
                reads.iter().for_each(|read| {
                    missing.join(route::missing(&read.concerned, &[], first(read), known, now));
                });
                missing
            })
            .await?;
        let routes: Vec<(Read, Vec<Routed>)> = reads
            .into_iter()
            .map(|read| {
                let routed = match first(&read).filter(|holder| route::is_reachable(*holder, &known, now)) {
                    Some(holder) => vec![Routed::new(holder, Why::Holder)],
                    None => route::approvers(&read.concerned, &known, now),
                };
                (read, routed)
            })
            .collect();
        self.name(routes.iter().flat_map(|(_, routed)| routed)).await?;
        for (read, routed) in routes {
            self.open(&read, &routed);
        }
        Ok(())
    }

    /// Learns what to call those whom the directory led to.
    async fn name<'r>(&mut self, routed: impl Iterator<Item = &'r Routed>) -> Result<(), StoreError> {
        let met = routed.flat_map(|routed| routed.path.iter().map(|step| step.person).chain([routed.person]));
        let unknown: BTreeSet<PersonRef> = met.filter(|person| !self.people.names.contains_key(person)).collect();
        let unknown: Vec<PersonRef> = unknown.into_iter().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let details = self.gate.parts.people.details(&unknown).await?;
        let labels =
            details.into_iter().map(|found| found.map_or_else(|| "(unknown)".to_owned(), |found| found.label()));
        self.people.names.extend(unknown.into_iter().zip(labels));
        Ok(())
    }

    fn open(&mut self, read: &Read, routed: &[Routed]) {
        let name = |person: &PersonRef| self.people.names.get(person).cloned().unwrap_or_default();
        let ask = |routed: &Routed| SimulatedAsk {
            person: name(&routed.person),
            why: routed.why,
            path: routed
                .path
                .iter()
                .map(|step| PathLine { name: name(&step.person), role: step.role, turn: step.turn })
                .collect(),
        };
        let asked: Vec<SimulatedAsk> = routed.iter().map(ask).collect();
        let terms = self.settings.policy.terms(read.seat.app.id.as_str());
        let (digest, reminders) = (!terms.digest.is_zero(), terms.remind_after.len());
        for ask in &asked {
            let person = ask.person.clone();
            let known = self.simulation.people.iter().position(|known| known.person == person);
            let place = known.unwrap_or_else(|| {
                self.simulation.people.push(SimulatedPerson { person, seats: 0, messages: 0, reminders: 0 });
                self.simulation.people.len() - 1
            });
            if let Some(person) = self.simulation.people.get_mut(place) {
                let is_new = !digest || person.messages == 0;
                person.seats += 1;
                person.messages += u64::from(is_new);
                person.reminders += if is_new { u64::try_from(reminders).unwrap_or(u64::MAX) } else { 0 };
            }
        }
        let monthly_cost = read.candidate.monthly_cost;
        monthly_cost.into_iter().for_each(|cost| self.simulation.at_stake.add(cost));
        let status = RowStatus::Asked;
        let row = SimulatedRow { row: read.row, status, problem: None, request: None, asked, monthly_cost };
        self.simulation.rows.push(row);
    }

    fn count_messages(&mut self) {
        self.simulation.people.sort_by(|a, b| b.messages.cmp(&a.messages).then_with(|| a.person.cmp(&b.person)));
    }
}
