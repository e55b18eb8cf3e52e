//! What is said of the outside is true of the outside: done means that it was done (unless an operator vouches for it), and
//! where something may have happened, the request says so.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::{ExceptionId, TaskId};
use seatgate_core::request::{Outcome, Proof, RemovalKind, Request, Task, TaskAction, TaskState};

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Honest {
    filed: BTreeSet<ExceptionId>,
    /// What the calls and look-ups of a task were about, in the words of the ledger.
    seats: BTreeMap<TaskId, BTreeSet<String>>,
}

impl Honest {
    fn judge(&self, request: &Request, world: &World) -> Judgement {
        let id = request.id;
        for task in &request.plan.tasks {
            match &task.action {
                TaskAction::File { exception } => self.judge_filing(request, task, *exception)?,
                TaskAction::Remove { app } | TaskAction::Call { app, .. } => {
                    let target = world.targets.get(app).ok_or("no target")?;
                    let effects = target.ledger.effects();
                    let took_effect = effects.iter().any(|effect| effect.key.starts_with(&task.id.to_string()));
                    let seats = self.seats.get(&task.id).cloned().unwrap_or_default();
                    let gone = || seats.iter().any(|seat| effects.iter().any(|effect| effect.seat == *seat));
                    judge_removal(task, took_effect, gone).map_err(|why| format!("{id}: {why}"))?;
                }
                _ => {}
            }
        }
        let all_done = request.plan.tasks.iter().all(|task| matches!(task.state, TaskState::Done { .. }));
        let claims = matches!(request.outcome(), Some(Outcome::Reclaimed | Outcome::Kept));
        holds(!claims || (all_done && !request.plan.may_have_happened()), || format!("{id} claims too much"))
    }

    fn judge_filing(&self, request: &Request, task: &Task, exception: ExceptionId) -> Judgement {
        let filed = self.filed.contains(&exception);
        let vouched = matches!(task.state, TaskState::Done { proof: Proof::Attested, .. });
        let done = matches!(task.state, TaskState::Done { .. }) && !vouched;
        holds(!done || filed, || format!("{} says that {exception} is filed", request.id))?;
        let told = task.may_have_happened || matches!(task.state, TaskState::Done { .. });
        let ended = task.state.is_end();
        holds(!filed || !ended || told, || format!("{} does not say that {exception} may be filed", request.id))
    }
}

fn judge_removal(task: &Task, took_effect: bool, gone: impl Fn() -> bool) -> Judgement {
    match &task.state {
        TaskState::Done { removal, proof, .. } => match (proof, removal) {
            (Proof::Attested, _) | (_, Some(RemovalKind::Scheduled { .. } | RemovalKind::StillBilled)) => Ok(()),
            (_, Some(RemovalKind::Pending { .. })) => Err("pending is done".to_owned()),
            _ => holds(took_effect || gone(), || format!("{} is done, and the seat is held", task.id)),
        },
        state if state.is_end() => holds(!took_effect || task.may_have_happened, || {
            format!("{} took effect, and its request says that nothing may have happened", task.id)
        }),
        _ => Ok(()),
    }
}

impl Invariant for Honest {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Filed(exception) => {
                self.filed.insert(exception.id);
                Ok(())
            }
            Seen::Called { task, seat, .. } | Seen::LookedUp { task, seat } => {
                self.seats.entry(*task).or_default().insert(seat.clone());
                Ok(())
            }
            Seen::Committed { change, .. } => match &change.request {
                Some(request) if request.outcome().is_some() => self.judge(request, world),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Calls that were late have landed by now.
    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        world.requests().iter().try_for_each(|request| self.judge(request, world))
    }
}
