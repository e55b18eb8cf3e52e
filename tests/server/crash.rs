//! Promises 3 and 4 over real crashes: what was acknowledged is there, and every call of one task bears one key.
//!
//! One server is killed again and again over the same file: while the target holds a call open, and (with the feature
//! `failpoints`) right after each of the writes of a life, before anybody hears of them. Two servers on one PostgreSQL are
//! killed in turn, and sometimes both. People answer over the API and in a fake Slack all the while.

mod account;
mod doors;
mod fleet;
mod forged;
mod ground;
mod leaving;
mod lives;
mod people;
pub(crate) mod target;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub(crate) use self::account::all;
use self::account::{Account, Evidence};
use self::doors::Doors;
use self::fleet::Fleet;
pub(crate) use self::ground::Ground;
use self::lives::Lives;
use super::database::Database;
use super::house::run;

pub(crate) const INTAKE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const REMOVAL: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const TOKEN: &str = "a-token-of-the-test";

/// How often the server is killed over a file, at the least.
fn kills() -> usize {
    if is_long() { 500 } else { 50 }
}

/// How often one of two servers is killed.
fn kills_of_two() -> usize {
    if is_long() { 300 } else { 10 }
}

fn is_long() -> bool {
    std::env::var_os("SEATGATE_LONG").is_some()
}

/// Which failpoint is next: each kind of write is walked through from its first to the last of a life, and again.
#[derive(Default)]
struct Walk {
    turn: usize,
    reached: BTreeMap<&'static str, u64>,
    /// Lives that had no further write of a kind.
    whole: BTreeSet<&'static str>,
}

impl Walk {
    /// A life has more commits than other writes. Where there is none, it is a held call's turn.
    const TURNS: [Option<&'static str>; 9] = [
        None,
        Some("commit"),
        Some("claim"),
        Some("commit"),
        Some("settle"),
        None,
        Some("commit"),
        Some("file"),
        Some("commit"),
    ];

    fn next(&mut self) -> Option<(&'static str, u64)> {
        self.turn += 1;
        let write = Self::TURNS[(self.turn - 1) % Self::TURNS.len()].filter(|_| cfg!(feature = "failpoints"))?;
        Some((write, self.reached.get(write).copied().unwrap_or_default() + 1))
    }

    fn walked(&mut self, write: &'static str, number: u64, reached: bool) {
        self.reached.insert(write, if reached { number } else { 0 });
        self.whole.extend((!reached).then_some(write));
    }

    /// Whether the server has died after every commit of a life.
    fn is_whole(&self) -> bool {
        !cfg!(feature = "failpoints") || self.whole.contains("commit")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_the_process_is_killed_nothing_acknowledged_is_lost() {
    let started = Instant::now();
    let directory = tempfile::tempdir().unwrap();
    let (mut lives, mut walk) = (Lives::new(Ground::new(directory.path(), None).await), Walk::default());
    while lives.kills() < kills() || !walk.is_whole() {
        match walk.next() {
            // One open call, or two, or three.
            None => lives.until_held(1 + lives.kills() % 3).await,
            Some((write, number)) => {
                let reached = lives.until(&format!("{write}:{number}")).await;
                walk.walked(write, number, reached);
            }
        }
    }
    let (server, evidence) = lives.last().await;
    the_trail_verifies(directory.path(), &server.base);
    assert!(server.stop().success());
    judge("SQLite", &evidence, started);
    forged::is_found_in(&evidence);
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_of_two_servers_is_killed_nothing_acknowledged_is_lost() {
    let Some(database) = Database::create("killed").await else { return };
    let started = Instant::now();
    let directory = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::start(Ground::new(directory.path(), Some(&database.url)).await, &database);
    let mut turn = 0;
    // The last turn leaves no lease that somebody would have to wait for.
    while fleet.kills() < kills_of_two() || turn % 4 != 0 {
        fleet.turn(turn).await;
        turn += 1;
    }
    let evidence = fleet.end().await;
    judge("two servers on PostgreSQL", &evidence, started);
}

/// Rounds of a rolling restart.
fn rounds() -> usize {
    if is_long() { 50 } else { 3 }
}

/// Reads, and repeats what was delivered, as fast as it is answered; how often.
async fn reading(doors: Doors, stop: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::SeqCst) {
        let door = doors.next().await;
        for path in ["/v1/requests?limit=20", "/v1/exceptions?limit=20"] {
            let call = door.http.get(door.url(path)).bearer_auth(TOKEN);
            assert_eq!(call.send().await.expect(path).status(), 200, "{path}");
            answered += 1;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request_and_repeats_no_call() {
    let Some(database) = Database::create("rolled").await else { return };
    let started = Instant::now();
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::new(directory.path(), Some(&database.url)).await.draining("2s");
    let mut fleet = Fleet::start(ground, &database);
    let (watching, stop) = (fleet.watch_readiness(), Arc::new(AtomicBool::new(false)));
    let readers = [(); 2].map(|()| tokio::spawn(reading(fleet.doors(), stop.clone())));
    for round in 0..rounds() {
        for slot in 0..2 {
            // The first ones by the clock alone.
            fleet.next_round();
            fleet.replace(slot, round > 0).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    let mut reads = 0;
    for reader in readers {
        reads += reader.await.unwrap();
    }
    assert!(!watching.is_finished(), "{:?}", watching.await);
    watching.abort();
    let evidence = fleet.end().await;
    judge(&format!("{} replaced servers, {reads} reads", 2 * rounds()), &evidence, started);
    let account = Account::of(&evidence);
    assert_eq!((account.kills, account.repeated, account.interrupted, account.doubled), (0, 0, 0, 0), "{account}");
}

fn judge(what: &str, evidence: &Evidence, started: Instant) {
    let account = Account::of(evidence);
    eprintln!("{what}: {account}, in {:?}", started.elapsed());
    account.demand();
}

fn the_trail_verifies(directory: &Path, base: &str) {
    let token = [("SEATGATE_API_TOKEN", TOKEN)];
    let (exported, said) = run(directory, &token, &["--server", base, "audit", "export", "audit.ndjson"]);
    assert!(exported.status.success(), "{said}");
    let (verified, said) = run(directory, &[], &["audit", "verify", "audit.ndjson"]);
    assert!(verified.status.success(), "{said}");
}
