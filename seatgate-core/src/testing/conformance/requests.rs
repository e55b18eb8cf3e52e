//! RS-1 to RS-4, RS-10 and RS-11: changes and their streams. And what lists ask.

use super::scene::removals;
use super::{Scene, StoreHarness};
use crate::agenda::{Item, LaneReport};
use crate::card::Card;
use crate::id::RequestId;
use crate::port::{AgendaDepth, Answer, AskedPerson, Change, Conflict, RequestFilter, StateCounts};
use crate::request::{Asked, Command, StateLabel, Why};
use crate::testing::join_all;
use crate::trail::{Chain, Stream, verify};

/// A change with a part of every kind, about a new seat.
async fn full_change<H: StoreHarness>(scene: &Scene<H>) -> Change {
    let seat = scene.seat("ana@example.com").await;
    let generation = scene.seat_row(&seat).await.generation;
    let mut change = scene.world.opened_change(&seat, generation, scene.world.person_ref());
    let request = change.request.as_ref().unwrap().id;
    change.texts.push(scene.world.text("On leave", None));
    change.agenda.push(scene.wake(request, 0));
    change
}

async fn traces<H: StoreHarness>(scene: &Scene<H>, change: &Change) -> [bool; 6] {
    let request = change.request.as_ref().unwrap();
    let store = scene.store.requests();
    let stream = Stream::Request(request.id);
    let texts: Vec<_> = change.texts.iter().map(|text| text.reference.id).collect();
    [
        scene.load(request.id).await.is_some(),
        store.chain(stream).await.unwrap().version > 0,
        !scene.store.queries().trail(stream).await.unwrap().is_empty(),
        store.cards(&[change.cards[0].id]).await.unwrap()[0].is_some(),
        scene.store.people().texts(&texts).await.unwrap()[0].is_some(),
        scene.seat_row(request.seat().unwrap()).await.open_request == Some(request.id),
    ]
}

pub async fn rs_01_a_change_lands_whole<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let change = full_change(&scene).await;
    let request = change.request.clone().unwrap();
    assert_eq!(scene.commit(change.clone()).await, Answer::Committed);
    assert_eq!(traces(&scene, &change).await, [true; 6]);
    let stored = scene.load(request.id).await.unwrap();
    let head = change.entries[0].hash;
    assert_eq!(stored.request, request);
    assert_eq!(stored.chain, Chain::at(Stream::Request(request.id), 1, head));
    assert_eq!(scene.store.queries().trail(change.stream).await.unwrap(), change.entries);
    assert_eq!(scene.store.requests().cards(&[change.cards[0].id]).await.unwrap(), [Some(change.cards[0].clone())]);
    assert_eq!(scene.claim_one().await.item, Item::Wake(request.id));
}

pub async fn rs_01_a_refused_change_leaves_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for conflict in [Conflict::Version, Conflict::Lease, Conflict::Seat] {
        let mut change = full_change(&scene).await;
        match conflict {
            Conflict::Version => change.expected = 7,
            Conflict::Lease => change.fence = Some(scene.world.stale_fence()),
            _ => {
                let seat = change.request.as_ref().unwrap().seat().unwrap().clone();
                scene.file(&seat).await;
            }
        }
        assert_eq!(scene.commit(change.clone()).await, Answer::Conflict(conflict));
        assert_eq!(traces(&scene, &change).await, [false; 6], "{conflict:?}");
        assert_eq!(scene.claim().await, [], "{conflict:?}");
    }
}

pub async fn rs_01_answers_come_in_the_order_of_the_changes<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let first = scene.edits(Vec::new());
    let mut stale = scene.edits(Vec::new());
    stale.expected = 1;
    let last = scene.edits(Vec::new());
    assert_eq!(scene.commit(first.clone()).await, Answer::Committed);
    let answers = scene.store.requests().commit(vec![last, stale, first]).await.unwrap();
    assert_eq!(answers, [Answer::Committed, Answer::Conflict(Conflict::Version), Answer::Duplicate]);
}

pub async fn rs_01_a_known_card_keeps_its_receipt<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut card = Card::asking(scene.world.card_id(), scene.world.person_ref(), vec![scene.world.request_id()]);
    card.posted = Some("C1/1".to_owned());
    for posted in [card.posted.clone(), None] {
        let mut change = scene.edits(Vec::new());
        change.cards = vec![Card { posted, ..card.clone() }];
        assert_eq!(scene.commit(change).await, Answer::Committed);
    }
    assert_eq!(scene.store.requests().cards(&[card.id]).await.unwrap(), [Some(card)]);
}

pub async fn rs_02_only_the_expected_version_lands<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut chain = scene.world.new_chain();
    for _ in 0..3 {
        assert_eq!(scene.commit(scene.world.change(&mut chain)).await, Answer::Committed);
    }
    for expected in [0, 2, 4] {
        let mut change = scene.world.change(&mut chain.clone());
        change.expected = expected;
        assert_eq!(scene.commit(change).await, Answer::Conflict(Conflict::Version), "{expected}");
    }
    assert_eq!(scene.store.requests().chain(chain.stream).await.unwrap(), chain);
    let trail = scene.store.queries().trail(chain.stream).await.unwrap();
    let lines: Vec<String> = trail.iter().map(|entry| entry.to_json()).collect();
    assert_eq!(verify(chain.stream, lines.iter().map(String::as_str)), Ok(chain));
}

pub async fn rs_02_one_of_64_racing_changes_lands<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let chain = scene.world.new_chain();
    let changes: Vec<Change> = (0..64).map(|_| scene.world.change(&mut chain.clone())).collect();
    let answers = join_all(changes.iter().map(|change| scene.commit(change.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Committed).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Conflict(Conflict::Version)).count(), 63);
    let trail = scene.store.queries().trail(chain.stream).await.unwrap();
    let winner = answers.iter().position(|answer| *answer == Answer::Committed).unwrap();
    assert_eq!(trail, changes[winner].entries);
}

pub async fn rs_03_a_repeated_change_is_known<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let change = full_change(&scene).await;
    let request = change.request.as_ref().unwrap().id;
    assert_eq!(scene.commit(change.clone()).await, Answer::Committed);
    assert_eq!(scene.commit(change.clone()).await, Answer::Duplicate);
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.wanted, 1, "nothing was applied twice");
    assert_eq!(scene.commit(scene.next_change(request).await).await, Answer::Committed);
    assert_eq!(scene.commit(change).await, Answer::Duplicate, "also after others");
    assert_eq!(scene.load(request).await.unwrap().chain.version, 2);
}

pub async fn rs_03_a_known_change_is_known_whatever_else_it_says<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut change = full_change(&scene).await;
    assert_eq!(scene.commit(change.clone()).await, Answer::Committed);
    change.expected = 7;
    change.fence = Some(scene.world.stale_fence());
    assert_eq!(scene.commit(change).await, Answer::Duplicate);
}

pub async fn rs_03_a_change_is_known_by_its_stream<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let first = scene.edits(Vec::new());
    let mut other = scene.edits(Vec::new());
    other.id = first.id;
    assert_eq!(scene.commit(first).await, Answer::Committed);
    assert_eq!(scene.commit(other).await, Answer::Committed, "the id is another stream's");
}

pub async fn rs_04_two_changes_of_a_stream_never_land_out_of_order<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut chain = scene.world.new_chain();
    let (first, second) = (scene.world.change(&mut chain), scene.world.change(&mut chain));
    // A store may refuse such a batch, but what it keeps must be a chain.
    let _refused_or_not = scene.store.requests().commit(vec![second.clone(), first.clone()]).await;
    let _refused_or_not = scene.store.requests().commit(vec![first.clone(), second.clone()]).await;
    let kept = scene.store.queries().trail(chain.stream).await.unwrap();
    let whole: Vec<_> = first.entries.into_iter().chain(second.entries).collect();
    assert!(whole.starts_with(&kept), "{kept:?}");
}

pub async fn rs_10_what_was_answered_is_there_after_a_restart<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    let change = full_change(&scene).await;
    let seat = change.request.as_ref().unwrap().seat().unwrap().clone();
    assert_eq!(scene.commit(change.clone()).await, Answer::Committed);
    let exception = scene.file(&seat).await;
    let person = scene.person("mona@example.com", Some("Mona Li")).await;
    scene.store = scene.store.reopen().await;
    assert_eq!(traces(&scene, &change).await, [true; 6]);
    assert_eq!(scene.active(&seat, scene.world.now).await, Some(exception));
    assert_eq!(scene.find("mona@example.com").await, Some(person));
    assert_eq!(scene.seat("ana@example.com").await, seat);
    assert_eq!(scene.commit(change).await, Answer::Duplicate);
    scene.lose_leases();
    assert_eq!(scene.claim().await.len(), 1);
}

pub async fn rs_10_tokens_rise_across_a_restart<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    scene.removals("figma", 1).await;
    let before = scene.claim_one().await;
    scene.store = scene.store.reopen().await;
    scene.lose_leases();
    let after = scene.claim_one().await;
    assert!(after.token > before.token);
    assert_eq!(scene.commit(scene.fenced(before.fence())).await, Answer::Conflict(Conflict::Lease));
}

pub async fn rs_11_a_bad_change_spoils_no_other<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let taken = full_change(&scene).await;
    assert_eq!(scene.commit(taken).await, Answer::Committed);
    let late = full_change(&scene).await;
    let mut stale = scene.edits(Vec::new());
    stale.expected = 3;
    let fenced = scene.fenced(scene.world.stale_fence());
    let good: Vec<Change> = (0..4).map(|_| scene.edits(Vec::new())).collect();
    let mut batch = good.clone();
    batch.insert(0, late);
    batch.insert(2, stale);
    batch.insert(4, fenced);
    let answers = scene.store.requests().commit(batch).await.unwrap();
    let conflict = |at: usize| matches!(answers[at], Answer::Conflict(_));
    assert!(conflict(0) && conflict(2) && conflict(4), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Committed).count(), 4, "{answers:?}");
    for change in good {
        assert_eq!(scene.store.requests().chain(change.stream).await.unwrap().version, 1);
    }
}

pub async fn unknown_things_are_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let stream = scene.world.new_chain().stream;
    let requests = scene.store.requests();
    assert_eq!(requests.load(&[scene.world.request_id()]).await.unwrap(), [None]);
    assert_eq!(requests.cards(&[scene.world.card_id()]).await.unwrap(), [None]);
    assert_eq!(requests.chain(stream).await.unwrap(), Chain::empty(stream));
    assert_eq!(requests.sweep_of("msg_1").await.unwrap(), None);
    assert_eq!(requests.rows(scene.world.sweep_id(), 0..u32::MAX).await.unwrap(), []);
    assert_eq!(scene.store.queries().trail(stream).await.unwrap(), []);
    assert_eq!(requests.commit(Vec::new()).await.unwrap(), []);
    assert_eq!(requests.settle(Vec::new()).await.unwrap(), Vec::<bool>::new());
}

pub async fn requests_load_in_the_order_of_the_question<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let first = scene.open(&scene.seat("ana@example.com").await).await;
    let second = scene.open(&scene.seat("ben@example.com").await).await;
    let ids = [second, scene.world.request_id(), first, second];
    let loaded = scene.store.requests().load(&ids).await.unwrap();
    let found: Vec<_> = loaded.into_iter().map(|stored| stored.map(|stored| stored.request.id)).collect();
    assert_eq!(found, [Some(second), None, Some(first), Some(second)]);
}

const WITHDRAW: Command = Command::Withdraw { reason: None };

async fn listed<H: StoreHarness>(scene: &Scene<H>, filter: RequestFilter) -> Vec<RequestId> {
    let requests = scene.store.queries().list(&filter).await.unwrap();
    requests.into_iter().map(|request| request.id).collect()
}

pub async fn lists_are_filtered_and_paged<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut ids = Vec::new();
    for email in ["ana@example.com", "ben@example.com", "cy@example.com"] {
        ids.push(scene.open(&scene.seat(email).await).await);
    }
    ids.sort();
    let asked = scene.load(ids[1]).await.unwrap().request.approval.asked[0].person;
    assert_eq!(listed(&scene, RequestFilter::first(10)).await, ids);
    assert_eq!(listed(&scene, RequestFilter::first(2)).await, ids[..2]);
    assert_eq!(listed(&scene, RequestFilter::first(0)).await, []);
    let after = RequestFilter { after: Some(ids[0]), ..RequestFilter::first(1) };
    assert_eq!(listed(&scene, after).await, ids[1..2]);
    let mine = RequestFilter { asked: Some(asked), ..RequestFilter::first(10) };
    assert_eq!(listed(&scene, mine).await, ids[1..2]);
    let open = RequestFilter { state: Some(StateLabel::AwaitingDecision), ..RequestFilter::first(10) };
    assert_eq!(listed(&scene, open).await, ids);
    let closed = RequestFilter { state: Some(StateLabel::Closed), ..RequestFilter::first(10) };
    assert_eq!(listed(&scene, closed).await, []);
}

pub async fn lists_go_newest_first_too<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut ids = Vec::new();
    for email in ["ana@example.com", "ben@example.com", "cy@example.com"] {
        ids.push(scene.open(&scene.seat(email).await).await);
    }
    ids.sort();
    ids.reverse();
    let newest = |limit| RequestFilter { newest: true, ..RequestFilter::first(limit) };
    assert_eq!(listed(&scene, newest(10)).await, ids);
    assert_eq!(listed(&scene, newest(2)).await, ids[..2]);
    let after = RequestFilter { after: Some(ids[0]), ..newest(1) };
    assert_eq!(listed(&scene, after).await, ids[1..2]);
    let asked = scene.load(ids[2]).await.unwrap().request.approval.asked[0].person;
    let state = Some(StateLabel::AwaitingDecision);
    assert_eq!(listed(&scene, RequestFilter { asked: Some(asked), state, ..newest(10) }).await, ids[2..]);
}

pub async fn requests_are_counted_by_state<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    assert_eq!(scene.store.queries().count_by_state(None).await.unwrap(), StateCounts::default());
    let first = scene.open(&scene.seat("ana@example.com").await).await;
    scene.open(&scene.seat("ben@example.com").await).await;
    let asked = scene.load(first).await.unwrap().request.approval.asked[0].person;
    let counts = |asked| scene.store.queries().count_by_state(asked);
    let all = counts(None).await.unwrap();
    assert_eq!((all.of(StateLabel::AwaitingDecision), all.of(StateLabel::Closed)), (2, 0));
    assert_eq!(counts(Some(asked)).await.unwrap().of(StateLabel::AwaitingDecision), 1);
    assert_eq!(counts(Some(scene.world.person_ref())).await.unwrap(), StateCounts::default());
}

pub async fn everybody_who_was_asked_is_listed_with_what_waits<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let people = async |after, limit| scene.store.queries().asked_people(after, limit).await.unwrap();
    assert_eq!(people(None, 10).await, []);
    let mut asked = [scene.world.person_ref(), scene.world.person_ref(), scene.world.person_ref()];
    asked.sort();
    for (person, open, closed) in [(asked[0], 2, 0), (asked[1], 1, 2), (asked[2], 0, 1)] {
        for number in 0..open + closed {
            scene.asked(person, (number < closed).then_some(WITHDRAW)).await;
        }
    }
    let waiting = |at: usize, waiting| AskedPerson::new(asked[at], waiting);
    assert_eq!(people(None, 10).await, [waiting(0, 2), waiting(1, 1), waiting(2, 0)]);
    assert_eq!(people(None, 2).await, [waiting(0, 2), waiting(1, 1)]);
    assert_eq!(people(Some(asked[0]), 1).await, [waiting(1, 1)]);
    assert_eq!(people(Some(asked[2]), 10).await, []);
}

/// What waits for somebody is what they are asked and have not approved: what was handed on, or waits for others, is not.
pub async fn what_waits_for_somebody_follows_votes_and_moves<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [mona, omar] = [scene.world.person_ref(), scene.world.person_ref()];
    let [mut handed, mut voted] = [scene.asked(mona, None).await, scene.asked(mona, None).await];
    let waits = async |person| {
        let filter = RequestFilter { asked: Some(person), ..RequestFilter::first(10) };
        let counted = scene.store.queries().count_by_state(Some(person)).await.unwrap();
        let people = scene.store.queries().asked_people(None, 10).await.unwrap();
        let waiting = people.iter().find(|asked| asked.person == person).map_or(0, |asked| asked.waiting);
        (listed(&scene, filter).await, counted.of(StateLabel::AwaitingDecision), waiting)
    };
    let mut both = vec![handed.id, voted.id];
    both.sort();
    assert_eq!(waits(mona).await, (both, 2, 2));
    let approval = &mut handed.approval;
    approval.asked[0].left = true;
    approval.asked.push(Asked::new(omar, Why::Reassigned, scene.world.card_id()));
    voted.terms.quorum = 2;
    let voted = scene.world.answered(&voted, &Command::Approve { reason: None });
    assert_eq!(voted.approval.votes.len(), 1);
    for request in [&handed, &voted] {
        let mut change = scene.next_change(request.id).await;
        change.request = Some(request.clone());
        assert_eq!(scene.commit(change).await, Answer::Committed);
    }
    assert_eq!(waits(mona).await, (vec![], 0, 0));
    assert_eq!(waits(omar).await, (vec![handed.id], 1, 1));
    let others = RequestFilter { not_asked: Some(omar), ..RequestFilter::first(10) };
    assert_eq!(listed(&scene, others).await, [voted.id]);
}

pub async fn lists_leave_out_what_somebody_was_asked<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [mona, omar] = [scene.world.person_ref(), scene.world.person_ref()];
    let mut of_omar = Vec::new();
    for answer in [None, Some(WITHDRAW), None] {
        scene.asked(mona, answer.clone()).await;
        of_omar.push(scene.asked(omar, answer).await.id);
    }
    of_omar.sort();
    let others = RequestFilter { not_asked: Some(mona), ..RequestFilter::first(10) };
    assert_eq!(listed(&scene, others.clone()).await, of_omar);
    let newest = RequestFilter { newest: true, after: Some(of_omar[2]), ..others.clone() };
    assert_eq!(listed(&scene, newest).await, [of_omar[1], of_omar[0]]);
    let closed = RequestFilter { state: Some(StateLabel::Closed), ..others.clone() };
    assert_eq!(listed(&scene, closed).await.len(), 1);
    assert_eq!(listed(&scene, RequestFilter { asked: Some(mona), ..others }).await, []);
}

pub async fn lists_know_until_when_a_seat_is_kept<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [mona, omar] = [scene.world.person_ref(), scene.world.person_ref()];
    let keep = Command::Keep { reason: Some(scene.world.text("On leave", None).reference), until: Some(scene.at(100)) };
    let mut kept = Vec::new();
    for person in [mona, omar, mona] {
        kept.push(scene.asked(person, Some(keep.clone())).await);
    }
    scene.asked(mona, None).await;
    scene.asked(mona, Some(WITHDRAW)).await;
    kept.sort_by_key(|request| request.id);
    let ids = |who| kept.iter().filter(|kept| kept.approval.waits_for(who)).map(|kept| kept.id).collect::<Vec<_>>();
    let beyond = |seconds, asked| {
        listed(&scene, RequestFilter { asked, kept_beyond: Some(scene.at(seconds)), ..RequestFilter::first(10) })
    };
    assert_eq!(beyond(0, None).await, kept.iter().map(|kept| kept.id).collect::<Vec<_>>());
    assert_eq!(beyond(99, Some(mona)).await, ids(mona));
    assert_eq!(beyond(99, Some(omar)).await, ids(omar));
    assert_eq!(beyond(100, Some(mona)).await, [], "its end is not in it");
    assert_eq!(beyond(100, None).await, []);
}

pub async fn streams_are_listed_by_name_and_read_in_parts<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let queries = scene.store.queries();
    assert_eq!(queries.streams(None, 10).await.unwrap(), []);
    let request = scene.world.request_id();
    let streams = [Stream::Access(scene.world.instance_id()), Stream::Request(request), Stream::System];
    let mut written = Vec::new();
    for stream in streams.into_iter().rev() {
        let mut chain = Chain::empty(stream);
        for _ in 0..3 {
            let change = scene.world.change(&mut chain);
            written.extend(change.entries.clone());
            assert_eq!(scene.commit(change).await, Answer::Committed);
        }
    }
    assert_eq!(queries.streams(None, 10).await.unwrap(), streams);
    assert_eq!(queries.streams(None, 2).await.unwrap(), streams[..2]);
    assert_eq!(queries.streams(Some(streams[0]), 10).await.unwrap(), streams[1..]);
    assert_eq!(queries.streams(Some(streams[2]), 10).await.unwrap(), []);
    // The system's entries were written first.
    for (after, limit, part) in [(0, 2, &written[..2]), (2, 9, &written[2..3]), (3, 9, &[]), (1, 0, &[])] {
        assert_eq!(queries.entries(Stream::System, after, limit).await.unwrap(), part, "{after} {limit}");
    }
}

pub async fn the_depth_of_the_agenda_is_known<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let depth = async |seconds| scene.store.queries().agenda_depth(scene.at(seconds), true).await.unwrap();
    assert_eq!(depth(0).await, AgendaDepth::new(0, 0, None));
    let wakes = [-5, -3, 60].map(|due| scene.wake(scene.world.request_id(), due));
    scene.edit(wakes.to_vec()).await;
    assert_eq!(depth(0).await, AgendaDepth::new(3, 2, Some(scene.at(-5))));
    assert_eq!(depth(60).await.due, 3);
    assert_eq!(scene.claim().await.len(), 2);
    assert_eq!(depth(0).await, AgendaDepth::new(3, 2, None), "what somebody works on does not wait");
    scene.removals("figma", 1).await;
    assert_eq!(depth(0).await.waiting_since, Some(scene.at(0)));
    let closed = scene.store.queries().agenda_depth(scene.at(0), false).await.unwrap();
    assert_eq!(closed, AgendaDepth::new(4, 3, None), "a closed gate holds removals");
    scene.report(LaneReport::closed(removals("figma").unwrap(), scene.at(30))).await;
    assert_eq!(depth(0).await.waiting_since, None, "so does a closed lane");
    assert_eq!(depth(30).await.waiting_since, Some(scene.at(0)));
}
