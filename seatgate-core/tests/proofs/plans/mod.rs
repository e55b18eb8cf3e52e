//! Plans of several tasks, whose histories are walked whole (with the model checker `stateright`).
//!
//! The model of requests ([`super::model`]) has one task and everything around it: store, leases, fencing. Here it is the
//! other way round: several tasks, side by side and one after the other, and around them only what decides how they end.
//! Any task that is ready begins at any time, under a lease; its call comes back well, or badly as often as the scene allows.
//! While it is on its way the lease may run out and another worker take the task over: what the first one reports then,
//! good or bad, comes late, also while another attempt is in flight. People answer pauses, do what is for them, stop and
//! withdraw at any time. **Real** are
//! `Request::handle` and `Request::apply`. In each state that can be reached no rule of [`rules`] is broken, and where
//! nothing can follow the request is closed. No history goes on for ever: each step begins an attempt, ends one, answers a
//! pause or looks something up, and a repeat uses up what may go wrong.
//!
//! [`Mutant`](world::Mutant)s are deliberate mistakes around the real core; each breaks a rule by its name.

mod rules;
mod world;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use seatgate_core::request::Outcome;

use self::rules::{LATE, REPEATED};
use self::world::{Mutant, Scene, State, Turn, World};

impl Model for World {
    type State = State;
    type Action = Turn;

    fn init_states(&self) -> Vec<State> {
        vec![self.opening()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Turn>) {
        actions.extend(self.turns(state));
    }

    fn next_state(&self, state: &State, turn: Turn) -> Option<State> {
        Some(self.take(state, turn))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no rule is broken", |_, state: &State| state.broken.is_none()),
            Property::always("every end is closed", |world: &Self, state: &State| {
                state.request().outcome().is_some() || !world.turns(state).is_empty()
            }),
            Property::sometimes("reclaimed", |_, state: &State| state.request().outcome() == Some(Outcome::Reclaimed)),
            Property::sometimes("partly reclaimed", |_, state: &State| {
                state.request().outcome() == Some(Outcome::PartlyReclaimed)
            }),
            Property::sometimes("stopped", |_, state: &State| state.request().outcome() == Some(Outcome::Stopped)),
            Property::sometimes("withdrawn", |_, state: &State| state.request().outcome() == Some(Outcome::Withdrawn)),
            Property::sometimes("a stop races a success", |_, state: &State| state.seen.stop_raced_success),
            Property::sometimes("a late result counts", |_, state: &State| state.seen.late_result_counted),
            Property::sometimes("a refusal of one attempt comes while another is in flight", |_, state: &State| {
                state.seen.late_refusal_in_flight
            }),
        ]
    }
}

fn check(scene: Scene) {
    let world = World::new(scene, None);
    let checker = world.checker().spawn_bfs().join();
    println!("{scene:?}: {} states, {} transitions", checker.unique_state_count(), checker.state_count());
    if let Some(path) = checker.discovery("no rule is broken") {
        let broken = path.last_state().broken;
        panic!("{scene:?}: {broken:?} after {:?}", path.into_actions());
    }
    checker.assert_no_discovery("every end is closed");
    for property in checker.model().properties() {
        let met = property.expectation != Expectation::Sometimes || checker.discovery(property.name).is_some();
        assert!(met, "{scene:?}: never {}", property.name);
    }
}

#[test]
fn two_side_by_side_and_one_after_both() {
    check(Scene::SideBySide);
}

#[test]
fn one_after_a_person_and_one_beside() {
    check(Scene::ByHand);
}

#[test]
fn one_after_the_other_at_targets_that_honour_keys() {
    check(Scene::Keyed);
}

/// Two tasks that are paused at once.
#[test]
fn two_pauses_at_once_are_met() {
    let world = World::new(Scene::SideBySide, None);
    let checker = world.checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    assert!(checker.discovery("reclaimed").is_some());
    let twice = World::new(Scene::SideBySide, Some(Mutant::TwoPausesAreWrong));
    let found = twice.checker().spawn_bfs().join();
    let path = found.discovery("no rule is broken").expect("two tasks are paused at once in some history");
    assert_eq!(path.last_state().broken, Some("two tasks are paused"));
}

#[test]
fn every_mutant_breaks_its_rule() {
    for (mutant, scene, rule) in [
        (Mutant::ReleasesEarly, Scene::SideBySide, "only what it needs changes with a task"),
        (Mutant::StopLeavesPauses, Scene::SideBySide, "stop cancels what is not open, and nothing else"),
        (Mutant::ForgetsDoubt, Scene::SideBySide, "what may have happened is said"),
        (Mutant::ClosesEarly, Scene::ByHand, "closed means that every task has ended"),
        (Mutant::PauseHoldsUpAll, Scene::SideBySide, "only what it needs changes with a task"),
        (Mutant::LostLeaseIsNotDone, Scene::SideBySide, "what may have happened is said"),
        (Mutant::RepeatsBlindly, Scene::SideBySide, REPEATED),
        (Mutant::StaleWorkerSettles, Scene::Keyed, LATE),
        (Mutant::LateRefusalCounts, Scene::Keyed, LATE),
    ] {
        let checker = World::new(scene, Some(mutant)).checker().spawn_bfs().join();
        let path = checker.discovery("no rule is broken").unwrap_or_else(|| panic!("{mutant:?} lives"));
        assert_eq!(path.last_state().broken, Some(rule), "{mutant:?}");
    }
}
