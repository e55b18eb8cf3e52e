//! Offboardings over real crashes: a run of twelve tasks goes on with what was paused or in flight, and repeats none that was
//! over.
//!
//! Servers are killed at points that luck chooses, by a seed that is printed: in the middle of a call, as soon as calls have
//! come in, between two looks of whoever watches, and (with the feature `failpoints`) right after a write, before anybody
//! hears of it. All the while somebody answers over the API what waits for an answer. `SEATGATE_LEAVING_KILLS` says how
//! often, and `SEATGATE_LEAVING_SEED` where.

mod account;
mod forged;
mod luck;
mod operator;
mod playbook;
mod stage;

use std::time::Instant;

use self::account::{Account, Evidence};
use self::stage::Stage;
use crate::database::Database;

/// How often a server is killed, at the least: few times, unless somebody says otherwise.
fn kills(few: usize, many: usize) -> usize {
    number("SEATGATE_LEAVING_KILLS").unwrap_or(if super::is_long() { many } else { few })
}

fn seed() -> u64 {
    number("SEATGATE_LEAVING_SEED").and_then(|seed| u64::try_from(seed).ok()).unwrap_or(1)
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text}")))
}

async fn play(what: &str, database: Option<&Database>, kills: usize) -> Evidence {
    let (started, directory) = (Instant::now(), tempfile::tempdir().unwrap());
    eprintln!("{what}: SEATGATE_LEAVING_SEED={} SEATGATE_LEAVING_KILLS={kills}", seed());
    let mut stage = Stage::new(directory.path(), database, seed()).await;
    while stage.kills() < kills {
        stage.turn().await;
    }
    let evidence = stage.end().await;
    let account = Account::of(&evidence);
    eprintln!("{what}: {account}, in {:?}", started.elapsed());
    account.demand();
    evidence
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_a_server_is_killed_people_leave_and_no_settled_task_is_repeated() {
    let evidence = play("offboardings on SQLite", None, kills(16, 300)).await;
    forged::is_found_in(&evidence);
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_of_two_servers_is_killed_people_leave_and_no_settled_task_is_repeated() {
    let Some(database) = Database::create("leaving").await else { return };
    play("offboardings by two servers on PostgreSQL", Some(&database), kills(8, 150)).await;
}
