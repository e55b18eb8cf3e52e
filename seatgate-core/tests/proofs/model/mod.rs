//! The real core in small worlds, all of whose histories are walked (with the model checker `stateright`).
//!
//! A world has one request, a few people who each want one thing, two workers, a target, and a tiny store. Whose turn it is
//! next is left open, and so is what goes wrong: every order and every mishap that fits into the scene's bounds is tried.
//! In each state that can be reached the [`properties`] must hold.
//!
//! **Real** are the rules: `Request::handle`, `Request::apply`, `authorize`, `agenda::changes` and `schedule::next_wake`.
//!
//! **Modelled** is what stands around them, as the ports and `seatgate_core::worker` describe it:
//! - the store ([`store`]): one row with a version that is compared and set, a wake-up and a task's item on the agenda with
//!   leases, fencing tokens and *wanted* counts; a change that is said again is known again;
//! - people ([`world`]): they see a pause, click, read, and commit; others come between; the answer to a commit may be
//!   lost, and the commit is then said again;
//! - workers ([`work`]): claim, read, Begin, call, report, read again, settle, each a step of its own; a crash at every one
//!   of them; a lease that runs out too early at every one of them; a result that comes late enters as Observe;
//! - the target ([`scene::Target`]): it may perform a call and say so, or not say so, or perform it later, never, or not at
//!   all and say that; accept it; be asked what is so. The truth at it is kept apart from what anybody believes.
//!
//! **Not modelled**: waits (the first wait is zero, deadlines are days, and days pass at any time), lanes, modes that
//! change on the way, messages and cards, delivery (each card arrives at once), a directory that is edited (what it says of
//! each day is part of the scene), plans of several tasks (seats have one; [`plans`](super::plans) walks those), the code of
//! `Gate` and `Worker` itself. Those have simulations and tests of their own.
//!
//! **Every request settles** is checked as two facts, because stateright's `eventually` overlooks cycles and joins: the
//! graph of a scene has no cycle ([`graph::walk`]), and where nothing can follow the request is closed
//! (`every end is settled`). Bounds that make it so: mishaps use up the scene's troubles, everybody has one wish, and
//! somebody can always skip a paused task.
//!
//! **The check is about something**: every scene names the outcomes, commands, events and races that some history of it must
//! have; together they are all there are. A new command or event of the core does not compile until the model knows it.
//! And [`mutants`] are deliberate mistakes around the real core, each of which breaks a property by name.

mod coverage;
mod graph;
mod judge;
mod mutants;
mod properties;
mod record;
mod scene;
mod scenes;
mod state;
mod store;
mod work;
mod world;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use seatgate_core::request::{CommandKind, EventKind, Outcome};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use self::coverage::Seen;
use self::scene::Scene;
use self::state::{Race, State};
use self::world::{Turn, World};

impl Model for World {
    type State = State;
    type Action = Turn;

    fn init_states(&self) -> Vec<State> {
        vec![self.opening()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Turn>) {
        self.turns(state, actions);
    }

    fn next_state(&self, state: &State, turn: Turn) -> Option<State> {
        let mut next = state.clone();
        self.take(&mut next, turn);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all().chain(self.scene.outcomes.iter().map(|outcome| reached(*outcome))).collect()
    }
}

/// Some history ends like this.
fn reached(outcome: Outcome) -> Property<World> {
    let ends: fn(&World, &State) -> bool = match outcome {
        Outcome::Reclaimed => |_, state| state.request().outcome() == Some(Outcome::Reclaimed),
        Outcome::PartlyReclaimed => |_, state| state.request().outcome() == Some(Outcome::PartlyReclaimed),
        Outcome::Kept => |_, state| state.request().outcome() == Some(Outcome::Kept),
        Outcome::Expired => |_, state| state.request().outcome() == Some(Outcome::Expired),
        Outcome::Withdrawn => |_, state| state.request().outcome() == Some(Outcome::Withdrawn),
        Outcome::Stopped => |_, state| state.request().outcome() == Some(Outcome::Stopped),
        Outcome::DryRun => |_, state| state.request().outcome() == Some(Outcome::DryRun),
    };
    Property::sometimes(outcome.label(), ends)
}

/// What a walk of a scene came to.
struct Figures {
    name: &'static str,
    states: usize,
    transitions: usize,
    depth: usize,
    longest: usize,
    checked: Duration,
    walked: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, states, transitions, depth, longest, .. } = self;
        let (checked, walked) = (self.checked.as_secs_f32(), self.walked.as_secs_f32());
        write!(f, "model check, {name}: {states} states, {transitions} transitions, depth {depth}, violations 0 ")?;
        write!(f, "({checked:.1} s); no cycle, longest history {longest} steps ({walked:.1} s)")
    }
}

/// Walks a whole scene: nothing that must always hold is broken, everything that it is there for was met, and no history
/// goes on for ever.
fn check(scene: &Scene) -> Figures {
    let world = World::new(scene.clone(), None);
    let coverage = world.coverage.clone();
    let started = Instant::now();
    let checker = world.checker().spawn_bfs().join();
    let checked = started.elapsed();
    for property in checker.model().properties() {
        let found = checker.discovery(property.name).map(|path| path.into_actions());
        match property.expectation {
            Expectation::Sometimes => assert!(found.is_some(), "{}: never {}", scene.name, property.name),
            _ => assert_eq!(found, None, "{}: broken: {}", scene.name, property.name),
        }
    }
    meets(scene, &coverage.seen());
    let started = Instant::now();
    let walk = graph::walk(&World::new(scene.clone(), None));
    let longest = walk.longest.unwrap_or_else(|| panic!("{}: a history goes on for ever", scene.name));
    assert_eq!(walk.states, checker.unique_state_count(), "both walked everything");
    Figures {
        name: scene.name,
        states: walk.states,
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        longest,
        checked,
        walked: started.elapsed(),
    }
}

/// What the scene is there for was met.
fn meets(scene: &Scene, seen: &Seen) {
    for command in scene.commands {
        assert!(seen.commands.contains(command), "{}: never {command}", scene.name);
    }
    for event in scene.events {
        assert!(seen.events.contains(event), "{}: never {event}", scene.name);
    }
    for race in scene.races {
        assert!(seen.races.contains(race), "{}: never {race:?}", scene.name);
    }
}

macro_rules! scenes {
    ($($scene:ident)+) => {$(
        #[test]
        fn $scene() {
            println!("{}", check(&scenes::$scene()));
        }
    )+};
}

scenes! {
    decisions grace silence silence_about_what_cannot_be_given_back silence_keeps dry_run idempotent new_keys probeable
    opaque answers accepting checks filing quorum handing_on standing_in goes time_goes_by holder_first another_policy
    used_again
}

/// A command, an event, an outcome or a race that no scene asks for would be checked by accident only.
#[test]
fn everything_is_met_in_some_scene() {
    let scenes = scenes::all();
    let commands: BTreeSet<_> = scenes.iter().flat_map(|scene| scene.commands).copied().collect();
    assert_eq!(commands, CommandKind::ALL.iter().copied().collect());
    let events: BTreeSet<_> = scenes.iter().flat_map(|scene| scene.events).copied().collect();
    // Every history begins with the opening.
    assert_eq!(events, EventKind::ALL.iter().copied().filter(|event| *event != EventKind::Opened).collect());
    let outcomes: BTreeSet<_> = scenes.iter().flat_map(|scene| scene.outcomes).copied().collect();
    // A seat's plan has one task, so it is done or not.
    assert_eq!(outcomes, Outcome::ALL.iter().copied().filter(|end| *end != Outcome::PartlyReclaimed).collect());
    let races: BTreeSet<_> = scenes.iter().flat_map(|scene| scene.races).copied().collect();
    assert_eq!(races, Race::ALL.into_iter().collect());
}

#[test]
fn every_mutant_dies_of_its_property() {
    let mut survivors = Vec::new();
    for (mutant, scene, property) in mutants::KILLED_BY {
        let world = World::new(scene(), Some(mutant));
        let dead = HasDiscoveries::AnyOf(BTreeSet::from([property]));
        let checker = world.checker().finish_when(dead).spawn_bfs().join();
        // An unknown name stops the test.
        assert_eq!(checker.model().property(property).expectation, Expectation::Always);
        match checker.discovery(property).map(|path| path.into_actions().len()) {
            Some(steps) => println!("{mutant:?}: {property} ({steps} steps)"),
            None => survivors.push((mutant, property)),
        }
    }
    let all = mutants::KILLED_BY.len();
    println!("mutants killed {}/{all}", all - survivors.len());
    assert_eq!(survivors, []);
}
