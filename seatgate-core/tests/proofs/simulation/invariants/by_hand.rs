//! What a person is to do is never begun, and done by nobody but them and operators, never by whoever leaves; and nothing of an
//! offboarding moves before it is decided, nor before what it needs is over.

use std::collections::BTreeMap;

use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::person::Actor;
use seatgate_core::request::{Event, Fact, Opening, Resolution, Subject, TaskAction, TaskState};
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::reached::Reached;
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct ByHand {
    runs: BTreeMap<RequestId, Run>,
}

/// What the facts of one offboarding say.
struct Run {
    leaver: PersonRef,
    /// By task, who is to do it, if that is a person, what it needs, and whether it is done or skipped.
    tasks: BTreeMap<TaskId, (Option<PersonRef>, Vec<TaskId>, bool)>,
    decided: bool,
}

impl Run {
    fn opened(opening: &Opening) -> Option<Self> {
        let Subject::Person(leaver) = opening.subject else { return None };
        let task = |task: &seatgate_core::request::Task| {
            let by_hand = matches!(task.action, TaskAction::Manual { .. });
            (task.id, (task.assignee().filter(|_| by_hand), task.needs.clone(), false))
        };
        Some(Self { leaver, tasks: opening.tasks.iter().map(task).collect(), decided: false })
    }

    fn fact(&mut self, fact: &Fact, world: &World) -> Judgement {
        match &fact.event {
            Event::Decided { .. } => self.decided = true,
            Event::Begun { task, .. } => {
                let by_hand = self.tasks.get(task).is_some_and(|(assignee, ..)| assignee.is_some());
                holds(!by_hand, || format!("{task} is for a person, and a target was called"))?;
                self.moves(*task)?;
            }
            Event::Resolved { task, resolution, .. } => {
                self.moves(*task)?;
                self.resolved(*task, *resolution, &fact.actor, world)?;
            }
            Event::StopAsked { .. } if self.tasks.values().any(|(hand, _, over)| hand.is_some() && !over) => {
                world.stage.meet(Reached::HandStopped);
            }
            _ => {}
        }
        self.note_end(&fact.event);
        Ok(())
    }

    fn moves(&self, task: TaskId) -> Judgement {
        holds(self.decided, || format!("{task} moved before anybody decided"))?;
        let over = |need: &TaskId| self.tasks.get(need).is_some_and(|(_, _, over)| *over);
        let early = self.tasks.get(&task).and_then(|(_, needs, _)| needs.iter().find(|need| !over(need)));
        holds(early.is_none(), || format!("{task} moved before {early:?}, which it needs"))
    }

    fn resolved(&self, task: TaskId, how: Resolution, actor: &Actor, world: &World) -> Judgement {
        let Some((Some(assignee), ..)) = self.tasks.get(&task) else {
            return holds(how != Resolution::Done, || format!("{task} is a target's, and {actor} did it"));
        };
        let (own, operates) = (actor.person() == Some(*assignee), world.operates(actor));
        let may = operates || matches!(actor, Actor::Token(_)) || (own && how == Resolution::Done);
        holds(may, || format!("{actor} answered {how} for {task}, which is for {assignee}"))?;
        holds(actor.person() != Some(self.leaver), || format!("{actor} leaves, and answered for {task}"))?;
        world.stage.meet(match how {
            Resolution::Done if own => Reached::DoneByHand,
            Resolution::Done => Reached::DoneByOperator,
            _ => Reached::HandSkipped,
        });
        Ok(())
    }

    fn note_end(&mut self, event: &Event) {
        let (Event::AttemptEnded { task, next, .. }
        | Event::Probed { task, next, .. }
        | Event::Observed { task, next, .. }
        | Event::Resolved { task, next, .. }) = event
        else {
            return;
        };
        if let (Some((_, _, over)), TaskState::Done { .. } | TaskState::Skipped { .. }) =
            (self.tasks.get_mut(task), next)
        {
            *over = true;
        }
    }
}

impl Invariant for ByHand {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        let Seen::Committed { change, facts, .. } = seen else { return Ok(()) };
        let Stream::Request(id) = change.stream else { return Ok(()) };
        for fact in facts {
            if let Event::Opened(opening) = &fact.event {
                self.runs.extend(Run::opened(opening).map(|run| (id, run)));
            }
            if let Some(run) = self.runs.get_mut(&id) {
                if matches!(fact.event, Event::Opened(_)) && run.tasks.values().any(|task| task.0 == Some(run.leaver)) {
                    world.stage.meet(Reached::LeavesFromOwnTask);
                }
                run.fact(fact, world)?;
            }
        }
        Ok(())
    }
}
