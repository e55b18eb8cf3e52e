//! Starting offboardings.

use crate::agenda;
use crate::authorize::authorize_offboarding;
use crate::card::{Card, errands_of, notice_of};
use crate::gate::{Attempt, Gate, GateError, Settings, Submission, TRIES, corrupt};
use crate::id::{CardId, PersonRef, RequestId, TaskId};
use crate::person::{Identity, PersonDraft, Text};
use crate::playbook::{Deed, PlannedTask, Playbook};
use crate::policy::Mode;
use crate::port::{Answer, Change, Conflict, OffboardingFilter, SeatChange, StoreError};
use crate::request::{
    Asked, Command, Context, Event, Fact, Offboarding, Opening, Origin, Relation, Request, Subject, Task, TaskAction,
    Why,
};
use crate::trail::{Chain, Stream};

/// Whom to offboard, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Offboard {
    /// Who leaves.
    pub person: PersonDraft,
    /// Who manages them, if that is known: playbooks may tell targets.
    pub manager: Option<PersonDraft>,
    /// By which playbook; without one, by the default one.
    pub playbook: Option<String>,
    /// Optional tasks to leave out, by name.
    pub without: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Offboard {
    /// Takes `person` through the whole default playbook.
    #[must_use]
    pub fn new(person: PersonDraft) -> Self {
        Self { person, manager: None, playbook: None, without: Vec::new(), reason: None }
    }

    /// By this playbook.
    #[must_use]
    pub fn by(mut self, playbook: impl Into<String>) -> Self {
        self.playbook = Some(playbook.into());
        self
    }

    /// Leaving out these optional tasks.
    #[must_use]
    pub fn without<T: Into<String>>(mut self, tasks: impl IntoIterator<Item = T>) -> Self {
        self.without = tasks.into_iter().map(Into::into).collect();
        self
    }
}

/// Why an offboarding cannot be started as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OffboardProblem {
    /// No playbook was named, and none is the default one.
    #[error("say which playbook: there is no default one")]
    WhichPlaybook,
    /// There is no such playbook.
    #[error("there is no such playbook")]
    NoPlaybook,
    /// A task to leave out is not in the playbook.
    #[error("the playbook has no task `{0}`")]
    NoTask(String),
    /// A task to leave out is not optional.
    #[error("the task `{0}` cannot be left out")]
    NotOptional(String),
    /// Every task was left out.
    #[error("no task is left")]
    NothingLeft,
}

/// Who is meant, as references.
struct People {
    leaver: PersonRef,
    manager: Option<PersonRef>,
}

impl Gate {
    /// Starts somebody's offboarding: at once, or, where the playbook wants four eyes, once another operator approves.
    /// When this returns `Ok`, it is durable.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::BadOffboarding`],
    /// [`GateError::AlreadyLeaving`] with the offboarding that is open, [`GateError::BadReason`], [`GateError::Off`], or
    /// what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was started; asking again is safe: there is one at a time.
    pub async fn offboard(&self, ask: &Offboard, by: &Submission) -> Result<Request, GateError> {
        let settings = self.settings();
        let playbook = &self.playbook_for(ask.playbook.as_deref(), by).await?;
        let left_out = left_out(playbook, &ask.without)?;
        let text = self.reason(ask.reason.as_deref(), by)?;
        let people = self.people_of(ask).await?;
        self.may_offboard(Some(people.leaver), playbook.four_eyes, by).await?;
        let text = text.map(|text| text.also_about([people.leaver]));
        let tasks = self.tasks(playbook, &left_out).await?;
        let request = self.opened(&settings, playbook, &people, tasks, text.as_ref(), by);
        self.start(request, text, by).await
    }

    /// The playbook by which `by` could offboard somebody: judged as [`Gate::offboard`] judges it, and nothing begins.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::BadOffboarding`] or [`GateError::Off`].
    ///
    /// # Cancel safety
    /// Nothing changes but the access stream.
    pub async fn playbook_for(&self, name: Option<&str>, by: &Submission) -> Result<Playbook, GateError> {
        // Who is no operator learns nothing, not even which playbooks there are.
        self.may_offboard(None, false, by).await?;
        let settings = self.settings();
        if settings.mode == Mode::Off {
            return Err(GateError::Off);
        }
        let playbook = settings.playbooks.get(name).cloned();
        Ok(playbook.ok_or(if name.is_some() { OffboardProblem::NoPlaybook } else { OffboardProblem::WhichPlaybook })?)
    }

    async fn may_offboard(&self, leaver: Option<PersonRef>, four_eyes: bool, by: &Submission) -> Result<(), GateError> {
        let settings = self.settings();
        let terms = settings.policy.default_terms();
        let Err(denial) = authorize_offboarding(&by.caller(true), leaver, four_eyes, &settings.operators, terms) else {
            return Ok(());
        };
        self.record_denied(Attempt::new(by.actor.clone(), by.surface, "offboard", denial.label())).await;
        Err(denial.into())
    }

    async fn people_of(&self, ask: &Offboard) -> Result<People, StoreError> {
        let drafts = [&ask.person].into_iter().chain(&ask.manager).cloned().collect();
        let mut found = self.resolve(drafts).await?.into_iter();
        let missing = || StoreError::new(crate::port::StoreErrorKind::Corrupt, "finding people");
        Ok(People { leaver: found.next().ok_or_else(missing)?, manager: found.next() })
    }

    /// The plan: what was not left out, in the playbook's order.
    async fn tasks(&self, playbook: &Playbook, without: &[String]) -> Result<Vec<Task>, StoreError> {
        let kept: Vec<&PlannedTask> = playbook.tasks.iter().filter(|task| !without.contains(&task.name)).collect();
        let ids: Vec<TaskId> = kept.iter().map(|_| TaskId::generate(self.now(), &*self.parts.entropy)).collect();
        let mut tasks = Vec::new();
        for (planned, id) in kept.iter().zip(&ids) {
            let mut task = self.task(planned, *id).await?;
            let needs = playbook.needs_without(planned, without);
            let named = kept.iter().zip(&ids).filter(|(kept, _)| needs.contains(kept.name.as_str()));
            task.needs = named.map(|(_, id)| *id).collect();
            tasks.push(task);
        }
        Ok(tasks)
    }

    async fn task(&self, planned: &PlannedTask, id: TaskId) -> Result<Task, StoreError> {
        match &planned.deed {
            Deed::Call(call) => {
                let (target, app, parameters) = (call.target.clone(), call.app.clone(), call.parameters.clone());
                let mut task = Task::new(id, &planned.name, TaskAction::Call { target, app, parameters });
                task.on_failure = call.on_failure;
                (task.timeout, task.retry) = (call.timeout, call.retry.clone());
                Ok(task)
            }
            Deed::Manual { assignee } => {
                let draft = PersonDraft::new(Identity::Email(assignee.clone()), None);
                let found = self.resolve(vec![draft]).await?.into_iter().next();
                let missing = || StoreError::new(crate::port::StoreErrorKind::Corrupt, "finding an assignee");
                let assignee = found.ok_or_else(missing)?;
                Ok(Task::new(id, &planned.name, TaskAction::Manual { assignee }))
            }
        }
    }

    fn opened(
        &self,
        settings: &Settings,
        playbook: &Playbook,
        people: &People,
        tasks: Vec<Task>,
        reason: Option<&Text>,
        by: &Submission,
    ) -> Opening {
        let mut offboarding = Offboarding::new(&playbook.name, playbook.four_eyes, reason.map(|text| text.reference));
        offboarding.manager = people.manager;
        let others = settings.operators.iter().filter(|operator| {
            playbook.four_eyes && **operator != people.leaver && Some(**operator) != by.actor.person()
        });
        let card = || CardId::generate(self.now(), &*self.parts.entropy);
        let asked = others.map(|operator| Asked::new(*operator, Why::FourEyes, card())).collect();
        let policy = &settings.policy;
        let origin = Origin::offboarding(by.actor.clone());
        let subject = Subject::Person(people.leaver);
        Opening::new(subject, origin, settings.mode, policy.version().to_owned(), policy.default_terms().for_leaving())
            .asking(asked)
            .telling(settings.channel.clone())
            .offboarding(offboarding, tasks)
    }

    /// Commits the opening, and the operator's decision where it needs nobody else's, in one change.
    async fn start(&self, opening: Opening, reason: Option<Text>, by: &Submission) -> Result<Request, GateError> {
        let id = RequestId::generate(self.now(), &*self.parts.entropy);
        for _ in 0..TRIES {
            let (change, request) = self.opening_change(id, &opening, reason.as_ref(), by)?;
            match self.commit_one(change).await? {
                Answer::Committed | Answer::Duplicate => {
                    self.wake();
                    return Ok(request);
                }
                Answer::Conflict(Conflict::Seat) => {
                    // Whoever had the person may be through by now.
                    if let Some(open) = self.open_offboarding(&request).await? {
                        return Err(GateError::AlreadyLeaving(open));
                    }
                }
                Answer::Conflict(_) => {}
            }
        }
        Err(GateError::Contended)
    }

    fn opening_change(
        &self,
        id: RequestId,
        opening: &Opening,
        reason: Option<&Text>,
        by: &Submission,
    ) -> Result<(Change, Request), GateError> {
        let (now, entropy) = (self.now(), &*self.parts.entropy);
        let opened = Request::open(id, now, opening.clone());
        let event = Event::Opened(Box::new(opening.clone()));
        let mut facts = vec![Fact::new(now, by.actor.clone(), by.submitted_by.clone(), by.surface, event)];
        let request = match opening.offboarding.as_ref().is_some_and(|offboarding| offboarding.four_eyes) {
            true => opened,
            false => self.decided(opened, reason, by, &mut facts)?,
        };
        let mut chain = Chain::empty(Stream::Request(id));
        let mut change = Change::new(self.new_change(), &chain);
        for fact in &facts {
            let entry = chain.record(change.id, fact).map_err(corrupt)?;
            change.entries.push(entry);
        }
        change.texts.extend(reason.cloned());
        change.cards = opening.asked.iter().map(|asked| Card::asking(asked.card, asked.person, vec![id])).collect();
        change.cards.extend(notice_of(&request));
        change.cards.extend(errands_of(&request));
        change.agenda = agenda::changes(None, &request, None, "none", now, entropy);
        // A dry run is over as soon as it is opened.
        change.agenda.extend(self.reports(None, &request, now));
        if let Subject::Person(person) = request.subject
            && request.mode == Mode::Live
        {
            change.seat = Some(SeatChange::TakePerson { person });
        }
        change.request = Some(request.clone());
        Ok((change, request))
    }

    /// The operator who asks for it decides it as well.
    fn decided(
        &self,
        opened: Request,
        reason: Option<&Text>,
        by: &Submission,
        facts: &mut Vec<Fact>,
    ) -> Result<Request, GateError> {
        let mut context = Context::new(self.now(), &*self.parts.entropy, by.actor.clone(), by.surface);
        context.submitted_by.clone_from(&by.submitted_by);
        context.matched_by = by.matched_by;
        let command = Command::Approve { reason: reason.map(|text| text.reference) };
        let transition = opened
            .handle(&command, &context.by_right_of(Relation::Operator))
            .map_err(|refusal| GateError::Refused { refusal, request: Box::new(opened.clone()) })?;
        facts.extend(transition.facts);
        Ok(transition.after)
    }

    async fn open_offboarding(&self, request: &Request) -> Result<Option<RequestId>, StoreError> {
        let mut filter = OffboardingFilter::first(1);
        (filter.person, filter.open) = (request.holder(), true);
        let found = self.queries().offboardings(&filter).await?;
        Ok(found.first().map(|row| row.request))
    }
}

/// The tasks to leave out, each once.
fn left_out(playbook: &Playbook, without: &[String]) -> Result<Vec<String>, OffboardProblem> {
    for name in without {
        match playbook.tasks.iter().find(|task| task.name == *name) {
            None => return Err(OffboardProblem::NoTask(name.clone())),
            Some(task) if !task.optional => return Err(OffboardProblem::NotOptional(name.clone())),
            Some(_) => {}
        }
    }
    let left = playbook.tasks.iter().any(|task| !without.contains(&task.name));
    if left { Ok(without.to_vec()) } else { Err(OffboardProblem::NothingLeft) }
}
