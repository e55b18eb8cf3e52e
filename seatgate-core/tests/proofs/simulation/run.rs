//! One schedule from its beginning to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use seatgate_core::person::Surface;
use seatgate_core::policy::Mode;
use seatgate_core::port::Clock;
use seatgate_core::request::{Event, Request, RouteCause, StateLabel, WithdrawReason};

use super::invariants::{self, Invariant};
use super::outside;
use super::reached::{Counts, Reached};
use super::scheduler::Scheduler;
use super::seen::Seen;
use super::server::Server;
use super::stage::{Role, Stage};
use super::store::Sabotage;
use super::world::World;

/// Something that must hold and does not.
#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: &'static str,
    pub why: String,
    pub step: u64,
}

/// What one schedule came to.
pub struct Ran {
    pub steps: u64,
    pub digest: u64,
    pub counts: Counts,
    pub violation: Option<Violation>,
    pub trace: Vec<String>,
}

/// After so many steps in calm, something goes round in circles.
const LONGEST_CALM: u64 = 60_000;

struct Schedule {
    world: Arc<World>,
    stage: Arc<Stage>,
    scheduler: Scheduler,
    /// The servers that run, and those that died and are to be started again.
    servers: Vec<Server>,
    dead: Vec<usize>,
    next_server: usize,
    live: Vec<(usize, bool)>,
    invariants: Vec<(&'static str, Box<dyn Invariant>)>,
    violation: Option<Violation>,
}

/// Runs the schedule of `seed`.
pub fn run(seed: u64, sabotage: Option<Sabotage>, traced: bool) -> Ran {
    let _named = Named(seed);
    let mut schedule = Schedule::new(seed, sabotage, traced);
    schedule.storm();
    schedule.calm();
    schedule.end();
    let mut log = schedule.stage.log();
    Ran {
        steps: log.step,
        digest: log.digest,
        counts: std::mem::take(&mut log.counts),
        violation: schedule.violation.take(),
        trace: log.trace.take().unwrap_or_default(),
    }
}

/// Names the seed if something panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEATGATE_SIM_SEED={} panicked", self.0);
        }
    }
}

impl Schedule {
    fn new(seed: u64, sabotage: Option<Sabotage>, traced: bool) -> Self {
        let world = World::new(seed, traced, sabotage);
        let stage = Arc::clone(&world.stage);
        stage.tell(|| format!("{:?}", stage.features));
        let mut schedule = Self {
            scheduler: Scheduler::new(&stage),
            dead: (0..stage.features.servers).collect(),
            servers: Vec::new(),
            next_server: 0,
            live: Vec::new(),
            invariants: invariants::all(),
            violation: None,
            stage,
            world,
        };
        schedule.restart();
        schedule
    }

    /// Starts a server in the place of each that died. It is another one: it remembers nothing.
    fn restart(&mut self) {
        for _ in std::mem::take(&mut self.dead) {
            self.servers.push(Server::start(&self.world, self.next_server));
            self.next_server += 1;
        }
    }

    fn goes_on(&self) -> bool {
        self.violation.is_none()
    }

    /// Things happen, and things go wrong.
    fn storm(&mut self) {
        let last = self.stage.features.storm;
        while self.goes_on() && self.stage.log().step < last {
            if self.stage.chance.one_in(self.stage.features.call) {
                self.send();
            }
            self.mishaps();
            let moved = self.scheduler.step();
            self.check();
            if !moved {
                self.wait();
            }
        }
    }

    /// Somebody outside does something.
    fn send(&mut self) {
        let ready: Vec<usize> = self.ready().collect();
        let Some(index) = self.stage.chance.any(&ready) else { return };
        let doing = *self.stage.chance.pick(&self.stage.features.doings);
        outside::send(&self.world, &self.servers[index], doing);
    }

    fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        let ready = |server: &Server| server.ready.load(Ordering::Relaxed);
        self.servers.iter().enumerate().filter(move |(_, server)| ready(server)).map(|(index, _)| index)
    }

    fn mishaps(&mut self) {
        let stage = Arc::clone(&self.stage);
        let features = &stage.features;
        if stage.mishap(features.crash) && !self.servers.is_empty() {
            let index = stage.chance.below(self.servers.len());
            let server = self.servers.swap_remove(index);
            stage.note("crash", server.id as u64);
            stage.meet(Reached::Crash);
            self.scheduler.crash(server.id);
            self.live.retain(|(id, _)| *id != server.id);
            self.dead.push(server.id);
        }
        if !self.dead.is_empty() && stage.chance.one_in(20) {
            self.restart();
        }
        if stage.mishap(features.hang_up) && self.scheduler.hang_up() {
            stage.note("hang up", 0);
            stage.meet(Reached::HangUp);
        }
        if stage.mishap(features.early_lease) {
            stage.meet(Reached::EarlyLease);
            stage.lease_clock.advance(Duration::from_secs(*stage.chance.pick(&[5, 21, 60])));
        }
        if stage.mishap(features.jump) {
            stage.meet(Reached::ClockJump);
            let jump = Duration::from_secs(*stage.chance.pick(&[10, 61, 3_600, 90_000]));
            // Leases have a clock of their own, which may stay behind.
            if stage.chance.one_in(2) {
                stage.lease_clock.advance(jump);
            }
            stage.clock.advance(jump);
            stage.wake_sleepers();
        }
        let pace = stage.chance.below(features.pace_micros + 1);
        stage.pass(Duration::from_micros(pace as u64));
    }

    /// Nobody can go on: time passes until somebody can.
    fn wait(&mut self) {
        match self.stage.next_timer() {
            Some(at) => {
                let time = at.since(self.stage.clock.now());
                self.stage.pass(time);
            }
            None if self.dead.is_empty() => self.stage.pass(Duration::from_secs(1)),
            None => self.restart(),
        }
    }

    /// No more mishaps: people go on handing in what was not answered, operators answer what waits for them, and time
    /// passes until nothing is left to do.
    fn calm(&mut self) {
        self.stage.calm_down();
        self.stage.note("calm", 0);
        self.restart();
        let from = self.stage.log().step;
        while self.goes_on() && self.stage.log().step < from + LONGEST_CALM {
            let moved = self.scheduler.step();
            self.check();
            if moved {
                continue;
            }
            if !self.scheduler.has(Role::Client) && !self.attend() && self.is_settled() {
                return;
            }
            if !self.scheduler.step() {
                self.wait();
            }
            self.check();
        }
    }

    /// While a server is still starting, people may have something to send that nobody takes yet.
    fn is_settled(&self) -> bool {
        let all_run = self.ready().count() == self.servers.len();
        let ended = self.world.requests().iter().all(|request| request.outcome().is_some());
        let busy = [Role::Work, Role::Client, Role::Late].into_iter().any(|role| self.scheduler.has(role));
        all_run && ended && !busy && self.world.agenda().items == 0
    }

    /// Sends whatever people outside still have to send; `false`, if there is nothing.
    fn attend(&mut self) -> bool {
        let ready: Vec<usize> = self.ready().collect();
        if ready.len() < self.servers.len() {
            return false;
        }
        let world = Arc::clone(&self.world);
        if let Some(server) = self.servers.iter().find(|server| !server.is_live()) {
            outside::switch(&world, server, Mode::Live);
            return true;
        }
        let index = self.stage.chance.any(&ready).expect("a server");
        let unanswered = {
            let known = world.known();
            let answered = |id: Option<String>| id.is_some_and(|id| known.delivered.contains(&id));
            known.deliveries.iter().find(|one| one.joins.is_none() && !answered(one.id())).cloned()
        };
        if let Some(delivery) = unanswered {
            outside::deliver(&world, &self.servers[index], delivery);
            return true;
        }
        let waits = |request: &Request| {
            request.label() == StateLabel::NeedsAttention || outside::waits_for_person(request).is_some()
        };
        let waiting = world.requests().into_iter().find(waits);
        waiting.iter().for_each(|request| outside::attend(&world, &self.servers[index], request));
        waiting.is_some()
    }

    /// Shows everything that was seen to all invariants.
    fn check(&mut self) {
        self.watch_modes();
        let seen = std::mem::take(&mut self.stage.log().seen);
        for one in seen {
            self.count(&one);
            for (name, invariant) in &mut self.invariants {
                if let (Err(why), None) = (invariant.see(&one, &self.world), &self.violation) {
                    self.violation = Some(Violation { invariant: name, why, step: self.stage.log().step });
                }
            }
        }
    }

    fn watch_modes(&mut self) {
        for server in &self.servers {
            let (id, live) = (server.id, server.is_live());
            let known = self.live.iter_mut().find(|(known, _)| *known == id);
            let changed = known.as_ref().is_none_or(|(_, was)| *was != live);
            match known {
                Some(known) => known.1 = live,
                None => self.live.push((id, live)),
            }
            if changed {
                let step = self.stage.log().step;
                self.stage.see(Seen::ModeIs { server: id, live, step });
            }
        }
    }

    /// Counts what it comes to.
    fn count(&self, seen: &Seen) {
        let Seen::Committed { facts, .. } = seen else { return };
        let mut log = self.stage.log();
        for fact in facts {
            log.counts.event(fact.event.kind());
            match &fact.event {
                Event::Closed { outcome, .. } => log.counts.outcome(*outcome),
                Event::Withdrawn { why: WithdrawReason::SameSeat, .. } => log.counts.meet(Reached::MergedAccounts),
                // The worker's own look ends as a check before Begin.
                Event::Withdrawn { why: WithdrawReason::UsedAgain, .. } if fact.surface != Surface::Worker => {
                    log.counts.meet(Reached::CameBack);
                }
                Event::Routed { cause, .. } => log.counts.meet(match cause {
                    RouteCause::Reassigned => Reached::Reassigned,
                    RouteCause::Delegation => Reached::DelegationMoved,
                    RouteCause::Gone => Reached::Replaced,
                    RouteCause::Escalated => Reached::Escalated,
                    RouteCause::HolderSilent => Reached::HolderSilent,
                    _ => Reached::HolderHeard,
                }),
                _ => {}
            }
        }
    }

    fn end(&mut self) {
        if !self.goes_on() {
            return;
        }
        // The minute of the last denials is over.
        self.stage.pass(Duration::from_secs(120));
        for (name, invariant) in &mut self.invariants {
            if let (Err(why), None) = (invariant.end(&self.world, &self.servers), &self.violation) {
                self.violation = Some(Violation { invariant: name, why, step: self.stage.log().step });
            }
        }
    }
}
