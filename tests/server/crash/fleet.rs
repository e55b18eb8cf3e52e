//! Two servers on one database, killed in turn and sometimes both, while several people ask.

use seatgate_core::time::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::account::Evidence;
use super::doors::Doors;
use super::ground::{End, Ground, Life, now};
use super::work::{Book, Work};
use crate::database::Database;
use crate::fake_slack::{Fault, State};
use crate::house::{LOOK_AGAIN, Server, eventually};

const SERVERS: usize = 2;
const ASKERS: usize = 2;

/// One that runs.
struct Running {
    life: usize,
    started_at: Timestamp,
    server: Server,
}

pub(super) struct Fleet<'a> {
    ground: Ground<'a>,
    database: &'a Database,
    doors: Doors,
    servers: [Option<Running>; SERVERS],
    /// Those that ended, and of those that run what is known so far.
    lived: Vec<Life>,
    /// How many rounds each asker is to have asked, and whether they may go.
    rounds: watch::Sender<Option<usize>>,
    askers: JoinSet<Book>,
}

impl<'a> Fleet<'a> {
    pub(super) fn start(ground: Ground<'a>, database: &'a Database) -> Self {
        let (rounds, servers) = (watch::Sender::new(Some(0)), [const { None }; SERVERS]);
        let (doors, lived, askers) = (Doors::default(), Vec::new(), JoinSet::new());
        let mut fleet = Self { ground, database, doors, servers, lived, rounds, askers };
        (0..SERVERS).for_each(|slot| fleet.start_in(slot));
        for asker in 1..=ASKERS {
            let work = Work::new(&asker.to_string(), &fleet.ground.slack);
            fleet.askers.spawn(asking(work, fleet.doors.clone(), fleet.rounds.subscribe()));
        }
        fleet
    }

    pub(super) fn kills(&self) -> usize {
        self.lived.iter().filter(|life| life.is_cut()).count()
    }

    fn start_in(&mut self, slot: usize) {
        let (life, started_at) = (self.lived.len(), now());
        // Until it has ended, nothing that happens in it is explained by a kill.
        self.lived.push(Life { started_at, ended_at: Timestamp::MAX, end: End::Whole });
        let server = self.ground.start(life, None).unwrap();
        self.doors.set(slot, Some(server.door()));
        self.servers[slot] = Some(Running { life, started_at, server });
    }

    fn lives(&self) -> Vec<usize> {
        self.servers.iter().flatten().map(|running| running.life).collect()
    }

    fn slot_of(&self, life: usize) -> usize {
        let runs = |running: &Option<Running>| running.as_ref().is_some_and(|running| running.life == life);
        self.servers.iter().position(runs).unwrap()
    }

    fn kill(&mut self, slot: usize, end: End) {
        let Running { life, started_at, server } = self.servers[slot].take().unwrap();
        server.kill();
        self.doors.set(slot, None);
        self.lived[life] = Life { started_at, ended_at: now(), end };
    }

    /// Another round for everybody, and a kill over it.
    pub(super) async fn turn(&mut self, number: usize) {
        self.next_round();
        match number % 4 {
            0 => self.kill_while_held().await,
            1 => self.kill_while_posting().await,
            2 => self.kill_somewhere(number / 4 % SERVERS).await,
            _ => self.kill_both().await,
        }
    }

    /// One whose call the target holds open.
    async fn kill_while_held(&mut self) {
        self.ground.target.hold(self.lives());
        let slot = self.slot_of(self.ground.target.holding().await);
        self.kill(slot, End::Held);
        self.ground.target.hold([]);
        self.start_in(slot);
    }

    /// One that never hears that Slack took its card.
    async fn kill_while_posting(&mut self) {
        let before = self.ground.slack.with(|state| state.calls.len());
        self.ground.slack.fault("chat.postMessage", Fault::SilentAfter);
        let broken = |state: &State| {
            let broken = state.calls[before..].iter().find(|call| call.broken)?;
            let posted = state.messages.iter().filter(|message| message.life == broken.life).count();
            let asked = state.calls.iter().filter(|call| call.life == broken.life && call.method == "chat.postMessage");
            (posted == asked.count()).then_some(broken.life.unwrap())
        };
        let life = self.ground.slack.wait_for("a card that Slack takes without an answer", broken).await;
        let slot = self.slot_of(life);
        self.kill(slot, End::Posting);
        self.start_in(slot);
    }

    /// One, as soon as a few more calls came in at Slack.
    async fn kill_somewhere(&mut self, slot: usize) {
        let before = self.ground.slack.with(|state| state.calls.len());
        let more = |state: &State| (state.calls.len() >= before + 5).then_some(());
        self.ground.slack.wait_for("a few calls", more).await;
        self.kill(slot, End::Somewhere);
        self.start_in(slot);
    }

    /// Both, and for half a minute nobody is there.
    async fn kill_both(&mut self) {
        self.ground.target.hold(self.lives());
        self.ground.target.holding().await;
        (0..SERVERS).for_each(|slot| self.kill(slot, End::Held));
        self.ground.target.hold([]);
        self.database.let_leases_run_out().await;
        (0..SERVERS).for_each(|slot| self.start_in(slot));
    }

    /// Another round for everybody.
    pub(super) fn next_round(&self) {
        self.rounds.send_modify(|rounds| *rounds = rounds.map(|rounds| rounds + 1));
    }

    /// Replaces one server as an orchestrator does: tells it to stop, waits until it is gone, and starts it again. Whoever
    /// stands in front goes by `/readyz` alone. `hurried`: once nobody sends anything any more, it need not wait.
    pub(super) async fn replace(&mut self, slot: usize, hurried: bool) {
        let Running { life, started_at, server } = self.servers[slot].take().unwrap();
        let users = self.doors.users(slot);
        server.tell_to_stop();
        self.doors.closed(slot).await;
        if hurried {
            eventually(|| async { (users.strong_count() == 0).then_some(()) }).await;
            server.tell_to_stop();
        }
        let ended = tokio::task::spawn_blocking(move || server.wait()).await.unwrap();
        assert!(ended.success(), "{ended}");
        self.lived[life] = Life { started_at, ended_at: now(), end: End::Whole };
        self.start_in(slot);
    }

    /// Takes every server out of the rotation as soon as it says that it is not ready.
    pub(super) fn watch_readiness(&self) -> JoinHandle<()> {
        tokio::spawn(watching(self.doors.clone()))
    }

    pub(super) fn doors(&self) -> Doors {
        self.doors.clone()
    }

    /// Lets everybody end, and everything settle: what is found then.
    pub(super) async fn end(mut self) -> Evidence {
        self.rounds.send_replace(None);
        let mut book = Book::default();
        while let Some(done) = self.askers.join_next().await {
            book.add(done.unwrap());
        }
        let door = self.doors.next().await;
        assert!(self.ground.settled(&door, &book).await, "nobody kills it");
        let copies = self.ground.click_on_what_is_left(&door).await;
        let evidence = Evidence::gather(&self.ground, &door, book, self.lived.clone(), copies).await;
        super::the_trail_verifies(self.ground.directory, &door.base);
        for running in self.servers.into_iter().flatten() {
            assert!(running.server.stop().success());
        }
        evidence
    }
}

/// As a load balancer does. A server that is gone before it said that it leaves is a failure.
async fn watching(doors: Doors) {
    loop {
        for (slot, door) in doors.open() {
            let ready =
                door.http.get(door.url("/readyz")).send().await.expect("it says that it leaves before it is gone");
            if ready.status() != 200 {
                let said: Value = ready.json().await.unwrap();
                assert_eq!(said["status"], "leaving");
                doors.set(slot, None);
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Asks a round whenever another one is due, wherever somebody answers.
async fn asking(mut work: Work, doors: Doors, mut rounds: watch::Receiver<Option<usize>>) -> Book {
    let mut asked = 0;
    loop {
        let due = *rounds.borrow_and_update();
        match due {
            Some(due) if due > asked => {
                asked += 1;
                work.add_round();
            }
            None if work.is_done() => return work.book,
            _ if work.is_done() => rounds.changed().await.unwrap(),
            _ => work.ask_anywhere(&doors).await,
        }
    }
}
