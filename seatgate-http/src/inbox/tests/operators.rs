//! What operators, deciders and approvers do about a request beside deciding it.

use std::time::Duration;

use seatgate_core::port::Idempotency;
use seatgate_core::request::StateLabel;
use seatgate_core::testing::{ScriptedDeprovisioner, Step};

use super::*;

/// A house in which the first removal ends so, and the request whose task waits for an operator.
async fn paused(step: Step) -> (House, String) {
    let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Unknown));
    target.then(step);
    let house = House::with(target, &[]);
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    approve(&house, &id).await;
    // An outcome that nobody knows is looked up twice first.
    for _ in 0..5 {
        house.work().await;
        house.clock.advance(Duration::from_secs(600));
    }
    assert_eq!(state(&house, &id).await, StateLabel::NeedsAttention);
    (house, id)
}

async fn approve(house: &House, id: &str) {
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let form = format!("token={token}&decision=approve");
    let answer = house.post(&format!("/requests/{id}/decision"), &cookie, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

async fn state(house: &House, id: &str) -> StateLabel {
    house.gate.request(id.parse().unwrap()).await.unwrap().label()
}

/// Where the answers to the pause are sent.
fn task_path(page: &str) -> String {
    let (_, rest) = page.split_once("/tasks/").expect(page);
    format!("/tasks/{}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn what_needs_attention_is_listed_for_operators_with_its_answers() {
    let (house, id) = paused(Step::fails(EffectError::rejected("no such user"))).await;
    let (manager, _) = house.sign_in("mona@example.com").await;
    assert!(!house.get("/", &manager).await.body.contains(">Needs attention</h2>"));
    let theirs = house.get(&format!("/requests/{id}"), &manager).await.body;
    assert!(theirs.contains("It waits for an operator.") && !theirs.contains("/tasks/"), "{theirs}");
    let (cookie, _) = house.operator().await;
    let list = house.get("/", &cookie).await.body;
    assert!(list.contains(">Needs attention</h2>") && !list.contains("Nothing waits for you."), "{list}");
    let page = house.get(&format!("/requests/{id}"), &cookie).await.body;
    for text in [">Retry</button>", ">Skip</button>", ">Stop</button>", "name=\"pause\" value=\"1\"", "no such user"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains(">Confirm</button>"), "{page}");
}

#[tokio::test]
async fn a_retry_is_for_the_pause_that_was_shown() {
    let (house, id) = paused(Step::fails(EffectError::rejected("locked"))).await;
    let (cookie, token) = house.operator().await;
    let path = format!("/requests/{id}");
    let task = format!("{path}{}", task_path(&house.get(&path, &cookie).await.body));
    for resolution in ["retry", "stop"] {
        let stale = house.post(&task, &cookie, &format!("token={token}&pause=7&resolution={resolution}")).await;
        assert_eq!(stale.status, StatusCode::CONFLICT, "{resolution}");
        assert!(stale.body.contains("Nothing was changed."), "{}", stale.body);
    }
    let retry = format!("token={token}&pause=1&resolution=retry");
    let answer = house.post(&task, &cookie, &retry).await;
    assert_eq!(answer.location, format!("{path}?notice=answered"), "{}", answer.body);
    house.work().await;
    assert!(house.get(&answer.location, &cookie).await.body.contains("The seat is reclaimed."));
    assert_eq!(house.post(&task, &cookie, &retry).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn skipping_needs_a_reason_and_confirming_a_doubt() {
    let (house, id) = paused(Step::fails(EffectError::rejected("locked"))).await;
    let (cookie, token) = house.operator().await;
    let path = format!("/requests/{id}");
    let task = format!("{path}{}", task_path(&house.get(&path, &cookie).await.body));
    let answer = |rest: &str| format!("token={token}&pause=1&{rest}");
    for (rest, status) in [
        ("resolution=skip", StatusCode::UNPROCESSABLE_ENTITY),
        ("resolution=confirm&reason=Looked", StatusCode::CONFLICT),
        ("resolution=remove&reason=x", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(house.post(&task, &cookie, &answer(rest)).await.status, status, "{rest}");
    }
    assert_eq!(state(&house, &id).await, StateLabel::NeedsAttention);
    let skip = house.post(&task, &cookie, &answer("resolution=skip&reason=Done+by+hand")).await;
    assert_eq!(skip.status, StatusCode::SEE_OTHER, "{}", skip.body);
    assert!(house.get(&skip.location, &cookie).await.body.contains("Done by hand"));
    assert_eq!(state(&house, &id).await, StateLabel::Closed);
}

#[tokio::test]
async fn what_may_have_happened_can_be_confirmed() {
    let (house, id) = paused(Step::loses_the_reply()).await;
    let (cookie, token) = house.operator().await;
    let path = format!("/requests/{id}");
    let page = house.get(&path, &cookie).await.body;
    assert!(page.contains(">Confirm</button>") && page.contains("It may have happened all the same."), "{page}");
    let form = format!("token={token}&pause=1&resolution=confirm&reason=Gone+from+the+list");
    let answer = house.post(&format!("{path}{}", task_path(&page)), &cookie, &form).await;
    let after = house.get(&answer.location, &cookie).await.body;
    assert!(after.contains("proof: attested, because: Gone from the list"), "{after}");
}

#[tokio::test]
async fn a_pause_can_be_answered_by_stopping() {
    let (house, id) = paused(Step::fails(EffectError::rejected("locked"))).await;
    let (cookie, token) = house.operator().await;
    let path = format!("/requests/{id}");
    let task = format!("{path}{}", task_path(&house.get(&path, &cookie).await.body));
    let answer = house.post(&task, &cookie, &format!("token={token}&pause=1&resolution=stop")).await;
    assert_eq!(answer.location, format!("{path}?notice=stopped"), "{}", answer.body);
    assert!(house.get(&answer.location, &cookie).await.body.contains("Stopped: nothing more begins."));
}

#[tokio::test]
async fn only_operators_answer_pauses_withdraw_and_stop() {
    let (house, id) = paused(Step::fails(EffectError::rejected("locked"))).await;
    let (operator, _) = house.operator().await;
    let path = format!("/requests/{id}");
    let task = task_path(&house.get(&path, &operator).await.body);
    let (cookie, token) = house.sign_in("mona@example.com").await;
    for (end, form) in [(task.as_str(), "&pause=1&resolution=retry"), ("/withdraw", ""), ("/stop", "")] {
        let reply = house.post(&format!("{path}{end}"), &cookie, &format!("token={token}{form}")).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{end}");
        assert!(reply.body.contains("Only an operator may do this."), "{}", reply.body);
        let forged = house.post(&format!("{path}{end}"), &cookie, &format!("token=AAAA{form}")).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{end}");
    }
    let not_operator = |action: &str| (action.to_owned(), "not_operator".to_owned());
    let forged = ("send_form".to_owned(), "forged_form".to_owned());
    let denied = [not_operator("resolve"), forged, not_operator("withdraw"), not_operator("stop")];
    assert_eq!(house.denials().await, denied);
    assert_eq!(state(&house, &id).await, StateLabel::NeedsAttention);
}

#[tokio::test]
async fn an_approval_is_taken_back_in_its_grace_period() {
    let house = House::with(Arc::new(Obliging), &[("grace", "2h"), ("cool_down", "0s")]);
    for undoer in ["mona@example.com", "ops@example.com"] {
        let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
        approve(&house, &id).await;
        house.operator().await;
        let (cookie, token) = house.sign_in(undoer).await;
        let path = format!("/requests/{id}");
        house.clock.advance(Duration::from_secs(60));
        let page = house.get(&path, &cookie).await.body;
        assert!(page.contains(">Undo</button>") && page.contains("1 h 59 min left"), "{page}");
        let answer = house.post(&format!("{path}/undo"), &cookie, &format!("token={token}&reason=A+mistake")).await;
        assert_eq!(answer.location, format!("{path}?notice=undone"), "{}", answer.body);
        let after = house.get(&answer.location, &cookie).await.body;
        assert!(after.contains("The approval is taken back") && !after.contains(">Undo</button>"), "{after}");
    }
}

#[tokio::test]
async fn an_undo_that_comes_too_late_says_so() {
    let house = House::with(Arc::new(Obliging), &[("grace", "2h")]);
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    approve(&house, &id).await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    house.clock.advance(Duration::from_secs(7_200));
    house.work().await;
    let reply = house.post(&format!("/requests/{id}/undo"), &cookie, &format!("token={token}")).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    let page = house.get(&format!("/requests/{id}?notice=undone"), &cookie).await.body;
    assert!(page.contains("The seat is reclaimed.") && !page.contains("The approval is taken back"), "{page}");
}

#[tokio::test]
async fn operators_withdraw_what_nobody_answered() {
    let house = House::new();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (manager, _) = house.sign_in("mona@example.com").await;
    assert!(!house.get(&format!("/requests/{id}"), &manager).await.body.contains(">Withdraw</button>"));
    let (cookie, token) = house.operator().await;
    let page = house.get(&format!("/requests/{id}"), &cookie).await.body;
    for text in
        [">Withdraw</button>", "You operate seatgate; others were asked.", "mona: named as", "as it was received"]
    {
        assert!(page.contains(text), "{text} in {page}");
    }
    let answer = house.post(&format!("/requests/{id}/withdraw"), &cookie, &format!("token={token}")).await;
    let after = house.get(&answer.location, &cookie).await.body;
    assert!(after.contains("The request is withdrawn: the seat stays."), "{after}");
}
