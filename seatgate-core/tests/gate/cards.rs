//! Cards are kept true: digests, notices of sweeps, pages, and copies that a lost reply left behind.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::agenda::{Claim, Item};
use seatgate_core::card::CardEdit;
use seatgate_core::gate::Gate;
use seatgate_core::id::{CardId, RequestId};
use seatgate_core::message::{Content, Message, Recipient, SweepStanding};
use seatgate_core::policy::Mode;
use seatgate_core::port::{Clock, EffectError, Notifier, NotifyError, Posted};
use seatgate_core::request::{Outcome, StateLabel};
use seatgate_core::seat::Candidate;
use seatgate_core::testing::{ScriptedDeprovisioner, Step, block_on};
use seatgate_core::time::Timestamp;
use seatgate_core::worker::Worker;
use serde_json::json;

use crate::house::{House, KEYED, World, candidate};
use crate::invariants;
use crate::stepped::Steps;

const MINUTE: Duration = Duration::from_secs(60);

fn seat(account: &str) -> Candidate {
    candidate(json!({"account": {"id": account}}))
}

fn gathering(policy: &[(&str, &str)]) -> House {
    House::with(ScriptedDeprovisioner::new(KEYED), policy)
}

/// The cards that people see, each with how many rows of it are live.
fn shown(house: &House) -> Vec<(CardId, usize, usize)> {
    let live = |message: Message| match message.content {
        Content::Card { card, rows, .. } => Some((card, rows.len(), rows.iter().filter(|row| row.is_live()).count())),
        _ => None,
    };
    house.world.notifier.shown().into_iter().filter_map(live).collect()
}

fn notices(house: &House) -> Vec<SweepStanding> {
    let notice = |message: Message| match message.content {
        Content::Sweep(standing) => Some(*standing),
        _ => None,
    };
    house.world.notifier.shown().into_iter().filter_map(notice).collect()
}

fn reports(house: &House) -> Vec<Message> {
    let sent = house.world.notifier.sent().into_iter().map(|sent| sent.message);
    sent.filter(|message| matches!(message.content, Content::Report(_))).collect()
}

async fn opened(house: &House, accounts: &[&str]) -> Vec<RequestId> {
    let report = house.sweep(accounts.iter().map(|account| seat(account)).collect()).await;
    report.results.iter().map(|result| result.request_id.unwrap()).collect()
}

#[test]
fn a_digest_gathers_what_one_approver_is_asked_into_one_card() {
    block_on(async {
        let house = gathering(&[("digest", "10m")]);
        opened(&house, &["1", "2"]).await;
        house.world.pass(MINUTE);
        let other = candidate(json!({"account": {"id": "4"}, "manager": {"email": "otto@example.com"}}));
        house.sweep(vec![seat("3"), other]).await;
        house.idle().await;
        assert_eq!(shown(&house), [], "it waits for the end of the window");
        house.world.pass(10 * MINUTE);
        house.idle().await;
        let mut rows: Vec<_> = shown(&house).into_iter().map(|(_, rows, live)| (rows, live)).collect();
        rows.sort_unstable();
        assert_eq!(rows, [(1, 1), (3, 3)], "one card each for two approvers");
        opened(&house, &["5"]).await;
        house.world.pass(10 * MINUTE);
        house.idle().await;
        assert_eq!(shown(&house).len(), 3, "the next window has a card of its own");
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_decision_elsewhere_neither_hurries_a_digest_nor_stays_unseen_on_it() {
    block_on(async {
        let house = gathering(&[("digest", "10m")]);
        let ids = opened(&house, &["1", "2"]).await;
        house.approve(ids[0]).await.unwrap();
        house.idle().await;
        assert_eq!(shown(&house), []);
        house.world.pass(10 * MINUTE);
        house.idle().await;
        assert_eq!(shown(&house).into_iter().map(|(_, rows, live)| (rows, live)).collect::<Vec<_>>(), [(2, 1)]);
        house.keep(ids[1]).await.unwrap();
        house.idle().await;
        assert_eq!(shown(&house).into_iter().map(|(_, rows, live)| (rows, live)).collect::<Vec<_>>(), [(2, 0)]);
    });
}

/// How often a card was sent or replaced.
fn syncs(house: &House) -> usize {
    let sent = house.world.notifier.sent().into_iter().map(|sent| sent.message);
    sent.filter(|message| matches!(message.content, Content::Card { .. })).count()
}

#[test]
fn a_request_that_is_over_at_once_shows_its_end_and_nothing_between() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.idle().await;
        let before = syncs(&house);
        house.approve(id).await.unwrap();
        house.idle().await;
        assert_eq!((shown(&house)[0].2, syncs(&house)), (0, before + 1));
        house.world.pass(MINUTE);
        house.idle().await;
        assert_eq!(syncs(&house), before + 1, "it was said");
    });
}

#[test]
fn a_decided_request_that_is_not_over_within_a_second_has_no_live_buttons_then() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.idle().await;
        house
            .world
            .target
            .then(Step::fails(EffectError::not_done("busy").retry_at(house.now().saturating_add(MINUTE))));
        house.approve(id).await.unwrap();
        house.idle().await;
        house.world.pass(Duration::from_secs(1));
        house.idle().await;
        assert_eq!(house.request(id).await.label(), StateLabel::Executing);
        assert_eq!(shown(&house).into_iter().map(|(_, _, live)| live).collect::<Vec<_>>(), [0]);
    });
}

#[test]
fn whoever_joins_a_digest_late_has_a_deadline_too() {
    block_on(async {
        let house = gathering(&[("digest", "10m"), ("expire_after", "1d")]);
        opened(&house, &["1"]).await;
        house.world.pass(10 * MINUTE);
        house.idle().await;
        let card = shown(&house)[0].0;
        // As if its commit had come after the card was sent: the clock of another server is behind.
        house.world.clock.set(house.now().saturating_sub(5 * MINUTE));
        let late = opened(&house, &["2"]).await[0];
        house.world.pass(6 * MINUTE);
        house.idle().await;
        assert_eq!(shown(&house), [(card, 2, 2)], "it is shown on the card of its window");
        house.world.pass(Duration::from_secs(86_400) + 10 * MINUTE);
        house.settle().await;
        assert_eq!(house.request(late).await.outcome(), Some(Outcome::Kept));
    });
}

#[test]
fn one_notice_a_sweep_tells_how_it_goes_and_outcomes_stand_in_its_thread() {
    block_on(async {
        let house = House::new();
        let used = candidate(json!({"account": {"id": "9"}, "last_activity_at": "2026-11-19T00:00:00Z"}));
        let report = house.sweep(vec![seat("1"), seat("2"), seat("1"), used]).await;
        house.idle().await;
        let notice = notices(&house).remove(0);
        assert_eq!(notice.sweep, report.sweep);
        assert_eq!(notice.rows.values().copied().collect::<Vec<_>>(), [2, 1, 1], "asked, duplicate, filtered");
        assert_eq!((notice.requests(), notice.at_stake().to_string()), (2, "90.00 USD".to_owned()));
        house.approve(report.results[0].request_id.unwrap()).await.unwrap();
        house.idle().await;
        house.keep(report.results[1].request_id.unwrap()).await.unwrap();
        house.idle().await;
        assert_eq!(notices(&house).remove(0).reclaimed().to_string(), "0", "it waits for more news");
        house.world.pass(Duration::from_secs(2));
        house.idle().await;
        assert_eq!(notices(&house).len(), 1, "the same message, replaced");
        let notice = notices(&house).remove(0);
        assert_eq!(notice.reclaimed().to_string(), "45.00 USD");
        let ends: Vec<_> = notice.standings.iter().map(|standing| (standing.state, standing.outcome)).collect();
        assert_eq!(ends, [(StateLabel::Closed, Some(Outcome::Reclaimed)), (StateLabel::Closed, Some(Outcome::Kept))]);
        let posts = house.world.notifier.sent();
        let notice = posts.iter().find(|sent| matches!(sent.message.content, Content::Sweep(_))).unwrap();
        let threads: Vec<_> = reports(&house).into_iter().map(|message| message.thread).collect();
        assert_eq!(threads, [Some(notice.posted.clone()), Some(notice.posted.clone())]);
    });
}

#[test]
fn outcomes_that_wait_together_are_told_together() {
    block_on(async {
        let house = House::new();
        let ids = opened(&house, &["1", "2", "3"]).await;
        for id in &ids {
            house
                .gate
                .act(*id, seatgate_core::gate::Ask::Approve, None, &house.by("mona@example.com").await)
                .await
                .unwrap();
        }
        house.idle().await;
        let told: Vec<_> = reports(&house)
            .iter()
            .map(|message| match &message.content {
                Content::Report(rows) => rows.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(told, [3]);
        assert_eq!(house.calls(), 3);
    });
}

#[test]
fn an_outcome_waits_for_the_notice_that_it_belongs_under() {
    block_on(async {
        let house = House::new();
        house.fail_card_and_notice(&NotifyError::RetryAt(Some(house.now().saturating_add(MINUTE))));
        let id = opened(&house, &["1"]).await[0];
        house.approve(id).await.unwrap();
        house.idle().await;
        assert!(reports(&house).is_empty(), "there is nothing to stand under");
        house.world.pass(MINUTE);
        house.settle().await;
        let reports = reports(&house);
        assert_eq!(reports.len(), 1);
        assert!(reports[0].thread.is_some() && !reports[0].repeated, "being asked to wait is no failure");
    });
}

#[test]
fn a_page_stays_turned_and_a_copy_is_kept_true() {
    block_on(async {
        let house = gathering(&[("digest", "10m")]);
        let ids = opened(&house, &["1", "2"]).await;
        house.world.pass(10 * MINUTE);
        house.idle().await;
        let card = shown(&house)[0].0;
        assert!(house.gate.edit_card(card, CardEdit::Turn { page: 1 }).await.unwrap());
        assert!(house.gate.edit_card(card, CardEdit::Adopt { place: "a copy".to_owned() }).await.unwrap());
        house.idle().await;
        house.approve(ids[0]).await.unwrap();
        house.idle().await;
        let pages = house.world.notifier.shown().into_iter().filter_map(|message| match message.content {
            Content::Card { page, rows, .. } => Some((page, rows.iter().filter(|row| row.is_live()).count())),
            _ => None,
        });
        assert_eq!(pages.collect::<Vec<_>>(), [(1, 1), (1, 1)], "the card and its copy");
        let unknown = CardEdit::Turn { page: 1 };
        let nobody: CardId = "crd_00000000000070008000000000000000".parse().unwrap();
        assert!(!house.gate.edit_card(nobody, unknown).await.unwrap());
    });
}

#[test]
fn a_card_that_may_have_arrived_is_looked_for_before_another_is_posted() {
    block_on(async {
        let house = House::new();
        house.world.notifier.finds_copies();
        house.world.notifier.lose_next_reply();
        house.world.notifier.lose_next_reply();
        let id = opened(&house, &["1"]).await[0];
        house.settle().await;
        assert_eq!((shown(&house).len(), notices(&house).len()), (1, 1), "each was found again");
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!(shown(&house)[0].2, 0, "and shows the end");
    });
}

#[test]
fn a_card_whose_own_place_fails_while_a_copy_is_shown_is_not_forgotten_there() {
    block_on(async {
        let house = House::new();
        let id = opened(&house, &["1"]).await[0];
        house.idle().await;
        let card = shown(&house)[0].0;
        house.gate.edit_card(card, CardEdit::Adopt { place: "a copy".to_owned() }).await.unwrap();
        house.world.notifier.fail_next(NotifyError::RetryAt(None));
        house.settle().await;
        house.approve(id).await.unwrap();
        house.settle().await;
        let live: Vec<usize> = shown(&house).into_iter().map(|(_, _, live)| live).collect();
        assert_eq!(live, [0, 0], "the card and its copy");
    });
}

#[test]
fn a_copy_that_is_found_while_it_cannot_be_changed_is_not_forgotten() {
    block_on(async {
        let house = House::new();
        for _ in 0..4 {
            house.world.notifier.lose_next_reply();
        }
        let id = opened(&house, &["1"]).await[0];
        house.idle().await;
        house.world.pass(MINUTE);
        house.idle().await;
        assert_eq!((shown(&house).len(), notices(&house).len()), (2, 2), "each was posted twice");
        house.world.notifier.finds_copies();
        house.world.notifier.fail_next(NotifyError::RetryAt(None));
        house.settle().await;
        house.approve(id).await.unwrap();
        house.settle().await;
        let live: Vec<usize> = shown(&house).into_iter().map(|(_, _, live)| live).collect();
        assert_eq!(live, [0, 0], "the card and its copy");
        let notices = notices(&house);
        assert_eq!(notices[0].standings, notices[1].standings, "the notice and its copy");
    });
}

/// Somebody who lost their lease sends what was, and sets it right when they learn of it.
#[test]
fn a_late_message_under_a_lost_lease_does_not_stay() {
    for call in ["post", "update"] {
        let world = World::new(ScriptedDeprovisioner::new(KEYED), &[]);
        let held = Arc::new(AtomicBool::new(true));
        let hold = Arc::clone(&held);
        let slow = world.start(Steps::failing(move |moment| {
            let hold = Arc::clone(&hold);
            let waits = moment.call == call && !moment.after;
            Box::pin(poll_fn(move |_| match waits && hold.load(Ordering::SeqCst) {
                true => Poll::Pending,
                false => Poll::Ready(Ok(())),
            }))
        }));
        let house = world.start(Steps::free());
        let mut context = Context::from_waker(Waker::noop());
        block_on(async {
            let id = opened(&house, &["1"]).await[0];
            let card = house.request(id).await.approval.asked[0].card;
            if call == "update" {
                house.idle().await;
                house.gate.edit_card(card, CardEdit::Turn { page: 1 }).await.unwrap();
            }
            let items = slow.worker.claim(64).await.unwrap().items;
            let item = items.into_iter().find(|claimed| claimed.item == Item::SyncCard(card)).unwrap();
            let mut late = pin!(slow.worker.perform(item));
            assert!(late.as_mut().poll(&mut context).is_pending());
            world.lease_clock.advance(Claim::LEASE);
            house.approve(id).await.unwrap();
            house.idle().await;
            held.store(false, Ordering::SeqCst);
            let finished = late.await;
            assert!(shown(&house).iter().any(|(_, _, live)| *live > 0), "{call}: the late message says what was");
            slow.worker.settle(vec![finished]).await.unwrap();
            house.settle().await;
            assert!(shown(&house).iter().all(|(_, _, live)| *live == 0), "{call}: {:?}", shown(&house));
        });
    }
}

/// A notifier whose messages can be lost, or be beyond editing: then a reply stands below them.
#[derive(Default)]
struct Wall {
    shown: Mutex<Vec<(String, bool)>>,
    lost: Mutex<BTreeSet<String>>,
    fixed: Mutex<BTreeSet<String>>,
    closed: Mutex<BTreeSet<String>>,
    paced: Mutex<Option<Paced>>,
}

/// One change a second, after a pause a few at once.
struct Paced {
    clock: Arc<dyn Clock>,
    full_at: Timestamp,
}

impl Paced {
    const BURST: u32 = 3;

    fn take(&mut self) -> Result<(), NotifyError> {
        let (now, second) = (self.clock.now(), Duration::from_secs(1));
        let taken = self.full_at.max(now).saturating_add(second);
        let empty = now.saturating_add(second * Self::BURST);
        if taken > empty {
            return Err(NotifyError::RetryAt(Some(now.saturating_add(taken.since(empty)))));
        }
        self.full_at = taken;
        Ok(())
    }
}

impl Wall {
    fn show(&self, place: String, message: &Message) -> Posted {
        let live = matches!(&message.content, Content::Card { rows, .. } if rows.iter().any(|row| row.is_live()));
        let mut shown = self.shown.lock().unwrap();
        shown.retain(|(other, _)| *other != place);
        shown.push((place.clone(), live));
        Posted::at(place)
    }

    fn places(&self) -> Vec<(String, bool)> {
        let mut shown = self.shown.lock().unwrap().clone();
        shown.sort();
        shown
    }

    fn to(message: &Message) -> String {
        match &message.to {
            Recipient::Channel(channel) => channel.to_string(),
            _ => "mona".to_owned(),
        }
    }
}

#[async_trait]
impl Notifier for Wall {
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
        let to = Self::to(message);
        match self.closed.lock().unwrap().contains(&to) {
            true => Err(NotifyError::Unreachable),
            false => Ok(self.show(format!("{to}/{}", self.shown.lock().unwrap().len()), message)),
        }
    }

    async fn update(&self, posted: &Posted, message: &Message) -> Result<Posted, NotifyError> {
        self.paced.lock().unwrap().as_mut().map_or(Ok(()), Paced::take)?;
        if self.lost.lock().unwrap().contains(&posted.place) {
            return Err(NotifyError::Unreachable);
        }
        let fixed = self.fixed.lock().unwrap().contains(&posted.place);
        let reply = format!("{}/reply {}", posted.place, self.shown.lock().unwrap().len());
        Ok(self.show(if fixed { reply } else { posted.place.clone() }, message))
    }
}

/// A house with a wall, whose sweeps tell nobody unless the wall is asked about.
fn with_wall(channel: Option<&str>) -> (House, Arc<Wall>) {
    let (mut house, wall) = (House::new(), Arc::new(Wall::default()));
    let world = house.world.clone();
    house.gate = Gate::builder(world.store.clone(), world.clock.clone(), world.entropy.clone())
        .notifier(wall.clone())
        .router(house.gate.router().clone())
        .channel(channel.map(|channel| channel.parse().unwrap()))
        .build()
        .unwrap();
    house.worker = Worker::new(&house.gate);
    (house, wall)
}

/// Asks mona about one seat; the request, its card, and where that is.
async fn asked(house: &House, wall: &Wall) -> (RequestId, CardId, String) {
    let id = opened(house, &["1"]).await[0];
    house.idle().await;
    let card = house.request(id).await.approval.asked[0].card;
    let place = wall.places().into_iter().find(|(place, _)| place.starts_with("mona")).unwrap().0;
    (id, card, place)
}

#[test]
fn a_copy_that_cannot_be_changed_is_answered_once() {
    block_on(async {
        let (house, wall) = with_wall(None);
        let (id, card, _) = asked(&house, &wall).await;
        wall.fixed.lock().unwrap().insert("an old copy".to_owned());
        house.gate.edit_card(card, CardEdit::Adopt { place: "an old copy".to_owned() }).await.unwrap();
        for page in 0..5 {
            house.gate.edit_card(card, CardEdit::Turn { page }).await.unwrap();
            house.idle().await;
        }
        house.approve(id).await.unwrap();
        house.settle().await;
        let replies: Vec<_> = wall.places().into_iter().filter(|(place, _)| place.contains("reply")).collect();
        assert_eq!(replies.len(), 1, "the reply is kept true from then on: {replies:?}");
        assert!(wall.places().iter().all(|(_, live)| !live));
    });
}

#[test]
fn a_card_that_is_lost_keeps_no_copy_from_the_truth() {
    block_on(async {
        let (house, wall) = with_wall(None);
        let (id, card, place) = asked(&house, &wall).await;
        house.gate.edit_card(card, CardEdit::Adopt { place: "a copy".to_owned() }).await.unwrap();
        house.idle().await;
        wall.lost.lock().unwrap().insert(place.clone());
        house.approve(id).await.unwrap();
        house.settle().await;
        assert!(wall.places().contains(&("a copy".to_owned(), false)), "{:?}", wall.places());
        let kept = house.gate.card(card).await.unwrap().unwrap();
        assert_eq!((kept.posted.as_deref(), kept.copies), (Some("a copy"), Vec::new()));
    });
}

#[test]
fn copies_are_kept_true_however_slow_changes_are_let_through() {
    block_on(async {
        let (house, wall) = with_wall(None);
        let ids = opened(&house, &["1", "2"]).await;
        house.idle().await;
        for (number, id) in ids.iter().enumerate() {
            let card = house.request(*id).await.approval.asked[0].card;
            house.gate.edit_card(card, CardEdit::Adopt { place: format!("copy {number}") }).await.unwrap();
        }
        house.idle().await;
        let clock: Arc<dyn Clock> = house.world.clock.clone();
        let full_at = clock.now().saturating_add(Duration::from_secs(3));
        *wall.paced.lock().unwrap() = Some(Paced { clock, full_at });
        for id in ids {
            house.approve(id).await.unwrap();
        }
        for _ in 0..120 {
            house.idle().await;
            house.world.pass(Duration::from_secs(1));
        }
        assert_eq!(wall.places().into_iter().filter(|(_, live)| *live).collect::<Vec<_>>(), []);
    });
}

#[test]
fn a_message_that_is_refused_holds_up_nothing_and_starts_the_time_to_answer() {
    block_on(async {
        let house = gathering(&[("expire_after", "1d")]);
        house.fail_card_and_notice(&NotifyError::Refused("invalid_blocks".to_owned()));
        let refused = opened(&house, &["1"]).await[0];
        house.idle().await;
        assert_eq!(shown(&house), []);
        opened(&house, &["2"]).await;
        house.idle().await;
        assert_eq!(shown(&house).len(), 1, "the lane is open");
        assert_eq!(house.gate.meter().undelivered.get("refused"), Some(&2));
        house.world.pass(Duration::from_secs(86_400));
        house.settle().await;
        assert_eq!(house.request(refused).await.outcome(), Some(Outcome::Kept), "silence counts all the same");
    });
}

#[test]
fn a_notice_is_a_test_if_its_sweep_was_whatever_the_mode_is_later() {
    block_on(async {
        let house = House::new();
        let id = opened(&house, &["1"]).await[0];
        house.idle().await;
        house.mode(Mode::DryRun);
        house.approve(id).await.unwrap();
        opened(&house, &["2"]).await;
        house.settle().await;
        house.mode(Mode::Live);
        house.settle().await;
        let mut tests: Vec<bool> = notices(&house).iter().map(|notice| notice.test).collect();
        tests.sort_unstable();
        assert_eq!(tests, [false, true]);
    });
}

#[test]
fn a_sweeps_requests_of_two_modes_are_told_apart() {
    block_on(async {
        let house = gathering(&[("max_requests_per_sweep", "1")]);
        let olga = house.appoint("olga@example.com").await;
        let report = house.sweep(vec![seat("1"), seat("2")]).await;
        house.settle().await;
        house.mode(Mode::DryRun);
        let released = house.gate.release(report.sweep, &olga).await.unwrap();
        house.settle().await;
        house.mode(Mode::Live);
        for result in released.results {
            house.approve(result.request_id.unwrap()).await.unwrap();
        }
        house.settle().await;
        let end = |notice: &SweepStanding| notice.standings.iter().map(|one| (one.outcome, one.count)).collect();
        let mut told: Vec<(bool, Vec<_>)> = notices(&house).iter().map(|notice| (notice.test, end(notice))).collect();
        told.sort();
        assert_eq!(told, [(false, vec![(Some(Outcome::Reclaimed), 1)]), (true, vec![(Some(Outcome::DryRun), 1)])]);
    });
}

#[test]
fn what_a_closed_channel_cannot_hear_the_configured_one_does() {
    block_on(async {
        let (house, wall) = with_wall(Some("C0IT"));
        wall.closed.lock().unwrap().insert("C0SWEEP".to_owned());
        let (id, ..) = asked(&house, &wall).await;
        house.approve(id).await.unwrap();
        house.settle().await;
        assert!(wall.places().iter().any(|(place, _)| place.starts_with("C0IT")), "{:?}", wall.places());
    });
}
