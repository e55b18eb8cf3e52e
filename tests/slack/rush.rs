//! A large sweep against Slack's real limits, with a process that dies twice on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::id::RequestId;
use seatgate_core::memory::MemoryStore;
use seatgate_core::port::Clock;
use seatgate_core::request::Outcome;
use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;
use serde_json::json;

use crate::fake_slack::{FakeSlack, Fault, Message, Rates, State, User};
use crate::house::{House, seat};
use crate::world::World;

const SEATS: usize = 500;
const MANAGERS: usize = 40;
/// Much longer than all of it takes, in seconds of the clock.
const LONG: u64 = 1_800;
const PATIENCE: Duration = Duration::from_secs(2);

fn manager(number: usize) -> String {
    format!("U{}", 100 + number % MANAGERS)
}

/// What outlives a process: the store, Slack, time.
struct Lasting {
    store: Arc<MemoryStore>,
    slack: FakeSlack,
    clock: Arc<ManualClock>,
}

impl Lasting {
    async fn new() -> Self {
        let World { clock, slack, .. } = World::patient(PATIENCE).await;
        for id in (0..MANAGERS).map(manager) {
            slack.user(User::new(&id, &format!("{}@example.com", id.to_lowercase())));
        }
        slack.with(|state| state.rates = Some(Rates::default()));
        Self { store: Arc::new(MemoryStore::new(clock.clone())), slack, clock }
    }

    /// The process of number `life`, from 1: a gate, a worker and a client that remember nothing.
    async fn start(&self, life: u64) -> House {
        let world = World::beside(self.slack.clone(), self.clock.clone(), PATIENCE);
        let policy = [("keep_reason", "off"), ("keep_for", "365d")];
        House::of_life(life, self.store.clone(), world, &policy).await
    }
}

impl House {
    /// Works until Slack has done what `method` asked in `place`, and dies before it hears so. The time of its death.
    async fn dies_in(self, method: &str, place: &str, done: impl Fn(&State) -> bool) -> Timestamp {
        self.slack.fault_in(method, place, Fault::SilentAfter);
        let last = self.slack.wait_for("what it dies in", |state| done(state).then_some(()));
        tokio::select! {
            () = self.pass(LONG) => panic!("it lived on"),
            () = last => self.clock.now(),
        }
    }

    /// Works until `done`, and says how many seconds went by.
    async fn until(&self, what: &str, done: impl Fn(&[Message]) -> bool) -> u64 {
        for seconds in 0..LONG {
            if done(&self.slack.messages()) {
                return seconds;
            }
            self.pass(1).await;
        }
        panic!("waited in vain for {what}");
    }
}

/// The card that a message shows.
fn card_of(message: &Message) -> Option<&str> {
    message.metadata.as_ref()?["event_payload"]["card"].as_str()
}

/// Every card with its copies.
fn cards(messages: &[Message]) -> BTreeMap<&str, Vec<&Message>> {
    messages.iter().fold(BTreeMap::new(), |mut cards, message| {
        if let Some(card) = card_of(message).filter(|_| message.channel.starts_with('D')) {
            cards.entry(card).or_insert_with(Vec::new).push(message);
        }
        cards
    })
}

/// The request that a card's buttons are about.
fn request_of(message: &Message) -> RequestId {
    let approve = message.controls().into_iter().find_map(|control| control.strip_prefix("approve/"));
    approve.unwrap().parse().unwrap()
}

/// In every channel: never more than a burst of three in a second, and one a second beyond that.
fn keeps_the_pace(messages: &[Message]) {
    let mut times: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    messages.iter().for_each(|one| times.entry(&one.channel).or_default().push(one.posted_at.as_seconds()));
    for (channel, times) in times {
        assert!(times.windows(4).all(|four| four[3] > four[0]), "{channel}: {times:?}");
    }
}

async fn everybody_is_asked(lasting: &Lasting) -> (House, Timestamp) {
    let (house, slack) = (lasting.start(1).await, &lasting.slack);
    let row = |number: usize| {
        seat(json!({"account": {"id": format!("00u{number}"), "email": format!("holder{number}@example.com")},
            "manager": {"email": format!("{}@example.com", manager(number).to_lowercase())}}))
    };
    house.sweep((0..SEATS).map(row).collect()).await;
    house.pass(3).await;
    let (before, seventh) = (slack.messages().len(), slack.messages_in(&manager(7)).len());
    assert!((MANAGERS..SEATS).contains(&before), "it dies in the middle: {before}");
    assert_eq!(slack.with(|state| refused(state, "chat.postMessage")), 0, "the pace is kept before Slack asks for it");
    let dm = slack.messages_in(&manager(7))[0].channel.clone();
    let more = move |state: &State| state.messages.iter().filter(|one| one.channel == dm).count() > seventh;
    let died = house.dies_in("chat.postMessage", &manager(7), more).await;
    let house = lasting.start(2).await;
    house.until("a card about every seat", |messages| cards(messages).len() == SEATS).await;
    (house, died)
}

fn refused(state: &State, method: &str) -> usize {
    state.rates.as_ref().and_then(|rates| rates.refused.get(method)).copied().unwrap_or_default()
}

/// Every manager decides all that is before them; every third seat is kept.
async fn everybody_decides(house: &House) -> BTreeSet<RequestId> {
    let (messages, mut kept) = (house.slack.messages(), BTreeSet::new());
    for (number, copies) in cards(&messages).values().enumerate() {
        // The last copy: an older one may be about to be drawn anew.
        let card = copies.last().unwrap();
        let (id, user) = (request_of(card), card.channel.trim_start_matches("D0"));
        let action = if number % 3 == 0 { "keep" } else { "approve" };
        assert_eq!(house.click(card, action, id, user).await, 200);
        kept.extend((action == "keep").then_some(id));
    }
    kept
}

#[tokio::test]
async fn a_rush_of_500_seats_loses_and_doubles_nothing_though_the_process_dies_twice() {
    let lasting = Lasting::new().await;
    let slack = &lasting.slack;
    let (house, first_death) = everybody_is_asked(&lasting).await;
    house.pass(120).await;
    let messages = slack.messages();
    let doubled: Vec<_> = cards(&messages).into_values().filter(|copies| copies.len() > 1).collect();
    assert_eq!(doubled.len(), 1, "the one that Slack took when the process died, and no other");
    assert_eq!((doubled[0].len(), doubled[0][0].posted_at), (2, first_death), "{}", doubled[0][0].text);

    let kept = everybody_decides(&house).await;
    let ids: BTreeSet<RequestId> = cards(&messages).values().map(|copies| request_of(copies[0])).collect();
    assert_eq!(ids.len(), SEATS, "every seat has its card");
    let first = slack.messages_in(&manager(0))[0].clone();
    let at = (first.channel.clone(), first.ts.clone());
    let targets = house.target.clone();
    house
        .dies_in("chat.update", &first.channel, move |state| !state.message(&at.0, &at.1).unwrap().edits.is_empty())
        .await;
    let house = lasting.start(3).await;
    // Nobody knows of the copy that Slack took while the process died, until somebody clicks on it.
    let over =
        |messages: &[Message]| cards(messages).values().all(|copies| copies[copies.len() - 1].controls().is_empty());
    let seconds = house.until("every card to be over", over).await;
    house.pass(120).await;
    println!(
        "every card is over {seconds} s after the second crash; {:?}",
        slack.with(|state| state.rates.take().unwrap().refused)
    );
    everything_ended_true(&house, &ids, &kept).await;
    let removed: BTreeSet<_> = targets.calls().into_iter().chain(house.target.calls()).map(|call| call.key).collect();
    assert_eq!(removed.len(), SEATS - kept.len());
}

async fn everything_ended_true(house: &House, ids: &BTreeSet<RequestId>, kept: &BTreeSet<RequestId>) {
    let messages = house.slack.messages();
    keeps_the_pace(&messages);
    for id in ids {
        let outcome = if kept.contains(id) { Outcome::Kept } else { Outcome::Reclaimed };
        assert_eq!(house.request(*id).await.outcome(), Some(outcome));
    }
    let shown = |copies: &Vec<&Message>, word: &str| copies[copies.len() - 1].text.contains(word);
    let ended = cards(&messages).into_values().filter(|copies| shown(copies, "reclaimed")).count();
    assert_eq!(ended, SEATS - kept.len(), "the last word on every card is how it ended");
    let outcomes = messages.iter().filter(|one| one.channel == "C1" && one.thread_ts.is_some());
    let told: String = outcomes.map(|one| one.text.as_str()).collect();
    let untold: Vec<usize> = (0..SEATS).filter(|number| !told.contains(&format!("holder{number}@"))).collect();
    assert!(untold.is_empty(), "{untold:?}");
    let notice = messages.iter().find(|one| one.channel == "C1" && one.thread_ts.is_none()).unwrap();
    assert!(notice.text.contains(&(SEATS - kept.len()).to_string()), "the notice counts them: {}", notice.text);
}
