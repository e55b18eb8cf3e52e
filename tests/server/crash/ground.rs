//! What outlives every server: the database, Slack, the target.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seatgate_core::port::{Clock, SystemClock};
use seatgate_core::time::Timestamp;

use super::account::is_true;
use super::target::Target;
use super::work::Book;
use super::{INTAKE, REMOVAL, TOKEN};
use crate::fake_slack::{self, FakeSlack, Message};
use crate::house::{Door, LOOK_AGAIN, Server};

const CONFIG: &str = "[policy]\ngrace = \"0s\"\n[policy.retry]\nfirst = \"1s\"\nmax = \"1s\"\nattempts = 1000\n\
    [policy.apps.notion]\ngrace = \"1d\"\n";

/// Slack takes about one change of a card a second, and a lease lasts for twenty.
const SETTLES_WITHIN: Duration = Duration::from_secs(180);

/// How a life ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// By SIGKILL, while the target holds a call open.
    Held,
    /// By SIGKILL, while Slack takes a card.
    Posting,
    /// By SIGKILL, whatever was going on.
    Somewhere,
    /// At this failpoint, such as `commit:7`.
    At(String),
    /// In order.
    Whole,
}

/// A life that was.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) end: End,
}

impl Life {
    pub(super) fn is_cut(&self) -> bool {
        self.end != End::Whole
    }

    pub(super) fn covers(&self, at: Timestamp) -> bool {
        (self.started_at..=self.ended_at).contains(&at)
    }
}

pub(crate) struct Ground<'a> {
    pub(super) directory: &'a Path,
    pub(crate) slack: FakeSlack,
    pub(crate) target: Target,
    database: Option<&'a str>,
    drain: &'static str,
}

impl<'a> Ground<'a> {
    /// Servers here keep everything in this database, or in a file.
    pub(crate) async fn new(directory: &'a Path, database: Option<&'a str>) -> Self {
        std::fs::write(directory.join("seatgate.toml"), CONFIG).unwrap();
        let slack = FakeSlack::start(Arc::new(SystemClock)).await;
        Self { directory, slack, target: Target::start().await, database, drain: "0s" }
    }

    /// Servers that say for so long that they leave.
    pub(super) fn draining(self, drain: &'static str) -> Self {
        Self { drain, ..self }
    }

    /// Starts the server whose calls bear this number; how it ended, where it dies before it listens.
    pub(crate) fn start(&self, life: usize, failpoint: Option<&str>) -> Result<Server, ExitStatus> {
        let environment = self.environment(life, failpoint);
        let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Server::try_start(self.directory, &pairs)
    }

    fn environment(&self, life: usize, failpoint: Option<&str>) -> BTreeMap<&'static str, String> {
        let mut environment = BTreeMap::from([
            ("SEATGATE_CONFIG", "seatgate.toml".to_owned()),
            ("SEATGATE_INTAKE_SECRET", INTAKE.to_owned()),
            ("SEATGATE_API_TOKEN", TOKEN.to_owned()),
            ("SEATGATE_DEPROVISION_URL", self.target.url(life)),
            ("SEATGATE_DEPROVISION_SECRET", REMOVAL.to_owned()),
            ("SEATGATE_ALLOW_PRIVATE_TARGETS", self.target.address.clone()),
            ("SEATGATE_DRAIN", self.drain.to_owned()),
            ("SLACK_API_URL", self.slack.api_url_of(life)),
            ("SLACK_BOT_TOKEN", fake_slack::TOKEN.to_owned()),
            ("SLACK_SIGNING_SECRET", fake_slack::SIGNING_SECRET.to_owned()),
        ]);
        environment.extend(self.database.map(|url| ("DATABASE_URL", url.to_owned())));
        environment.extend(failpoint.map(|failpoint| ("SEATGATE_FAILPOINT", failpoint.to_owned())));
        environment
    }
}

/// Now, by the clock that the servers go by.
pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

impl Ground<'_> {
    /// Waits until no request is open, every card that is known of says how it ended, and nothing is due; `false` where the
    /// server died over it.
    pub(super) async fn settled(&self, door: &Door, book: &Book) -> bool {
        let requests = book.requests.len();
        let deadline = Instant::now() + SETTLES_WITHIN;
        loop {
            let Some(page) = metrics(door).await else { return false };
            let closed = number(&page, "seatgate_requests{state=\"closed\"}") == requests;
            let untrue = self.untrue_cards(book);
            if closed && number(&page, "seatgate_agenda_due_items") == 0 && untrue.is_empty() {
                return true;
            }
            assert!(Instant::now() < deadline, "of {requests} requests: {untrue:#?}\n{page}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The cards of which no copy says yet how it ended.
    fn untrue_cards(&self, book: &Book) -> Vec<String> {
        let messages = self.slack.messages();
        let mut cards: BTreeMap<_, bool> = BTreeMap::new();
        messages.iter().for_each(|copy| *cards.entry(card_of(copy)).or_default() |= is_true(copy, book));
        cards.into_iter().filter(|(_, is_true)| !is_true).map(|(card, _)| format!("{card:?}")).collect()
    }

    /// Clicks on every card that still has buttons, as the manager would, until none has: only of copies that a crash
    /// left behind nobody knows. How many there were.
    pub(super) async fn click_on_what_is_left(&self, door: &Door) -> usize {
        let live = |slack: &FakeSlack| {
            slack.messages().into_iter().filter(|card| !card.controls().is_empty()).collect::<Vec<_>>()
        };
        let left = live(&self.slack);
        for card in &left {
            let button = card.controls()[0].to_owned();
            let user = card.channel.trim_start_matches("D0");
            let answer = self.slack.click(card, &button).by(user).send(&door.base).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let deadline = Instant::now() + SETTLES_WITHIN;
        while !live(&self.slack).is_empty() {
            assert!(Instant::now() < deadline, "buttons stay: {:#?}", live(&self.slack));
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        left.len()
    }
}

/// The card that a message shows.
pub(super) fn card_of(message: &Message) -> Option<&str> {
    message.metadata.as_ref()?["event_payload"]["card"].as_str()
}

async fn metrics(door: &Door) -> Option<String> {
    let page = door.http.get(door.url("/metrics")).send().await.ok()?;
    page.text().await.ok()
}

fn number(page: &str, name: &str) -> usize {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}
