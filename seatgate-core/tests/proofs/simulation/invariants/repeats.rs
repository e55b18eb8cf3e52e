//! A removal is called for again only with the same key, unless it was refused for good and may not have happened, and
//! only for a reason that the trail names. A target without promises is never called again blindly.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::TaskId;
use seatgate_core::port::{Deprovisioner, Idempotency};
use seatgate_core::request::{AttemptResult, Event, Fact, ProbeAnswer, RemovalKind, Resolution, TaskAction, TaskState};
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::reached::Reached;
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Repeats {
    tasks: BTreeMap<TaskId, History>,
}

#[derive(Default)]
struct History {
    key: String,
    old_keys: BTreeSet<String>,
    /// Whether a repeat with the same key is harmless.
    harmless: bool,
    begun: u32,
    called: u32,
    rejected: bool,
    /// Whether somebody has answered a pause with Retry since the last Begin.
    retried: bool,
    /// Whether an attempt under this key may have happened.
    ambiguous: bool,
    /// Whether the last attempt may have happened.
    open: bool,
    ready_again: bool,
}

impl History {
    fn begin(&mut self, key: &str, world: &World) -> Judgement {
        if self.begun > 0 {
            world.stage.meet(Reached::RepeatedCall);
            let renewed = self.rejected && self.retried && !self.ambiguous;
            holds((key != self.key) == renewed, || format!("{} was followed by {key}", self.key))?;
            holds(key == self.key || !self.old_keys.contains(key), || format!("{key} came back"))?;
            holds(self.ready_again, || format!("{key} began again without a reason"))?;
            let blind = self.open && !self.retried && !self.harmless;
            holds(!blind, || format!("{key} began again, though it may have happened and a repeat is not harmless"))?;
        }
        self.old_keys.insert(std::mem::replace(&mut self.key, key.to_owned()));
        (self.begun, self.rejected, self.retried, self.open, self.ready_again) =
            (self.begun + 1, false, false, false, false);
        Ok(())
    }

    fn result(&mut self, result: &AttemptResult) {
        let pending = matches!(result, AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), .. });
        self.rejected = matches!(result, AttemptResult::Rejected { .. });
        self.open = pending || matches!(result, AttemptResult::Unknown { .. });
        self.ambiguous |= self.open;
    }
}

impl Repeats {
    fn fact(&mut self, fact: &Fact, world: &World) -> Judgement {
        if let Event::Decided { tasks, .. } = &fact.event {
            for task in tasks {
                let harmless = match &task.action {
                    // A task of an offboarding calls the target of its app.
                    TaskAction::Remove { app } | TaskAction::Call { app, .. } => {
                        world.targets.get(app).is_some_and(|target| target.idempotency() != Idempotency::Unknown)
                    }
                    _ => true,
                };
                self.tasks.insert(task.id, History { harmless, ..History::default() });
            }
        }
        let (Event::Begun { task, .. }
        | Event::AttemptEnded { task, .. }
        | Event::Probed { task, .. }
        | Event::Observed { task, .. }
        | Event::Resolved { task, .. }) = &fact.event
        else {
            return Ok(());
        };
        let history = self.tasks.entry(*task).or_default();
        match &fact.event {
            Event::Begun { key, .. } => history.begin(key, world)?,
            Event::AttemptEnded { result, next, .. } => {
                history.result(result);
                history.ready_again |= matches!(next, TaskState::Ready { .. });
            }
            Event::Probed { answer, next, .. } => {
                // A look-up that cannot tell of a call that was accepted leaves a harmless repeat, and only that.
                let tells = matches!(answer, ProbeAnswer::Held | ProbeAnswer::CannotTell);
                history.ready_again |= tells && matches!(next, TaskState::Ready { .. });
            }
            Event::Observed { .. } => world.stage.meet(Reached::LateResult),
            Event::Resolved { resolution: Resolution::Retry, .. } => {
                (history.retried, history.ready_again) = (true, true);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Invariant for Repeats {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Committed { change, facts, .. } if matches!(change.stream, Stream::Request(_)) => {
                facts.iter().try_for_each(|fact| self.fact(fact, world))
            }
            Seen::Called { task, key, .. } => {
                let history = self.tasks.entry(*task).or_default();
                history.called += 1;
                holds(history.called <= history.begun, || format!("{key}: more calls than Begins"))
            }
            _ => Ok(()),
        }
    }

    /// What honours keys has removed a seat once for each key. Elsewhere a seat may have changed its name in between.
    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        let keyed = |idempotency| matches!(idempotency, Idempotency::KeyHonoured { .. });
        for target in world.targets.values().filter(|target| keyed(target.idempotency())) {
            let mut effects: BTreeMap<String, u32> = BTreeMap::new();
            for effect in target.ledger.effects() {
                *effects.entry(effect.key).or_default() += 1;
            }
            if let Some((key, count)) = effects.into_iter().find(|(_, count)| *count > 1) {
                return Err(format!("{key} took effect {count} times"));
            }
        }
        Ok(())
    }
}
