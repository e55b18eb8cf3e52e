//! Runs futures one poll at a time, in an order that chance chooses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::seen::By;
use super::stage::{Newcomer, Role, Running, Stage};

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    by: By,
    role: Role,
    name: &'static str,
    claims: Vec<(String, u64)>,
    ready: Arc<Ready>,
    future: Running,
}

/// All futures that run.
pub struct Scheduler {
    stage: Arc<Stage>,
    tasks: Vec<Task>,
    last: Option<u64>,
    started: u64,
}

impl Scheduler {
    pub fn new(stage: &Arc<Stage>) -> Self {
        Self { stage: Arc::clone(stage), tasks: Vec::new(), last: None, started: 0 }
    }

    /// Polls one future that is ready; `false` if none is.
    pub fn step(&mut self) -> bool {
        self.admit();
        let Some(index) = self.choose() else { return false };
        let task = &mut self.tasks[index];
        task.ready.0.store(false, Ordering::Relaxed);
        {
            let mut log = self.stage.log();
            log.step += 1;
            log.running = task.by;
            log.claims.clone_from(&task.claims);
        }
        self.stage.note(task.name, task.by.task);
        self.last = Some(task.by.task);
        let waker = Waker::from(Arc::clone(&task.ready));
        if let Poll::Ready(()) = task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.tasks.swap_remove(index);
        }
        self.admit();
        true
    }

    fn admit(&mut self) {
        for Newcomer { server, role, name, future, claims } in self.stage.newcomers() {
            self.started += 1;
            let by = By { server, task: self.started, since: self.stage.log().step };
            let ready = Arc::new(Ready(AtomicBool::new(true)));
            self.tasks.push(Task { by, role, name, claims, ready, future });
        }
    }

    fn choose(&self) -> Option<usize> {
        let ready = |task: &Task| task.ready.0.load(Ordering::Relaxed);
        let same = || self.tasks.iter().position(|task| Some(task.by.task) == self.last && ready(task));
        let burst = self.stage.features.burst;
        if burst != 0
            && !self.stage.chance.one_in(burst)
            && let Some(index) = same()
        {
            return Some(index);
        }
        let count = self.tasks.iter().filter(|task| ready(task)).count();
        let chosen = self.stage.chance.below(count);
        self.tasks.iter().enumerate().filter(|(_, task)| ready(task)).nth(chosen).map(|(index, _)| index)
    }

    /// A server dies: whatever it did is dropped where it stands.
    pub fn crash(&mut self, server: usize) {
        self.admit();
        self.tasks.retain(|task| task.by.server != server || task.role == Role::Late);
    }

    /// Somebody outside does not wait for the answer: the future of their call is dropped.
    pub fn hang_up(&mut self) -> bool {
        let clients: Vec<u64> = self.of(Role::Client).collect();
        let gone = self.stage.chance.any(&clients);
        self.tasks.retain(|task| Some(task.by.task) != gone);
        gone.is_some()
    }

    pub fn has(&self, role: Role) -> bool {
        self.of(role).next().is_some()
    }

    fn of(&self, role: Role) -> impl Iterator<Item = u64> + '_ {
        self.tasks.iter().filter(move |task| task.role == role).map(|task| task.by.task)
    }
}
