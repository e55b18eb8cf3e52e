//! Who is asked: the way to them, votes, the holder's word, and handing on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use seatgate_core::id::DelegationId;
use seatgate_core::port::{Delegation, Directory, DirectoryEntry, Period, StoreError};
use seatgate_core::request::Stage;
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;

use super::*;

/// A directory that knows who was put into it.
#[derive(Default)]
struct Town(Mutex<BTreeMap<PersonRef, DirectoryEntry>>);

#[async_trait::async_trait]
impl Directory for Town {
    async fn people(&self, people: &[PersonRef], _now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let known = self.0.lock().unwrap();
        let entry = |person| known.get(person).cloned().unwrap_or_else(|| DirectoryEntry::unknown(*person));
        Ok(people.iter().map(entry).collect())
    }

    async fn owners(&self, _app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        Ok(Vec::new())
    }
}

async fn open(policy: &[(&str, &str)]) -> (House, String) {
    let house = House::with(Arc::new(Obliging), policy);
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    (house, id)
}

fn has(page: &str, texts: &[&str]) {
    texts.iter().for_each(|text| assert!(page.contains(text), "{text} in {page}"));
}

fn lacks(page: &str, texts: &[&str]) {
    texts.iter().for_each(|text| assert!(!page.contains(text), "{text} in {page}"));
}

const FORMS: [&str; 4] = ["Approve removal</button>", "Keep seat</button>", "Release it<", "I still need it<"];

#[tokio::test]
async fn somebody_else_is_asked_and_whoever_was_moved_sees_whom() {
    let (house, id) = open(&[]).await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let path = format!("/requests/{id}");
    let early = house.get(&format!("{path}?notice=reassigned"), &cookie).await.body;
    has(&early, &["Ask someone else</button>", "type=\"email\""]);
    lacks(&early, &["Somebody else is asked now."]);
    let form = format!("token={token}&to=nils%40example.com&reason=I+am+new+here%3C");
    let answer = house.post(&format!("{path}/reassign"), &cookie, &form).await;
    assert_eq!(answer.location, format!("{path}?notice=reassigned"), "{}", answer.body);
    let moved = house.get(&answer.location, &cookie).await.body;
    has(&moved, &["Somebody else is asked now.", "Now asked in your place: nils@example.com.", "no longer asked"]);
    has(&moved, &["Handed on from mona: asked nils@example.com (\u{201c}I am new here&#60;\u{201d})"]);
    lacks(&moved, &FORMS);
    lacks(&moved, &["Ask someone else</button>"]);
    assert!(house.get("/", &cookie).await.body.contains("Nothing waits for you."));
    let refused = house.post(&format!("{path}/decision"), &cookie, &format!("token={token}&decision=approve")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    let (cookie, _) = house.sign_in("nils@example.com").await;
    let handed = house.get(&path, &cookie).await.body;
    has(&handed, &["It was handed to you.", "Approve removal</button>", "Handed on by mona: I am new here&#60;."]);
    lacks(&handed, &["I am new here<"]);
}

#[tokio::test]
async fn a_reassignment_that_does_not_fit_is_told_with_what_was_written() {
    let (house, id) = open(&[]).await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let path = format!("/requests/{id}/reassign");
    for (rest, status, word) in [
        ("&to=nils&reason=New", 422, "Write an e-mail address"),
        ("&to=nils%40example.com&reason=+", 422, "Nothing was changed."),
        ("&to=ana%40example.com&reason=New", 422, "cannot be asked about this seat"),
        ("&to=mona%40example.com&reason=New", 409, "is asked already"),
    ] {
        let reply = house.post(&path, &cookie, &format!("token={token}{rest}")).await;
        assert_eq!(reply.status.as_u16(), status, "{rest}");
        let to = rest.split('&').nth(1).unwrap().trim_start_matches("to=").replace("%40", "@");
        has(&reply.body, &[word, &format!("name=\"to\" type=\"email\" autocomplete=\"off\" required value=\"{to}\"")]);
    }
    let forged = house.post(&path, &cookie, "token=AAAA&to=nils%40example.com&reason=New").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(house.gate.people().find(&"nils@example.com".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn two_approve_and_each_sees_how_far_it_is() {
    let (house, id) = open(&[("quorum", "2"), ("fallback_approvers", "omar@example.com")]).await;
    let path = format!("/requests/{id}");
    let (mona, token) = house.sign_in("mona@example.com").await;
    has(&house.get(&path, &mona).await.body, &["0 of 2", "Counts as one of 2 approvals"]);
    let form = format!("token={token}&decision=approve");
    let answer = house.post(&format!("{path}/decision"), &mona, &form).await;
    let voted = house.get(&answer.location, &mona).await.body;
    has(&voted, &["Your approval is recorded; the policy wants more of them.", "Your approval is in; 1 of 2 so far."]);
    has(
        &voted,
        &["1 of 2: mona, 2026-11-22 08:00 UTC", "Approved the removal, as approver; others&#39; approvals are"],
    );
    lacks(&voted, &FORMS);
    lacks(&voted, &["Ask someone else</button>"]);
    let again = house.post(&format!("{path}/decision"), &mona, &form).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    has(&again.body, &["Your approval is recorded already"]);
    let (omar, token) = house.sign_in("omar@example.com").await;
    let theirs = house.get(&format!("{path}?notice=approved"), &omar).await.body;
    has(&theirs, &["Waiting for an answer; 1 of 2 approvals are in.", "Removes the seat at once"]);
    lacks(&theirs, &["Your approval is recorded"]);
    let answer = house.post(&format!("{path}/decision"), &omar, &format!("token={token}&decision=approve")).await;
    has(&house.get(&answer.location, &omar).await.body, &["Removal approved by omar"]);
}

#[tokio::test]
async fn a_holder_says_what_they_need_and_the_approver_reads_it() {
    for (decision, label, said) in [
        ("keep", "Your answer is recorded: you still need the seat.", "The holder still needs it: Next week."),
        ("approve", "Your answer is recorded: you release the seat.", "The holder releases it: Next week."),
    ] {
        let (house, id) = open(&[("ask_holder_first", "true")]).await;
        let path = format!("/requests/{id}");
        let (ana, token) = house.sign_in("ana@example.com").await;
        let page = house.get(&path, &ana).await.body;
        has(&page, &["I still need it</button>", "Release it</button>", "Tells whoever decides that you do not need"]);
        lacks(&page, &[FORMS[0], FORMS[1], "Ask someone else</button>"]);
        has(&house.get("/", &ana).await.body, &["I still need it</button>"]);
        let form = format!("token={token}&decision={decision}&reason=Next+week");
        let answer = house.post(&format!("{path}/decision"), &ana, &form).await;
        let after = house.get(&answer.location, &ana).await.body;
        has(&after, &[label, "Now asked in your place: mona."]);
        lacks(&after, &FORMS);
        assert_eq!(house.gate.request(id.parse().unwrap()).await.unwrap().approval.stage, Stage::Approvers);
        let (mona, _) = house.sign_in("mona@example.com").await;
        let theirs = house.get(&path, &mona).await.body;
        has(&theirs, &[said, FORMS[0], "The holder has answered: asked mona", "asked as its holder"]);
    }
}

#[tokio::test]
async fn deadlines_are_told_once_a_card_was_delivered_and_the_trail_says_what_they_brought() {
    let (house, id) = open(&[("fallback_approvers", "omar@example.com")]).await;
    let (cookie, _) = house.sign_in("mona@example.com").await;
    let path = format!("/requests/{id}");
    lacks(&house.get(&path, &cookie).await.body, &["Without an answer"]);
    house.work().await;
    let page = house.get(&path, &cookie).await.body;
    has(
        &page,
        &["2026-11-24 08:00 UTC, 2026-11-26 08:00 UTC", "From 2026-12-06 08:00 UTC on, the seat is kept for 14 days"],
    );
    has(&page, &["<dt>Others are asked as well</dt><dd>2026-11-27 08:00 UTC</dd>"]);
    for _ in 0..5 {
        house.clock.advance(Duration::from_secs(86_400));
        house.work().await;
    }
    let page = house.get(&path, &cookie).await.body;
    has(&page, &["reminder 1", "reminder 2", "Nobody has answered: also asked omar@example.com"]);
}

/// A house whose directory says that Nils stands in for Mona for two days.
async fn with_stand_in(policy: &[(&str, &str)]) -> (House, Arc<Town>, String) {
    let town = Arc::new(Town::default());
    let house = House::knowing(town.clone(), policy);
    // Somebody must have been named before they can stand in.
    house.ask("leo@example.com", "Leo", "nils@example.com").await;
    house.ask("eva@example.com", "Eva", "mona@example.com").await;
    let [mona, nils] = [house.person("mona@example.com").await, house.person("nils@example.com").await];
    let now = house.gate.now();
    let period = Period::new(now, Some(now.saturating_add(Duration::from_secs(2 * 86_400))));
    let mut entry = DirectoryEntry::unknown(mona);
    entry.delegations.push(Delegation::new(DelegationId::generate(now, &OsEntropy), mona, nils, period));
    town.0.lock().unwrap().insert(mona, entry);
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    (house, town, id)
}

#[tokio::test]
async fn a_stand_in_sees_why_they_are_asked_and_can_take_their_approval_back() {
    let (house, _, id) = with_stand_in(&[("grace", "2h")]).await;
    let path = format!("/requests/{id}");
    let (cookie, token) = house.sign_in("nils@example.com").await;
    let page = house.get(&path, &cookie).await.body;
    has(&page, &["You stand in for somebody who would be asked.", "mona, the manager, has a stand-in."]);
    has(&page, &["nils: stands in for mona. mona, the manager, has a stand-in. nils, the stand-in, is asked."]);
    let form = format!("token={token}&decision=approve");
    let answer = house.post(&format!("{path}/decision"), &cookie, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    has(&house.get(&path, &cookie).await.body, &[">Undo</button>"]);
    let undone = house.post(&format!("{path}/undo"), &cookie, &format!("token={token}")).await;
    has(&house.get(&undone.location, &cookie).await.body, &["The approval is taken back"]);
}

#[tokio::test]
async fn a_delegation_that_ends_gives_the_request_back() {
    let (house, _, id) = with_stand_in(&[]).await;
    house.work().await;
    house.clock.advance(Duration::from_secs(2 * 86_400));
    let (nils, token) = house.sign_in("nils@example.com").await;
    let path = format!("/requests/{id}");
    let late = house.post(&format!("{path}/decision"), &nils, &format!("token={token}&decision=approve")).await;
    assert_eq!(late.status, StatusCode::FORBIDDEN, "{}", late.body);
    house.work().await;
    let page = house.get(&path, &nils).await.body;
    has(&page, &["A delegation of nils has begun or ended: asked mona", "Now asked in your place: mona."]);
    lacks(&page, &FORMS);
}
