//! Somebody who lets people leave, two at a time, looks how it goes and answers what waits for an answer; and a book of what
//! was acknowledged to them and of what they saw.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::luck::Luck;
use super::playbook::Mended;
use crate::crash::doors::Doors;
use crate::crash::target::Target;
use crate::crash::work::{get, post};
use crate::house::{Door, LOOK_AGAIN};

const AT_ONCE: usize = 2;

/// A task, the pause that is answered, and how.
pub(super) type Reply = (String, u64, &'static str);

/// How a task stood when it was first seen to be over: its status, its proof, and how often it had been called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) status: Value,
    pub(super) proof: Value,
    pub(super) calls: usize,
}

/// Somebody who leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub(super) email: String,
    /// Once it was acknowledged.
    pub(super) id: Option<String>,
    asked: bool,
    /// Every answer that may have been heard, and those that were acknowledged.
    tried: BTreeSet<Reply>,
    pub(super) answered: BTreeSet<Reply>,
    pub(super) settled: BTreeMap<String, Settled>,
    /// By task, the pause that it was seen in.
    paused: BTreeMap<String, u64>,
    /// What went on that nobody asked for.
    pub(super) moved: Vec<String>,
}

pub(super) struct Operator {
    target: Target,
    mended: Mended,
    luck: Luck,
    open: Vec<Case>,
    over: Vec<Case>,
    started: usize,
    turn: usize,
    /// Calls that nobody answered.
    pub(super) unanswered: usize,
}

impl Operator {
    pub(super) fn new(target: Target, mended: Mended, luck: Luck) -> Self {
        let (open, over) = (Vec::new(), Vec::new());
        Self { target, mended, luck, open, over, started: 0, turn: 0, unanswered: 0 }
    }

    /// Looks and answers for ever; there is always somebody who leaves.
    pub(super) async fn go_on(&mut self, doors: &Doors) {
        loop {
            self.look(doors).await;
        }
    }

    /// Does one thing wherever somebody answers; `false` where nobody did after all.
    pub(super) async fn look(&mut self, doors: &Doors) -> bool {
        while self.open.len() < AT_ONCE {
            self.started += 1;
            self.open.push(Case { email: format!("leaver{}@example.com", self.started), ..Case::default() });
        }
        let door = doors.next().await;
        let answered = self.one_thing(&door).await.is_some();
        self.unanswered += usize::from(!answered);
        tokio::time::sleep(LOOK_AGAIN).await;
        answered
    }

    /// Brings everybody's leaving to its end; everybody who has left.
    pub(super) async fn finish(mut self, door: &Door) -> Vec<Case> {
        while !self.open.is_empty() {
            self.one_thing(door).await.expect("nobody kills it");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.over
    }

    /// Whoever is dropped over it leaves everything as what may have been heard.
    async fn one_thing(&mut self, door: &Door) -> Option<()> {
        self.turn += 1;
        let at = self.turn % self.open.len();
        let Some(id) = self.open[at].id.clone() else { return self.open[at].start(door).await };
        let (status, request) = get(door, &format!("/v1/requests/{id}")).await?;
        assert_eq!(status, 200, "{request}");
        self.open[at].see(&request, &self.target);
        if request["state"] == "closed" {
            self.over.push(self.open.swap_remove(at));
            return Some(());
        }
        for task in request["tasks"].as_array().unwrap() {
            // Some answers come late, so that a pause outlives a server.
            if let Some(resolution) = self.answer_to(task).filter(|_| self.luck.below(3) == 0) {
                self.open[at].answer(door, task, resolution).await?;
            }
        }
        Some(())
    }

    /// What a person says to a task that waits for one. Whether the one that cannot be repeated was done they look up.
    fn answer_to(&self, task: &Value) -> Option<&'static str> {
        let id = task["id"].as_str().unwrap();
        match (task["name"].as_str().unwrap(), task["status"].as_str().unwrap()) {
            ("badge", "ready") => Some("done"),
            ("figma", "paused") => {
                self.mended.mend(id);
                Some("retry")
            }
            ("zoom" | "wiki", "paused") => Some("skip"),
            (name, "paused") => {
                assert!(super::playbook::is_once(name), "{name} needs nobody: {task}");
                Some(if self.target.calls().contains_key(id) { "confirm" } else { "retry" })
            }
            _ => None,
        }
    }
}

impl Case {
    async fn start(&mut self, door: &Door) -> Option<()> {
        let again = std::mem::replace(&mut self.asked, true);
        let body = json!({ "person": { "email": self.email }, "playbook": "leaver", "reason": "moves on" });
        let (status, started) = post(door, "/v1/offboardings", &body).await?;
        assert!(status == 202 || (again && status == 409), "{status}: {started}");
        self.id = Some(started["request_id"].as_str().unwrap().to_owned());
        Some(())
    }

    async fn answer(&mut self, door: &Door, task: &Value, resolution: &'static str) -> Option<()> {
        let (id, pause) = (task["id"].as_str().unwrap(), task["pause"].as_u64());
        let reply = (id.to_owned(), pause.unwrap_or_default(), resolution);
        let again = !self.tried.insert(reply.clone());
        let body = json!({ "resolution": resolution, "reason": "looked at it", "pause": pause });
        let path = format!("/v1/requests/{}/tasks/{id}", self.id.as_ref().unwrap());
        let (status, answer) = post(door, &path, &body).await?;
        assert!(status == 200 || (again && status == 409), "{resolution} {task}: {status} {answer}");
        self.answered.insert(reply);
        Some(())
    }

    /// What is over stays as it is, and what waits for an answer waits until there is one.
    fn see(&mut self, request: &Value, target: &Target) {
        let calls = target.calls();
        for task in request["tasks"].as_array().unwrap() {
            let id = task["id"].as_str().unwrap();
            if let Some(pause) = self.paused.remove(id)
                && task["pause"].as_u64() != Some(pause)
                && !self.tried.iter().any(|(task, answered, _)| task == id && *answered == pause)
            {
                self.moved.push(format!("pause {pause} was over unanswered: {task}"));
            }
            if let Some(pause) = task["pause"].as_u64() {
                self.paused.insert(id.to_owned(), pause);
            }
            if ["done", "skipped", "cancelled"].iter().any(|end| task["status"] == *end) {
                let (status, proof) = (task["status"].clone(), task["proof"].clone());
                let calls = calls.get(id).map_or(0, Vec::len);
                self.settled.entry(id.to_owned()).or_insert(Settled { status, proof, calls });
            }
        }
    }
}
