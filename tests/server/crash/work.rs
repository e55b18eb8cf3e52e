//! What is asked of the server, and a book of what it acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use seatgate_core::port::{Clock, SystemClock};
use seatgate_http::sign::Signer;
use serde_json::{Value, json};

use super::{INTAKE, TOKEN};
use crate::house::Server;

const MANAGER: &str = "mona@example.com";
const A_MONTH: Duration = Duration::from_secs(30 * 86_400);

/// What becomes of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Removed,
    Kept,
    /// Approved, and undone within the grace period that its app has.
    Undone,
}

impl Fate {
    /// One round's seats: the app, and what becomes of it.
    const ROUND: [(&'static str, Self); 4] =
        [("figma", Self::Removed), ("zoom", Self::Kept), ("notion", Self::Undone), ("miro", Self::Removed)];

    fn decision(self) -> &'static str {
        if self == Self::Kept { "keep" } else { "approve" }
    }

    pub(super) fn outcome(self) -> &'static str {
        match self {
            Self::Removed => "reclaimed",
            Self::Kept => "kept",
            Self::Undone => "withdrawn",
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Hand in the candidates of this round.
    Sweep(usize),
    Decide(String, Fate),
    Undo(String),
    /// File an exception for a seat that nobody reported.
    Except(usize),
}

/// What was acknowledged, and what is still to be asked.
#[derive(Default)]
pub(super) struct Work {
    /// The rows of each sweep, as they were answered.
    pub(super) sweeps: BTreeMap<String, Value>,
    pub(super) requests: BTreeMap<String, Fate>,
    /// Requests that somebody's answer was acknowledged for.
    pub(super) decided: BTreeSet<String>,
    pub(super) undone: BTreeSet<String>,
    pub(super) exceptions: BTreeSet<String>,
    /// Steps that got no answer at first: the server died over them.
    pub(super) repeated: usize,
    rounds: usize,
    steps: VecDeque<Step>,
    /// Whether the first step was asked before, without an answer.
    again: bool,
}

impl Work {
    /// Four more seats, if nothing else is to be asked.
    pub(super) fn refill(&mut self) {
        if self.steps.is_empty() {
            self.steps.extend([Step::Sweep(self.rounds), Step::Except(self.rounds)]);
            self.rounds += 1;
        }
    }

    /// Asks everything that is to be asked, in order; `false` where the server died over it.
    pub(super) async fn ask_all(&mut self, server: &Server) -> bool {
        while let Some(step) = self.steps.front().cloned() {
            let again = std::mem::replace(&mut self.again, true);
            self.repeated += usize::from(again);
            if self.ask(server, step, again).await.is_none() {
                return false;
            }
            self.steps.pop_front();
            self.again = false;
        }
        true
    }

    /// Asks one thing, and writes down the answer; nothing, where none came. What was asked `again` may have happened.
    async fn ask(&mut self, server: &Server, step: Step, again: bool) -> Option<()> {
        match step {
            Step::Sweep(round) => {
                let (status, answer) = answer(sweep(server, round)).await?;
                assert_eq!((status, &answer["counts"]), (202, &json!({ "asked": Fate::ROUND.len() })), "{answer}");
                self.swept(&answer);
            }
            Step::Decide(id, fate) => {
                let body =
                    json!({ "decision": fate.decision(), "reason": "No longer there", "as": { "email": MANAGER } });
                let (status, answer) = post(server, &format!("/v1/requests/{id}/decision"), &body).await?;
                assert!(status == 200 || (again && status == 409), "{status}: {answer}");
                let decision = &answer["decision"];
                let expected = (&json!(fate.decision()), &json!(MANAGER));
                assert_eq!((&decision["decision"], &decision["by"]["email"]), expected, "{answer}");
                self.decided.insert(id);
            }
            Step::Undo(id) => {
                let (status, answer) = post(server, &format!("/v1/requests/{id}/undo"), &json!({})).await?;
                assert!(status == 200 || (again && status == 409), "{status}: {answer}");
                self.undone.insert(id);
            }
            Step::Except(round) => {
                let until = SystemClock.now().saturating_add(A_MONTH).to_string();
                let body = json!({ "app": { "id": "slack" }, "account": { "email": format!("seat-{round}@example.com") },
                    "until": until, "reason": "On leave" });
                let (status, answer) = post(server, "/v1/exceptions", &body).await?;
                assert_eq!(status, 201, "{answer}");
                self.exceptions.insert(answer["id"].as_str().unwrap().to_owned());
            }
        }
        Some(())
    }

    fn swept(&mut self, answer: &Value) {
        self.sweeps.insert(answer["sweep_id"].as_str().unwrap().to_owned(), answer["results"].clone());
        for (row, (_, fate)) in answer["results"].as_array().unwrap().iter().zip(Fate::ROUND) {
            let id = row["request_id"].as_str().unwrap().to_owned();
            self.steps.push_back(Step::Decide(id.clone(), fate));
            if fate == Fate::Undone {
                self.steps.push_back(Step::Undo(id.clone()));
            }
            assert_eq!(self.requests.insert(id, fate), None, "a request answers for one row");
        }
    }
}

/// The same delivery each time, so that one without an answer can be repeated.
fn sweep(server: &Server, round: usize) -> reqwest::RequestBuilder {
    let seat = |(app, _)| {
        json!({ "app": { "id": app }, "account": { "email": format!("seat-{round}@example.com") }, "never_used": true,
            "manager": { "email": MANAGER, "name": "Mona Li" } })
    };
    let body = Value::Array(Fate::ROUND.map(seat).to_vec()).to_string().into_bytes();
    let signer = Signer::new(INTAKE.parse().unwrap());
    let id = format!("round-{round}").parse().unwrap();
    let signed = signer.sign(&id, SystemClock.now().as_seconds(), &body);
    let request = server.http.post(server.url("/v1/candidates")).header("content-type", "application/json");
    signed.into_pairs().into_iter().fold(request, |request, (name, value)| request.header(name, value)).body(body)
}

pub(super) async fn get(server: &Server, path: &str) -> Option<(u16, Value)> {
    answer(server.http.get(server.url(path)).bearer_auth(TOKEN)).await
}

async fn post(server: &Server, path: &str, body: &Value) -> Option<(u16, Value)> {
    answer(server.http.post(server.url(path)).bearer_auth(TOKEN).json(body)).await
}

/// The whole answer, or nothing where the server went away.
async fn answer(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&body).unwrap()))
}
