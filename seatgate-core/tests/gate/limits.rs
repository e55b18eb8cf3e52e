//! Rows over the limit of a sweep are held, and asked about once somebody releases them.

use std::collections::BTreeSet;
use std::time::Duration;

use seatgate_core::canonical::Digest;
use seatgate_core::gate::{GateError, Submission, SweepReport};
use seatgate_core::id::RequestId;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{Inbound, RequestFilter, RowStatus};
use seatgate_core::seat::Candidate;
use seatgate_core::testing::{ScriptedDeprovisioner, block_on, join_all};
use seatgate_core::trail::Stream;
use serde_json::{Value, json};

use crate::house::{House, KEYED, World, candidate};
use crate::invariants;
use crate::stepped::Steps;

const LIMIT: (&str, &str) = ("max_requests_per_sweep", "2");

fn limited(keys: &[(&str, &str)]) -> House {
    House::with(ScriptedDeprovisioner::new(KEYED), keys)
}

fn seat(app: &str, name: &str) -> Candidate {
    candidate(json!({"app": {"id": app}, "account": {"email": format!("{name}@example.com")}}))
}

fn five() -> Vec<Candidate> {
    ["ana", "bo", "cy", "di", "ed"].map(|name| seat("figma", name)).to_vec()
}

fn statuses(report: &SweepReport) -> Vec<RowStatus> {
    report.results.iter().map(|result| result.status).collect()
}

fn inbound() -> Option<Inbound> {
    Some(Inbound::new("msg_1".to_owned(), Digest::of(b"five")))
}

fn admin() -> Submission {
    Submission::new("token:admin".parse::<Actor>().unwrap(), Surface::Api).with_admin_token()
}

async fn requests(house: &House) -> usize {
    house.gate.queries().list(&RequestFilter::first(1000)).await.unwrap().len()
}

async fn entries(house: &House, stream: Stream) -> Vec<Value> {
    let entries = house.gate.queries().trail(stream).await.unwrap();
    entries.iter().map(|entry| serde_json::from_str(&entry.body).unwrap()).collect()
}

use RowStatus::{Asked, Duplicate, Excepted, Held, Rejected, SuppressedDryRun};

#[test]
fn rows_over_the_limit_are_held_until_released() {
    block_on(async {
        let house = limited(&[LIMIT]);
        let first = house.try_sweep(five(), inbound()).await.unwrap();
        assert_eq!(statuses(&first), [Asked, Asked, Held, Held, Held]);
        assert_eq!(house.try_sweep(five(), inbound()).await.unwrap(), first, "a redelivery changes nothing");
        assert_eq!(requests(&house).await, 2);

        let released = house.gate.release(first.sweep, &admin()).await.unwrap();
        assert_eq!(statuses(&released), [Asked; 5]);
        assert_eq!(released.results[..2], first.results[..2]);
        assert!(released.results.iter().all(|result| result.candidate.is_none()));
        let ids: BTreeSet<Option<RequestId>> = released.results.iter().map(|result| result.request_id).collect();
        assert_eq!((ids.len(), requests(&house).await), (5, 5));
        assert_eq!(house.gate.release(first.sweep, &admin()).await.unwrap(), released, "twice is once");
        assert_eq!(
            house.try_sweep(five(), inbound()).await.unwrap(),
            released,
            "a redelivery is answered as it is now"
        );

        let (record, report) = house.gate.swept(first.sweep, 0..u32::MAX).await.unwrap();
        assert_eq!((record.submitted_by.to_string().as_str(), report), ("system:scan", released.clone()));
        house.idle().await;
        invariants::check(&house.world).await;
    });
}

#[test]
fn the_trail_says_who_released_and_the_sender_stays_the_sender() {
    block_on(async {
        let house = limited(&[LIMIT]);
        let sweep = house.sweep(five()).await.sweep;
        let released = house.gate.release(sweep, &admin()).await.unwrap();
        house.gate.release(sweep, &admin()).await.unwrap();
        let trail = entries(&house, Stream::Sweep(sweep)).await;
        let releases: Vec<_> = trail.iter().filter(|entry| entry["kind"] == "sweep_released").collect();
        assert_eq!(releases.len(), 1, "the second one released nothing");
        assert_eq!((&releases[0]["actor"], &releases[0]["data"]["rows"]), (&json!("token:admin"), &json!(3)));
        let id = released.results[4].request_id.unwrap();
        assert_eq!(house.request(id).await.origin.submitted_by.to_string(), "system:scan");
        let opened = &house.trail(id).await[0];
        assert_eq!((&opened["actor"], &opened["submitted_by"]), (&json!("system:scan"), &json!("token:admin")));
    });
}

#[test]
fn an_app_with_a_number_of_its_own_is_counted_by_itself() {
    block_on(async {
        let house = limited(&[LIMIT, ("apps.figma.max_requests_per_sweep", "3"), ("apps.zoom.grace", "1d")]);
        let apps = ["slack", "figma", "zoom", "figma", "slack", "figma", "zoom", "figma"];
        let rows = apps.iter().enumerate().map(|(n, app)| seat(app, &format!("person{n}"))).collect();
        let report = house.sweep(rows).await;
        assert_eq!(statuses(&report), [Asked, Asked, Asked, Asked, Held, Asked, Held, Held]);
    });
}

#[test]
fn only_what_is_asked_about_counts() {
    block_on(async {
        let house = limited(&[LIMIT]);
        house.sweep(vec![seat("figma", "ana")]).await;
        let mut rows = five();
        rows.insert(1, seat("figma", "ana"));
        assert_eq!(statuses(&house.sweep(rows).await), [Duplicate, Duplicate, Asked, Asked, Held, Held]);
    });
}

#[test]
fn a_dry_run_holds_nothing() {
    block_on(async {
        let house = limited(&[LIMIT]);
        let rows = five().into_iter().map(Ok).collect();
        let sweep = seatgate_core::gate::Sweep::new(Actor::webhook(), Surface::Webhook, rows).dry_run(true);
        assert_eq!(statuses(&house.gate.sweep(sweep).await.unwrap()), [SuppressedDryRun; 5]);
    });
}

#[test]
fn what_was_held_is_judged_again_when_it_is_released() {
    block_on(async {
        let house = limited(&[LIMIT]);
        let sweep = house.sweep(five()).await.sweep;
        // Another sweep asks about Cy and Di; Cy's seat is kept, and Ed is forgotten.
        let other = house.sweep(vec![seat("figma", "cy"), seat("figma", "di")]).await;
        house.idle().await;
        house.keep(other.results[0].request_id.unwrap()).await.unwrap();
        house.idle().await;
        let ed = house.gate.people().find(&"ed@example.com".parse().unwrap()).await.unwrap().unwrap();
        house.gate.people().erase(ed).await.unwrap();
        let released = house.gate.release(sweep, &admin()).await.unwrap();
        assert_eq!(statuses(&released)[2..], [Excepted, Duplicate, Rejected]);
        assert_eq!(released.results[3].request_id, other.results[1].request_id);

        let late = house.sweep(["fay", "gus", "hal"].map(|name| seat("figma", name)).to_vec()).await;
        assert_eq!(statuses(&late)[2], Held);
        house.world.pass(Duration::from_secs(8 * 86_400));
        let released = house.gate.release(late.sweep, &admin()).await.unwrap();
        assert_eq!(statuses(&released)[2], Rejected);
        assert_eq!(released.results[2].problem.as_ref().unwrap().pointer, "/observed_at");
        invariants::check(&house.world).await;
    });
}

#[test]
fn only_operators_release_and_only_what_is_there() {
    block_on(async {
        let house = limited(&[LIMIT]);
        let sweep = house.sweep(five()).await.sweep;
        let mona = house.by("mona@example.com").await;
        assert!(matches!(house.gate.release(sweep, &mona).await, Err(GateError::Denied(_))));
        let denied = entries(&house, house.gate.access_stream()).await;
        assert_eq!(denied[0]["data"]["action"], "release_sweep");
        let unknown = "swp_01938f00000070008000000000000000".parse().unwrap();
        assert!(matches!(house.gate.release(unknown, &admin()).await, Err(GateError::NoSweep(_))));
        assert!(matches!(house.gate.swept(unknown, 0..u32::MAX).await, Err(GateError::NoSweep(_))));
        house.mode(Mode::Off);
        assert!(matches!(house.gate.release(sweep, &admin()).await, Err(GateError::Off)));
        house.mode(Mode::Live);
        let olga = house.appoint("mona@example.com").await;
        assert_eq!(statuses(&house.gate.release(sweep, &olga).await.unwrap()), [Asked; 5]);
    });
}

#[test]
fn released_by_many_at_once_each_row_is_asked_about_once() {
    block_on(async {
        let house = World::new(ScriptedDeprovisioner::new(KEYED), &[LIMIT]).start(Steps::taking_turns());
        let sweep = house.try_sweep(five(), inbound()).await.unwrap().sweep;
        let by = admin();
        let releases = join_all((0..8).map(|_| house.gate.release(sweep, &by)));
        let redeliveries = join_all((0..4).map(|_| house.try_sweep(five(), inbound())));
        let (reports, _) = both(releases, redeliveries).await;
        for report in reports {
            assert_eq!(statuses(&report.unwrap()), [Asked; 5]);
        }
        assert_eq!(requests(&house).await, 5);
        invariants::check(&house.world).await;
    });
}

#[test]
fn the_same_delivery_at_once_keeps_the_limit() {
    block_on(async {
        let house = World::new(ScriptedDeprovisioner::new(KEYED), &[LIMIT]).start(Steps::taking_turns());
        let reports = join_all((0..8).map(|_| house.try_sweep(five(), inbound()))).await;
        for report in &reports {
            assert_eq!(statuses(report.as_ref().unwrap()), [Asked, Asked, Held, Held, Held]);
        }
        assert_eq!(requests(&house).await, 2);
    });
}

/// Both at once.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut left, mut right) = (None, None);
    std::future::poll_fn(move |context| {
        if left.is_none()
            && let std::task::Poll::Ready(answer) = a.as_mut().poll(context)
        {
            left = Some(answer);
        }
        if right.is_none()
            && let std::task::Poll::Ready(answer) = b.as_mut().poll(context)
        {
            right = Some(answer);
        }
        match (left.take(), right.take()) {
            (Some(a), Some(b)) => std::task::Poll::Ready((a, b)),
            (a, b) => {
                (left, right) = (a, b);
                std::task::Poll::Pending
            }
        }
    })
    .await
}
