//! The account at the end: what was acknowledged is there, and every repeated call is explained by a kill.

use std::collections::BTreeSet;
use std::fmt;

use seatgate_core::time::Timestamp;
use serde_json::{Value, json};

use super::lives::{End, Lives};
use super::target::Call;
use super::work::{Fate, get};
use crate::house::Server;

/// The figures. Whatever is lost or unexplained fails the account instead.
#[derive(Debug, Default)]
pub(super) struct Account {
    kills: usize,
    /// Kills while a call was open.
    held: usize,
    /// Steps that got no answer at first.
    repeated: usize,
    rows: usize,
    decisions: usize,
    exceptions: usize,
    removals: usize,
    calls: usize,
    /// Attempts that a kill cut short, whether or not their call came in.
    interrupted: usize,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, held, repeated, rows, decisions, exceptions, removals, calls, interrupted } = self;
        writeln!(f, "kills {kills} ({held} during a call), {repeated} times without an answer")?;
        writeln!(f, "acknowledged {rows} rows, {decisions} decisions, {exceptions} exceptions: lost 0")?;
        writeln!(f, "{removals} removals, {calls} calls, {interrupted} attempts cut short: unexplained 0")
    }
}

impl Lives<'_> {
    /// Looks everything up that was acknowledged.
    pub(super) async fn account(&self, server: &Server) -> Account {
        let mut account = Account {
            kills: self.kills(),
            held: self.lived.iter().filter(|life| life.end == End::Held).count(),
            repeated: self.work.repeated,
            decisions: self.work.decided.len() + self.work.undone.len(),
            ..Account::default()
        };
        for (sweep, results) in &self.work.sweeps {
            assert_eq!(look(server, &format!("/v1/sweeps/{sweep}")).await["results"], *results, "{sweep}");
            account.rows += results.as_array().unwrap().len();
        }
        let requests = all(server, "/v1/requests").await;
        let ids: BTreeSet<&str> = requests.iter().map(|request| request["id"].as_str().unwrap()).collect();
        assert!(ids.iter().copied().eq(self.work.requests.keys()), "a request for each row, and no other");
        let mut removed = BTreeSet::new();
        for request in &requests {
            let fate = self.work.requests[request["id"].as_str().unwrap()];
            let (decision, by) = (&request["decision"]["decision"], &request["decision"]["by"]["email"]);
            let decided = if fate == Fate::Kept { "keep" } else { "approve" };
            assert_eq!((decision, by), (&json!(decided), &json!("mona@example.com")), "{request}");
            assert_eq!((&request["state"], &request["outcome"]), (&json!("closed"), &json!(fate.outcome())));
            if fate == Fate::Removed {
                removed.insert(self.explain(server, request, &mut account).await);
            }
        }
        assert!(self.target.calls().into_keys().eq(removed), "nothing else was removed");
        self.find_exceptions(server, &requests, &mut account).await;
        account
    }

    /// One key for all calls of the removal, and at most one call an attempt; every attempt but the last was in a life
    /// that was killed, and lost its lease by it. Its task.
    async fn explain(&self, server: &Server, request: &Value, account: &mut Account) -> String {
        let task = request["tasks"][0]["id"].as_str().unwrap();
        let trail = look(server, &format!("/v1/requests/{}/trail", request["id"].as_str().unwrap())).await;
        let of = |kind: &str| -> Vec<Value> {
            let entries = trail["items"].as_array().unwrap().iter();
            entries.filter(|entry| entry["kind"] == kind && entry["data"]["task"] == task).cloned().collect()
        };
        let (begun, ended) = (of("begun"), of("attempt_ended"));
        let lost: Vec<bool> = ended.iter().map(|entry| entry["data"]["lease_lost"].as_bool().unwrap()).collect();
        let (last, interrupted) = lost.split_last().unwrap();
        assert!(begun.len() == ended.len() && !last && interrupted.iter().all(|lost| *lost), "{task}: {trail}");
        let lives: Vec<usize> = begun.iter().map(|entry| self.life_of(entry)).collect();
        let killed = |life: &usize| self.lived[*life].end != End::Whole;
        assert!(lives.is_sorted_by(|a, b| a < b), "{task} was begun in {lives:?}");
        assert!(lives[..interrupted.len()].iter().all(killed), "{task} was begun in {lives:?}");
        let calls: Vec<Call> = self.target.calls().remove(task).unwrap_or_default();
        let called: Vec<usize> = calls.iter().map(|call| call.life).collect();
        assert!(calls.iter().all(|call| call.key == task), "{task}: {calls:?}");
        assert!(called.is_sorted_by(|a, b| a < b) && called.iter().all(|life| lives.contains(life)), "{calls:?}");
        assert_eq!(called.last(), lives.last(), "{task}: the last attempt was a call");
        account.removals += 1;
        account.calls += calls.len();
        account.interrupted += interrupted.len();
        task.to_owned()
    }

    /// The life in which an entry was written: they follow each other, and share a clock.
    fn life_of(&self, entry: &Value) -> usize {
        let at: Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
        self.lived.partition_point(|life| life.started_at <= at) - 1
    }

    /// Those that were filed by hand, and one for each seat that is kept.
    async fn find_exceptions(&self, server: &Server, requests: &[Value], account: &mut Account) {
        let exceptions = all(server, "/v1/exceptions").await;
        let ids: BTreeSet<String> = exceptions.iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect();
        assert!(ids.is_superset(&self.work.exceptions), "an exception is lost");
        let kept: Vec<&Value> =
            exceptions.iter().map(|found| &found["request_id"]).filter(|id| !id.is_null()).collect();
        let keeping: Vec<&Value> =
            requests.iter().filter(|request| request["outcome"] == "kept").map(|request| &request["id"]).collect();
        assert!(kept.len() == keeping.len() && keeping.iter().all(|id| kept.contains(id)), "one exception a keep");
        account.exceptions = self.work.exceptions.len() + kept.len();
    }
}

async fn look(server: &Server, path: &str) -> Value {
    let (status, body) = get(server, path).await.unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Every item of a list.
async fn all(server: &Server, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = look(server, &format!("{path}?limit=200{cursor}")).await;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}
