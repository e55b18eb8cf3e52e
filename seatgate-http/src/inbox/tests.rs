//! The pages over the router, on the in-memory store.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use seatgate_core::gate::{Gate, GateBuilder, Sweep};
use seatgate_core::id::PersonRef;
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::port::{
    Deprovisioner, Directory, EffectError, Job, OsEntropy, Removal, Router as Targets, RowStatus, Target,
};
use seatgate_core::seat::{Candidate, CandidateDraft};
use seatgate_core::testing::ManualClock;
use seatgate_core::trail::Stream;
use seatgate_core::worker::Worker;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::timeline::Timeline;
use super::{InboxIdentity, InboxOptions, router};

mod asking;
mod bulk;
mod exceptions;
mod list;
mod offboardings;
mod operators;
mod proxy;
mod savings;

struct Obliging;

#[async_trait::async_trait]
impl Deprovisioner for Obliging {
    async fn deprovision(&self, _job: &Job) -> Result<Removal, EffectError> {
        Ok(Removal::removed().with_receipt("R-1"))
    }
}

struct House {
    gate: Gate,
    clock: Arc<ManualClock>,
    app: Router,
}

struct Reply {
    status: StatusCode,
    location: String,
    cookie: String,
    headers: axum::http::HeaderMap,
    body: String,
}

fn candidate(account: &str, name: &str, manager: &str) -> Candidate {
    let draft: CandidateDraft = serde_json::from_value(json!({
        "app": {"id": "figma", "name": "Figma"}, "account": {"email": account, "name": name}, "never_used": true,
        "manager": {"email": manager, "name": manager.split('@').next()},
        "monthly_cost": {"amount": "45.00", "currency": "USD"},
    }))
    .unwrap();
    draft.parse().unwrap()
}

impl House {
    fn new() -> Self {
        Self::with(Arc::new(Obliging), &[])
    }

    /// With this target, under this policy.
    fn with(target: Arc<dyn Deprovisioner>, policy: &[(&str, &str)]) -> Self {
        Self::build(target, None, policy)
    }

    /// With a target that obliges, asking this directory.
    fn knowing(directory: Arc<dyn Directory>, policy: &[(&str, &str)]) -> Self {
        Self::build(Arc::new(Obliging), Some(directory), policy)
    }

    fn build(target: Arc<dyn Deprovisioner>, directory: Option<Arc<dyn Directory>>, policy: &[(&str, &str)]) -> Self {
        let mut draft = PolicyDraft::default();
        policy.iter().for_each(|(key, value)| draft.set(key, value));
        let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let gate = Gate::builder(store, clock.clone(), Arc::new(OsEntropy))
            .router(Targets::new().otherwise(Target::new("*", target)))
            .policy(Policy::from_draft(&draft).unwrap());
        let gate = directory.into_iter().fold(gate, GateBuilder::directory).build().unwrap();
        let options = InboxOptions::new(InboxIdentity::demo(&OsEntropy))
            .offering_sample(|_| vec![candidate("ana@example.com", "Ana Ruiz", "mona@example.com")]);
        Self { app: router(gate.clone(), options), gate, clock }
    }

    /// Asks about one seat, and answers with the request's id.
    async fn ask(&self, account: &str, name: &str, manager: &str) -> String {
        let rows = vec![Ok(candidate(account, name, manager))];
        let sweep = Sweep::new(Actor::system("demo").unwrap(), Surface::Library, rows);
        let report = self.gate.sweep(sweep).await.unwrap();
        assert_eq!(report.results[0].status, RowStatus::Asked);
        report.results[0].request_id.unwrap().to_string()
    }

    async fn work(&self) {
        Worker::new(&self.gate).run_until_idle().await.unwrap();
    }

    async fn operator(&self) -> (String, String) {
        self.gate.appoint(&["ops@example.com".parse().unwrap()]).await.unwrap();
        self.sign_in("ops@example.com").await
    }

    /// What the access stream says about denials: action and reason.
    async fn denials(&self) -> Vec<(String, String)> {
        let entries = self.gate.queries().trail(self.gate.access_stream()).await.unwrap();
        let data = entries.iter().map(|entry| serde_json::from_str::<Value>(&entry.body).unwrap()["data"].clone());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        data.map(|data| (text(&data["action"]), text(&data["denial"]))).collect()
    }

    async fn person(&self, address: &str) -> PersonRef {
        self.gate.people().find(&address.parse().unwrap()).await.unwrap().unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = |name| parts.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        Reply {
            status: parts.status,
            location: text(header::LOCATION),
            cookie: text(header::SET_COOKIE).split(';').next().unwrap_or_default().to_owned(),
            body: String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap(),
            headers: parts.headers,
        }
    }

    async fn get(&self, path: &str, cookie: &str) -> Reply {
        let request = Request::get(path).header(header::HOST, "127.0.0.1:8080").header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Reply {
        let request = Request::post(path)
            .header(header::HOST, "localhost:8080")
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// The cookie and the form token of somebody who picked themselves on the page.
    async fn sign_in(&self, address: &str) -> (String, String) {
        let page = self.get("/", "").await;
        let person = self.person(address).await;
        let picked = self.post("/person", "", &format!("token={}&person={person}", token(&page.body))).await;
        assert_eq!((picked.status, picked.location.as_str()), (StatusCode::SEE_OTHER, "/"), "{}", picked.body);
        let page = self.get("/", &picked.cookie).await;
        let token = token(&page.body);
        (picked.cookie, token)
    }
}

fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect(page);
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_sees_what_waits_for_them_and_approves_it() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let page = house.get("/", &cookie).await;
    for text in ["Figma: Ana Ruiz", "Never used, as of", "45.00 USD a month", "Approve removal", "Keep seat"] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    let (path, form) = (format!("/requests/{id}/decision"), format!("token={token}&decision=approve"));
    let early = house.get(&format!("/requests/{id}?notice=approved"), &cookie).await.body;
    assert!(!early.contains("Your approval is recorded."), "{early}");
    let answer = house.post(&path, &cookie, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.location, format!("/requests/{id}?notice=approved"));
    let after = house.get(&answer.location, &cookie).await.body;
    assert!(after.contains("Your approval is recorded.") && after.contains("Removal approved; removing the seat."));
    house.work().await;
    let page = house.get(&format!("/requests/{id}"), &cookie).await;
    for text in ["The seat is reclaimed.", "Chain verified", "Asked mona", "Approved the removal", "reference R-1"] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    assert!(!page.body.contains("Approve removal</button>"));
    assert!(house.get("/", &cookie).await.body.contains("Nothing waits for you."));
}

#[tokio::test]
async fn a_second_answer_is_told_who_was_first() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let path = format!("/requests/{id}/decision");
    let form = format!("token={token}&decision=approve");
    assert_eq!(house.post(&path, &cookie, &form).await.status, StatusCode::SEE_OTHER);
    let second = house.post(&path, &cookie, &form).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.body.contains("already decided") && second.body.contains("Removal approved by mona"));
}

#[tokio::test]
async fn keeping_needs_a_reason_and_a_sound_date() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let path = format!("/requests/{id}/decision");
    let keep = |rest: &str| format!("token={token}&decision=keep{rest}");
    for (rest, word) in [
        ("", "needs a reason"),
        ("&reason=%20", "needs a reason"),
        ("&reason=Leave&keep_until=soon", "year-month-day"),
        ("&reason=Leave&keep_until=2020-01-01", "in the future"),
        ("&reason=Leave&keep_until=9000-01-01", "that long"),
    ] {
        let reply = house.post(&path, &cookie, &keep(rest)).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{rest}");
        assert!(reply.body.contains(word) && reply.body.contains("Keep seat</button>"), "{rest}: {}", reply.body);
    }
    let kept = house.post(&path, &cookie, &keep("&reason=On+leave%3C&keep_until=")).await;
    assert_eq!(kept.location, format!("/requests/{id}?notice=kept"), "{}", kept.body);
    house.work().await;
    let page = house.get(&kept.location, &cookie).await.body;
    assert!(page.contains("The seat is kept.") && page.contains("On leave&#60;"), "{page}");
}

#[tokio::test]
async fn what_was_written_is_there_again() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let form = format!("token={token}&decision=keep&reason=Back+%22soon%22&keep_until=2020-01-01");
    let page = house.post(&format!("/requests/{id}/decision"), &cookie, &form).await.body;
    assert!(page.contains("value=\"Back &#34;soon&#34;\"") && page.contains("value=\"2020-01-01\""), "{page}");
}

#[tokio::test]
async fn a_form_without_our_token_does_nothing() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    house.ask("leo@example.com", "Leo", "omar@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let (_, of_omar) = house.sign_in("omar@example.com").await;
    let of_nobody = self::token(&house.get("/", "").await.body);
    let path = format!("/requests/{id}/decision");
    let forged = [String::new(), "AAAA".to_owned(), of_omar, of_nobody.clone(), format!("{token}A")];
    for forged in forged {
        let reply = house.post(&path, &cookie, &format!("token={forged}&decision=approve")).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{forged}");
    }
    assert_eq!(house.post(&path, &cookie, "decision=approve").await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.post(&path, "", &format!("token={token}&decision=approve")).await.status, StatusCode::FORBIDDEN);
    let nobody = house.post(&path, "", &format!("token={of_nobody}&decision=approve")).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN);
    for path in ["/person", "/demo/sample"] {
        assert_eq!(house.post(path, "", "token=AAAA&person=").await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(house.gate.request(id.parse().unwrap()).await.unwrap().approval.verdict.is_none());
}

#[tokio::test]
async fn a_cookie_cannot_be_edited() {
    let house = House::new();
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    house.ask("leo@example.com", "Leo", "omar@example.com").await;
    let (cookie, _) = house.sign_in("mona@example.com").await;
    let [mona, omar] = [house.person("mona@example.com").await, house.person("omar@example.com").await];
    let edited = cookie.replace(&mona.to_string(), &omar.to_string());
    assert!(house.get("/", &edited).await.body.contains("Who are you?"));
}

#[tokio::test]
async fn what_others_were_asked_is_not_there() {
    let house = House::new();
    let theirs = house.ask("leo@example.com", "Leo", "omar@example.com").await;
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    for path in [format!("/requests/{theirs}"), "/requests/req_x".to_owned(), format!("/requests/req_{:032x}", 1)] {
        assert_eq!(house.get(&path, &cookie).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!house.get("/", &cookie).await.body.contains("Leo"));
    let form = format!("token={token}&decision=approve");
    let reply = house.post(&format!("/requests/{theirs}/decision"), &cookie, &form).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get(&format!("/requests/{theirs}"), "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_operator_sees_all_and_gives_a_reason() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    house.gate.appoint(&["ops@example.com".parse().unwrap()]).await.unwrap();
    let (cookie, token) = house.sign_in("ops@example.com").await;
    assert!(house.get("/", &cookie).await.body.contains("Waiting for others"));
    let path = format!("/requests/{id}/decision");
    let without = house.post(&path, &cookie, &format!("token={token}&decision=approve")).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    let with = house.post(&path, &cookie, &format!("token={token}&decision=approve&reason=Left")).await;
    assert_eq!(with.status, StatusCode::SEE_OTHER, "{}", with.body);
}

#[tokio::test]
async fn a_manager_cannot_keep_their_own_seat() {
    let house = House::new();
    let id = house.ask("mona@example.com", "Mona Li", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let path = format!("/requests/{id}/decision");
    let keep = house.post(&path, &cookie, &format!("token={token}&decision=keep&reason=Mine")).await;
    assert_eq!(keep.status, StatusCode::FORBIDDEN);
    assert!(keep.body.contains("Keeping your own seat needs somebody else."), "{}", keep.body);
}

#[tokio::test]
async fn names_cannot_write_html() {
    let house = House::new();
    let id = house.ask("ana@example.com", "<script>alert(1)</script>\"'&", "mona@example.com").await;
    let (cookie, _) = house.sign_in("mona@example.com").await;
    for path in ["/".to_owned(), format!("/requests/{id}")] {
        let body = house.get(&path, &cookie).await.body;
        assert!(body.contains("&#60;script&#62;") && !body.contains("<script"), "{body}");
    }
}

#[tokio::test]
async fn the_sample_is_sent_by_a_click_and_only_once() {
    let house = House::new();
    let page = house.get("/", "").await;
    assert!(page.body.contains("Send the sample sweep"));
    let form = format!("token={}", token(&page.body));
    assert_eq!(house.post("/demo/sample", "", &form).await.location, "/?notice=sample");
    assert_eq!(house.post("/demo/sample", "", &form).await.location, "/?notice=sample-again");
    let page = house.get("/?notice=sample", "").await.body;
    assert!(page.contains("mona@example.com") && page.contains("1 waiting") && page.contains("sample sweep is in."));
    assert!(!house.get("/?notice=%3Cb%3E", "").await.body.contains("role=\"status\""));
    assert_eq!(house.get("/?notice=a&notice=b", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_known_people_can_be_picked() {
    let house = House::new();
    let token = token(&house.get("/", "").await.body);
    let stranger = PersonRef::generate(house.gate.now(), &OsEntropy);
    for person in [stranger.to_string(), "x".to_owned()] {
        let reply = house.post("/person", "", &format!("token={token}&person={person}")).await;
        assert_eq!((reply.status, reply.cookie.as_str()), (StatusCode::BAD_REQUEST, ""));
    }
}

#[tokio::test]
async fn every_answer_is_protected_and_other_hosts_get_none() {
    let house = House::new();
    for path in ["/", "/inbox.css", "/nowhere"] {
        let reply = house.get(path, "").await;
        let policy = reply.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(reply.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(reply.headers[header::REFERRER_POLICY], "no-referrer");
    }
    let rebound = Request::get("/").header(header::HOST, "evil.example").body(Body::empty()).unwrap();
    assert_eq!(house.send(rebound).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn an_inbox_that_is_off_says_so_and_has_no_pages() {
    let mut house = House::new();
    house.app = router(house.gate.clone(), InboxOptions::new(InboxIdentity::off()));
    let root = house.get("/", "").await;
    assert!(root.status == StatusCode::OK && root.body.contains("switched off"));
    assert_eq!(house.get("/requests/x", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.post("/demo/sample", "", "token=").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn under_a_prefix_every_link_begins_with_it() {
    let mut house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let identity = InboxIdentity::demo(&OsEntropy);
    let cookie = identity.cookie(Some(house.person("mona@example.com").await), "/inbox");
    let options = InboxOptions::new(identity).nested_under("/inbox/");
    house.app = Router::new().nest("/inbox", router(house.gate.clone(), options));
    let page = house.get(&format!("/inbox/requests/{id}"), &cookie).await;
    assert_eq!(page.status, StatusCode::OK);
    for attribute in ["href=\"", "action=\""] {
        for link in page.body.split(attribute).skip(1) {
            assert!(link.starts_with("/inbox/"), "{link}");
        }
    }
    assert!(cookie.contains("Path=/inbox/;"));
}

#[tokio::test]
async fn a_date_reads_as_it_was_written() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let day = house.gate.now().saturating_add(std::time::Duration::from_secs(30 * 86_400)).date();
    let form = format!("token={token}&decision=keep&reason=Leave&keep_until={day}");
    let kept = house.post(&format!("/requests/{id}/decision"), &cookie, &form).await;
    let page = house.get(&kept.location, &cookie).await.body;
    assert!(page.contains(&format!("Kept until {day} by mona")), "{page}");
    assert!(page.contains(&format!("Kept the seat until {day}, as approver")), "{page}");
}

#[tokio::test]
async fn a_changed_trail_shows() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await.parse().unwrap();
    let request = house.gate.request(id).await.unwrap();
    let mut entries = house.gate.queries().trail(Stream::Request(id)).await.unwrap();
    assert_eq!(Timeline::read(&house.gate, &request, &entries).await.unwrap().broken, None);
    entries[0].body = entries[0].body.replace("\"seq\":1", "\"seq\":2");
    let timeline = Timeline::read(&house.gate, &request, &entries).await.unwrap();
    assert!(timeline.broken.is_some() && timeline.lines.len() == 1);
}
