//! Offboardings: one at a time a person, and their table.

use super::StoreHarness;
use super::scene::Scene;
use crate::id::{CardId, PersonRef, RequestId, TaskId};
use crate::person::{Actor, Surface};
use crate::policy::{Mode, Terms};
use crate::port::{Answer, Change, Conflict, OffboardingFilter, OffboardingRow, RequestFilter, SeatChange};
use crate::request::{
    Asked, AttemptResult, Command, Context, Offboarding, Opening, Origin, Proof, Relation, RemovalKind, Request,
    Resolution, Subject, Task, TaskAction, TaskStatus, Why,
};
use crate::trail::{Chain, Stream};

impl<H: StoreHarness> Scene<H> {
    async fn table(&self, filter: &OffboardingFilter) -> Vec<OffboardingRow> {
        self.store.queries().offboardings(filter).await.unwrap()
    }

    async fn offboard(&self, person: PersonRef, tasks: &[&str]) -> Request {
        let change = self.world.offboarding_change(person, tasks);
        let request = change.request.clone().unwrap();
        assert_eq!(self.commit(change).await, Answer::Committed);
        request
    }

    /// Olga asks for it, Otto is the second, and each of these is to do a task.
    async fn four_eyes(&self, leaver: PersonRef, olga: PersonRef, otto: PersonRef, does: &[PersonRef]) -> Request {
        let world = &self.world;
        let card = CardId::generate(world.now, &world.entropy);
        let task =
            |assignee: &PersonRef| Task::new(world.task_id(), "badge", TaskAction::Manual { assignee: *assignee });
        let origin = Origin::offboarding(Actor::Person(olga));
        let opening = Opening::new(Subject::Person(leaver), origin, Mode::Live, "0".repeat(16), Terms::default())
            .asking(vec![Asked::new(otto, Why::FourEyes, card)])
            .offboarding(Offboarding::new("leaver", true, None), does.iter().map(task).collect());
        let request = Request::open(world.request_id(), world.now, opening);
        let mut change = world.change(&mut Chain::empty(Stream::Request(request.id)));
        change.seat = Some(SeatChange::TakePerson { person: leaver });
        change.request = Some(request.clone());
        assert_eq!(self.commit(change).await, Answer::Committed);
        request
    }

    /// Judges the worker's `command` and keeps what comes of it.
    async fn step(&self, request: &Request, command: &Command) -> Request {
        let context = Context::worker(self.world.now, &self.world.entropy);
        let after = request.handle(command, &context).expect("a step that is due").after;
        let mut change = self.next_change(request.id).await;
        change.request = Some(after.clone());
        assert_eq!(self.commit(change).await, Answer::Committed);
        after
    }
}

fn finish(task: TaskId) -> Command {
    let result = AttemptResult::Done { removal: Some(RemovalKind::Removed), receipt: None, location: None };
    Command::Settle { task, attempt: 1, result }
}

fn taken(change: &Change) -> RequestId {
    change.request.as_ref().unwrap().id
}

pub async fn rs_05_one_open_offboarding_has_a_person<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (ana, ben) = (scene.world.person_ref(), scene.world.person_ref());
    scene.offboard(ana, &["a"]).await;
    let second = scene.world.offboarding_change(ana, &["a"]);
    let id = taken(&second);
    assert_eq!(scene.commit(second).await, Answer::Conflict(Conflict::Seat));
    assert!(scene.load(id).await.is_none(), "what collides leaves nothing");
    assert!(!scene.table(&OffboardingFilter::first(9)).await.iter().any(|row| row.request == id));
    scene.offboard(ben, &["a"]).await;
}

pub async fn rs_05_one_of_64_racing_offboardings_takes_a_person<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.world.person_ref();
    let changes = (0..64).map(|_| scene.world.offboarding_change(ana, &["a", "b"])).collect();
    let answers = scene.store.requests().commit(changes).await.unwrap();
    let kept = answers.iter().filter(|answer| answer.is_kept()).count();
    let refused = answers.iter().filter(|answer| **answer == Answer::Conflict(Conflict::Seat)).count();
    assert_eq!((kept, refused), (1, 63));
    assert_eq!(scene.table(&OffboardingFilter::first(200)).await.len(), 2, "the tasks of one");
}

pub async fn rs_05_another_offboarding_takes_a_person_who_was_released<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.world.person_ref();
    for _ in 0..3 {
        let open = scene.offboard(ana, &["a"]).await;
        let mut release = scene.next_change(open.id).await;
        release.seat = Some(SeatChange::Release { quiet_until: None });
        assert_eq!(scene.commit(release).await, Answer::Committed);
    }
}

pub async fn the_offboarding_table_has_a_row_a_task_with_its_times<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    let ana = scene.world.person_ref();
    let opened = scene.offboard(ana, &["lock", "wipe"]).await;
    let (opened_at, first) = (scene.world.now, opened.plan.tasks[0].id);
    scene.world.now = scene.at(60);
    let begun = scene.step(&opened, &Command::Begin { task: first }).await;
    let began_at = scene.world.now;
    scene.world.now = scene.at(5);
    scene.step(&begun, &finish(first)).await;
    let rows = scene.table(&OffboardingFilter::first(9)).await;
    let names: Vec<_> = rows.iter().map(|row| (row.position, row.name.as_str(), row.status, row.attempts)).collect();
    assert_eq!(names, [(0, "lock", TaskStatus::Done, 1), (1, "wipe", TaskStatus::Ready, 0)]);
    let [done, waits] = rows.as_slice() else { panic!("a row a task") };
    assert_eq!((done.request, done.person, done.playbook.as_str()), (opened.id, ana, "leaver"));
    assert_eq!((done.opened_at, done.closed_at, done.outcome), (opened_at, None, None));
    assert_eq!((done.began_at, done.changed_at), (Some(began_at), scene.world.now));
    assert_eq!((done.task, done.proof, done.may_have_happened), (first, Some(Proof::Receipt), false));
    assert_eq!((waits.began_at, waits.changed_at), (None, scene.world.now), "it became ready just now");
}

pub async fn the_offboarding_table_is_filtered_and_paged<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    let (ana, ben) = (scene.world.person_ref(), scene.world.person_ref());
    let seat = scene.seat("cleo@example.com").await;
    scene.open(&seat).await;
    let first = scene.offboard(ana, &["a", "b", "c"]).await;
    let between = scene.at(1);
    scene.world.now = scene.at(2);
    let second = scene.offboard(ben, &["a"]).await;
    let all = scene.table(&OffboardingFilter::first(9)).await;
    let places: Vec<_> = all.iter().map(OffboardingRow::place).collect();
    assert_eq!(places, [(first.id, 0), (first.id, 1), (first.id, 2), (second.id, 0)], "no reclamation is among them");
    let mut found = Vec::new();
    while let page =
        scene.table(&OffboardingFilter { after: found.last().copied(), ..OffboardingFilter::first(3) }).await
        && !page.is_empty()
    {
        found.extend(page.iter().map(OffboardingRow::place));
    }
    assert_eq!(found, places);
    let any = OffboardingFilter::first(9);
    let filters = [
        (OffboardingFilter { from: Some(between), ..any.clone() }, 1),
        (OffboardingFilter { to: Some(between), ..any.clone() }, 3),
        (OffboardingFilter { person: Some(ben), ..any.clone() }, 1),
        (OffboardingFilter { result: Some(TaskStatus::Waiting), ..any.clone() }, 2),
        (OffboardingFilter { open: true, ..any.clone() }, 4),
        (OffboardingFilter { open: true, person: Some(scene.world.person_ref()), ..any }, 0),
    ];
    for (filter, expected) in filters {
        assert_eq!(scene.table(&filter).await.len(), expected, "{filter:?}");
    }
}

pub async fn rs_05_a_seat_says_whether_its_holder_leaves<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (ana, ben) = (scene.world.person_ref(), scene.world.person_ref());
    let mut seats = vec![scene.seat("ana@example.com").await, scene.seat("ana2@example.com").await];
    seats.extend([scene.seat("ben@example.com").await, scene.seat("nobody@example.com").await]);
    (seats[0].holder, seats[1].holder, seats[2].holder) = (Some(ana), Some(ana), Some(ben));
    let taken = scene.open(&seats[1]).await;
    let said = async || {
        let rows = scene.store.requests().seats(&seats).await.unwrap();
        assert_eq!(rows[1].open_request, Some(taken), "whoever holds it, it is asked about");
        rows.into_iter().map(|row| row.holder_leaves).collect::<Vec<_>>()
    };
    assert_eq!(said().await, [None; 4]);
    let leaves = scene.offboard(ana, &["a"]).await;
    assert_eq!(said().await, [Some(leaves.id), Some(leaves.id), None, None]);
    let mut release = scene.next_change(leaves.id).await;
    release.seat = Some(SeatChange::Release { quiet_until: None });
    assert_eq!(scene.commit(release).await, Answer::Committed);
    assert_eq!(said().await, [None; 4], "it is over");
}

pub async fn the_offboarding_table_says_what_was_said_of_a_task_and_why_it_was_left_out<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.world.person_ref();
    let opened = scene.offboard(ana, &["a", "b", "c"]).await;
    let tasks: Vec<TaskId> = opened.plan.tasks.iter().map(|task| task.id).collect();
    let texts = ["the receipt", "no seat", "she stays"].map(|text| scene.world.text(text, None).reference);
    let [receipt, skipped, stopped] = texts;
    let mut request = scene.step(&opened, &Command::Begin { task: tasks[0] }).await;
    let result = AttemptResult::Done { removal: Some(RemovalKind::Removed), receipt: Some(receipt), location: None };
    request = scene.step(&request, &Command::Settle { task: tasks[0], attempt: 1, result }).await;
    request = scene.step(&request, &Command::Begin { task: tasks[1] }).await;
    let result = AttemptResult::Rejected { detail: None };
    request = scene.step(&request, &Command::Settle { task: tasks[1], attempt: 1, result }).await;
    let (resolution, reason) = (Resolution::Skip, Some(skipped));
    request = scene.step(&request, &Command::Resolve { task: tasks[1], pause: 1, resolution, reason }).await;
    scene.step(&request, &Command::Stop { reason: Some(stopped) }).await;
    let rows = scene.table(&OffboardingFilter::first(9)).await;
    let said: Vec<_> = rows.iter().map(|row| (row.status, row.receipt, row.left_out)).collect();
    let expected = [
        (TaskStatus::Done, Some(receipt.id), None),
        (TaskStatus::Skipped, None, Some(skipped.id)),
        (TaskStatus::Cancelled, None, Some(stopped.id)),
    ];
    assert_eq!(said, expected);
}

pub async fn requests_are_listed_by_who_holds_the_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.world.person_ref();
    let mut seat = scene.seat("ana@example.com").await;
    seat.holder = Some(ana);
    let held = scene.open(&seat).await;
    scene.open(&scene.seat("ben@example.com").await).await;
    let leaves = scene.offboard(ana, &["a"]).await;
    let filter = RequestFilter { holder: Some(ana), ..RequestFilter::first(9) };
    let found: Vec<_> = scene.store.queries().list(&filter).await.unwrap().iter().map(|request| request.id).collect();
    assert_eq!(found, [held, leaves.id]);
}

pub async fn offboardings_are_listed_apart_and_for_whoever_does_a_task<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (ana, ivo) = (scene.world.person_ref(), scene.world.person_ref());
    scene.open(&scene.seat("ben@example.com").await).await;
    let mut change = scene.world.offboarding_change(ana, &["lock", "badge"]);
    let request = change.request.as_mut().unwrap();
    request.plan.tasks[1].action = TaskAction::Manual { assignee: ivo };
    let leaves = request.id;
    assert_eq!(scene.commit(change).await, Answer::Committed);
    let listed = async |filter: RequestFilter| -> Vec<RequestId> {
        scene.store.queries().list(&filter).await.unwrap().iter().map(|request| request.id).collect()
    };
    for newest in [false, true] {
        let filter = RequestFilter { offboarding: true, newest, ..RequestFilter::first(9) };
        assert_eq!(listed(filter).await, [leaves], "no reclamation is among them");
    }
    assert_eq!(listed(RequestFilter { asked: Some(ivo), ..RequestFilter::first(9) }).await, [leaves]);
    assert_eq!(listed(RequestFilter { asked: Some(ana), ..RequestFilter::first(9) }).await, []);
    assert!(!listed(RequestFilter { not_asked: Some(ivo), ..RequestFilter::first(9) }).await.contains(&leaves));
}

/// Nobody hears of a task before the second operator has approved it, and never of one of a leaving that was declined.
pub async fn under_four_eyes_it_is_on_the_list_of_the_second_and_then_of_whoever_does_a_task<H: StoreHarness>(
    store: H,
) {
    let scene = Scene::new(store);
    let [olga, otto, ivo] = [(); 3].map(|()| scene.world.person_ref());
    let lists = async |request: RequestId| {
        let mut lists = Vec::new();
        for person in [olga, otto, ivo] {
            let filter = RequestFilter { asked: Some(person), ..RequestFilter::first(9) };
            let found = scene.store.queries().list(&filter).await.unwrap();
            lists.push(found.iter().any(|found| found.id == request));
        }
        lists
    };
    let decline = Command::Keep { reason: None, until: None };
    for (answer, listed) in [(Command::Approve { reason: None }, [false, true, true]), (decline, [false, true, false])]
    {
        let ana = scene.world.person_ref();
        let request = scene.four_eyes(ana, olga, otto, &[ivo, ana]).await;
        assert_eq!(lists(request.id).await, [false, true, false], "only the second operator has been asked");
        let context = Context::new(scene.world.now, &scene.world.entropy, Actor::Person(otto), Surface::Library);
        let answered = request.handle(&answer, &context.by_right_of(Relation::Operator)).expect("it is open").after;
        let mut change = scene.next_change(request.id).await;
        change.request = Some(answered);
        assert_eq!(scene.commit(change).await, Answer::Committed);
        assert_eq!(lists(request.id).await, listed, "{answer:?}");
        let own = RequestFilter { asked: Some(ana), ..RequestFilter::first(9) };
        assert_eq!(scene.store.queries().list(&own).await.unwrap(), [], "whoever leaves does no task of it");
    }
}
