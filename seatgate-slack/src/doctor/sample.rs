//! A card for trying things out: it looks as a real one does, and is about nothing.

use std::time::Duration;

use seatgate_core::id::{CardId, PersonRef, RequestId, TaskId};
use seatgate_core::message::{Content, Message, Recipient, Row};
use seatgate_core::money::Money;
use seatgate_core::person::{Identity, PersonDetails};
use seatgate_core::port::{Entropy, Job};
use seatgate_core::request::{StateLabel, Why};
use seatgate_core::seat::{AccountNames, Activity, App};
use seatgate_core::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);
const IDLE: Duration = DAY.saturating_mul(174);
const TO_ANSWER: Duration = DAY.saturating_mul(14);
const EMAIL: &str = "sample@example.com";
const NAME: &str = "Sample Person";

/// The sample's seat: nobody has it, and whatever is shown about it is marked TEST.
///
/// Its ids are of the year 1970 and without chance, so no request of a store has them.
#[derive(Debug, Clone)]
pub struct Sample {
    app: App,
    reversible: bool,
    at: Timestamp,
}

impl Sample {
    /// A seat of `app`, which the target takes away for good, as of `at`.
    #[must_use]
    pub fn new(app: App, at: Timestamp) -> Self {
        Self { app, reversible: false, at }
    }

    /// Says on the card whether the target can undo a removal.
    #[must_use]
    pub fn reversible(mut self, reversible: bool) -> Self {
        self.reversible = reversible;
        self
    }

    /// The card that asks `person`.
    #[must_use]
    pub fn message(&self, person: Identity) -> Message {
        let account = format!("{NAME} ({EMAIL})");
        let mut row = Row::new(Self::request(), self.app.label(), account, StateLabel::AwaitingDecision);
        row.test = true;
        row.activity = Some((Activity::LastAt(self.at.saturating_sub(IDLE)), self.at));
        row.monthly_cost = "USD".parse().ok().and_then(|dollars| Money::parse("45.00", dollars).ok());
        row.why = Some(Why::Manager);
        row.reversible = self.reversible;
        row.until = Some(self.at.saturating_add(TO_ANSWER));
        let person = PersonDetails::new(PersonRef::generate(Timestamp::default(), &Zeros), None, vec![person]);
        let card = CardId::generate(Timestamp::default(), &Zeros);
        Message::new(Recipient::Person(person), Content::Card { card, rows: vec![row], page: 0 })
    }

    /// The removal that approving the card would lead to, if the seat were real.
    #[must_use]
    pub fn job(&self, approver: Identity) -> Job {
        let task = TaskId::generate(Timestamp::default(), &Zeros);
        let account = AccountNames::new(Some("sample".to_owned()), EMAIL.parse().ok(), Some(NAME.to_owned()));
        let mut job = Job::new(Self::request(), task, task.to_string(), self.app.clone(), account, self.at);
        let person = PersonRef::generate(Timestamp::default(), &Zeros);
        job.approved_by = Some(PersonDetails::new(person, None, vec![approver]));
        job
    }

    /// The request that every sample is about, by which a click on it is known.
    #[must_use]
    pub(crate) fn request() -> RequestId {
        RequestId::generate(Timestamp::default(), &Zeros)
    }
}

/// No chance at all: every id made with it at one time is the same.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}
