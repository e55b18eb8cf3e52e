//! Targets with bad days. What they really did is in their ledger, whatever they said.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::port::{Clock, Deprovisioner, EffectError, Idempotency, Job, Removal, SeatStatus};
use seatgate_core::testing::{ScriptedDeprovisioner, Step};

use super::features::Kind;
use super::reached::Reached;
use super::seen::Seen;
use super::stage::{Newcomer, Role, Stage};

/// Removes seats, mostly.
pub struct Fickle {
    pub stage: Arc<Stage>,
    pub ledger: Arc<ScriptedDeprovisioner>,
}

impl Fickle {
    pub fn new(stage: &Arc<Stage>, kind: Kind) -> Self {
        let within = Duration::from_secs(400 * 86_400);
        let ledger = match kind {
            Kind::Keyed => ScriptedDeprovisioner::new(Idempotency::KeyHonoured { within }),
            Kind::Natural => ScriptedDeprovisioner::new(Idempotency::Natural).probeable(),
            Kind::Opaque => ScriptedDeprovisioner::new(Idempotency::Unknown),
            Kind::Probeable => ScriptedDeprovisioner::new(Idempotency::Unknown).probeable(),
            Kind::Accepting => ScriptedDeprovisioner::new(Idempotency::Unknown).accepting(),
        };
        Self { stage: Arc::clone(stage), ledger: Arc::new(ledger) }
    }

    /// What this call does instead of what it should; nothing, if all is well.
    fn mishap(&self, job: &Job) -> Option<(Step, Reached)> {
        if !self.stage.mishap(self.stage.features.target) {
            return None;
        }
        let chance = &self.stage.chance;
        let later = |seconds| job.at.saturating_add(Duration::from_secs(seconds));
        let soon = chance.one_in(2).then(|| later(20));
        Some(match chance.below(12) {
            0 => (Step::fails(EffectError::not_done("busy")), Reached::CallNotDone),
            1 => (Step::fails(EffectError::not_done("busy").retry_at(later(60))), Reached::CallNotDone),
            2 => (Step::fails(EffectError::rejected("blocked by groups")), Reached::CallRejected),
            3 => (Step::fails(EffectError::unknown("no answer")), Reached::CallUnknownNotPerformed),
            4 | 5 => (Step::loses_the_reply(), Reached::CallUnknownPerformed),
            6 => (Step::answers(Removal::pending(soon)), Reached::CallPending),
            7 => (Step::hangs(), Reached::CallHangs),
            8 | 9 => (Step::removes_and_hangs(), Reached::CallPerformsAndHangs),
            10 => (Step::answers(Removal::scheduled(later(86_400))), Reached::CallScheduled),
            _ => (Step::fails(EffectError::rejected("no such route").target_gone()), Reached::TargetGone),
        })
    }

    /// A call that hangs may take effect when nobody expects it any more.
    fn land_late(&self, job: &Job) {
        if !self.stage.chance.one_in(2) {
            return;
        }
        let (stage, ledger) = (Arc::clone(&self.stage), Arc::clone(&self.ledger));
        let delay = Duration::from_secs(*self.stage.chance.pick(&[1, 30, 900]));
        let key = job.key.clone();
        let future = Box::pin(async move {
            stage.sleep(delay).await;
            let call = ledger.calls().into_iter().find(|call| call.key == key).expect("it was made");
            ledger.land(&call);
            stage.meet(Reached::LateLanding);
        });
        self.stage.spawn(Newcomer { server: 0, role: Role::Late, name: "a late call", future, claims: Vec::new() });
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Deprovisioner for Fickle {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        let (seat, by) = (ScriptedDeprovisioner::seat_of(job), self.stage.log().running);
        self.stage.see(Seen::Called { task: job.task, key: job.key.clone(), seat, by });
        let mishap = self.mishap(job);
        self.stage.tell(|| format!("called {}: {:?}", job.key, mishap.as_ref().map(|(_, reached)| reached)));
        let Some((step, reached)) = mishap else { return self.ledger.deprovision(job).await };
        self.stage.meet(reached);
        self.ledger.then(step);
        if reached == Reached::CallHangs {
            self.land_late(job);
        }
        self.ledger.deprovision(job).await
    }

    async fn probe(&self, job: &Job) -> SeatStatus {
        self.stage.see(Seen::LookedUp { task: job.task, seat: ScriptedDeprovisioner::seat_of(job) });
        if self.stage.mishap(self.stage.features.probe) {
            let later = self.stage.clock.now().saturating_add(Duration::from_secs(15));
            match self.stage.chance.below(3) {
                0 => {
                    self.stage.meet(Reached::ProbeHangs);
                    return future::pending().await;
                }
                1 => return SeatStatus::not_yet(Some(later)),
                _ => {
                    self.stage.meet(Reached::ProbeFails);
                    return SeatStatus::cannot_tell();
                }
            }
        }
        self.ledger.probe(job).await
    }

    fn sees_activity(&self) -> bool {
        self.ledger.sees_activity()
    }

    fn idempotency(&self) -> Idempotency {
        self.ledger.idempotency()
    }
}
