//! Offboardings in the inbox: starting one, its tasks, the second operator, and who sees what.

use std::collections::BTreeSet;
use std::time::Duration;

use seatgate_core::playbook::Playbooks;
use seatgate_core::port::{Idempotency, RequestFilter};
use seatgate_core::testing::{ScriptedDeprovisioner, Step};

use super::*;

const OLGA: &str = "olga@example.com";
const OTTO: &str = "otto@example.com";
const IVO: &str = "ivo@example.com";

struct Office {
    house: House,
    idp: Arc<ScriptedDeprovisioner>,
}

impl Office {
    /// Two operators, and two playbooks: one that runs at once and one for four eyes.
    async fn new() -> Self {
        let tasks = json!([
            {"name": "lock", "target": "idp"},
            {"name": "badge", "kind": "manual", "assignee": IVO, "needs": ["lock"]},
            {"name": "vpn", "target": "idp", "optional": true},
        ]);
        let tables = json!({"leaver": {"tasks": tasks}, "sudden": {"four_eyes": true, "tasks": tasks}});
        let targets = BTreeSet::from(["idp".to_owned()]);
        let playbooks = Playbooks::read(tables.as_object().unwrap(), Some("leaver"), &targets).unwrap();
        let idp = Arc::new(ScriptedDeprovisioner::new(Idempotency::Unknown));
        let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let gate = Gate::builder(store, clock.clone(), Arc::new(OsEntropy))
            .router(
                Targets::new()
                    .route("idp".parse().unwrap(), Target::new("idp", idp.clone()))
                    .otherwise(Target::new("*", Arc::new(Obliging))),
            )
            .playbooks(playbooks)
            .build()
            .unwrap();
        gate.appoint(&[OLGA.parse().unwrap(), OTTO.parse().unwrap()]).await.unwrap();
        let app = router(gate.clone(), InboxOptions::new(InboxIdentity::demo(&OsEntropy)));
        Self { house: House { app, gate, clock }, idp }
    }

    async fn post(&self, path: &str, who: &str, form: &str) -> Reply {
        let (cookie, token) = self.house.sign_in(who).await;
        self.house.post(path, &cookie, &format!("token={token}&{form}")).await
    }

    async fn page(&self, path: &str, who: &str) -> Reply {
        let (cookie, _) = self.house.sign_in(who).await;
        self.house.get(path, &cookie).await
    }

    /// Starts Ana's offboarding by a playbook, without what is optional; answers with the path of its page.
    async fn start(&self, playbook: &str) -> String {
        let form = format!("confirmed=yes&email=ana%40example.com&name=Ana+Ruiz&playbook={playbook}&reason=moves+on");
        let reply = self.post("/offboardings", OLGA, &form).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        reply.location.trim_end_matches("?notice=started").to_owned()
    }

    async fn settle(&self) {
        for _ in 0..5 {
            self.house.work().await;
            self.house.clock.advance(Duration::from_secs(600));
        }
    }

    /// Answers the first task of the page that waits for somebody.
    async fn answer(&self, path: &str, who: &str, form: &str) -> Reply {
        let page = self.page(path, OLGA).await.body;
        let (_, rest) = page.split_once("/tasks/").expect(&page);
        let task = rest.split('"').next().unwrap();
        let (_, rest) = rest.split_once("name=\"pause\" value=\"").expect(&page);
        let pause = rest.split('"').next().unwrap();
        self.post(&format!("{path}/tasks/{task}"), who, &format!("pause={pause}&{form}")).await
    }
}

fn has(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text} in {page}");
    }
}

fn lacks(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(!page.contains(text), "no {text} in {page}");
    }
}

#[tokio::test]
async fn an_operator_sees_what_would_run_before_anything_does() {
    let office = Office::new().await;
    let page = office.page("/offboardings", OLGA).await.body;
    has(&page, &["<option>leaver</option>", "<option>sudden</option>", "There is no offboarding here."]);
    let form = "email=ana%40example.com&name=Ana+Ruiz&playbook=leaver&reason=moves+on";
    let sure = office.post("/offboardings", OLGA, form).await;
    assert_eq!(sure.status, StatusCode::OK);
    let included = "name=\"include\" value=\"vpn\" checked";
    has(
        &sure.body,
        &["Offboard Ana Ruiz (ana@example.com)?", "2 of these calls cannot be undone from here.", included],
    );
    has(&sure.body, &["asks ivo@example.com", "; after lock", "It begins at once.", "value=\"moves on\""]);
    assert!(office.house.gate.queries().list(&RequestFilter::first(9)).await.unwrap().is_empty(), "nothing began");
    let path = office.start("leaver").await;
    let page = office.page(&format!("{path}?notice=started"), OLGA).await.body;
    has(&page, &["The offboarding is started.", "Offboarding of Ana Ruiz", "calls idp", "for ivo@example.com"]);
    lacks(&page, &["vpn"]);
    let list = office.page("/offboardings", OTTO).await.body;
    has(&list, &[&path, "Ana Ruiz", "Running.", "leaver, started by olga@example.com, 2026-11-22 08:00 UTC"]);
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_keeps_what_was_written() {
    let office = Office::new().await;
    for (form, text) in [
        ("email=ana&playbook=leaver&reason=a+word", "Write an e-mail address"),
        ("email=ana%40example.com&playbook=none&reason=a+word", "Choose a playbook."),
        ("email=ana%40example.com&name=a%00b&playbook=leaver&reason=a+word", "Write a name"),
    ] {
        let reply = office.post("/offboardings", OLGA, form).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        has(&reply.body, &["Nothing was started.", text, "value=\"a word\""]);
    }
    office.start("leaver").await;
    let again = "confirmed=yes&email=ana%40example.com&playbook=leaver";
    let reply = office.post("/offboardings", OTTO, again).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    has(&reply.body, &["This person is being offboarded already"]);
    let own = "confirmed=yes&email=olga%40example.com&playbook=leaver";
    let reply = office.post("/offboardings", OLGA, own).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    has(&reply.body, &["This is about your own offboarding."]);
}

#[tokio::test]
async fn whoever_does_a_task_finds_it_and_says_that_it_is_done() {
    let office = Office::new().await;
    let path = office.start("leaver").await;
    office.house.work().await;
    let inbox = office.page("/", IVO).await.body;
    has(&inbox, &["For you to do", &format!("href=\"{path}\">badge</a>"), "Offboarding of Ana Ruiz"]);
    lacks(&inbox, &["Nothing waits for you.", ">Offboardings</a>"]);
    let page = office.page(&path, IVO).await.body;
    has(&page, &[">Done</button>", "to be done"]);
    lacks(&page, &[">Skip</button>", ">Stop</button>", "moves on", "Trail", ">lock<"]);
    let reply = office.answer(&path, IVO, "resolution=skip&reason=lost").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.body);
    let done = office.answer(&path, IVO, "resolution=done&reason=in+the+safe").await;
    assert_eq!(done.location, format!("{path}?notice=answered"), "{}", done.body);
    has(&office.page(&done.location, IVO).await.body, &["Your answer is recorded.", "Said: in the safe"]);
    office.house.work().await;
    has(&office.page("/", IVO).await.body, &["Nothing waits for you."]);
    let page = office.page(&path, OLGA).await.body;
    let trail =
        ["Asked for the offboarding by the playbook leaver (\u{201c}moves on\u{201d})", "Started it, as operator"];
    has(&page, &["Every task is done.", trail[0], trail[1], "lock: attempt 1: done"]);
    has(&page, &["badge: done (\u{201c}in the safe\u{201d})", "Chain verified", "Closed: Every task is done."]);
    let again = office.house.gate.queries().count_by_state(None).await.unwrap();
    assert_eq!(again.of(seatgate_core::request::StateLabel::Closed), 1);
}

#[tokio::test]
async fn a_task_that_failed_is_retried_skipped_or_confirmed_and_all_is_stopped() {
    let office = Office::new().await;
    office.idp.then(Step::fails(EffectError::rejected("locked out")));
    let path = office.start("leaver").await;
    office.settle().await;
    has(&office.page("/", OLGA).await.body, &["Needs attention: a task did not succeed."]);
    let page = office.page(&path, OLGA).await.body;
    has(&page, &[">Retry</button>", ">Skip</button>", ">Stop</button>", "Detail: locked out", "After: lock"]);
    has(&page, &["lock: attempt 1: the target refused; it waits for an operator"]);
    lacks(&page, &[">Confirm</button>"]);
    assert_eq!(office.answer(&path, OLGA, "resolution=confirm&reason=no").await.status, StatusCode::CONFLICT);
    assert_eq!(office.answer(&path, OLGA, "resolution=skip").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    office.idp.then(Step::loses_the_reply());
    assert_eq!(office.answer(&path, OTTO, "resolution=retry").await.status, StatusCode::SEE_OTHER);
    office.settle().await;
    let page = office.page(&path, OLGA).await.body;
    has(&page, &[">Confirm</button>", "may have happened", "lock: to be tried again", "Attempts: 2"]);
    let confirm = office.answer(&path, OLGA, "resolution=confirm&reason=looked+it+up").await;
    assert_eq!(confirm.status, StatusCode::SEE_OTHER, "{}", confirm.body);
    let page = office.page(&path, OLGA).await.body;
    has(&page, &["Said: looked it up", "lock: confirmed: it did happen (\u{201c}looked it up\u{201d})"]);
    let stop = office.post(&format!("{path}/stop"), OLGA, "reason=enough").await;
    let page = office.page(&stop.location, OLGA).await.body;
    has(&page, &["Stopped: nothing more begins.", "Stopped.", "olga@example.com: enough"]);
    let table = office.page("/offboardings.csv", OTTO).await.body;
    has(&table, &["request_id,person_email,", ",lock,done,2,", "looked it up", ",badge,cancelled,", ",enough"]);
    lacks(&page, &["</button>\n</form>\n</div>"]);
}

#[tokio::test]
async fn another_operator_approves_or_declines() {
    let office = Office::new().await;
    let path = office.start("sudden").await;
    let own = office.page(&format!("{path}?notice=started"), OLGA).await.body;
    has(&own, &["The offboarding waits for a second operator.", "Waiting for a second operator.", ">Decline</button>"]);
    lacks(&own, &[">Approve</button>"]);
    let forged = office.post(&format!("{path}/decision"), OLGA, "decision=approve").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let mut ivo = RequestFilter::first(9);
    ivo.asked = Some(office.house.person(IVO).await);
    assert!(office.house.gate.queries().list(&ivo).await.unwrap().is_empty(), "nothing is decided yet");
    let waiting = office.page("/", OTTO).await.body;
    has(&waiting, &["Offboarding (sudden): Ana Ruiz", "Look at it and answer"]);
    lacks(&waiting, &["Approve removal"]);
    has(&office.page(&path, OTTO).await.body, &[">Approve</button>", ">Decline</button>"]);
    let bulk = office.post("/bulk", OTTO, &format!("decision=approve&request={}", &path[10..])).await;
    assert_eq!(bulk.status, StatusCode::UNPROCESSABLE_ENTITY, "answered alone");
    let approve = office.post(&format!("{path}/decision"), OTTO, "decision=approve&reason=agreed").await;
    let page = office.page(&approve.location, OTTO).await.body;
    has(&page, &["Your approval is recorded: it begins.", "approved by otto@example.com", ": agreed"]);
    has(&page, &["Approved the offboarding, as the second operator"]);
    lacks(&page, &[">Approve</button>", ">Decline</button>"]);
}

#[tokio::test]
async fn a_declined_offboarding_does_nothing() {
    let office = Office::new().await;
    let path = office.start("sudden").await;
    let decline = office.post(&format!("{path}/decision"), OTTO, "decision=keep").await;
    office.house.work().await;
    let page = office.page(&decline.location, OTTO).await.body;
    has(&page, &["Declined: nothing is done.", "Withdrawn or declined; nothing was done.", "cancelled"]);
    assert_eq!(office.idp.calls().len(), 0);
}

#[tokio::test]
async fn neither_strangers_nor_whoever_leaves_see_anything_of_it() {
    let office = Office::new().await;
    let theirs = office.house.ask("zoe@example.com", "Zoe", "mona@example.com").await;
    assert!(!theirs.is_empty());
    let form = "confirmed=yes&email=otto%40example.com&playbook=leaver";
    let started = office.post("/offboardings", OLGA, form).await;
    let path = started.location.trim_end_matches("?notice=started").to_owned();
    for who in ["mona@example.com", OTTO] {
        assert_eq!(office.page(&path, who).await.status, StatusCode::NOT_FOUND, "{who}");
        let stop = office.post(&format!("{path}/stop"), who, "reason=x").await;
        assert_eq!(stop.status, StatusCode::NOT_FOUND, "{who}");
    }
    for page in ["/", "/requests", "/offboardings"] {
        lacks(&office.page(page, OTTO).await.body, &[&path]);
    }
    lacks(&office.page("/offboardings.csv", OTTO).await.body, &["otto@example.com"]);
    for page in ["/offboardings", "/offboardings.csv"] {
        assert_eq!(office.page(page, "mona@example.com").await.status, StatusCode::FORBIDDEN);
    }
    let start = "confirmed=yes&email=zoe%40example.com&playbook=leaver";
    assert_eq!(office.post("/offboardings", "mona@example.com", start).await.status, StatusCode::FORBIDDEN);
    assert!(office.house.denials().await.contains(&("offboard".to_owned(), "not_operator".to_owned())));
    let (cookie, _) = office.house.sign_in(OLGA).await;
    let forged = office.house.post("/offboardings", &cookie, &format!("token=AAAA&{start}")).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}
