//! What people ask of a request.

use crate::authorize::{Action, Caller, Denial, authorize, authorize_done, authorize_operator};
use crate::gate::{Attempt, Gate, GateError, TRIES};
use crate::id::{ChangeId, PersonRef, RequestId, TaskId};
use crate::person::{Actor, MatchedBy, Surface, Text, TextRef};
use crate::policy::Policy;
use crate::port::{Answer, Change, StoreError, StoreErrorKind, Stored};
use crate::request::{Command, Context, Relation, Request, Resolution, Task, TaskState};
use crate::route::Known;
use crate::seat::AppId;
use crate::time::Timestamp;

/// What somebody asks of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// Remove the seat.
    Approve,
    /// Keep the seat.
    Keep {
        /// Until when; else as long as the policy says.
        until: Option<Timestamp>,
    },
    /// Take the approval back, within the grace period.
    Undo,
    /// Give the request up, before anything has begun.
    Withdraw,
    /// Ask somebody else instead. Needs a reason. [`Gate::reassign`] also finds whom.
    Reassign {
        /// Whom.
        to: PersonRef,
    },
    /// Go on under the policy that is in force now.
    ApplyPolicy,
    /// Begin nothing more.
    Stop,
    /// Answer a pause.
    Resolve {
        /// Of this task.
        task: TaskId,
        /// Which pause; without it the current one is meant.
        pause: Option<u32>,
        /// How.
        resolution: Resolution,
    },
}

impl Ask {
    fn command(self, request: &Request, policy: &Policy, reason: Option<TextRef>) -> Command {
        match self {
            Self::Approve => Command::Approve { reason },
            Self::Keep { until } => Command::Keep { reason, until },
            Self::Undo => Command::Undo { reason },
            Self::Withdraw => Command::Withdraw { reason },
            Self::Reassign { to } => Command::Reassign { to, reason },
            Self::ApplyPolicy => {
                let app = request.seat().map_or("", |seat| seat.app.id.as_str());
                let (version, terms) = (policy.version().to_owned(), Box::new(policy.terms(app).clone()));
                Command::ApplyPolicy { version, terms }
            }
            Self::Stop => Command::Stop { reason },
            Self::Resolve { task, pause, resolution } => {
                let pause = pause.unwrap_or_else(|| current_pause(request, task));
                Command::Resolve { task, pause, resolution, reason }
            }
        }
    }
}

fn current_pause(request: &Request, task: TaskId) -> u32 {
    match request.plan.task(task).map(|task| &task.state) {
        Some(TaskState::Paused { pause, .. }) => *pause,
        // What a person is to do has no pauses.
        Some(TaskState::Ready { .. }) => 0,
        _ => u32::MAX,
    }
}

/// The task that somebody says they have done.
fn done_task<'a>(request: &'a Request, command: &Command) -> Option<&'a Task> {
    match command {
        Command::Resolve { task, resolution: Resolution::Done, .. } => request.plan.task(*task),
        _ => None,
    }
}

/// Who asks, and through what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// Who acts, and is authorised.
    pub actor: Actor,
    /// How they were recognised.
    pub matched_by: MatchedBy,
    /// Who handed it in for them, if somebody else did.
    pub submitted_by: Option<Actor>,
    /// Whether an administrator's token backs it: it counts as an operator, but never decides.
    pub admin: bool,
    /// Through what.
    pub surface: Surface,
}

impl Submission {
    /// Somebody acts for themselves, recognised by what cannot change hands.
    #[must_use]
    pub fn new(actor: Actor, surface: Surface) -> Self {
        Self { actor, matched_by: MatchedBy::Identity, submitted_by: None, admin: false, surface }
    }

    /// They were recognised in this way.
    #[must_use]
    pub fn matched_by(mut self, matched_by: MatchedBy) -> Self {
        self.matched_by = matched_by;
        self
    }

    /// Somebody else hands it in.
    #[must_use]
    pub fn submitted_by(mut self, submitter: Actor) -> Self {
        self.submitted_by = Some(submitter);
        self
    }

    /// An administrator's token backs it.
    #[must_use]
    pub fn with_admin_token(mut self) -> Self {
        self.admin = true;
        self
    }

    /// Whom the gate asks about.
    pub(crate) fn caller(&self, has_reason: bool) -> Caller {
        let caller = Caller::new(self.actor.clone(), has_reason).matched_by(self.matched_by);
        if self.admin { caller.with_admin_token() } else { caller }
    }
}

const LONGEST_REASON: usize = 2000;

impl Gate {
    /// Does what somebody asks of a request, if they may and the request's state allows it; answers with the request
    /// after it. When this returns `Ok`, it is durable.
    ///
    /// # Errors
    /// [`GateError::NotFound`], [`GateError::Denied`] (recorded in the access stream), [`GateError::Refused`] with the
    /// request as it stands, [`GateError::BadReason`], or what the store says. An approval of a seat that turns out to be
    /// used again withdraws the request, and is refused ([`Refusal::UsedAgain`](crate::request::Refusal::UsedAgain)).
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; asking again is safe.
    pub async fn act(
        &self,
        id: RequestId,
        ask: Ask,
        reason: Option<&str>,
        by: &Submission,
    ) -> Result<Request, GateError> {
        let text = self.reason(reason, by)?;
        let change = self.new_change();
        let mut looked = false;
        for _ in 0..TRIES {
            let before = self.load(id).await?;
            let prepared = self.prepare_change(change, &before, ask, text.as_ref(), by).await?;
            if ask == Ask::Approve
                && !std::mem::replace(&mut looked, true)
                && self.has_come_back(&before.request).await?
            {
                return self.withdraw_used(id, by).await;
            }
            let after = prepared.request.clone();
            if self.commit_one(prepared).await?.is_kept() {
                self.wake();
                return Ok(after.unwrap_or(before.request));
            }
        }
        Err(GateError::Contended)
    }

    /// The change that [`Gate::act`] would commit, for an embedder that commits it together with rows of its own. Call
    /// [`Gate::wake`] after the commit; on a conflict prepare again.
    ///
    /// # Errors
    /// As for [`Gate::act`].
    ///
    /// # Cancel safety
    /// Nothing changes.
    pub async fn prepare(
        &self,
        id: RequestId,
        ask: Ask,
        reason: Option<&str>,
        by: &Submission,
    ) -> Result<Change, GateError> {
        let text = self.reason(reason, by)?;
        let before = self.load(id).await?;
        self.prepare_change(self.new_change(), &before, ask, text.as_ref(), by).await
    }

    pub(crate) fn reason(&self, reason: Option<&str>, by: &Submission) -> Result<Option<Text>, GateError> {
        let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else { return Ok(None) };
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if reason.chars().count() > LONGEST_REASON || reason.chars().any(odd) {
            return Err(GateError::BadReason);
        }
        Ok(Some(Text::new(reason, by.actor.person(), self.now(), &*self.parts.entropy)))
    }

    async fn prepare_change(
        &self,
        change: ChangeId,
        before: &Stored,
        ask: Ask,
        text: Option<&Text>,
        by: &Submission,
    ) -> Result<Change, GateError> {
        let command = ask.command(&before.request, &self.settings().policy, text.map(|text| text.reference));
        // Whether they may, and when they did it, is one moment: a stand-in's time may end while the rest is read.
        let now = self.now();
        let done = done_task(&before.request, &command);
        let relation = self.authorized(&before.request, Action::of(&command), done, text.is_some(), by, now).await?;
        let (delivered_at, seen) = self.cards_of(&before.request, by.actor.person()).await?;
        let mut context = Context::new(now, &*self.parts.entropy, by.actor.clone(), by.surface);
        context.matched_by = by.matched_by;
        context.submitted_by.clone_from(&by.submitted_by);
        context.relation = relation;
        context.seen = seen;
        context.delivered_at = delivered_at;
        context.target = self.target_facts(&before.request, command.task());
        context.known = self.known_for(&before.request, &command, relation).await?;
        let transition = before
            .request
            .handle(&command, &context)
            .map_err(|refusal| GateError::Refused { refusal, request: Box::new(before.request.clone()) })?;
        let texts = text.cloned().map(|text| text.also_about(before.request.holder())).into_iter().collect();
        Ok(self.change(change, before, transition, delivered_at, texts)?)
    }

    /// Only what asks somebody else needs to know whom.
    async fn known_for(
        &self,
        request: &Request,
        command: &Command,
        relation: Option<Relation>,
    ) -> Result<Known, StoreError> {
        match command {
            Command::Reassign { to, .. } => self.known_about(request, Some(*to)).await,
            _ if relation == Some(Relation::Holder) => self.known_about(request, None).await,
            _ => Ok(Known::default()),
        }
    }

    pub(crate) async fn authorized(
        &self,
        request: &Request,
        action: Option<Action>,
        done: Option<&Task>,
        has_reason: bool,
        by: &Submission,
        now: Timestamp,
    ) -> Result<Option<Relation>, GateError> {
        let Some(action) = action else { return Ok(None) };
        let (caller, settings) = (by.caller(has_reason), self.settings());
        let mut granted = match done {
            Some(task) => authorize_done(&caller, task, request, &settings.operators),
            None => authorize(&caller, action, request, &settings.operators, now),
        };
        if granted == Ok(Relation::Approver) && self.has_moved(request, by.actor.person(), now).await? {
            granted = Err(Denial::Moved);
        }
        match granted {
            Ok(relation) => Ok(Some(relation)),
            Err(denial) => {
                let attempt = Attempt::new(by.actor.clone(), by.surface, action.label(), denial.label());
                self.record_denied(attempt.about(request.id)).await;
                Err(denial.into())
            }
        }
    }

    /// Lets only operators pass; `action` is what a denial is recorded as. The policy is the one of `app`, if it is about
    /// one.
    pub(crate) async fn operator_only(
        &self,
        action: &'static str,
        app: Option<&AppId>,
        by: &Submission,
    ) -> Result<(), GateError> {
        let settings = self.settings();
        let policy = &settings.policy;
        let terms = app.map_or_else(|| policy.default_terms(), |app| policy.terms(app.as_str()));
        let Err(denial) = authorize_operator(&by.caller(false), &settings.operators, terms) else { return Ok(()) };
        self.record_denied(Attempt::new(by.actor.clone(), by.surface, action, denial.label())).await;
        Err(denial.into())
    }

    /// Commits one change; a lost reply is asked for once more, which is safe because the change has an id.
    pub(crate) async fn commit_one(&self, change: Change) -> Result<Answer, GateError> {
        let first = self.parts.requests.commit(vec![change.clone()]).await;
        let answers = match first {
            Err(error) if error.kind() == StoreErrorKind::Unknown => {
                self.parts.requests.commit(vec![change.clone()]).await?
            }
            answers => answers?,
        };
        let answer = answers.into_iter().next().ok_or(GateError::Contended)?;
        if answer.is_kept() {
            self.count_kept(&change);
        }
        Ok(answer)
    }
}
