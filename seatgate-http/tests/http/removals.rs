//! Removals by webhook over real sockets: targets that fail, hang, refuse, accept for later, or are dead.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::message::Content;
use seatgate_core::port::{Router as Targets, Target};
use seatgate_core::worker::Worker;
use seatgate_http::deprovisioner::{HttpDeprovisioner, WebhookTarget};
use seatgate_http::guard::GuardedClient;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::place::{Answer, GONE, Hangs, Place, Says};
use crate::world::{MANAGER, OPERATOR, SECRET, World, candidate, person};

/// Worlds around a target.
impl Place {
    /// A world whose seats this place removes, where it also says when they were used.
    async fn world_that_looks(&self) -> World {
        let clock = World::clock();
        let client = GuardedClient::builder().allow_private(self.address.to_string().parse().unwrap()).build().unwrap();
        let url = format!("http://{}/remove", self.address).parse().unwrap();
        let status = format!("http://{}/seats/{{account_id}}", self.address).parse().unwrap();
        let webhook = WebhookTarget::new(url, SECRET.parse().unwrap()).status_url(status);
        let target = Target::new("figma", Arc::new(HttpDeprovisioner::new(client, clock.clone(), webhook)));
        World::removing_through(Targets::new().otherwise(target), clock, &[]).await
    }

    /// A world whose seats this place removes, without much patience.
    async fn world(&self, idempotent: bool, policy: &[(&str, &str)]) -> World {
        let clock = World::clock();
        let target = self.target("figma", &clock, idempotent, Duration::from_millis(300));
        World::removing_through(Targets::new().otherwise(target), clock, policy).await
    }
}

async fn approved(world: &World) -> String {
    let request = world.open().await;
    let reply = world.decide(&request, json!({"decision": "approve", "as": person(MANAGER)})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    request
}

/// Lets the worker work, and time pass, until nothing follows by itself; the request as it is then.
async fn settled(world: &World, request: &str) -> Value {
    for _ in 0..30 {
        world.work().await;
        world.clock.advance(Duration::from_secs(900));
    }
    world.get(request).await.body
}

fn one_key(place: &Place, body: &Value) {
    let calls = place.calls();
    assert!(calls.iter().all(|(_, key)| body["tasks"][0]["id"] == key.as_str()), "{calls:?}");
}

#[tokio::test]
async fn busy_and_busy_again_and_then_gone_is_one_outcome_under_one_key() {
    let busy = Says("503 Service Unavailable", "", "");
    let place = Place::answering(&[busy, Says("429 Too Many Requests", "retry-after: 120\r\n", ""), GONE]).await;
    let world = place.world(true, &[]).await;
    let request = approved(&world).await;
    world.work().await;
    world.clock.advance(Duration::from_secs(5));
    world.work().await;
    assert_eq!(place.count(), 2);
    world.clock.advance(Duration::from_secs(119));
    world.work().await;
    assert_eq!(place.count(), 2, "the target asked for two minutes");
    world.clock.advance(Duration::from_secs(1));
    let body = settled(&world, &request).await;
    assert_eq!(
        (place.count(), &body["outcome"], &body["tasks"][0]["proof"]),
        (3, &json!("reclaimed"), &json!("receipt"))
    );
    one_key(&place, &body);
}

#[tokio::test]
async fn an_idempotent_target_that_hangs_is_asked_with_one_key_until_given_up() {
    let place = Place::answering(&[Hangs]).await;
    let world = place.world(true, &[("retry.attempts", "4")]).await;
    let request = approved(&world).await;
    let body = settled(&world, &request).await;
    assert_eq!((place.count(), &body["state"]), (4, &json!("needs_attention")));
    assert_eq!(body["tasks"][0]["may_have_happened"], true);
    one_key(&place, &body);
}

/// A request whose removal hung once at a target without promises.
async fn hung(then: Answer) -> (Place, World, String, String) {
    let place = Place::answering(&[Hangs, then]).await;
    let world = place.world(false, &[]).await;
    let request = approved(&world).await;
    let body = settled(&world, &request).await;
    assert_eq!((place.count(), &body["state"]), (1, &json!("needs_attention")), "called exactly once");
    let task = format!("{request}/tasks/{}", body["tasks"][0]["id"].as_str().unwrap());
    (place, world, request, task)
}

#[tokio::test]
async fn a_target_without_promises_that_hangs_is_called_once_and_a_retry_calls_again_with_the_same_key() {
    let (place, world, request, task) = hung(GONE).await;
    assert_eq!(world.post(&task, json!({"resolution": "retry"})).await.status, 200);
    let body = settled(&world, &request).await;
    assert_eq!((place.count(), &body["outcome"]), (2, &json!("reclaimed")));
    one_key(&place, &body);
}

#[tokio::test]
async fn a_target_without_promises_that_hangs_is_called_once_and_every_other_answer_ends_it_without_a_call() {
    let answers = [("confirm", "reclaimed", "done"), ("skip", "stopped", "skipped"), ("stop", "stopped", "cancelled")];
    for (answer, outcome, status) in answers {
        let (place, world, request, task) = hung(GONE).await;
        let because = json!({"resolution": answer, "reason": "I looked", "as": person(OPERATOR)});
        let path = if answer == "stop" { format!("{request}/stop") } else { task };
        let because = if answer == "stop" { json!({"as": person(OPERATOR)}) } else { because };
        assert_eq!(world.post(&path, because).await.status, 200, "{answer}");
        let body = settled(&world, &request).await;
        let task = &body["tasks"][0];
        assert_eq!((place.count(), &body["outcome"], &task["status"]), (1, &json!(outcome), &json!(status)));
        assert_eq!(task["may_have_happened"], answer != "confirm", "{answer}");
    }
}

#[tokio::test]
async fn a_400_needs_attention_and_there_is_nothing_to_confirm() {
    let place = Place::answering(&[Says("400 Bad Request", "", "")]).await;
    let world = place.world(true, &[]).await;
    let request = approved(&world).await;
    let body = settled(&world, &request).await;
    assert_eq!((place.count(), &body["state"]), (1, &json!("needs_attention")));
    let task = format!("{request}/tasks/{}", body["tasks"][0]["id"].as_str().unwrap());
    let confirm = json!({"resolution": "confirm", "reason": "I looked", "as": person(OPERATOR)});
    assert_eq!(world.post(&task, confirm).await.problem().0, 409);
    assert_eq!(world.get(&request).await.body["state"], "needs_attention");
}

#[tokio::test]
async fn an_undo_in_the_grace_period_means_never_a_call() {
    let place = Place::answering(&[GONE]).await;
    let world = place.world(true, &[("grace", "1h")]).await;
    let request = approved(&world).await;
    world.work().await;
    assert_eq!(world.post(&format!("{request}/undo"), json!({"as": person(MANAGER)})).await.status, 200);
    let body = settled(&world, &request).await;
    assert_eq!((place.count(), &body["outcome"]), (0, &json!("withdrawn")));
}

const ACCEPTED: Answer = Says("202 Accepted", "location: /removals/7\r\nretry-after: 60\r\n", "");

#[tokio::test]
async fn what_is_accepted_is_polled_at_its_location_until_it_has_ended() {
    let still = Says("202 Accepted", "retry-after: 1800\r\n", "");
    let busy = Says("503 Service Unavailable", "", "");
    let pending = Says("200 OK", "", r#"{"outcome": "pending"}"#);
    let ended = Says("200 OK", "", r#"{"outcome": "already_absent", "receipt": "R-9"}"#);
    for idempotent in [true, false] {
        let place = Place::answering(&[ACCEPTED, still, busy, pending, ended]).await;
        let world = place.world(idempotent, &[]).await;
        let request = approved(&world).await;
        world.work().await;
        let task = world.get(&request).await.body["tasks"][0].clone();
        assert_eq!((&task["status"], &task["may_have_happened"]), (&json!("probing"), &json!(true)));
        for (seconds, calls) in [(59, 1), (1, 2), (1_799, 2), (1, 3)] {
            world.clock.advance(Duration::from_secs(seconds));
            world.work().await;
            assert_eq!(place.count(), calls, "the target's own times are kept");
        }
        let body = settled(&world, &request).await;
        let task = &body["tasks"][0];
        assert_eq!(
            (&body["outcome"], &task["proof"], &task["receipt"]),
            (&json!("reclaimed"), &json!("receipt"), &json!("R-9"))
        );
        let calls = place.calls();
        assert_eq!((calls.len(), calls[0].0.as_str(), &task["attempts"]), (5, "POST /remove HTTP/1.1", &json!(1)));
        assert!(calls[1..].iter().all(|call| *call == ("GET /removals/7 HTTP/1.1".to_owned(), String::new())));
    }
}

#[tokio::test]
async fn an_outcome_that_is_pending_is_polled_too() {
    let pending = Says("200 OK", "location: ?job=7\r\n", r#"{"outcome": "pending"}"#);
    let place = Place::answering(&[pending, Says("204 No Content", "", "")]).await;
    let world = place.world(false, &[]).await;
    let request = approved(&world).await;
    assert_eq!(settled(&world, &request).await["outcome"], "reclaimed");
    assert_eq!(place.calls()[1].0, "GET /remove?job=7 HTTP/1.1");
}

#[tokio::test]
async fn a_location_that_knows_nothing_any_more_cannot_tell() {
    for status in ["404 Not Found", "410 Gone", "303 See Other"] {
        let place = Place::answering(&[ACCEPTED, Says(status, "", ""), Says(status, "", ""), GONE]).await;
        let world = place.world(true, &[]).await;
        let request = approved(&world).await;
        let body = settled(&world, &request).await;
        assert_eq!((place.count(), &body["outcome"]), (4, &json!("reclaimed")), "asked for again after {status}");
        let posts: Vec<_> = place.calls().into_iter().filter(|(start, _)| start.starts_with("POST")).collect();
        assert_eq!((posts.len(), &posts[0]), (2, &posts[1]), "with the same key");

        let place = Place::answering(&[ACCEPTED, Says(status, "", "")]).await;
        let world = place.world(false, &[]).await;
        let request = approved(&world).await;
        let body = settled(&world, &request).await;
        assert_eq!((place.count(), &body["state"]), (3, &json!("needs_attention")), "after {status}");
        assert_eq!(body["tasks"][0]["may_have_happened"], true);
    }
}

#[tokio::test]
async fn a_location_somewhere_else_is_never_called() {
    let stranger = Place::answering(&[GONE]).await;
    let header: &'static str = format!("location: http://{}/removals/7\r\n", stranger.address).leak();
    let place = Place::answering(&[Says("202 Accepted", header, ""), GONE]).await;
    let clock = World::clock();
    let both: String = format!("{},{}", place.address, stranger.address);
    let client = GuardedClient::builder().allow_private(both.parse().unwrap()).build().unwrap();
    let url = format!("http://{}/remove", place.address).parse().unwrap();
    let webhook = WebhookTarget::new(url, SECRET.parse().unwrap());
    let target = Target::new("figma", Arc::new(HttpDeprovisioner::new(client, clock.clone(), webhook)));
    let world = World::removing_through(Targets::new().otherwise(target), clock, &[]).await;
    let request = approved(&world).await;
    assert_eq!(settled(&world, &request).await["outcome"], "reclaimed");
    assert_eq!((place.count(), stranger.count()), (2, 0), "asked for again, as without a location");
}

/// More than the driver does at a time.
const MANY: usize = 80;

/// A world with a dead target and one that works, run by the driver, with many approved seats in both; comes back when all
/// seats of the one that works are gone and everybody concerned was told.
async fn beside(dead: &Place) {
    let alive = Place::answering(&[GONE]).await;
    let clock = World::clock();
    let patience = Duration::from_secs(600);
    let targets = Targets::new()
        .route("dead".parse().unwrap(), dead.target("dead", &clock, true, patience))
        .route("alive".parse().unwrap(), alive.target("alive", &clock, true, patience));
    let world = World::removing_through(targets, clock.clone(), &[]).await;
    let (mut ids, news) = (Vec::new(), Arc::new(Notify::new()));
    for app in ["dead", "alive"] {
        for number in 0..MANY {
            let mut row = candidate(&format!("{app}{number}"));
            row["app"] = json!({ "id": app });
            let reply = world.deliver(&row).await;
            let id = reply.body["results"][0]["request_id"].as_str().unwrap().to_owned();
            world.decide(&format!("/v1/requests/{id}"), json!({"decision": "approve", "as": person(MANAGER)})).await;
            ids.push(id);
        }
    }
    let bell = Arc::clone(&news);
    world.gate.on_commit(move || bell.notify_one());
    let mut options = DriverOptions::default();
    options.in_flight = MANY / 2;
    let driver = tokio::spawn(driver::run(Worker::new(&world.gate), options, std::future::pending()));
    let told =
        || world.notifier.sent().iter().filter(|sent| matches!(sent.message.content, Content::Report(_))).count();
    let done = async {
        while alive.count() < MANY || told() < MANY {
            // Where nothing happens, time passes: an outcome waits a moment for the notice that it belongs under.
            if tokio::time::timeout(Duration::from_millis(100), news.notified()).await.is_err() {
                clock.advance(Duration::from_secs(1));
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), done).await;
    assert!(in_time.is_ok(), "the dead target holds up the other, or messages");
    driver.abort();
    let mut ended = 0;
    for id in &ids {
        ended += usize::from(world.get(&format!("/v1/requests/{id}")).await.body["outcome"] == "reclaimed");
    }
    assert_eq!(ended, MANY);
}

#[tokio::test]
async fn a_target_that_hangs_delays_no_other_and_no_message() {
    let dead = Place::answering(&[Hangs]).await;
    beside(&dead).await;
    assert!((1..=8).contains(&dead.count()), "{} side by side", dead.count());
}

#[tokio::test]
async fn a_target_that_is_closed_delays_no_other_and_no_message() {
    beside(&Place::closed().await).await;
}

#[tokio::test]
async fn an_approval_of_a_seat_that_is_used_again_withdraws_it_and_all_hear_why() {
    let used = Says("200 OK", "", r#"{"held": true, "last_activity_at": "2026-11-21T09:00:00Z"}"#);
    let place = Place::answering(&[used]).await;
    let world = place.world_that_looks().await;
    let request = world.open().await;
    world.work().await;
    world.notifier.clear();
    let reply = world.decide(&request, json!({"decision": "approve", "as": person(MANAGER)})).await;
    assert_eq!((reply.problem().0, &reply.body["type"]), (409, &json!("urn:seatgate:problem:used-again")));
    assert!(reply.body["detail"].as_str().unwrap().contains("used again"), "{reply:?}");
    let body = world.get(&request).await.body;
    assert_eq!((&body["outcome"], &body["withdrawn"]), (&json!("withdrawn"), &json!("used_again")));
    assert_eq!(body["decision"], json!(null), "nobody decided");
    world.work().await;
    let told = world.notifier.shown();
    let says = |wanted: fn(&Content) -> bool| {
        told.iter().any(|message| wanted(&message.content) && message.plain_text().contains("the seat was used again"))
    };
    assert!(says(|content| matches!(content, Content::Card { .. })), "{told:?}");
    assert!(says(|content| matches!(content, Content::Report(_))), "{told:?}");
    assert_eq!(place.calls().iter().filter(|(line, _)| line.starts_with("POST")).count(), 0, "nothing was removed");
}

#[tokio::test]
async fn an_approval_of_a_seat_that_is_still_idle_goes_on() {
    let idle = Says("200 OK", "", r#"{"held": true, "last_activity_at": "2026-06-01T00:00:00Z"}"#);
    for answer in [idle, Says("500 Internal Server Error", "", "")] {
        let place = Place::answering(&[answer]).await;
        let world = place.world_that_looks().await;
        approved(&world).await;
        assert_eq!(place.count(), 1, "the target was asked once");
    }
    let place = Place::answering(&[GONE]).await;
    let target = place.target("figma", &World::clock(), true, Duration::from_secs(1));
    assert!(!target.deprovisioner.sees_activity(), "who cannot tell is not waited for");
}
