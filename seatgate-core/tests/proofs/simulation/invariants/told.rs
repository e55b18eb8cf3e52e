//! No message is lost: the channel of a request hears of its end at least once, and of the end of each task of an offboarding;
//! and nobody's silence counts before a card
//! was sent to somebody. Only a notifier that says that it never can is believed.

use std::collections::BTreeSet;

use seatgate_core::agenda::News;
use seatgate_core::id::{RequestId, TaskId};
use seatgate_core::message::{Content, Message};
use seatgate_core::person::Actor;
use seatgate_core::port::NotifyError;
use seatgate_core::request::{Event, StateLabel, TaskStatus};
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Told {
    /// Whose end was told, or could not be.
    told: BTreeSet<RequestId>,
    /// The end of which tasks was told, or could not be.
    tasks: BTreeSet<TaskId>,
    /// Who was asked about, or could not be.
    asked: BTreeSet<RequestId>,
    /// About whom nobody could be asked.
    nobody_asked: BTreeSet<RequestId>,
}

impl Told {
    fn message(&mut self, message: &Message, arrived: bool, result: &Result<(), NotifyError>) {
        let hopeless = matches!(result, Err(NotifyError::Unreachable | NotifyError::Refused(_)));
        if !arrived && !hopeless {
            return;
        }
        match &message.content {
            Content::Card { rows, .. } => self.asked.extend(rows.iter().map(|row| row.request)),
            Content::Report(rows) => {
                let ended = rows.iter().filter(|row| row.state == StateLabel::Closed);
                self.told.extend(ended.map(|row| row.request));
            }
            Content::Progress { news, run } => {
                let over = *news == News::Standing && run.state == StateLabel::Closed;
                self.told.extend(over.then_some(run.request));
                let ended = run.tasks.iter().filter(|line| ENDED.contains(&line.status));
                self.tasks.extend(ended.filter(|_| *news == News::Task).map(|line| line.task));
            }
            _ => {}
        }
    }
}

/// Of what was cancelled the summary tells.
const ENDED: [TaskStatus; 2] = [TaskStatus::Done, TaskStatus::Skipped];

impl Invariant for Told {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        match seen {
            Seen::Told { message, place, result, .. } => {
                self.message(message, place.is_some(), result);
                Ok(())
            }
            Seen::Committed { change, facts, .. } => {
                let Stream::Request(id) = change.stream else { return Ok(()) };
                for fact in facts {
                    if let Event::Opened(opening) = &fact.event
                        && opening.asked.is_empty()
                    {
                        self.nobody_asked.insert(id);
                    }
                    // Whoever has answered was asked, wherever they saw it.
                    if matches!(fact.event, Event::Voted { .. } | Event::HolderAnswered { .. }) {
                        self.asked.insert(id);
                    }
                    let silence = matches!(fact.event, Event::Expired) || fact.actor == Actor::Policy;
                    let asked = self.asked.contains(&id) || self.nobody_asked.contains(&id);
                    holds(!silence || asked, || format!("{id} counts silence, and nobody was asked"))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for request in world.requests().iter().filter(|request| request.channel.is_some()) {
            holds(self.told.contains(&request.id), || format!("nobody was told how {} ended", request.id))?;
            let tasks = request.plan.tasks.iter().filter(|_| request.offboarding.is_some());
            for task in tasks.filter(|task| ENDED.contains(&task.state.status())) {
                holds(self.tasks.contains(&task.id), || format!("nobody was told how {} ended", task.id))?;
            }
        }
        Ok(())
    }
}
