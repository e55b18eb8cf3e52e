//! A card tells the truth in the end: wherever it is known to be, or can be found, it shows how its requests ended, without
//! live buttons. The stated limit is a copy that nobody can find, where the notifier cannot look; and what was sent late, for
//! an item that somebody else had taken over, by somebody who did not live to set it right.

use std::collections::BTreeMap;
use std::sync::Arc;

use seatgate_core::card::{About, Card};
use seatgate_core::id::CardId;
use seatgate_core::message::{Content, Message, Row};
use seatgate_core::policy::Mode;
use seatgate_core::port::{RequestQueries, RequestStore};
use seatgate_core::request::StateLabel;
use seatgate_core::testing::block_on;

use super::{Invariant, Judgement, holds};
use crate::simulation::reached::Reached;
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Cards {
    shown: BTreeMap<String, Shown>,
}

struct Shown {
    card: CardId,
    message: Arc<Message>,
    /// It was first sent late.
    stray: bool,
    /// What stands there was sent late, and the card was not edited since.
    stale: bool,
}

impl Cards {
    fn judge(&self, world: &World, place: &str, shown: &Shown) -> Judgement {
        let Some(card) = block_on(world.store.cards(&[shown.card])).unwrap().remove(0) else {
            return Err(format!("{} is shown, and there is no such card", shown.card));
        };
        let known = card.posted.as_deref() == Some(place) || card.copies.iter().any(|copy| copy == place);
        if !known && (shown.stray || !world.stage.features.finds_copies) {
            world.stage.meet(Reached::StrayCopy);
            return Ok(());
        }
        if shown.stale {
            return Ok(());
        }
        holds(known, || format!("{} is at {place}, could be found there, and nobody knows", shown.card))?;
        match &shown.message.content {
            Content::Card { rows, .. } => judge_rows(world, &card, rows),
            Content::Sweep(standing) => {
                let About::Sweep { sweep, channel } = &card.about else { return Err("no notice".to_owned()) };
                let mode = if standing.test { Mode::DryRun } else { Mode::Live };
                let now = block_on(world.store.standings(*sweep, channel, mode)).unwrap();
                let counts = |standings: &[seatgate_core::message::StateTally]| -> Vec<_> {
                    standings.iter().map(|one| (one.state, one.outcome, one.count)).collect()
                };
                let same = counts(&standing.standings) == counts(&now);
                holds(same, || format!("the notice of {sweep} says {:?}, not {now:?}", standing.standings))
            }
            Content::Offboarding(standing) => {
                let found = block_on(world.store.load(&[standing.request])).unwrap().remove(0).ok_or("no request")?;
                let says = standing.tasks.iter().map(|task| task.status);
                let same = says.eq(found.request.plan.tasks.iter().map(|task| task.state.status()));
                let same = same && standing.outcome == found.request.outcome();
                holds(same, || format!("the notice of {} says {standing:?}", standing.request))
            }
            Content::Errand(errand) => {
                let found = block_on(world.store.load(&[errand.request])).unwrap().remove(0).ok_or("no request")?;
                let stands = |id| found.request.plan.task(id).map(|task| task.state.status());
                let same = errand.tasks.iter().all(|line| stands(line.task) == Some(line.status));
                holds(same, || format!("the errand of {} says {errand:?}", errand.request))
            }
            other => Err(format!("{other:?} is no card")),
        }
    }
}

fn judge_rows(world: &World, card: &Card, rows: &[Row]) -> Judgement {
    let all = card.requests().iter().all(|id| rows.iter().any(|row| row.request == *id));
    holds(all, || format!("{} does not show all of its requests", card.id))?;
    for row in rows {
        let found = block_on(world.store.load(&[row.request])).unwrap().remove(0).ok_or("no request")?;
        let outcome = found.request.outcome();
        let true_row = row.state == StateLabel::Closed && row.outcome == outcome && !row.is_live();
        holds(true_row, || {
            format!("{} shows {} as {} {:?}, which ended {outcome:?}", card.id, row.request, row.state, row.outcome)
        })?;
    }
    Ok(())
}

impl Invariant for Cards {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Edited(card) => {
                self.shown.values_mut().filter(|shown| shown.card == *card).for_each(|shown| shown.stale = false);
            }
            Seen::Told { message, place: Some(place), stale, .. } => {
                let Some(card) = message.card() else { return Ok(()) };
                let stray = self.shown.get(place).map_or(*stale, |shown| shown.stray);
                if !self.shown.contains_key(place) {
                    world.known().places.push((card, place.clone()));
                }
                self.shown.insert(place.clone(), Shown { card, message: Arc::clone(message), stray, stale: *stale });
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        self.shown.iter().try_for_each(|(place, shown)| self.judge(world, place, shown))
    }
}
