//! Joining names to references, at the last moment before something is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use crate::both::both;
use crate::card::Card;
use crate::gate::Gate;
use crate::id::{AccountId, PersonRef, TextId};
use crate::message::{DecisionLine, HandedOnLine, HolderLine, OffboardingLine, PathLine, Row, Standing};
use crate::person::{Actor, PersonDetails, TextRef};
use crate::policy::Mode;
use crate::port::StoreError;
use crate::request::{Asked, HandedOn, Request, TaskState};
use crate::route::Step;
use crate::schedule;
use crate::seat::AccountNames;
use crate::time::Timestamp;

/// Names and texts for a set of requests. Personal data: for rendering only.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Joined {
    people: BTreeMap<PersonRef, PersonDetails>,
    accounts: BTreeMap<AccountId, AccountNames>,
    texts: BTreeMap<TextId, String>,
}

impl Joined {
    /// What is known about a person; nothing if they are erased.
    #[must_use]
    pub fn person(&self, person: PersonRef) -> Option<&PersonDetails> {
        self.people.get(&person)
    }

    /// The names of an account; nothing if they are erased.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<&AccountNames> {
        self.accounts.get(&account)
    }

    /// A text; nothing if it is erased.
    #[must_use]
    pub fn text(&self, text: Option<TextRef>) -> Option<&str> {
        self.texts.get(&text?.id).map(String::as_str)
    }

    /// What to call whoever acted.
    #[must_use]
    pub fn actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::Person(person) => self.name(*person),
            Actor::Policy => "the policy".to_owned(),
            other => other.to_string(),
        }
    }

    /// One request, ready to be shown to `viewer`. The time to answer starts at `delivered_at`; without it, now.
    #[must_use]
    pub fn row(
        &self,
        gate: &Gate,
        request: &Request,
        viewer: Option<PersonRef>,
        delivered_at: Option<Timestamp>,
    ) -> Row {
        let asked = request.approval.asked.iter().filter(|asked| Some(asked.person) == viewer);
        self.line(gate, request, viewer, &asked.collect::<Vec<_>>(), delivered_at)
    }

    /// One request as `card` shows it: whoever was asked on it, and is asked again on another since, answers there.
    /// The time to answer starts at `delivered_at`.
    pub(crate) fn row_on(&self, gate: &Gate, request: &Request, card: &Card, delivered_at: Option<Timestamp>) -> Row {
        let asked = request.approval.asked.iter().filter(|asked| asked.card == card.id);
        self.line(gate, request, card.approver(), &asked.collect::<Vec<_>>(), delivered_at)
    }

    /// `asked` says how the viewer was asked.
    fn line(
        &self,
        gate: &Gate,
        request: &Request,
        viewer: Option<PersonRef>,
        asked: &[&Asked],
        delivered_at: Option<Timestamp>,
    ) -> Row {
        let seat = request.seat();
        let account = seat.and_then(|seat| self.account(seat.account)).map(AccountNames::label);
        let leaver = request.offboarding.as_ref().and(request.holder()).and_then(|person| self.person(person));
        let account = account.or_else(|| leaver.map(PersonDetails::label));
        let evidence = request.evidence.as_ref();
        let approval = &request.approval;
        let active = asked.iter().find(|asked| asked.is_active());
        let why = active.or(asked.last());
        Row {
            request: request.id,
            test: request.mode != Mode::Live,
            app: seat.map(|seat| seat.app.label().to_owned()).unwrap_or_else(|| offboarding_label(request)),
            account: account.unwrap_or_else(|| "(erased)".to_owned()),
            entitlement: seat.map(|seat| seat.entitlement.to_string()).unwrap_or_default(),
            activity: evidence.map(|evidence| (evidence.activity, evidence.observed_at)),
            monthly_cost: evidence.and_then(|evidence| evidence.monthly_cost),
            why: why.map(|asked| asked.why),
            path: why.map(|asked| self.path(asked)).unwrap_or_default(),
            reversible: gate.target_facts(request, None).reversible,
            state: request.label(),
            standing: self.standing(request, viewer, why.is_some() && active.is_none()),
            until: schedule::deadline(request, Some(delivered_at.unwrap_or(gate.now()))),
            outcome: request.outcome(),
            withdrawn: request.withdrawn,
            may_have_happened: request.plan.may_have_happened(),
            holder_release: request.terms.holder_release,
            holder_said: approval
                .holder_answer
                .as_ref()
                .map(|said| HolderLine { answer: said.answer, reason: self.text(said.reason).map(str::to_owned) }),
            handed_on: why.and_then(|asked| asked.handed_on.as_ref()).map(|handed_on| self.handed_on(handed_on)),
            votes: approval.votes.iter().map(|vote| (self.actor(&vote.by), vote.at)).collect(),
            quorum: request.terms.quorum,
            decision: self.decision(request),
            offboarding: self.offboarding(request).map(Box::new),
        }
    }

    fn offboarding(&self, request: &Request) -> Option<OffboardingLine> {
        let offboarding = request.offboarding.as_ref()?;
        let mut line = OffboardingLine::new(&offboarding.playbook, self.actor(&request.origin.submitted_by));
        line.reason = self.text(offboarding.reason).map(str::to_owned);
        line.tasks = request.plan.tasks.iter().map(|task| task.name.clone()).collect();
        Some(line)
    }

    fn standing(&self, request: &Request, viewer: Option<PersonRef>, moved: bool) -> Standing {
        let approval = &request.approval;
        let voted = viewer.is_some_and(|viewer| approval.has_voted(viewer));
        match viewer {
            Some(_) if moved => {
                let names = approval.active().map(|asked| self.name(asked.person));
                Standing::Moved { to: names.collect() }
            }
            Some(_) if voted => Standing::Voted,
            _ => Standing::Asked,
        }
    }

    /// What to call somebody.
    #[must_use]
    pub fn name(&self, person: PersonRef) -> String {
        self.person(person).map_or_else(|| "(erased)".to_owned(), PersonDetails::label)
    }

    /// Who was met on the way to somebody who was asked.
    #[must_use]
    pub fn path(&self, asked: &Asked) -> Vec<PathLine> {
        let line = |step: &Step| PathLine { name: self.name(step.person), role: step.role, turn: step.turn };
        asked.path.iter().map(line).collect()
    }

    /// Who handed it on, and why.
    #[must_use]
    pub fn handed_on(&self, handed_on: &HandedOn) -> HandedOnLine {
        HandedOnLine::new(self.actor(&handed_on.by), self.text(handed_on.note).map(str::to_owned))
    }

    fn decision(&self, request: &Request) -> Option<DecisionLine> {
        let verdict = request.approval.verdict.as_ref()?;
        let mut line = DecisionLine::new(verdict.decision, self.actor(&verdict.by), verdict.at);
        let silence = || (verdict.by == Actor::Policy).then(|| "no answer".to_owned());
        line.reason = self.text(verdict.reason).map(str::to_owned).or_else(silence);
        line.keep_until = verdict.keep_until;
        Some(line)
    }
}

/// What stands in an app's place where the whole person leaves.
fn offboarding_label(request: &Request) -> String {
    let playbook = request.offboarding.as_ref().map(|offboarding| &offboarding.playbook);
    playbook.map(|playbook| format!("Offboarding ({playbook})")).unwrap_or_default()
}

impl Gate {
    /// The names and texts that these requests refer to.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn join(&self, requests: &[Request]) -> Result<Joined, StoreError> {
        let mut wanted = Wanted::default();
        requests.iter().for_each(|request| wanted.add(request));
        let people: Vec<_> = wanted.people.into_iter().collect();
        let accounts: Vec<_> = wanted.accounts.into_iter().collect();
        let texts: Vec<_> = wanted.texts.into_iter().collect();
        let store = &self.parts.people;
        let people = unless_empty(&people, |people| store.details(people));
        let accounts = unless_empty(&accounts, |accounts| store.account_names(accounts));
        let texts = unless_empty(&texts, |texts| store.texts(texts));
        let (people, (accounts, texts)) = both(people, both(accounts, texts)).await;
        Ok(Joined { people: people?, accounts: accounts?, texts: texts? })
    }
}

/// What is known by these keys; without any, nobody is asked.
async fn unless_empty<'a, K: Ord + Copy, V, F>(
    keys: &'a [K],
    ask: impl FnOnce(&'a [K]) -> F,
) -> Result<BTreeMap<K, V>, StoreError>
where
    F: Future<Output = Result<Vec<Option<V>>, StoreError>>,
{
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(keys.iter().zip(ask(keys).await?).filter_map(|(key, value)| Some((*key, value?))).collect())
}

#[derive(Default)]
struct Wanted {
    people: BTreeSet<PersonRef>,
    accounts: BTreeSet<AccountId>,
    texts: BTreeSet<TextId>,
}

impl Wanted {
    fn add(&mut self, request: &Request) {
        let verdict = request.approval.verdict.as_ref();
        self.people.extend(request.people());
        self.accounts.extend(request.seat().map(|seat| seat.account));
        self.texts.extend(verdict.and_then(|verdict| verdict.reason).map(|text| text.id));
        let said = request.approval.holder_answer.as_ref();
        self.texts.extend(said.and_then(|said| said.reason).map(|text| text.id));
        self.texts.extend(request.offboarding.as_ref().and_then(|asked| asked.reason).map(|text| text.id));
        let handed_on = request.approval.asked.iter().filter_map(|asked| asked.handed_on.as_ref());
        self.texts.extend(handed_on.filter_map(|handed_on| handed_on.note).map(|text| text.id));
        self.texts.extend(request.approval.votes.iter().filter_map(|vote| vote.reason).map(|text| text.id));
        self.texts.extend(request.plan.stop.as_ref().and_then(|stop| stop.reason).map(|text| text.id));
        for task in &request.plan.tasks {
            self.texts.extend(task.detail.map(|text| text.id));
            if let TaskState::Done { receipt: Some(text), .. } | TaskState::Skipped { reason: Some(text) } = task.state
            {
                self.texts.insert(text.id);
            }
        }
    }
}
