//! What is asked of the servers, and a book of what they acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use seatgate_core::port::{Clock, SystemClock};
use seatgate_http::sign::Signer;
use serde_json::{Value, json};

use super::doors::Doors;
use super::people::{Clicked, Manager};
use super::{INTAKE, TOKEN};
use crate::fake_slack::FakeSlack;
use crate::house::{Door, LOOK_AGAIN};

const A_MONTH: Duration = Duration::from_secs(30 * 86_400);

/// What becomes of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Removed,
    Kept,
    /// Approved, and undone within the grace period that its app has.
    Undone,
}

/// Where a seat's manager answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Api,
    Slack,
}

impl Surface {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Slack => "slack",
        }
    }
}

impl Fate {
    /// One round's seats: the app, what becomes of it, and where that is said.
    const ROUND: [(&'static str, Self, Surface); 4] = [
        ("figma", Self::Removed, Surface::Slack),
        ("zoom", Self::Kept, Surface::Slack),
        ("notion", Self::Undone, Surface::Api),
        ("miro", Self::Removed, Surface::Api),
    ];

    pub(super) fn decision(self) -> &'static str {
        if self == Self::Kept { "keep" } else { "approve" }
    }

    pub(super) fn outcome(self) -> &'static str {
        match self {
            Self::Removed => "reclaimed",
            Self::Kept => "kept",
            Self::Undone => "withdrawn",
        }
    }

    /// What a card says in the end.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Removed => "The seat is reclaimed.",
            Self::Kept => "Seat kept",
            Self::Undone => "Withdrawn; nothing was done.",
        }
    }
}

/// What is to become of a request, as was acknowledged for its row.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) fate: Fate,
    pub(super) surface: Surface,
    pub(super) manager: Manager,
}

#[derive(Debug, Clone)]
enum Step {
    /// Hand in the candidates of this round.
    Sweep(usize),
    Decide(String),
    Undo(String),
    /// File an exception for a seat that nobody reported.
    Except(usize),
}

/// What came of a step.
enum Asked {
    Done,
    /// Nobody answered, or with 503.
    Unanswered,
    /// Slack shows nothing yet that could be clicked on.
    NotYet,
}

/// What was acknowledged.
#[derive(Clone, Default)]
pub(super) struct Book {
    /// The rows of each sweep, as they were answered.
    pub(super) sweeps: BTreeMap<String, Value>,
    pub(super) requests: BTreeMap<String, Case>,
    /// Requests that somebody's answer was acknowledged for.
    pub(super) decided: BTreeSet<String>,
    pub(super) undone: BTreeSet<String>,
    pub(super) exceptions: BTreeSet<String>,
    /// Steps that got no answer at first.
    pub(super) repeated: usize,
}

impl Book {
    pub(super) fn add(&mut self, other: Self) {
        self.sweeps.extend(other.sweeps);
        self.requests.extend(other.requests);
        self.decided.extend(other.decided);
        self.undone.extend(other.undone);
        self.exceptions.extend(other.exceptions);
        self.repeated += other.repeated;
    }
}

/// Somebody who asks, one thing after the other.
pub(super) struct Work {
    slack: FakeSlack,
    /// No other has it.
    name: String,
    pub(super) book: Book,
    rounds: usize,
    /// What is still to be asked, and whether it was before, without an answer: then it may have happened.
    steps: VecDeque<(Step, bool)>,
}

impl Work {
    pub(super) fn new(name: &str, slack: &FakeSlack) -> Self {
        let (slack, name) = (slack.clone(), name.to_owned());
        Self { slack, name, book: Book::default(), rounds: 0, steps: VecDeque::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    /// Four more seats, if nothing else is to be asked.
    pub(super) fn refill(&mut self) {
        if self.is_done() {
            self.add_round();
        }
    }

    /// Four more seats.
    pub(super) fn add_round(&mut self) {
        self.steps.extend([(Step::Sweep(self.rounds), false), (Step::Except(self.rounds), false)]);
        self.rounds += 1;
    }

    /// Asks everything that is to be asked, at one server; `false` where it died over it.
    pub(super) async fn ask_all(&mut self, door: &Door) -> bool {
        while !self.is_done() {
            let alive = match self.ask_next(door).await {
                Asked::Done => true,
                Asked::Unanswered | Asked::NotYet => lives(door).await,
            };
            if !alive {
                return false;
            }
        }
        true
    }

    /// Asks the next thing wherever somebody answers.
    pub(super) async fn ask_anywhere(&mut self, doors: &Doors) {
        let door = doors.next().await;
        if !matches!(self.ask_next(&door).await, Asked::Done) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whoever is dropped over it leaves the step where it is, as one that may have happened.
    async fn ask_next(&mut self, door: &Door) -> Asked {
        let Some((step, tried)) = self.steps.front_mut() else { return Asked::Done };
        let (step, again) = (step.clone(), std::mem::replace(tried, true));
        let asked = self.ask(door, &step, again).await;
        self.book.repeated += usize::from(matches!(asked, Asked::Unanswered));
        match asked {
            Asked::Done => drop(self.steps.pop_front()),
            Asked::Unanswered => {}
            Asked::NotYet => {
                self.steps.pop_front();
                self.steps.push_back((step, again));
            }
        }
        asked
    }

    async fn ask(&mut self, door: &Door, step: &Step, again: bool) -> Asked {
        let answered = match step {
            Step::Sweep(round) => self.sweep(door, *round).await,
            Step::Except(round) => self.except(door, *round).await,
            Step::Undo(id) => self.undo(door, id, again).await,
            Step::Decide(id) => match self.book.requests[id].surface {
                Surface::Api => self.decide(door, id, again).await,
                Surface::Slack => return self.click(door, id, again).await,
            },
        };
        answered.map_or(Asked::Unanswered, |()| Asked::Done)
    }

    async fn sweep(&mut self, door: &Door, round: usize) -> Option<()> {
        // Nobody is asked so much that Slack's pace would matter.
        let managers = ["a", "b"].map(|half| Manager::join(&self.slack, &format!("m{}r{round}{half}", self.name)));
        let (status, answer) = answer(delivery(door, &self.name, round, &managers)).await?;
        assert_eq!((status, &answer["counts"]), (202, &json!({ "asked": Fate::ROUND.len() })), "{answer}");
        self.book.sweeps.insert(answer["sweep_id"].as_str().unwrap().to_owned(), answer["results"].clone());
        let rows = answer["results"].as_array().unwrap().iter().zip(Fate::ROUND);
        for (number, (row, (_, fate, surface))) in rows.enumerate().rev() {
            let id = row["request_id"].as_str().unwrap().to_owned();
            self.steps.push_back((Step::Decide(id.clone()), false));
            if fate == Fate::Undone {
                self.steps.push_back((Step::Undo(id.clone()), false));
            }
            let case = Case { fate, surface, manager: managers[number / 2].clone() };
            assert!(self.book.requests.insert(id, case).is_none(), "a request answers for one row");
        }
        Some(())
    }

    async fn except(&mut self, door: &Door, round: usize) -> Option<()> {
        let until = SystemClock.now().saturating_add(A_MONTH).to_string();
        let email = format!("seat-{}-{round}@example.com", self.name);
        let body = json!({ "app": { "id": "slack" }, "account": { "email": email }, "until": until,
            "reason": "On leave" });
        let (status, answer) = post(door, "/v1/exceptions", &body).await?;
        assert_eq!(status, 201, "{answer}");
        self.book.exceptions.insert(answer["id"].as_str().unwrap().to_owned());
        Some(())
    }

    async fn decide(&mut self, door: &Door, id: &str, again: bool) -> Option<()> {
        let Case { fate, manager, .. } = &self.book.requests[id];
        let body =
            json!({ "decision": fate.decision(), "reason": "No longer there", "as": { "email": manager.email } });
        let (status, answer) = post(door, &format!("/v1/requests/{id}/decision"), &body).await?;
        assert!(status == 200 || (again && status == 409), "{status}: {answer}");
        self.acknowledged(id, &answer["decision"]);
        Some(())
    }

    async fn undo(&mut self, door: &Door, id: &str, again: bool) -> Option<()> {
        let (status, answer) = post(door, &format!("/v1/requests/{id}/undo"), &json!({})).await?;
        assert!(status == 200 || (again && status == 409), "{status}: {answer}");
        self.book.undone.insert(id.to_owned());
        Some(())
    }

    /// What was clicked on before may have been heard: then there is nothing to click on any more.
    async fn click(&mut self, door: &Door, id: &str, again: bool) -> Asked {
        if again {
            let Some((_, request)) = get(door, &format!("/v1/requests/{id}")).await else { return Asked::Unanswered };
            if !request["decision"].is_null() {
                self.acknowledged(id, &request["decision"]);
                return Asked::Done;
            }
        }
        let Case { fate, manager, .. } = &self.book.requests[id];
        let clicked = match fate {
            Fate::Kept => manager.keep(&self.slack, door, id).await,
            _ => manager.approve(&self.slack, door, id).await,
        };
        match clicked {
            Clicked::Done => {
                self.book.decided.insert(id.to_owned());
                Asked::Done
            }
            Clicked::Unanswered => Asked::Unanswered,
            Clicked::NotYet => Asked::NotYet,
        }
    }

    fn acknowledged(&mut self, id: &str, decision: &Value) {
        let Case { fate, manager, .. } = &self.book.requests[id];
        let expected = (&json!(fate.decision()), &json!(manager.email));
        assert_eq!((&decision["decision"], &decision["by"]["email"]), expected, "{decision}");
        self.book.decided.insert(id.to_owned());
    }
}

/// The same delivery each time, so that one without an answer can be repeated.
fn delivery(door: &Door, name: &str, round: usize, managers: &[Manager; 2]) -> reqwest::RequestBuilder {
    let seat = |(number, (app, _, _)): (usize, _)| {
        json!({ "app": { "id": app }, "account": { "email": format!("seat-{name}-{round}@example.com") },
            "never_used": true, "manager": { "email": managers[number / 2].email } })
    };
    let body = Value::Array(Fate::ROUND.into_iter().enumerate().map(seat).collect()).to_string().into_bytes();
    let signer = Signer::new(INTAKE.parse().unwrap());
    let id = format!("round-{name}-{round}").parse().unwrap();
    let signed = signer.sign(&id, SystemClock.now().as_seconds(), &body);
    let request = door.http.post(door.url("/v1/candidates")).header("content-type", "application/json");
    signed.into_pairs().into_iter().fold(request, |request, (name, value)| request.header(name, value)).body(body)
}

async fn lives(door: &Door) -> bool {
    let lives = door.http.get(door.url("/livez")).send().await.is_ok();
    tokio::time::sleep(LOOK_AGAIN).await;
    lives
}

pub(super) async fn get(door: &Door, path: &str) -> Option<(u16, Value)> {
    answer(door.http.get(door.url(path)).bearer_auth(TOKEN)).await
}

pub(super) async fn post(door: &Door, path: &str, body: &Value) -> Option<(u16, Value)> {
    answer(door.http.post(door.url(path)).bearer_auth(TOKEN).json(body)).await
}

/// The whole answer, or nothing where the server went away, or asks to come again.
async fn answer(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().await.ok()?;
    (status != 503).then(|| (status, serde_json::from_slice(&body).unwrap()))
}
