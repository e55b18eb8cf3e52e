//! Many requests: every page and every list still answers at once. With `SEATGATE_LONG` set there are 100,000 of them.

use std::path::Path;
use std::time::{Duration, Instant};

use seatgate_core::id::{ExceptionId, PersonRef, RequestId};
use seatgate_core::money::Money;
use seatgate_core::person::{Actor, Identity, PersonDraft};
use seatgate_core::port::{
    Change, Clock, Exception, ExceptionStore, NewPerson, PeopleStore, RequestStore, SeatChange, SystemClock,
};
use seatgate_core::request::{Command, PauseReason, Request, StateLabel, TaskState};
use seatgate_core::testing::{World, join_all};
use seatgate_core::time::Span;
use seatgate_store_sqlx::SqliteStore;
use serde_json::Value;

use super::house::Server;

const WITHIN: Duration = Duration::from_millis(100);
const TRIES: u32 = 5;
const MOST_TRIES: u32 = 25;
const TOGETHER: usize = 500;
/// One request in so many is an operator's own; a third of all are one manager's.
const OF_OPERATOR: usize = 10;
const OPERATOR: &str = "olga@example.com";

/// What there is a lot of.
struct Plenty {
    /// Everybody: the first manages a third of all, the last operates.
    people: Vec<PersonRef>,
    /// In order.
    requests: Vec<RequestId>,
    /// In order. One in four is revoked.
    exceptions: Vec<ExceptionId>,
}

impl Plenty {
    fn manager(&self) -> PersonRef {
        self.people[0]
    }

    fn operator(&self) -> PersonRef {
        self.people[self.people.len() - 1]
    }
}

/// So many requests in a new database, a twentieth as many people and a fifth as many exceptions.
async fn fill(database: &Path, count: usize) -> Plenty {
    let store = SqliteStore::open(database).await.unwrap();
    let mut world = World::new(1);
    world.now = SystemClock.now();
    let people = people(&store, &world, count / 20).await;
    let (mut requests, mut kept) = (Vec::with_capacity(count), Vec::new());
    for number in (0..count).step_by(TOGETHER) {
        let changes: Vec<_> = (number..number + TOGETHER).map(|number| change(&world, &people, number)).collect();
        for request in changes.iter().filter_map(|change| change.request.as_ref()) {
            requests.push(request.id);
            kept.extend(request.exception().map(|(id, until)| {
                let seat = request.seat().unwrap().clone();
                let mut exception = Exception::new(id, seat, until, Actor::Policy, world.now);
                exception.request = Some(request.id);
                exception
            }));
        }
        assert!(store.commit(changes).await.unwrap().iter().all(|answer| answer.is_kept()));
    }
    for together in kept.chunks(TOGETHER) {
        let filed = join_all(together.iter().map(|exception| store.file(exception))).await;
        assert!(filed.iter().all(Result::is_ok));
        join_all(together.iter().step_by(4).map(|exception| store.revoke(exception.id, world.now))).await;
    }
    store.close().await;
    let mut exceptions: Vec<_> = kept.iter().map(|exception| exception.id).collect();
    exceptions.sort();
    requests.sort();
    Plenty { people, requests, exceptions }
}

async fn people(store: &SqliteStore, world: &World, count: usize) -> Vec<PersonRef> {
    let draft = |number: usize| {
        let address = if number + 1 == count { OPERATOR.to_owned() } else { format!("person{number}@example.com") };
        let identity: Identity = address.parse().unwrap();
        NewPerson::new(PersonDraft::new(identity, Some(format!("Person {number}"))), world.person_ref())
    };
    store.people((0..count).map(draft).collect()).await.unwrap()
}

/// Of ten requests two are kept, two were withdrawn, one needs attention, and five are still open.
fn change(world: &World, people: &[PersonRef], number: usize) -> Change {
    let asked = match number {
        number if number % 3 == 0 => people[0],
        number if number % OF_OPERATOR == 1 => people[people.len() - 1],
        number => people[number % people.len()],
    };
    let mut change = world.opened_change(&world.seat(world.account_id()), 0, asked);
    let mut opened = change.request.take().unwrap();
    opened.evidence.as_mut().unwrap().monthly_cost = Some(Money::new(4_500, "USD".parse().unwrap()).unwrap());
    change.request = Some(stands(world, opened, number / 3));
    if change.request.as_ref().is_some_and(|request| request.outcome().is_some()) {
        change.seat = change.seat.filter(|seat| !matches!(seat, SeatChange::Take { .. }));
    }
    change
}

fn stands(world: &World, opened: Request, number: usize) -> Request {
    let until = Some(world.now.saturating_add(Span::days(30).duration()));
    let keep = || Command::Keep { reason: Some(world.text("On leave", None).reference), until };
    match number % 5 {
        0 => world.answered(&opened, &keep()),
        1 => world.answered(&opened, &Command::Withdraw { reason: None }),
        2 if number % 10 == 2 => {
            let mut approved = world.answered(&opened, &Command::Approve { reason: None });
            approved.plan.tasks[0].state = TaskState::Paused { pause: 1, why: PauseReason::Rejected };
            approved
        }
        _ => opened,
    }
}

/// What is asked of the server, and how long its quickest answers took.
struct Stopwatch<'a> {
    server: &'a Server,
    took: Vec<(Duration, String)>,
}

impl Stopwatch<'_> {
    /// The quickest of a few tries, and of some more where none was quick: others use this machine, too.
    async fn get(&mut self, path: &str, header: (&str, &str)) -> String {
        let (mut best, mut text) = (Duration::MAX, String::new());
        for attempt in 0..MOST_TRIES {
            if attempt >= TRIES && best < WITHIN {
                break;
            }
            let started = Instant::now();
            let reply = self.server.http.get(self.server.url(path)).header(header.0, header.1).send().await.unwrap();
            assert_eq!(reply.status().as_u16(), 200, "{path}");
            text = reply.text().await.unwrap();
            best = best.min(started.elapsed());
        }
        self.took.push((best, path.to_owned()));
        text
    }

    /// How many items a list of the API has.
    async fn items(&mut self, path: &str, token: &str) -> usize {
        let text = self.get(path, ("authorization", &format!("Bearer {token}"))).await;
        serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().len()
    }

    /// Asserts that a page says this.
    async fn page(&mut self, path: &str, cookie: &str, says: &str) {
        let page = self.get(path, ("cookie", cookie)).await;
        assert!(page.contains(says), "\"{says}\" on {path}");
    }

    /// Every answer was quick enough; the slowest are printed.
    #[expect(clippy::print_stdout, reason = "the figures are what a long run is for")]
    fn judge(mut self) {
        self.took.sort();
        self.took.reverse();
        let slowest: Vec<String> = self.took.iter().take(5).map(|(took, path)| format!("{took:.1?} {path}")).collect();
        let slow: Vec<_> = self.took.iter().filter(|(took, _)| *took >= WITHIN).collect();
        println!("{} answers, the slowest:\n{}", self.took.len(), slowest.join("\n"));
        assert!(slow.is_empty(), "{slow:?}");
    }
}

/// The cookie of somebody who picked themselves.
async fn cookie(server: &Server, person: PersonRef) -> String {
    let page = server.http.get(server.url("/")).send().await.unwrap().text().await.unwrap();
    let (_, token) = page.split_once("name=\"token\" value=\"").unwrap();
    let form = format!("token={}&person={person}", token.split('"').next().unwrap());
    let picked = server.http.post(server.url("/person")).header("content-type", "application/x-www-form-urlencoded");
    let picked = picked.body(form).send().await.unwrap();
    let cookie = picked.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn the_api(watch: &mut Stopwatch<'_>, plenty: &Plenty, token: &str) {
    let count = plenty.requests.len();
    let (deep, last) = (plenty.requests[count / 10 * 9], plenty.requests[count - 2]);
    for limit in [50, 200] {
        assert_eq!(watch.items(&format!("/v1/requests?limit={limit}"), token).await, limit);
        assert_eq!(
            watch.items(&format!("/v1/requests?limit={limit}&cursor={deep}"), token).await,
            limit.min(count / 10 - 1)
        );
        assert_eq!(watch.items(&format!("/v1/requests?limit={limit}&cursor={last}"), token).await, 1);
        for state in StateLabel::ALL {
            let path = format!("/v1/requests?limit={limit}&state={state}");
            let first = watch.items(&path, token).await;
            let filled = ["awaiting_decision", "keeping", "needs_attention", "closed"].contains(&state.label());
            assert_eq!(first > 0, filled, "{state}");
            watch.items(&format!("{path}&cursor={deep}"), token).await;
        }
        assert_eq!(watch.items(&format!("/v1/exceptions?limit={limit}"), token).await, limit);
        let cursor = plenty.exceptions[plenty.exceptions.len() / 10 * 9];
        assert!(watch.items(&format!("/v1/exceptions?limit={limit}&cursor={cursor}"), token).await > 5);
    }
    assert_eq!(watch.items(&format!("/v1/requests/{deep}/trail"), token).await, 1);
    for path in [&format!("/v1/requests/{deep}"), "/v1/savings", "/readyz", "/metrics"] {
        watch.get(path, ("authorization", &format!("Bearer {token}"))).await;
    }
}

async fn the_choice_of_a_person(watch: &mut Stopwatch<'_>, plenty: &Plenty) {
    watch.page("/", "", "More people").await;
    let mut people = plenty.people.clone();
    people.sort();
    watch.page(&format!("/?after={}", people[people.len() / 10 * 9]), "", "waiting</span>").await;
    watch.page("/?address=Person7%40example.com", "", "Person 7<").await;
    watch.page("/?address=nobody%40example.com", "", "Nobody with this address").await;
}

/// The pages of somebody who picked themselves; operators see everything.
async fn the_pages_of(watch: &mut Stopwatch<'_>, plenty: &Plenty, person: PersonRef) {
    let operates = person == plenty.operator();
    let cookie = cookie(watch.server, person).await;
    let deep = plenty.requests[plenty.requests.len() / 10 * 9];
    for path in ["/".to_owned(), "/?select=all".to_owned(), format!("/?after={deep}")] {
        watch.page(&path, &cookie, "wait for you").await;
    }
    watch.page("/", &cookie, if operates { "that need attention" } else { "Next page" }).await;
    let words = ["".to_owned(), format!("&after={deep}"), format!("&before={deep}")];
    for words in words {
        watch.page(&format!("/requests?{words}"), &cookie, "rel=\"next\"").await;
        for state in StateLabel::ALL {
            watch.page(&format!("/requests?state={state}{words}"), &cookie, "aria-current").await;
        }
    }
    let exception = plenty.exceptions[plenty.exceptions.len() / 10 * 9].to_string();
    let deep = if operates { exception } else { deep.to_string() };
    watch.page("/savings", &cookie, "<svg").await;
    watch.page("/exceptions", &cookie, "Next page").await;
    watch.page(&format!("/exceptions?after={deep}"), &cookie, "<article").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_lists_answer_at_once_however_much_there_is() {
    let count = if std::env::var_os("SEATGATE_LONG").is_some() { 100_000 } else { 4_000 };
    let directory = tempfile::tempdir().unwrap();
    let plenty = fill(&directory.path().join("seatgate.db"), count).await;
    let server = Server::start(directory.path(), &[("SEATGATE_OPERATORS", OPERATOR)]);
    let secrets = std::fs::read(directory.path().join("seatgate.secrets")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    let mut watch = Stopwatch { server: &server, took: Vec::new() };
    the_api(&mut watch, &plenty, secrets["api_token"].as_str().unwrap()).await;
    the_choice_of_a_person(&mut watch, &plenty).await;
    the_pages_of(&mut watch, &plenty, plenty.manager()).await;
    the_pages_of(&mut watch, &plenty, plenty.operator()).await;
    let operator = cookie(&server, plenty.operator()).await;
    watch.page(&format!("/requests/{}", plenty.requests[count / 2]), &operator, "Chain verified").await;
    watch.judge();
    assert!(server.stop().success());
}
