//! The directory is edited at the worst moment: between a look into it and the commit of what followed from that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatgate_core::gate::Submission;
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{DirectoryEdit, RowStatus};
use seatgate_core::request::Why;
use seatgate_core::testing::{ScriptedDeprovisioner, block_on};
use serde_json::json;

use crate::house::{House, KEYED, World, ana, candidate};
use crate::invariants;
use crate::stepped::{Moment, Steps};

const FALLBACK: [(&str, &str); 1] = [("fallback_approvers", "otto@example.com")];

fn admin() -> Submission {
    Submission::new(Actor::Token("admin".parse().unwrap()), Surface::Api).with_admin_token()
}

async fn disable(house: &House, email: &str) {
    let person = house.person(email).await;
    house.gate.edit_directory(vec![DirectoryEdit::Disabled { person, disabled: true }], &admin()).await.unwrap();
}

/// A process in which `what` happens on another, from start to end, before or after its commit number `commit` (from 0).
fn interrupted<F>(
    world: &Arc<World>,
    commit: usize,
    after: bool,
    what: impl FnOnce(Arc<House>) -> F + Send + 'static,
) -> House
where
    F: Future<Output = ()> + Send + 'static,
{
    let other = Arc::new(world.start(Steps::free()));
    let (what, count) = (Mutex::new(Some(what)), Mutex::new(0));
    world.start(Steps::failing(move |moment: Moment| {
        let counts = moment.call == "commit" && moment.after == after;
        let now = counts && {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count == commit + 1
        };
        let what = if now { what.lock().unwrap().take() } else { None };
        let interruption = what.map(|what| what(other.clone()));
        Box::pin(async move {
            if let Some(interruption) = interruption {
                interruption.await;
            }
            Ok(())
        })
    }))
}

/// Everybody who is asked once all is done that is due now.
async fn asked(world: &Arc<World>, id: RequestId) -> Vec<(PersonRef, Why)> {
    let house = world.start(Steps::free());
    house.idle().await;
    invariants::check(world).await;
    house.request(id).await.approval.active().map(|asked| (asked.person, asked.why)).collect()
}

fn world() -> Arc<World> {
    World::new(ScriptedDeprovisioner::new(KEYED), &FALLBACK)
}

/// The sweep is recorded by the first commit, its request opened by the second.
#[test]
fn an_edit_just_before_a_request_is_opened_reaches_it() {
    block_on(async {
        let world = world();
        let house = interrupted(&world, 1, false, async |other| disable(&other, "mona@example.com").await);
        let id = house.sweep(vec![ana()]).await.results[0].request_id.unwrap();
        let otto = house.person("otto@example.com").await;
        assert_eq!(asked(&world, id).await, [(otto, Why::Fallback)]);
    });
}

#[test]
fn an_edit_just_after_a_request_was_opened_reaches_it() {
    block_on(async {
        let world = world();
        let house = interrupted(&world, 1, true, async |other| disable(&other, "mona@example.com").await);
        let id = house.sweep(vec![ana()]).await.results[0].request_id.unwrap();
        let otto = house.person("otto@example.com").await;
        assert_eq!(asked(&world, id).await, [(otto, Why::Fallback)]);
    });
}

/// The other way round: whoever edits has listed what waits for them, and not yet committed.
#[test]
fn a_request_that_is_opened_while_an_edit_is_recorded_is_woken() {
    block_on(async {
        let world = world();
        let opened = Arc::new(Mutex::new(None));
        let keep = opened.clone();
        let house = interrupted(&world, 0, false, async move |other: Arc<House>| {
            let report = other.sweep(vec![ana()]).await;
            assert_eq!(report.results[0].status, RowStatus::Asked);
            *keep.lock().unwrap() = report.results[0].request_id;
        });
        disable(&house, "mona@example.com").await;
        let id = opened.lock().unwrap().unwrap();
        let otto = house.person("otto@example.com").await;
        assert_eq!(asked(&world, id).await, [(otto, Why::Fallback)]);
    });
}

#[test]
fn an_edit_just_before_a_request_is_handed_on_reaches_it() {
    block_on(async {
        let world = world();
        let id = world.start(Steps::free()).open().await;
        let house = interrupted(&world, 0, false, async |other| disable(&other, "nora@example.com").await);
        let nora = house.person("nora@example.com").await;
        let by = house.by("mona@example.com").await;
        house.gate.reassign(id, "nora@example.com".parse().unwrap(), Some("she knows"), &by).await.unwrap();
        let asked = asked(&world, id).await;
        assert!(!asked.iter().any(|(person, _)| *person == nora) && !asked.is_empty(), "{asked:?}");
    });
}

#[test]
fn an_edit_just_before_others_are_asked_as_well_reaches_them() {
    block_on(async {
        let world = World::new(ScriptedDeprovisioner::new(KEYED), &[("remind_after", ""), ("escalate_after", "1d")]);
        let first = world.start(Steps::free());
        let [mona, nora] = [first.person("mona@example.com").await, first.person("nora@example.com").await];
        first.world.directory.edit(mona, |entry| entry.manager = Some(nora));
        let id = first.open().await;
        world.pass(Duration::from_secs(86_400));
        let house = interrupted(&world, 0, false, async |other| disable(&other, "nora@example.com").await);
        house.idle().await;
        assert!(house.kinds(id).await.contains(&"routed".to_owned()));
        assert!(!asked(&world, id).await.iter().any(|(person, _)| *person == nora));
    });
}

#[test]
fn without_an_edit_nothing_is_looked_up_twice() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &FALLBACK);
        disable(&house, "somebody@example.com").await;
        let seat = |number: usize| candidate(json!({"account": {"id": format!("u{number}")}}));
        house.sweep((0..3).map(seat).collect()).await;
        let claims = house.worker.claim(64).await.unwrap();
        let wakes = claims.items.iter().filter(|claimed| matches!(claimed.item, seatgate_core::agenda::Item::Wake(_)));
        assert_eq!(wakes.count(), 0, "{claims:?}");
    });
}
