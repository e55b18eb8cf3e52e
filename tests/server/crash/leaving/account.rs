//! The account at the end: what was acknowledged is there, what was over stayed so, and each call that came again is
//! explained by a kill. It only compares, and never stops at the first finding: so it can be shown forged evidence, too.

use std::collections::BTreeMap;
use std::fmt;

use seatgate_core::time::Timestamp;
use serde_json::Value;

use super::operator::Case;
use super::playbook::{ends, is_once};
use crate::crash::account::all;
use crate::crash::ground::Life;
use crate::crash::target::{Call, Target};
use crate::crash::work::get;
use crate::house::Door;

/// What was acknowledged and seen, and what is found.
#[derive(Clone)]
pub(super) struct Evidence {
    pub(super) cases: Vec<Case>,
    pub(super) lived: Vec<Life>,
    /// As the API shows them, by their ids; their trails; and the table, which is a list of its own.
    pub(super) requests: BTreeMap<String, Value>,
    pub(super) trails: BTreeMap<String, Vec<Value>>,
    pub(super) rows: Vec<Value>,
    /// By task.
    pub(super) calls: BTreeMap<String, Vec<Call>>,
    unanswered: usize,
}

impl Evidence {
    pub(super) async fn gather(
        door: &Door,
        target: &Target,
        cases: Vec<Case>,
        lived: Vec<Life>,
        unanswered: usize,
    ) -> Self {
        let (mut requests, mut trails) = (BTreeMap::new(), BTreeMap::new());
        for request in all(door, "/v1/requests").await {
            let id = request["id"].as_str().unwrap().to_owned();
            let (status, mut trail) = get(door, &format!("/v1/requests/{id}/trail")).await.unwrap();
            assert_eq!(status, 200, "{trail}");
            trails.insert(id.clone(), trail["items"].as_array_mut().map(std::mem::take).unwrap());
            requests.insert(id, request);
        }
        let rows = all(door, "/v1/offboardings").await;
        Self { cases, lived, requests, trails, rows, calls: target.calls(), unanswered }
    }
}

/// The figures, and whatever is wrong.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) kills: usize,
    unanswered: usize,
    left: usize,
    tasks: usize,
    answers: usize,
    calls: usize,
    /// Attempts that a kill cut short, whether or not their call came in.
    pub(super) interrupted: usize,
    /// Of those, the ones whose call came in.
    pub(super) repeated: usize,
    pub(super) lost: Vec<String>,
    pub(super) unexplained: Vec<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, unanswered, left, tasks, answers, calls, interrupted, repeated, lost, unexplained } = self;
        writeln!(f, "kills {kills}, {unanswered} times without an answer")?;
        writeln!(f, "{left} people left, {tasks} tasks, {answers} acknowledged answers: lost {}", lost.len())?;
        writeln!(f, "{calls} calls, {interrupted} attempts cut short, {repeated} of them after the call had come in")?;
        write!(f, "unexplained {}", unexplained.len())
    }
}

impl Account {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let kills = evidence.lived.iter().filter(|life| life.is_cut()).count();
        let mut account = Self { kills, unanswered: evidence.unanswered, ..Self::default() };
        for case in &evidence.cases {
            let id = case.id.as_deref().unwrap_or_default();
            match (evidence.requests.get(id), evidence.trails.get(id)) {
                (Some(request), Some(trail)) => account.examine(case, request, trail, evidence),
                _ => account.lost.push(format!("the offboarding {id} of {}", case.email)),
            }
        }
        let (known, found) = (evidence.cases.len(), evidence.requests.len());
        account.demand_that(known == found, || format!("{known} people leave, and there are {found} requests"));
        let tasks: usize = evidence.requests.values().map(|request| tasks(request).len()).sum();
        account.demand_that(evidence.rows.len() == tasks, || format!("a table of {} rows", evidence.rows.len()));
        account
    }

    /// Fails with what is wrong.
    pub(super) fn demand(&self) {
        assert!(self.lost.is_empty() && self.unexplained.is_empty(), "{self}\n{:#?}", (&self.lost, &self.unexplained));
    }

    fn demand_that(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.unexplained.push(what());
        }
    }

    fn examine(&mut self, case: &Case, request: &Value, trail: &[Value], evidence: &Evidence) {
        let id = request["id"].as_str().unwrap();
        self.left += 1;
        if (&request["state"], &request["outcome"]) != (&"closed".into(), &"partly_reclaimed".into()) {
            self.lost.push(format!("{id} is {} {}", request["state"], request["outcome"]));
        }
        let stands: Vec<_> = tasks(request).iter().map(|task| (text(task, "name"), text(task, "status"))).collect();
        if stands != ends().collect::<Vec<_>>() {
            self.lost.push(format!("{id} ended so: {stands:?}"));
        }
        for kind in ["opened", "decided", "closed"] {
            let times = of_kind(trail, kind).count();
            self.demand_that(times == 1, || format!("{id} was {kind} {times} times"));
        }
        self.unexplained.extend(case.moved.iter().cloned());
        self.find_answers(case, trail);
        for task in tasks(request) {
            self.tasks += 1;
            self.find_task(case, request, task, trail, evidence);
            self.explain_calls(task, trail, evidence);
        }
    }

    /// Each pause was answered once at the most, and as was acknowledged.
    fn find_answers(&mut self, case: &Case, trail: &[Value]) {
        let mut resolved: BTreeMap<(&str, u64), Vec<&str>> = BTreeMap::new();
        for entry in of_kind(trail, "resolved") {
            let pause = entry["data"]["pause"].as_u64().unwrap();
            resolved.entry((text(&entry["data"], "task"), pause)).or_default().push(text(&entry["data"], "resolution"));
        }
        for (task, pause, answer) in &case.answered {
            self.answers += 1;
            if resolved.get(&(task.as_str(), *pause)).is_none_or(|answers| !answers.contains(answer)) {
                self.lost.push(format!("the answer {answer} to pause {pause} of {task}"));
            }
        }
        for (pause, answers) in resolved {
            self.demand_that(answers.len() == 1, || format!("{pause:?} was answered {answers:?}"));
        }
    }

    /// The API, the table and the trail say the same; and once it was over, it was.
    fn find_task(&mut self, case: &Case, request: &Value, task: &Value, trail: &[Value], evidence: &Evidence) {
        let (id, status) = (text(task, "id"), &task["status"]);
        let row = evidence.rows.iter().find(|row| row["task_id"] == *id).unwrap_or(&Value::Null);
        let same = ["status", "attempts", "may_have_happened", "proof"].iter().all(|key| row[*key] == task[*key]);
        let same = same && row["request_id"] == request["id"] && row["task"] == task["name"];
        self.demand_that(same, || format!("the API shows {task}, the table {row}"));
        let mut ours = trail.iter().filter(|entry| entry["data"]["task"] == *id);
        let last = ours.clone().filter_map(|entry| entry["data"].get("next")).next_back();
        self.demand_that(last.map(label).as_ref() == Some(status), || {
            format!("{id} is {status}, by its trail {last:?}")
        });
        let begun = ours.by_ref().filter(|entry| entry["kind"] == "begun").count();
        self.demand_that(task["attempts"] == begun, || format!("{task} was begun {begun} times"));
        let calls = evidence.calls.get(id).map_or(0, Vec::len);
        self.calls += calls;
        let seen = case.settled.get(id);
        if seen.is_none_or(|seen| seen.status != *status || seen.proof != task["proof"]) {
            self.lost.push(format!("{task} was seen as {seen:?}"));
        }
        let after = seen.map_or(0, |seen| calls - seen.calls.min(calls));
        self.demand_that(after == 0, || format!("{id} was called {after} times after it was over"));
        let name = text(task, "name");
        self.demand_that(!is_once(name) || calls == 1, || {
            format!("{name} cannot be repeated, and was called {calls} times")
        });
    }

    /// At most one call an attempt, under the attempt's key. An attempt that nobody settled was cut short by a kill; any other
    /// ended as the target replied. There is a new key after a definite refusal alone.
    fn explain_calls(&mut self, task: &Value, trail: &[Value], evidence: &Evidence) {
        let id = text(task, "id");
        let attempts = Attempt::all(id, trail);
        let mut calls = evidence.calls.get(id).map(Vec::as_slice).unwrap_or_default().iter().peekable();
        for (number, attempt) in attempts.iter().enumerate() {
            let next = attempts.get(number + 1);
            let in_time = |call: &&Call| call.at >= attempt.at && next.is_none_or(|next| call.at < next.at);
            let call = calls.next_if(in_time);
            self.demand_that(call.is_none_or(|call| call.key == attempt.key), || {
                format!("{attempt:?} of {id}: {call:?}")
            });
            self.demand_that(attempt.is_explained(call, &evidence.lived), || format!("{attempt:?} of {id}: {call:?}"));
            self.interrupted += usize::from(attempt.is_cut());
            self.repeated += usize::from(attempt.is_cut() && call.is_some());
            if let Some(next) = next {
                let changes = attempts[..=number].iter().rev().take_while(|before| before.key == attempt.key);
                let refused = attempt.result == "rejected" && changes.clone().all(|before| before.surely_not_done());
                self.demand_that((next.key != attempt.key) == refused, || {
                    format!("{next:?} of {id} after {attempt:?}")
                });
            }
        }
        let more: Vec<&Call> = calls.collect();
        self.demand_that(more.is_empty(), || format!("{id} was called without an attempt: {more:?}"));
    }
}

/// One attempt, by the trail.
#[derive(Debug)]
struct Attempt<'a> {
    at: Timestamp,
    key: &'a str,
    /// How it ended: its label, or that its lease was lost.
    result: &'a str,
}

const LOST: &str = "lease lost";

impl<'a> Attempt<'a> {
    fn all(task: &str, trail: &'a [Value]) -> Vec<Self> {
        let ours = |kind| of_kind(trail, kind).filter(move |entry| entry["data"]["task"] == *task);
        let begun = ours("begun").map(|entry| {
            let data = &entry["data"];
            let ended = ours("attempt_ended").find(|ended| ended["data"]["attempt"] == data["attempt"]);
            let result = match ended.map(|ended| &ended["data"]) {
                Some(data) if data["lease_lost"] == true => LOST,
                Some(data) => label_of(&data["result"]),
                None => "none",
            };
            Self { at: text(entry, "at").parse().unwrap(), key: text(data, "key"), result }
        });
        begun.collect()
    }

    fn is_cut(&self) -> bool {
        self.result == LOST
    }

    fn surely_not_done(&self) -> bool {
        ["rejected", "not_done"].contains(&self.result)
    }

    fn is_explained(&self, call: Option<&Call>, lived: &[Life]) -> bool {
        match (call, self.result) {
            (Some(call), LOST) => lived[call.life].is_cut() && lived[call.life].covers(self.at),
            (None, LOST) => lived.iter().any(|life| life.is_cut() && life.covers(self.at)),
            (Some(call), result) => {
                let replied = match call.reply {
                    200 => "done",
                    400 => "rejected",
                    503 => "not_done",
                    _ => "unknown",
                };
                result == replied && lived[call.life].covers(self.at)
            }
            (None, _) => false,
        }
    }
}

fn tasks(request: &Value) -> &[Value] {
    request["tasks"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn of_kind<'a>(trail: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> + Clone {
    trail.iter().filter(move |entry| entry["kind"] == kind)
}

/// The label of a state, which is a word or has one member.
fn label(state: &Value) -> Value {
    label_of(state).into()
}

fn label_of(value: &Value) -> &str {
    let member = || value.as_object().and_then(|object| object.keys().next()).map(String::as_str);
    value.as_str().or_else(member).unwrap_or_default()
}
