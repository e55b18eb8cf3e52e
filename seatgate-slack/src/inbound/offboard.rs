//! Starting an offboarding: the command, the modal that shows what will run, and its answer.

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{GateError, Offboard, OffboardProblem, Submission};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{EmailAddress, Identity, PersonDraft};
use seatgate_core::playbook::{Deed, PlannedTask, Playbook, Playbooks};
use seatgate_core::policy::Mode;
use seatgate_core::port::{OffboardingFilter, StoreError};
use seatgate_core::request::StateLabel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::admit::Visitor;
use super::answer::Spot;
use super::judge::Declined;
use super::modal::entered;
use super::{Ack, SlackApp};
use crate::card::{Notice, OFFBOARD_REASON, OFFBOARD_TASKS, OffboardAsk, OffboardTask, Renderer};
use crate::client::SlackUser;
use crate::id::UserId;
use crate::payload::{SlashCommand, ViewSubmission, Word};

/// What refusals are recorded as.
const ACTION: &str = "offboard";
/// The version of what the modal carries along.
const VERSION: u32 = 1;

/// What the modal carries along: who is meant, and by which playbook. Nothing is allowed because of it.
#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    v: u32,
    /// A Slack user's id or an address, as it was typed.
    whom: String,
    playbook: String,
}

/// Who is meant.
enum Whom {
    User(UserId),
    Email(EmailAddress),
}

/// Who leaves.
struct Leaver {
    draft: PersonDraft,
    /// What to call them.
    label: String,
    /// Whom the gate knows them as.
    known: Vec<PersonRef>,
    /// The Slack user, if they were named so.
    user: Option<UserId>,
}

impl SlackApp {
    /// Opens the modal, for operators. What is wrong is said at once, and only to whoever typed it.
    pub(super) async fn offboard(&self, command: &SlashCommand, visitor: &Visitor) -> Ack {
        if self.gate.settings().playbooks.iter().next().is_none() {
            return self.say(&Notice::NoOffboarding);
        }
        match self.offboarding_asked(command, visitor).await {
            Ok(view) => {
                let Some(trigger) = command.trigger.clone() else { return self.say(&Notice::ClickAgain) };
                self.open(trigger, view, Spot::only(visitor, command.response_url.clone()))
            }
            Err(Declined::Told(notice)) => self.say(&notice),
            Err(Declined::BadReason | Declined::Failed) => self.say(&Notice::TryAgain),
        }
    }

    async fn offboarding_asked(&self, command: &SlashCommand, visitor: &Visitor) -> Result<Value, Declined> {
        let mut words = command.text.words();
        let whom = words.next().and_then(Whom::named);
        let rest = words.map(typed).collect::<Vec<_>>().join(" ");
        let (name, reason) = playbook_and_reason(&self.gate.settings().playbooks, &rest);
        let by = self.offboarder(visitor).await?;
        let playbook = self.gate.playbook_for(name, &by).await;
        let playbook = self.started(playbook)?;
        let usage = || Declined::Told(Notice::OffboardUsage { command: command.command.clone() });
        let whom = whom.ok_or_else(usage)?;
        let leaver = self.leaver(&whom, visitor).await?;
        if self.is_leaving(&leaver).await.map_err(|_| Declined::Failed)? {
            return Err(Declined::Told(Notice::AlreadyLeaving));
        }
        let carried = Carried { v: VERSION, whom: whom.typed(), playbook: playbook.name.clone() };
        Ok(self.workspace.renderer().offboard_modal(&self.shown(&playbook, &leaver, &carried, reason)))
    }

    fn shown(&self, playbook: &Playbook, leaver: &Leaver, carried: &Carried, reason: Option<&str>) -> OffboardAsk {
        // Texts and numbers always have a JSON form.
        let carried = serde_json::to_string(carried).unwrap_or_default();
        let tasks = playbook.tasks.iter().map(|task| self.task_shown(task)).collect();
        let mut ask = OffboardAsk::new(&leaver.label, &playbook.name, tasks, carried);
        (ask.four_eyes, ask.test) = (playbook.four_eyes, self.gate.settings().mode != Mode::Live);
        ask.reason = reason.map(str::to_owned);
        ask
    }

    fn task_shown(&self, planned: &PlannedTask) -> OffboardTask {
        let mut task = OffboardTask::new(&planned.name);
        task.optional = planned.optional;
        match &planned.deed {
            Deed::Call(call) => {
                task.reversible = self.gate.router().named(&call.target).is_some_and(|target| target.reversible);
            }
            Deed::Manual { assignee } => task.assignee = Some(assignee.to_string()),
            // What a newer core does cannot be undone, as far as is known here.
            _ => {}
        }
        task
    }

    /// The modal was submitted: everything is judged anew.
    pub(super) async fn submit_offboard(&self, submitted: &ViewSubmission, visitor: &Visitor) -> Ack {
        let spot = Spot::only(visitor, None);
        match self.offboarding_started(submitted, visitor).await {
            Ok(notice) => {
                let app = self.clone();
                Ack::ok().then(async move { app.tell(&spot, &notice).await })
            }
            Err(declined) => self.declined(declined, spot, Renderer::offboard_error),
        }
    }

    async fn offboarding_started(&self, submitted: &ViewSubmission, visitor: &Visitor) -> Result<Notice, Declined> {
        let by = self.offboarder(visitor).await?;
        let carried: Option<Carried> = serde_json::from_str(&submitted.view.private_metadata).ok();
        let carried = carried.filter(|carried| carried.v == VERSION).ok_or(Declined::Told(Notice::Unknown))?;
        let whom = Whom::read(&carried.whom).ok_or(Declined::Told(Notice::Unknown))?;
        let playbook = self.gate.playbook_for(Some(&carried.playbook), &by).await;
        let playbook = self.started(playbook)?;
        let leaver = self.leaver(&whom, visitor).await?;
        let mut ask = Offboard::new(leaver.draft).by(carried.playbook).without(unticked(&playbook, submitted));
        ask.reason = entered(submitted, OFFBOARD_REASON).map(str::to_owned);
        let request = self.gate.offboard(&ask, &by).await;
        let waits = self.started(request)?.label() == StateLabel::AwaitingDecision;
        Ok(if waits { Notice::OffboardWaits } else { Notice::OffboardBegun })
    }

    /// Who asks, for the gate. Whom it does not know is no operator, which is recorded.
    async fn offboarder(&self, visitor: &Visitor) -> Result<Submission, Declined> {
        match visitor.submission() {
            Some(by) => Ok(by),
            None => Err(self.denied_offboarding(visitor, Denial::NotOperator).await),
        }
    }

    async fn denied_offboarding(&self, visitor: &Visitor, denial: Denial) -> Declined {
        self.record_of(visitor, ACTION, denial, None).await;
        Declined::Told(denial.into())
    }

    /// Looks up who is meant, for operators only. Nobody means themselves, under whichever name the gate knows them.
    async fn leaver(&self, whom: &Whom, visitor: &Visitor) -> Result<Leaver, Declined> {
        let leaver = match whom {
            Whom::User(user) => self.leaver_in_slack(user).await?,
            Whom::Email(email) => {
                let identity = Identity::Email(email.clone());
                let known = self.gate.people().find(&identity).await.map_err(|_| Declined::Failed)?;
                let (draft, label) = (PersonDraft::new(identity, None), email.to_string());
                Leaver { draft, label, known: known.into_iter().collect(), user: None }
            }
        };
        let own = self.workspace.people().user(&visitor.user).await.map_err(|_| Declined::Failed)?;
        let own_email = own.and_then(|user| user.email).map(Identity::Email);
        let is_own = leaver.user.as_ref() == Some(&visitor.user)
            || own_email.as_ref() == Some(&leaver.draft.identity)
            || leaver.known.iter().any(|person| Some(*person) == visitor.person());
        if is_own { Err(self.denied_offboarding(visitor, Denial::OwnOffboarding).await) } else { Ok(leaver) }
    }

    /// Members and guests, those who are deactivated already as well; no program, and nobody of another organisation.
    async fn leaver_in_slack(&self, user: &UserId) -> Result<Leaver, Declined> {
        let nobody = || Declined::Told(Notice::NoSuchPerson);
        let people = self.workspace.people();
        let installed = self.workspace.installed().await.map_err(|_| Declined::Failed)?;
        let user = people.user(user).await.map_err(|_| Declined::Failed)?;
        let user = user.filter(|user| !user.is_bot && !user.is_stranger && installed.may_hold(user));
        let user = user.ok_or_else(nobody)?;
        let known = people.known_as(&user, self.gate.people()).await.map_err(|_| Declined::Failed)?;
        let identity = match known.by_identity.filter(|_| known.by_email.is_none()) {
            Some(person) => self.identity_of(person).await.map_err(|_| Declined::Failed)?,
            None => user.identity(false),
        };
        let identity = identity.ok_or_else(nobody)?;
        let label = user.name.clone().unwrap_or_else(|| user.id.to_string());
        let SlackUser { id, name, .. } = user;
        Ok(Leaver { draft: PersonDraft::new(identity, name), label, known: known.persons().collect(), user: Some(id) })
    }

    async fn identity_of(&self, person: PersonRef) -> Result<Option<Identity>, StoreError> {
        let details = self.gate.people().details(&[person]).await?.into_iter().flatten().next();
        Ok(details.and_then(|details| details.identities.into_iter().next()))
    }

    async fn is_leaving(&self, leaver: &Leaver) -> Result<bool, StoreError> {
        for person in &leaver.known {
            let mut filter = OffboardingFilter::first(1);
            (filter.person, filter.open) = (Some(*person), true);
            if !self.gate.queries().offboardings(&filter).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the gate said to whoever wants to start one.
    fn started<T>(&self, answer: Result<T, GateError>) -> Result<T, Declined> {
        let playbooks = || self.gate.settings().playbooks.iter().map(|playbook| playbook.name.clone()).collect();
        let notice = match answer {
            Ok(done) => return Ok(done),
            Err(GateError::Denied(denial)) => denial.into(),
            Err(GateError::AlreadyLeaving(_)) => Notice::AlreadyLeaving,
            Err(GateError::Off) => Notice::Off,
            Err(GateError::BadOffboarding(OffboardProblem::NoPlaybook)) => {
                Notice::NoPlaybook { playbooks: playbooks() }
            }
            Err(GateError::BadOffboarding(OffboardProblem::WhichPlaybook)) => {
                Notice::WhichPlaybook { playbooks: playbooks() }
            }
            Err(GateError::BadOffboarding(OffboardProblem::NothingLeft)) => Notice::NothingLeft,
            Err(GateError::BadOffboarding(_)) => Notice::PlaybookChanged,
            Err(GateError::BadReason) => return Err(Declined::BadReason),
            Err(_) => return Err(Declined::Failed),
        };
        Err(Declined::Told(notice))
    }
}

impl Whom {
    fn named(word: Word) -> Option<Self> {
        match word {
            Word::Mention(user) => Some(Self::User(user)),
            Word::Email(email) => Some(Self::Email(email)),
            Word::Text(_) => None,
        }
    }

    fn typed(&self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Email(email) => email.to_string(),
        }
    }

    fn read(typed: &str) -> Option<Self> {
        if typed.contains('@') { typed.parse().ok().map(Self::Email) } else { typed.parse().ok().map(Self::User) }
    }
}

fn typed(word: Word) -> String {
    match word {
        Word::Mention(user) => format!("@{user}"),
        Word::Email(email) => email.to_string(),
        Word::Text(text) => text,
    }
}

/// Which playbook is named first, and what is said after it. Where none is, all of it is the reason, and the default playbook
/// is meant: the modal shows both before anything begins, also where a name was mistyped.
fn playbook_and_reason<'a>(playbooks: &Playbooks, text: &'a str) -> (Option<&'a str>, Option<&'a str>) {
    let after = |name: &str| {
        let rest = text.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some((text.get(..name.len())?, rest.trim()))
    };
    let named = playbooks.iter().filter_map(|playbook| after(&playbook.name)).max_by_key(|(name, _)| name.len());
    let (name, reason) = named.map_or((None, text), |(name, reason)| (Some(name), reason));
    (name, Some(reason).filter(|reason| !reason.is_empty()))
}

/// The optional tasks that are not ticked, whichever blocks showed them.
fn unticked(playbook: &Playbook, submitted: &ViewSubmission) -> Vec<String> {
    let boxes = submitted.inputs.iter().filter(|(block, ..)| block.starts_with(OFFBOARD_TASKS));
    let ticked: Vec<&str> = boxes.flat_map(|(_, _, input)| input.all()).collect();
    let optional = playbook.tasks.iter().filter(|task| task.optional).map(|task| task.name.clone());
    optional.filter(|name| !ticked.contains(&name.as_str())).collect()
}
