//! Promises 3 and 4 over real crashes: what was acknowledged is there, and every call of one task bears one key.
//!
//! The server is killed again and again over the same file: while the target holds a call open, and (with the feature
//! `failpoints`) right after each of the writes of a life, before anybody hears of them.

mod account;
mod lives;
pub(crate) mod target;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use self::lives::Lives;
use super::house::run;

pub(crate) const INTAKE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const REMOVAL: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const TOKEN: &str = "a-token-of-the-test";

/// How often the server is killed, at the least.
fn kills() -> usize {
    if std::env::var_os("SEATGATE_LONG").is_some() { 500 } else { 50 }
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
    let (mut lives, mut walk) = (Lives::new(directory.path()).await, Walk::default());
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
    let server = lives.last().await;
    let account = lives.account(&server).await;
    let token = [("SEATGATE_API_TOKEN", TOKEN)];
    let (exported, said) =
        run(directory.path(), &token, &["--server", &server.base, "audit", "export", "audit.ndjson"]);
    assert!(exported.status.success(), "{said}");
    let (verified, said) = run(directory.path(), &[], &["audit", "verify", "audit.ndjson"]);
    assert!(verified.status.success(), "{said}");
    assert!(server.stop().success());
    println!("{account}in {:?}", started.elapsed());
}
