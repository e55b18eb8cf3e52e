//! What must hold after every step of everything.

use std::collections::BTreeSet;

use seatgate_core::port::{RequestFilter, RequestQueries, RequestStore};
use seatgate_core::request::{Decision, EventKind, Fact, Outcome, Request, TaskState};
use seatgate_core::trail::{Entry, Stream, verify};

use crate::house::World;

pub async fn check(world: &World) {
    let requests = RequestQueries::list(&*world.store, &RequestFilter::first(usize::MAX)).await.unwrap();
    for request in &requests {
        let entries = world.store.trail(Stream::Request(request.id)).await.unwrap();
        let facts: Vec<Fact> = entries.iter().map(|entry| entry.fact().expect("a fact")).collect();
        the_trail_is_the_truth(request, &entries, &facts);
        exactly_one_decision(&facts);
        no_removal_without_approval(world, request);
        reclaimed_means_proven(request);
        the_seat_is_asked_about_while_open(world, request).await;
    }
    one_key_while_it_may_have_happened(world);
    nothing_names_people(world, &requests).await;
}

fn the_trail_is_the_truth(request: &Request, entries: &[Entry], facts: &[Fact]) {
    let lines: Vec<String> = entries.iter().map(Entry::to_json).collect();
    verify(Stream::Request(request.id), lines.iter().map(String::as_str)).unwrap();
    assert_eq!(&Request::replay(request.id, facts.to_vec()).unwrap(), request, "folding gives the state");
}

fn exactly_one_decision(facts: &[Fact]) {
    let decisions = facts.iter().filter(|fact| fact.event.kind() == EventKind::Decided).count();
    assert!(decisions <= 1, "{decisions} decisions");
}

/// A seat of these worlds is the subject of one request, so a call for it must have been approved there.
fn no_removal_without_approval(world: &World, request: &Request) {
    let approved = request.approval.verdict.as_ref().is_some_and(|verdict| verdict.decision == Decision::Approve);
    let keys: Vec<String> = request.plan.tasks.iter().map(|task| task.id.to_string()).collect();
    for call in world.target.calls() {
        if keys.iter().any(|key| call.key.starts_with(key.as_str())) {
            assert!(approved && request.plan.ever_begun, "a call that nobody approved, or that nobody began");
        }
    }
}

fn reclaimed_means_proven(request: &Request) {
    if request.outcome() == Some(Outcome::Reclaimed) {
        let proven = |state: &TaskState| matches!(state, TaskState::Done { .. });
        assert!(request.plan.tasks.iter().all(|task| proven(&task.state)));
        assert!(!request.plan.may_have_happened());
    }
}

async fn the_seat_is_asked_about_while_open(world: &World, request: &Request) {
    let seat = request.seat().expect("a seat");
    let row = world.store.seats(std::slice::from_ref(seat)).await.unwrap()[0];
    match request.outcome() {
        None => assert!(row.open_request.is_some(), "an open request, and nobody has its seat"),
        Some(_) => assert_ne!(row.open_request, Some(request.id), "a closed request has a seat"),
    }
}

fn one_key_while_it_may_have_happened(world: &World) {
    let effects = world.target.effects();
    let seats: BTreeSet<_> = effects.iter().map(|effect| &effect.seat).collect();
    for seat in seats {
        let keys: BTreeSet<_> = effects.iter().filter(|e| e.seat == *seat).map(|e| &e.key).collect();
        assert_eq!(keys.len(), 1, "{seat} was removed under several keys");
    }
}

/// Entries and request state hold no name, address or free text.
async fn nothing_names_people(world: &World, requests: &[Request]) {
    let mut texts = vec![serde_json::to_string(requests).unwrap()];
    for request in requests {
        let sweep = request.origin.sweep.map(Stream::Sweep);
        let trails = [Stream::Request(request.id)].into_iter().chain(sweep);
        for stream in trails {
            texts.extend(world.store.trail(stream).await.unwrap().iter().map(Entry::to_json));
        }
    }
    for text in texts {
        for word in ["Ana", "Ruiz", "Mona", "example.com", "00u1", "on leave"] {
            assert!(!text.contains(word), "{word} is in {text}");
        }
    }
}
