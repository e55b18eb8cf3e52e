//! One server over a file, or two over one database, and where they are killed.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use seatgate_core::time::Timestamp;

use super::account::Evidence;
use super::luck::Luck;
use super::operator::Operator;
use super::playbook::{self, Mended};
use crate::crash::doors::Doors;
use crate::crash::ground::{End, Life, now};
use crate::crash::lives::SIGABRT;
use crate::crash::target::Target;
use crate::crash::{INTAKE, TOKEN, the_trail_verifies};
use crate::database::Database;
use crate::house::Server;

/// Where a server is killed.
#[derive(Debug)]
enum Point {
    /// In the middle of a call, after so many.
    Held(usize),
    /// As soon as so many calls have come in, whatever has become of them.
    Called(usize),
    /// After so many looks.
    Looked(usize),
    /// Right after this write of a life, such as `commit:7`.
    At(String),
}

/// One that runs.
struct Running {
    life: usize,
    started_at: Timestamp,
    server: Server,
}

pub(super) struct Stage<'a> {
    directory: &'a Path,
    database: Option<&'a Database>,
    target: Target,
    doors: Doors,
    servers: Vec<Option<Running>>,
    lived: Vec<Life>,
    operator: Operator,
    luck: Luck,
}

impl<'a> Stage<'a> {
    /// One server over a file in the directory; over a database, two.
    pub(super) async fn new(directory: &'a Path, database: Option<&'a Database>, seed: u64) -> Self {
        let mended = Mended::default();
        let script = {
            let mended = mended.clone();
            move |body: &_, earlier: &[_]| playbook::reply(body, earlier, &mended)
        };
        let target = Target::scripted(script).await;
        let servers = if database.is_some() { vec![None, None] } else { vec![None] };
        let operator = Operator::new(target.clone(), mended, Luck::new(!seed));
        let (doors, lived, luck) = (Doors::default(), Vec::new(), Luck::new(seed));
        Self { directory, database, target, doors, servers, lived, operator, luck }
    }

    pub(super) fn kills(&self) -> usize {
        self.lived.iter().filter(|life| life.is_cut()).count()
    }

    /// One more kill, or two.
    pub(super) async fn turn(&mut self) {
        match self.database {
            None => self.one_life().await,
            Some(database) => self.one_or_both(database).await,
        }
    }

    /// Of a single server.
    async fn one_life(&mut self) {
        match self.point() {
            Point::At(write) => self.until_written(&write).await,
            point => {
                self.start_in(0, None);
                let slot = self.reach(point).await;
                self.kill(slot);
            }
        }
    }

    /// One of two is killed and is there again at once; or the other one as well, and for half a minute nobody is there.
    async fn one_or_both(&mut self, database: &Database) {
        self.start_all();
        let first = self.reach_while_alive().await;
        self.kill(first);
        if self.luck.below(2) == 0 {
            return self.start_in(first, None);
        }
        self.kill_all(database).await;
    }

    async fn kill_all(&mut self, database: &Database) {
        while self.servers.iter().any(Option::is_some) {
            let slot = self.reach_while_alive().await;
            self.kill(slot);
        }
        database.let_leases_run_out().await;
    }

    async fn reach_while_alive(&mut self) -> usize {
        let point = match self.point() {
            Point::At(_) => Point::Called(1),
            point => point,
        };
        self.reach(point).await
    }

    fn point(&self) -> Point {
        let number = |n| 1 + self.luck.below(n);
        match self.luck.below(if cfg!(feature = "failpoints") { 6 } else { 3 }) {
            0 => Point::Held(number(8)),
            1 => Point::Called(number(12)),
            2 => Point::Looked(number(60)),
            3 | 4 => Point::At(format!("commit:{}", number(50))),
            _ => Point::At(format!("claim:{}", number(25))),
        }
    }

    fn start_all(&mut self) {
        for slot in 0..self.servers.len() {
            if self.servers[slot].is_none() {
                self.start_in(slot, None);
            }
        }
    }

    fn start_in(&mut self, slot: usize, failpoint: Option<&str>) {
        let (life, started_at) = (self.lived.len(), now());
        // Until it has ended, nothing that happens in it is explained by a kill.
        self.lived.push(Life { started_at, ended_at: Timestamp::MAX, end: End::Whole });
        match self.spawn(life, failpoint) {
            Ok(server) => {
                self.doors.set(slot, Some(server.door()));
                self.servers[slot] = Some(Running { life, started_at, server });
            }
            Err(ended) => {
                died_as_told(ended);
                self.lived[life] = Life { started_at, ended_at: now(), end: End::Somewhere };
            }
        }
    }

    /// How it ended, where it reaches its failpoint before it listens.
    fn spawn(&self, life: usize, failpoint: Option<&str>) -> Result<Server, ExitStatus> {
        let file = format!("seatgate-{life}.toml");
        std::fs::write(self.directory.join(&file), playbook::file(&self.target, life)).unwrap();
        let mut environment = vec![
            ("SEATGATE_CONFIG", file.as_str()),
            ("SEATGATE_INTAKE_SECRET", INTAKE),
            ("SEATGATE_API_TOKEN", TOKEN),
            ("SEATGATE_ALLOW_PRIVATE_TARGETS", self.target.address.as_str()),
        ];
        environment.extend(self.database.map(|database| ("DATABASE_URL", database.url.as_str())));
        environment.extend(failpoint.map(|failpoint| ("SEATGATE_FAILPOINT", failpoint)));
        Server::try_start(self.directory, &environment)
    }

    /// A life that ends at this failpoint.
    async fn until_written(&mut self, write: &str) {
        self.start_in(0, Some(write));
        let Some(Running { life, started_at, mut server }) = self.servers[0].take() else { return };
        while self.operator.look(&self.doors).await || server.is_alive() {}
        died_as_told(server.wait());
        self.doors.set(0, None);
        self.lived[life] = Life { started_at, ended_at: now(), end: End::At(write.to_owned()) };
    }

    /// Which of those that run is to be killed, once that is to be.
    async fn reach(&mut self, point: Point) -> usize {
        let lives: Vec<usize> = self.servers.iter().flatten().map(|running| running.life).collect();
        let any = lives[self.luck.below(lives.len())];
        let Self { operator, doors, target, .. } = self;
        let life = match point {
            Point::Looked(looks) => {
                for _ in 0..looks {
                    operator.look(doors).await;
                }
                any
            }
            Point::Called(calls) => tokio::select! {
                () = target.called_again(calls) => any,
                () = operator.go_on(doors) => any,
            },
            Point::Held(after) => {
                let held = async {
                    target.called_again(after).await;
                    target.hold(lives.iter().copied());
                    target.holding().await
                };
                tokio::select! {
                    life = held => life,
                    () = operator.go_on(doors) => any,
                }
            }
            Point::At(_) => any,
        };
        let runs = |running: &Option<Running>| running.as_ref().is_some_and(|running| running.life == life);
        self.servers.iter().position(runs).unwrap()
    }

    fn kill(&mut self, slot: usize) {
        let Running { life, started_at, server } = self.servers[slot].take().unwrap();
        server.kill();
        self.doors.set(slot, None);
        self.target.hold([]);
        self.lived[life] = Life { started_at, ended_at: now(), end: End::Somewhere };
    }

    /// Lets everybody who leaves have left: what is found then.
    pub(super) async fn end(mut self) -> Evidence {
        if let Some(database) = self.database {
            // Leaves no lease that somebody would have to wait for.
            self.start_all();
            self.kill_all(database).await;
        }
        self.start_all();
        let (door, unanswered) = (self.doors.next().await, self.operator.unanswered);
        let cases = self.operator.finish(&door).await;
        let evidence = Evidence::gather(&door, &self.target, cases, self.lived.clone(), unanswered).await;
        the_trail_verifies(self.directory, &door.base);
        for running in self.servers.into_iter().flatten() {
            assert!(running.server.stop().success());
        }
        evidence
    }
}

/// By its own hand, at its failpoint.
fn died_as_told(ended: ExitStatus) {
    assert_eq!(ended.signal(), Some(SIGABRT), "{ended}");
}
