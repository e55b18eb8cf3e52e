//! What a transition costs: the request's next state, its trail's entries with their canonical bytes and hashes, and how
//! often it asks for memory; and a commit to the in-memory store.
//!
//! `cargo bench -p seatgate-core --all-features --bench transition`

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

mod figure;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::RequestStore;
use seatgate_core::request::{AttemptResult, Command, Context, Relation, RemovalKind, Request, Transition};
use seatgate_core::testing::{World, block_on};
use seatgate_core::trail::{Chain, Entry, Stream};

use figure::{Goal, median, tell};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let world = World::new(1);
    let asked = world.person_ref();
    let (open, _) = world.request(world.seat(world.account_id()), asked);
    let approver = Actor::Person(asked);

    let approve = Step::new(&world, open, approver, Command::Approve { reason: None });
    let approved = approve.after();
    let task = approved.plan.tasks[0].id;
    let begin = Step::new(&world, approved, Actor::worker(), Command::Begin { task });
    let result = AttemptResult::Done { removal: Some(RemovalKind::Removed), receipt: None, location: None };
    let settle = Command::Settle { task, attempt: 1, result };
    let settle = Step::new(&world, begin.after(), Actor::worker(), settle);
    for (name, step) in [("decision", &approve), ("begin", &begin), ("settle", &settle)] {
        measure(&mut criterion, name, step);
    }
    commits(&mut criterion, &world);
    criterion.final_summary();
}

/// A command, and everything that it is judged by.
struct Step<'a> {
    world: &'a World,
    before: Request,
    chain: Chain,
    by: Actor,
    command: Command,
}

impl<'a> Step<'a> {
    fn new(world: &'a World, before: Request, by: Actor, command: Command) -> Self {
        let chain = Chain::empty(Stream::Request(before.id));
        Self { world, before, chain, by, command }
    }

    fn transition(&self) -> (Request, Vec<Entry>) {
        let mut context = Context::new(self.world.now, &self.world.entropy, self.by.clone(), Surface::Library);
        context.relation = Some(Relation::Approver);
        let Transition { facts, after, .. } = self.before.handle(&self.command, &context).unwrap();
        let (mut chain, change) = (self.chain.clone(), self.world.change_id());
        let entry = |fact| chain.record(change, fact).unwrap();
        (after, facts.iter().map(entry).collect())
    }

    fn after(&self) -> Request {
        self.transition().0
    }
}

fn measure(criterion: &mut Criterion, name: &str, step: &Step<'_>) {
    let mut samples = Vec::new();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let start = Instant::now();
            for _ in 0..rounds {
                black_box(step.transition());
            }
            sample(&mut samples, start.elapsed(), rounds)
        });
    });
    if samples.is_empty() {
        return; // another one was asked for
    }
    let entries = step.transition().1.len();
    let name = format!("core: a transition ({name}) with {entries} entries of the trail");
    tell(&name, median(samples), "µs", Goal::AtMost(10.0));
    let asked = allocation_counter::measure(|| drop(black_box(step.transition())));
    tell(&format!("{name}: allocations"), asked.count_total as f64, "", Goal::Nothing);
}

fn commits(criterion: &mut Criterion, world: &World) {
    let mut samples = Vec::new();
    criterion.bench_function("commit", |bencher| {
        bencher.iter_custom(|rounds| {
            let store = MemoryStore::with_system_clock();
            let opened = || world.opened_change(&world.seat(world.account_id()), 0, world.person_ref());
            let changes: Vec<_> = (0..rounds).map(|_| opened()).collect();
            let start = Instant::now();
            for change in changes {
                let _ = black_box(block_on(store.commit(vec![change])));
            }
            sample(&mut samples, start.elapsed(), rounds)
        });
    });
    if samples.is_empty() {
        return;
    }
    tell("core: a commit to the in-memory store", median(samples), "µs", Goal::AtMost(10.0));
}

/// Takes down how long each round took, in microseconds.
fn sample(samples: &mut Vec<f64>, took: Duration, rounds: u64) -> Duration {
    samples.push(took.as_secs_f64() * 1e6 / rounds as f64);
    took
}
