//! Who is asked, seen from outside: cards come, move and lose their buttons, and whoever is not asked any more is told so.

use std::future::pending;
use std::time::Duration;

use proptest::prelude::*;
use seatgate_core::agenda::{Claimed, Item, News};
use seatgate_core::authorize::{Action, Caller, Denial, authorize};
use seatgate_core::gate::{Ask, GateError, Submission};
use seatgate_core::id::{DelegationId, PersonRef, RequestId};
use seatgate_core::message::{Content, Message, Recipient};
use seatgate_core::person::{Actor, MatchedBy, Surface};
use seatgate_core::policy::Policy;
use seatgate_core::port::{Delegation, NotifyError, Period, RowStatus, SeatStatus};
use seatgate_core::request::{Command, Outcome, Refusal, Request, StateLabel, WithdrawReason};
use seatgate_core::seat::Candidate;
use seatgate_core::testing::{ScriptedDeprovisioner, block_on};
use seatgate_core::worker::{Bundle, Worker};
use serde_json::json;

use crate::house::{House, KEYED, World, ana, candidate};
use crate::invariants;
use crate::stepped::Steps;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn with(policy: &[(&str, &str)]) -> House {
    House::with(ScriptedDeprovisioner::new(KEYED), policy)
}

async fn act(house: &House, id: RequestId, ask: Ask, by: &str) -> Result<Request, GateError> {
    house.gate.act(id, ask, Some("because"), &house.by(by).await).await
}

/// The cards that somebody sees, each with how many rows of it are live.
async fn cards_of(house: &House, email: &str) -> Vec<usize> {
    let person = house.person(email).await;
    let theirs = |message: &Message| matches!(&message.to, Recipient::Person(known) if known.reference == person);
    let live = |message: Message| match message.content {
        Content::Card { rows, .. } => Some(rows.iter().filter(|row| row.is_live()).count()),
        _ => None,
    };
    house.world.notifier.shown().into_iter().filter(theirs).filter_map(live).collect()
}

/// What people were told beside their cards.
fn notes(house: &House) -> Vec<News> {
    let note = |message: Message| match message.content {
        Content::Note { news, .. } => Some(news),
        _ => None,
    };
    house.world.notifier.sent().into_iter().filter_map(|sent| note(sent.message)).collect()
}

async fn manage(house: &House, person: &str, manager: &str) {
    let (person, manager) = (house.person(person).await, house.person(manager).await);
    house.world.directory.edit(person, |entry| entry.manager = Some(manager));
}

/// Dan stands in for Mona from so many days from now on, for a day.
async fn delegate(house: &House, days: u32) {
    let (mona, dan) = (house.person("mona@example.com").await, house.person("dan@example.com").await);
    let starts = house.now().saturating_add(DAY * days);
    let id = DelegationId::generate(house.now(), &*house.world.entropy);
    let period = Period::new(starts, Some(starts.saturating_add(DAY)));
    house.world.directory.edit(mona, |entry| entry.delegations = vec![Delegation::new(id, mona, dan, period)]);
}

async fn pass(house: &House, time: Duration) {
    house.world.pass(time);
    house.idle().await;
    // What is told apart from a card waits a moment for more of it.
    house.world.pass(Duration::from_secs(5));
    house.idle().await;
}

fn denied(answer: Result<Request, GateError>) -> Denial {
    match answer {
        Err(GateError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_delegation_moves_the_card_and_its_end_moves_it_back() {
    block_on(async {
        let house = with(&[]);
        delegate(&house, 1).await;
        let id = house.open().await;
        assert_eq!(cards_of(&house, "mona@example.com").await, [1]);
        pass(&house, DAY).await;
        assert_eq!(cards_of(&house, "mona@example.com").await, [0]);
        assert_eq!(cards_of(&house, "dan@example.com").await, [1]);
        assert_eq!(denied(house.approve(id).await), Denial::Moved);
        pass(&house, DAY).await;
        assert_eq!(cards_of(&house, "mona@example.com").await, [0, 1]);
        assert_eq!(cards_of(&house, "dan@example.com").await, [0]);
        assert_eq!(denied(act(&house, id, Ask::Approve, "dan@example.com").await), Denial::Moved);
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        let kinds = house.kinds(id).await;
        assert_eq!(kinds[..4], ["opened", "routed", "routed", "decided"]);
        invariants::check(&house.world).await;
    });
}

/// They may at the moment at which it is asked whether they may, and that is when they did, however long the rest takes.
#[test]
fn a_stand_in_whose_time_ends_while_they_answer_answered_in_time() {
    block_on(async {
        let house = with(&[]);
        delegate(&house, 0).await;
        let id = house.open().await;
        let dan = house.by("dan@example.com").await;
        let clock = house.world.clock.clone();
        let slow = house.world.start(Steps::failing(move |moment| {
            if moment.call == "cards" && !moment.after {
                clock.advance(2 * DAY);
            }
            Box::pin(std::future::ready(Ok(())))
        }));
        let decided = slow.gate.act(id, Ask::Approve, None, &dan).await.unwrap();
        let asked = decided.approval.asked.last().unwrap();
        assert_eq!(Some(asked.person), dan.actor.person());
        assert!(decided.approval.verdict.unwrap().at < asked.until.unwrap());
        assert!(house.now() > asked.until.unwrap());
    });
}

#[test]
fn a_delegation_that_was_taken_back_counts_no_more_though_nothing_was_moved_yet() {
    block_on(async {
        let house = with(&[]);
        delegate(&house, 0).await;
        let id = house.open().await;
        assert_eq!(cards_of(&house, "dan@example.com").await, [1]);
        let mona = house.person("mona@example.com").await;
        house.world.directory.edit(mona, |entry| entry.delegations.clear());
        assert_eq!(denied(act(&house, id, Ask::Approve, "dan@example.com").await), Denial::Moved);
    });
}

#[test]
fn whoever_has_gone_is_passed_over_and_whoever_goes_is_replaced() {
    block_on(async {
        let house = with(&[]);
        manage(&house, "mona@example.com", "nora@example.com").await;
        manage(&house, "nora@example.com", "vera@example.com").await;
        house.world.directory.edit(house.person("mona@example.com").await, |entry| entry.disabled = true);
        let id = house.open().await;
        assert_eq!(cards_of(&house, "mona@example.com").await, [0_usize; 0]);
        assert_eq!(cards_of(&house, "nora@example.com").await, [1]);
        let asked = house.request(id).await.approval.asked[0].clone();
        assert_eq!(asked.path.len(), 2, "and why is recorded");
        house.world.directory.edit(house.person("nora@example.com").await, |entry| entry.disabled = true);
        pass(&house, 2 * DAY).await;
        assert_eq!(cards_of(&house, "nora@example.com").await, [0]);
        assert_eq!(cards_of(&house, "vera@example.com").await, [1]);
        act(&house, id, Ask::Approve, "vera@example.com").await.unwrap();
        invariants::check(&house.world).await;
    });
}

#[test]
fn nobody_who_was_not_asked_any_more_before_their_card_came_gets_one() {
    block_on(async {
        let house = with(&[("digest", "1h")]);
        let id = house.sweep(vec![ana()]).await.results[0].request_id.unwrap();
        let dan = house.person("dan@example.com").await;
        act(&house, id, Ask::Reassign { to: dan }, "mona@example.com").await.unwrap();
        pass(&house, HOUR).await;
        assert_eq!(cards_of(&house, "mona@example.com").await, [0_usize; 0]);
        assert_eq!(cards_of(&house, "dan@example.com").await, [1]);
        assert_eq!(denied(house.approve(id).await), Denial::Moved);
    });
}

#[test]
fn an_escalation_adds_a_card_and_both_can_decide() {
    block_on(async {
        let house = with(&[]);
        manage(&house, "mona@example.com", "nora@example.com").await;
        let id = house.open().await;
        pass(&house, 5 * DAY).await;
        let emails = ["mona@example.com", "nora@example.com"];
        for email in emails {
            assert_eq!(cards_of(&house, email).await, [1], "{email}");
        }
        act(&house, id, Ask::Approve, emails[1]).await.unwrap();
        house.settle().await;
        for email in emails {
            assert_eq!(cards_of(&house, email).await, [0], "{email}");
        }
        assert_eq!(house.calls(), 1);
    });
}

#[test]
fn a_quorum_waits_for_the_second_and_the_first_is_not_asked_twice() {
    block_on(async {
        let house = with(&[("quorum", "2")]);
        manage(&house, "mona@example.com", "nora@example.com").await;
        let id = house.open().await;
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!((house.calls(), cards_of(&house, "mona@example.com").await), (0, vec![0]));
        let again = house.approve(id).await;
        assert!(matches!(again, Err(GateError::Refused { refusal: Refusal::AlreadyVoted, .. })));
        pass(&house, 2 * DAY).await;
        assert_eq!(notes(&house), [News::Reminder], "Nora alone");
        act(&house, id, Ask::Approve, "nora@example.com").await.unwrap();
        house.settle().await;
        assert_eq!(house.calls(), 1);
        invariants::check(&house.world).await;
    });
}

/// Whoever answers before their card was sent needs none; the time of the others runs all the same.
#[test]
fn a_vote_before_the_card_came_stops_no_clock() {
    block_on(async {
        let house = with(&[("quorum", "2"), ("digest", "1h"), ("escalate_after", "0s"), ("on_expiry", "close")]);
        let id = house.sweep(vec![ana()]).await.results[0].request_id.unwrap();
        house.approve(id).await.unwrap();
        pass(&house, HOUR).await;
        assert_eq!(cards_of(&house, "mona@example.com").await, [0_usize; 0]);
        pass(&house, 14 * DAY).await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Expired));
    });
}

#[test]
fn the_holder_is_asked_first_and_their_word_is_on_the_next_card() {
    block_on(async {
        let house = with(&[("ask_holder_first", "true")]);
        let id = house.open().await;
        assert_eq!(cards_of(&house, "ana@example.com").await, [1]);
        assert_eq!(cards_of(&house, "mona@example.com").await, [0_usize; 0]);
        assert_eq!(denied(house.approve(id).await), Denial::NotAsked, "not yet");
        act(&house, id, Ask::Keep { until: None }, "ana@example.com").await.unwrap();
        house.idle().await;
        assert_eq!(cards_of(&house, "ana@example.com").await, [0]);
        assert_eq!(cards_of(&house, "mona@example.com").await, [1]);
        assert_eq!(denied(act(&house, id, Ask::Keep { until: None }, "ana@example.com").await), Denial::OwnSeat);
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn whoever_was_asked_hears_that_an_operator_decided() {
    block_on(async {
        let house = with(&[]);
        let id = house.open().await;
        let olga = house.appoint("olga@example.com").await;
        assert_eq!(denied(house.gate.act(id, Ask::Approve, None, &olga).await), Denial::ReasonRequired);
        house.gate.act(id, Ask::Approve, Some("she left"), &olga).await.unwrap();
        pass(&house, HOUR).await;
        assert_eq!(notes(&house), [News::Overruled]);
    });
}

/// News about a card that nobody ever saw must not wait for its arrival: it never comes.
#[test]
fn whoever_never_saw_their_card_is_told_nothing_about_it() {
    block_on(async {
        let house = with(&[]);
        let id = house.sweep(vec![ana()]).await.results[0].request_id.unwrap();
        let olga = house.appoint("olga@example.com").await;
        house.gate.act(id, Ask::Keep { until: None }, Some("on leave"), &olga).await.unwrap();
        house.settle().await;
        assert_eq!((notes(&house), cards_of(&house, "mona@example.com").await), (vec![], vec![]));
        let left = house.world.store.clone();
        let depth = seatgate_core::port::RequestQueries::agenda_depth(&*left, house.now(), true).await.unwrap();
        assert_eq!(depth.items, 0, "nothing goes round in circles");
    });
}

// ---------------------------------------------------------------------------------------------------------- the same seat again

#[test]
fn a_seat_is_left_alone_for_a_while_after_an_undo_and_after_an_expiry() {
    block_on(async {
        for undone in [true, false] {
            let house = with(&[("grace", "1d"), ("on_expiry", "close"), ("cool_down", "20d"), ("expire_after", "1d")]);
            let id = house.open().await;
            if undone {
                house.approve(id).await.unwrap();
                act(&house, id, Ask::Undo, "mona@example.com").await.unwrap();
            } else {
                pass(&house, DAY).await;
            }
            assert!(house.request(id).await.outcome().is_some());
            let from = house.now();
            let again = house.sweep(vec![fresh(&house)]).await.results.remove(0);
            assert_eq!((again.status, again.request_id), (RowStatus::Filtered, None));
            house.world.pass(from.saturating_add(20 * DAY).since(house.now()) - Duration::from_secs(60));
            assert_eq!(house.sweep(vec![fresh(&house)]).await.results[0].status, RowStatus::Filtered);
            house.world.pass(Duration::from_secs(60));
            assert_eq!(house.sweep(vec![fresh(&house)]).await.results[0].status, RowStatus::Asked);
            invariants::check(&house.world).await;
        }
    });
}

/// Ana's seat, as it is observed now.
fn fresh(house: &House) -> Candidate {
    candidate(json!({"observed_at": house.now().to_string()}))
}

// --------------------------------------------------------------------------------------------------- a last look at the decision

/// A house whose target tells when seats were used, and whose patience ends at once if `hurried`.
fn watching(hurried: bool) -> House {
    let target = ScriptedDeprovisioner::new(KEYED).probeable();
    let world = World::new(target, &[]);
    let steps = Steps::free();
    let sleep = move |_| async move {
        if !hurried {
            pending::<()>().await;
        }
    };
    let gate = world.builder(&steps).timer(sleep).build().unwrap();
    House { world, worker: Worker::new(&gate), gate, steps }
}

#[test]
fn an_approval_of_a_seat_that_is_used_again_withdraws_and_says_why() {
    block_on(async {
        let house = watching(false);
        let id = house.open().await;
        house.world.target.use_seats_at(house.now());
        let answer = house.approve(id).await;
        let Err(GateError::Refused { refusal: Refusal::UsedAgain, request }) = answer else { panic!("{answer:?}") };
        assert_eq!(request.withdrawn, Some(WithdrawReason::UsedAgain));
        pass(&house, HOUR).await;
        assert_eq!((house.calls(), notes(&house)), (0, vec![News::UsedAgain]));
        assert_eq!(house.kinds(id).await, ["opened", "withdrawn", "closed"]);
        assert_eq!(cards_of(&house, "mona@example.com").await, [0]);
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_keep_and_a_seat_that_was_not_used_are_not_looked_at_twice() {
    block_on(async {
        let house = watching(false);
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let used = watching(false);
        let kept = used.open().await;
        used.world.target.use_seats_at(used.now());
        assert_eq!(used.keep(kept).await.unwrap().label(), StateLabel::Keeping);
    });
}

#[test]
fn nobody_waits_for_a_target_that_does_not_say() {
    block_on(async {
        let house = watching(true);
        let id = house.open().await;
        house.world.target.then_probe(SeatStatus::cannot_tell());
        assert_eq!(house.approve(id).await.unwrap().label(), StateLabel::Executing);
    });
}

// ------------------------------------------------------------------------------------------------------------- many at once

/// Ten thousand requests on a hundred cards: every card is reminded of once, though the notifier asks for a pause and the
/// process ends in the middle.
#[test]
fn ten_thousand_requests_are_reminded_of_in_turn_and_once() {
    block_on(async {
        const APPROVERS: usize = 100;
        const EACH: usize = 100;
        let policy = [("digest", "1h"), ("max_requests_per_sweep", "10000"), ("escalate_after", "0s")];
        let house = with(&policy);
        let seat = |approver: usize, seat: usize| {
            candidate(json!({
                "account": {"id": format!("u{approver}-{seat}")},
                "manager": {"email": format!("manager{approver}@example.com")},
            }))
        };
        let rows: Vec<_> = (0..APPROVERS).flat_map(|one| (0..EACH).map(move |two| (one, two))).collect();
        let report = house.sweep(rows.into_iter().map(|(one, two)| seat(one, two)).collect()).await;
        assert_eq!(report.counts()[&RowStatus::Asked], APPROVERS * EACH);
        pass(&house, HOUR).await;
        assert_eq!(house.cards().len(), APPROVERS);
        house.world.notifier.clear();

        house.world.pass(2 * DAY);
        let told = |house: &House| {
            let sent = house.world.notifier.sent().into_iter().map(|sent| sent.message);
            let note = |message: Message| match (message.content, message.to) {
                (Content::Note { news: News::Reminder, rows }, Recipient::Person(to)) => {
                    Some((to.reference, rows.len()))
                }
                _ => None,
            };
            sent.filter_map(note).collect::<Vec<(PersonRef, usize)>>()
        };
        let mut steps = 0;
        while told(&house).len() < APPROVERS / 2 {
            step(&house).await;
            steps += 1;
            if steps == 50 {
                house.world.notifier.fail_next(NotifyError::RetryAt(None));
            }
        }
        let before = told(&house).len();
        assert!(before < APPROVERS, "it stops in the middle");
        let world = house.world.clone();
        drop(house);
        let house = world.start(Steps::free());
        world.pass(Duration::from_secs(60));
        house.settle().await;
        let mut told = told(&house);
        told.sort_unstable();
        assert_eq!(told.len(), APPROVERS, "each once");
        told.dedup();
        assert_eq!(told.len(), APPROVERS);
        assert!(told.iter().all(|(_, rows)| *rows == EACH), "each about everything that its card asks");
        pass(&house, DAY).await;
        assert_eq!(notes(&house).len(), APPROVERS, "and not again before the next is due");
    });
}

/// The requests of a digest are woken one after the other, and a busy worker may take a while.
#[test]
fn a_digest_is_reminded_of_once_however_far_apart_its_requests_are_woken() {
    block_on(async {
        let house = with(&[("digest", "1h"), ("remind_after", "2d")]);
        let seat = |seat: usize| candidate(json!({"account": {"id": format!("u{seat}")}}));
        house.sweep((0..3).map(seat).collect()).await;
        pass(&house, HOUR).await;
        house.world.pass(2 * DAY);
        let woken = house.worker.claim(64).await.unwrap().items;
        assert!(matches!(woken[..], [Claimed { item: Item::Wake(_), .. }, _, _]), "{woken:?}");
        for bundle in Bundle::all_of(woken) {
            let finished = house.worker.perform(bundle).await;
            house.worker.settle(vec![finished]).await.unwrap();
            house.world.pass(Duration::from_secs(5));
            house.idle().await;
        }
        house.settle().await;
        assert_eq!(notes(&house), [News::Reminder]);
    });
}

#[test]
fn whoever_it_is_handed_to_reads_by_whom_and_why() {
    block_on(async {
        let house = with(&[]);
        let id = house.open().await;
        let by = house.by("mona@example.com").await;
        let note = "Nora knows\nthe team";
        house.gate.reassign(id, "nora@example.com".parse().unwrap(), Some(note), &by).await.unwrap();
        pass(&house, HOUR).await;
        let nora = house.person("nora@example.com").await;
        let request = house.request(id).await;
        let joined = house.gate.join(std::slice::from_ref(&request)).await.unwrap();
        let row = joined.row(&house.gate, &request, Some(nora), None);
        let line = row.handed_on.as_ref().unwrap();
        assert_eq!((line.by.as_str(), line.note.as_deref()), ("Mona Li", Some(note)));
        let shown = house.world.notifier.shown().into_iter().map(|message| message.plain_text());
        let told = shown.filter(|text| text.contains("Handed on by Mona Li: Nora knows the team.")).count();
        assert_eq!(told, 1, "her card alone says it");
        assert_eq!(joined.row(&house.gate, &request, Some(by.actor.person().unwrap()), None).handed_on, None);
        invariants::check(&house.world).await;

        let olga = house.appoint("olga@example.com").await;
        house.gate.erase(by.actor.person().unwrap(), &olga).await.unwrap();
        let joined = house.gate.join(std::slice::from_ref(&request)).await.unwrap();
        let line = joined.row(&house.gate, &request, Some(nora), None).handed_on.unwrap();
        assert_eq!((line.by.as_str(), line.note), ("(erased)", None), "her words go with her");
    });
}

/// A worker takes what is due, and does it.
async fn step(house: &House) {
    let claims = house.worker.claim(64).await.unwrap();
    if claims.items.is_empty() {
        house.world.pass(Duration::from_secs(1));
    }
    for bundle in Bundle::all_of(claims.items) {
        let finished = house.worker.perform(bundle).await;
        house.worker.settle(vec![finished]).await.unwrap();
    }
}

// ------------------------------------------------------------------------------------------------- one function, every surface

const SURFACES: [Surface; 5] = [Surface::Slack, Surface::Inbox, Surface::Api, Surface::Cli, Surface::Library];

/// What somebody asks, and what the one function judges it by.
fn asks(number: usize, to: PersonRef) -> (Ask, Action) {
    match number {
        0 => (Ask::Approve, Action::Approve),
        1 => (Ask::Keep { until: None }, Action::Keep),
        2 => (Ask::Undo, Action::Undo),
        3 => (Ask::Withdraw, Action::Withdraw),
        4 => (Ask::Reassign { to }, Action::Reassign),
        5 => (Ask::ApplyPolicy, Action::ApplyPolicy),
        _ => (Ask::Stop, Action::Stop),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whoever asks for what, under whatever policy and in whatever state: through every surface the answer is the one of
    /// [`authorize`], and what follows is the same.
    #[test]
    fn every_surface_answers_as_the_one_function_does(
        who in 0..6_usize,
        what in 0..7_usize,
        has_reason in any::<bool>(),
        by_address in any::<bool>(),
        admin in any::<bool>(),
        decided in any::<bool>(),
        policy in prop::sample::subsequence(vec![
            ("holder_release", "suffices"), ("strict_identity", "true"), ("sender_may_approve", "true"), ("quorum", "2"),
            ("ask_holder_first", "true"), ("grace", "1d"),
        ], 0..6),
    ) {
        let answers: Vec<String> = SURFACES.into_iter().map(|surface| block_on(async {
            let house = with(&policy);
            house.appoint("olga@example.com").await;
            let dan = house.person("dan@example.com").await;
            let id = house.open().await;
            if decided {
                house.gate.act(id, Ask::Approve, Some("why"), &house.by("olga@example.com").await).await.unwrap();
            }
            let people = ["ana", "mona", "olga", "dan"].map(|name| format!("{name}@example.com"));
            let actor = match people.get(who) {
                Some(email) => Actor::Person(house.person(email).await),
                None if who == 4 => Actor::Policy,
                None => "token:ci".parse().unwrap(),
            };
            let mut by = Submission::new(actor.clone(), surface);
            let mut caller = Caller::new(actor, has_reason);
            if by_address {
                (by, caller) = (by.matched_by(MatchedBy::Email), caller.matched_by(MatchedBy::Email));
            }
            if admin {
                (by, caller) = (by.with_admin_token(), caller.with_admin_token());
            }
            let (ask, action) = asks(what, dan);
            let before = house.request(id).await;
            let said = authorize(&caller, action, &before, &house.gate.settings().operators, house.now());
            let answer = house.gate.act(id, ask, has_reason.then_some("because"), &by).await;
            match (&said, &answer) {
                (Err(denial), Err(GateError::Denied(other))) => assert_eq!(denial, other),
                (Ok(_), Ok(_) | Err(GateError::Refused { .. })) => {}
                other => panic!("{other:?}"),
            }
            let after = house.request(id).await;
            format!("{said:?} {:?} {:?} {:?}", answer.map(|_| ()).map_err(|error| error.to_string()), after.label(), house.kinds(id).await)
        })).collect();
        prop_assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    }
}

/// A command that a person can give is judged; what the worker says of itself is not theirs to say.
#[test]
fn what_people_ask_is_judged_and_what_the_worker_finds_is_not_asked_by_people() {
    let policy = Policy::default();
    let terms = Box::new(policy.default_terms().clone());
    let judged = [
        Command::Approve { reason: None },
        Command::Keep { reason: None, until: None },
        Command::Undo { reason: None },
        Command::Withdraw { reason: None },
        Command::ApplyPolicy { version: policy.version().to_owned(), terms },
        Command::Stop { reason: None },
    ];
    assert!(judged.iter().all(|command| Action::of(command).is_some()));
    assert!([Command::Wake, Command::ComeBack].iter().all(|command| Action::of(command).is_none()));
}
