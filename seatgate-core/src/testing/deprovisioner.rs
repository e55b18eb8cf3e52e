use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::port::{Deprovisioner, EffectError, Idempotency, Job, Removal, SeatStatus, StatusLocation};
use crate::request::RemovalKind;
use crate::time::Timestamp;

/// What one call does, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    performs: bool,
    reply: Reply,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    Removal(Removal),
    Error(EffectError),
    Never,
}

impl Step {
    /// Answers so. What is scheduled or pending is not performed yet; everything else is.
    #[must_use]
    pub fn answers(removal: Removal) -> Self {
        let later = matches!(removal.kind, RemovalKind::Scheduled { .. } | RemovalKind::Pending { .. });
        Self { performs: !later, reply: Reply::Removal(removal) }
    }

    /// Fails, having performed nothing.
    #[must_use]
    pub fn fails(error: EffectError) -> Self {
        Self { performs: false, reply: Reply::Error(error) }
    }

    /// Performs the removal, and the reply is lost.
    #[must_use]
    pub fn loses_the_reply() -> Self {
        Self { performs: true, reply: Reply::Error(EffectError::unknown("the reply was lost")) }
    }

    /// Performs nothing and never answers.
    #[must_use]
    pub fn hangs() -> Self {
        Self { performs: false, reply: Reply::Never }
    }

    /// Performs the removal and never answers.
    #[must_use]
    pub fn removes_and_hangs() -> Self {
        Self { performs: true, reply: Reply::Never }
    }
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// About which seat; see [`ScriptedDeprovisioner::seat_of`].
    pub seat: String,
    /// With which idempotency key.
    pub key: String,
    /// When, by the job.
    pub at: Timestamp,
}

/// A target that follows a script, call by call, and removes at once where the script has ended.
///
/// It keeps a ledger of the seats that are gone, and behaves as it promises: with [`Idempotency::KeyHonoured`] a key takes
/// effect once, with [`Idempotency::Natural`] what is gone is not removed again. With [`Idempotency::Unknown`] each call
/// that performs takes effect, so that [`Self::effects`] shows a blind repeat.
#[derive(Debug)]
pub struct ScriptedDeprovisioner {
    idempotency: Idempotency,
    probes: bool,
    accepts: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Step>,
    probe_script: VecDeque<SeatStatus>,
    calls: Vec<Call>,
    /// What was accepted, by the place that tells of it, and how often somebody has asked there.
    accepted: BTreeMap<String, (Call, u32)>,
    effects: Vec<Call>,
    gone: BTreeSet<String>,
    last_activity: Option<Timestamp>,
}

impl ScriptedDeprovisioner {
    /// A target that makes this promise, and cannot be probed.
    #[must_use]
    pub fn new(idempotency: Idempotency) -> Self {
        Self { idempotency, probes: false, accepts: false, state: Mutex::default() }
    }

    /// Probes are answered from the ledger.
    #[must_use]
    pub fn probeable(mut self) -> Self {
        self.probes = true;
        self
    }

    /// Where the script has ended it only accepts, and names a place that tells how it ended. It performs the removal
    /// when it is asked there for the second time.
    #[must_use]
    pub fn accepting(mut self) -> Self {
        self.accepts = true;
        self
    }

    /// Adds to the script.
    pub fn then(&self, step: Step) {
        self.state().script.push_back(step);
    }

    /// Adds an answer to the script of probes, which goes before the ledger.
    pub fn then_probe(&self, status: SeatStatus) {
        self.state().probe_script.push_back(status);
    }

    /// From now on, probes say that seats were last used then.
    pub fn use_seats_at(&self, at: Timestamp) {
        self.state().last_activity = Some(at);
    }

    /// A call that was made takes effect now: late, as when a request was stuck in a queue.
    pub fn land(&self, call: &Call) {
        self.state().perform(self.idempotency, call.clone());
    }

    /// Somebody gives the seat back.
    pub fn regrant(&self, seat: &str) {
        self.state().gone.remove(seat);
    }

    /// Every call, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Every time that a removal took effect, in order.
    #[must_use]
    pub fn effects(&self) -> Vec<Call> {
        self.state().effects.clone()
    }

    /// Whether the seat is gone.
    #[must_use]
    pub fn is_gone(&self, seat: &str) -> bool {
        self.state().gone.contains(seat)
    }

    /// What the ledger calls a job's seat: `app/account/entitlement`, the account by its id, else by its address.
    #[must_use]
    pub fn seat_of(job: &Job) -> String {
        let email = job.account.email.as_ref().map(ToString::to_string);
        let account = job.account.id.clone().or(email).unwrap_or_default();
        format!("{}/{account}/{}", job.app.id, job.entitlement)
    }

    fn call(&self, job: &Job) -> Reply {
        let mut state = self.state();
        let call = Call { seat: Self::seat_of(job), key: job.key.clone(), at: job.at };
        state.calls.push(call.clone());
        let step = state.script.pop_front();
        let step = step.unwrap_or_else(|| if self.accepts { state.accept(&call) } else { state.default_step(&call) });
        if step.performs {
            state.perform(self.idempotency, call);
        }
        step.reply
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn default_step(&self, call: &Call) -> Step {
        let by_other_key = self.gone.contains(&call.seat) && !self.effects.iter().any(|done| done.key == call.key);
        Step::answers(if by_other_key { Removal::already_absent() } else { Removal::removed() })
    }

    fn accept(&mut self, call: &Call) -> Step {
        let location = format!("/removals/{}", call.key);
        self.accepted.entry(location.clone()).or_insert_with(|| (call.clone(), 0));
        Step::answers(Removal::pending(None).with_location(StatusLocation::new(location)))
    }

    /// What the place tells; nothing where it tells of no removal.
    fn tell(&mut self, idempotency: Idempotency, location: &StatusLocation) -> Option<SeatStatus> {
        let (call, asked) = self.accepted.get_mut(location.as_str())?;
        *asked += 1;
        if *asked == 1 {
            return Some(SeatStatus::not_yet(None));
        }
        let receipt = format!("done {}", call.key);
        if *asked == 2 {
            let call = call.clone();
            self.perform(idempotency, call);
        }
        Some(SeatStatus::ended(Removal::removed().with_receipt(receipt)))
    }

    fn perform(&mut self, idempotency: Idempotency, call: Call) {
        let repeated = match idempotency {
            Idempotency::Unknown => false,
            Idempotency::KeyHonoured { within } => {
                self.effects.iter().any(|done| done.key == call.key && call.at.since(done.at) <= within)
            }
            Idempotency::Natural => self.gone.contains(&call.seat),
        };
        if !repeated {
            self.gone.insert(call.seat.clone());
            self.effects.push(call);
        }
    }
}

#[async_trait]
impl Deprovisioner for ScriptedDeprovisioner {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        match self.call(job) {
            Reply::Removal(removal) => Ok(removal),
            Reply::Error(error) => Err(error),
            Reply::Never => future::pending().await,
        }
    }

    async fn probe(&self, job: &Job) -> SeatStatus {
        let mut state = self.state();
        if let Some(status) = state.probe_script.pop_front() {
            return status;
        }
        if let Some(status) = job.location.as_ref().and_then(|place| state.tell(self.idempotency, place)) {
            return status;
        }
        let mut status = match (self.probes, state.gone.contains(&Self::seat_of(job))) {
            (false, _) => SeatStatus::cannot_tell(),
            (true, true) => SeatStatus::not_held(),
            (true, false) => SeatStatus::held(),
        };
        status.last_activity = state.last_activity.filter(|_| self.probes);
        status
    }

    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;
    use crate::testing::{World, block_on};

    const HONOURED: Idempotency = Idempotency::KeyHonoured { within: Duration::from_secs(60) };

    fn job(key: &str) -> Job {
        let world = World::new(1);
        let account = world.candidate().account;
        Job::new(world.request_id(), world.task_id(), key.to_owned(), world.app(), account, world.now)
    }

    fn seat() -> String {
        ScriptedDeprovisioner::seat_of(&job(""))
    }

    #[test]
    fn repeats_take_effect_as_often_as_the_target_promises() {
        for (idempotency, effects) in [(Idempotency::Unknown, 3), (HONOURED, 2), (Idempotency::Natural, 1)] {
            let target = ScriptedDeprovisioner::new(idempotency);
            target.then(Step::loses_the_reply());
            assert!(block_on(target.deprovision(&job("tsk_1"))).is_err());
            assert_eq!(block_on(target.deprovision(&job("tsk_1"))), Ok(Removal::removed()));
            assert_eq!(block_on(target.deprovision(&job("tsk_1-2"))), Ok(Removal::already_absent()));
            assert_eq!((target.effects().len(), target.calls().len()), (effects, 3), "{idempotency:?}");
        }
    }

    #[test]
    fn a_key_is_forgotten_after_its_time() {
        let target = ScriptedDeprovisioner::new(HONOURED);
        let mut job = job("tsk_1");
        block_on(target.deprovision(&job)).unwrap();
        job.at = job.at.saturating_add(Duration::from_secs(61));
        block_on(target.deprovision(&job)).unwrap();
        assert_eq!(target.effects().len(), 2);
    }

    #[test]
    fn what_fails_or_is_pending_leaves_the_seat() {
        let target = ScriptedDeprovisioner::new(HONOURED);
        target.then(Step::fails(EffectError::not_done("busy")));
        target.then(Step::answers(Removal::pending(None)));
        assert!(block_on(target.deprovision(&job("tsk_1"))).is_err());
        assert_eq!(block_on(target.deprovision(&job("tsk_1"))), Ok(Removal::pending(None)));
        assert!(!target.is_gone(&seat()));
        target.land(&target.calls()[1]);
        assert!(target.is_gone(&seat()), "late");
    }

    #[test]
    fn probes_answer_from_the_script_and_then_from_the_ledger() {
        let target = ScriptedDeprovisioner::new(HONOURED).probeable();
        let probe = || block_on(target.probe(&job("tsk_1")));
        assert_eq!(probe(), SeatStatus::held());
        target.then_probe(SeatStatus::cannot_tell());
        assert_eq!(probe(), SeatStatus::cannot_tell());
        block_on(target.deprovision(&job("tsk_1"))).unwrap();
        assert_eq!(probe(), SeatStatus::not_held());
        target.regrant(&seat());
        let at = World::new(1).now;
        target.use_seats_at(at);
        assert_eq!(probe(), SeatStatus::held().used_at(at));
        let silent = ScriptedDeprovisioner::new(HONOURED);
        assert_eq!(block_on(silent.probe(&job("tsk_1"))), SeatStatus::cannot_tell());
    }

    #[test]
    fn what_is_accepted_is_told_of_at_its_place() {
        let target = ScriptedDeprovisioner::new(Idempotency::Unknown).accepting();
        let mut job = job("tsk_1");
        let removal = block_on(target.deprovision(&job)).unwrap();
        assert_eq!(block_on(target.probe(&job)), SeatStatus::cannot_tell(), "nobody asked at the place");
        job.location = removal.location;
        assert_eq!(block_on(target.probe(&job)), SeatStatus::not_yet(None));
        assert!(!target.is_gone(&seat()));
        let ended = SeatStatus::ended(Removal::removed().with_receipt("done tsk_1"));
        assert_eq!([block_on(target.probe(&job)), block_on(target.probe(&job))], [ended.clone(), ended]);
        assert_eq!(target.effects().len(), 1);
    }

    #[test]
    fn a_call_that_hangs_may_have_removed_the_seat() {
        for (step, gone) in [(Step::hangs(), false), (Step::removes_and_hangs(), true)] {
            let target = ScriptedDeprovisioner::new(HONOURED);
            target.then(step);
            let job = job("tsk_1");
            let mut call = pin!(target.deprovision(&job));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(target.is_gone(&seat()), gone);
        }
    }
}
