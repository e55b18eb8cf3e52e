//! Many answers at once.

use super::*;

async fn three(house: &House) -> Vec<String> {
    let mut ids = Vec::new();
    for name in ["Ana", "Ben", "Carla"] {
        ids.push(house.ask(&format!("{name}@example.com").to_lowercase(), name, "mona@example.com").await);
    }
    ids
}

fn selected(token: &str, ids: &[String], rest: &str) -> String {
    let requests: String = ids.iter().map(|id| format!("&request={id}")).collect();
    format!("token={token}{requests}&{rest}")
}

#[tokio::test]
async fn several_are_selected_confirmed_and_answered_each_on_its_own() {
    let house = House::new();
    let ids = three(&house).await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let list = house.get("/", &cookie).await.body;
    assert_eq!(list.matches("type=\"checkbox\"").count(), 3);
    assert!(list.contains("Approve removal of selected</button>") && list.contains("Keep selected</button>"));
    assert_eq!(house.get("/?select=all", &cookie).await.body.matches(" checked").count(), 3);
    let confirm = house.post("/bulk", &cookie, &selected(&token, &ids, "decision=approve")).await;
    assert_eq!(confirm.status, StatusCode::OK);
    for text in ["Approve the removal of 3 seats?", "Together they cost 135.00 USD a month.", "cannot be given back"] {
        assert!(confirm.body.contains(text), "{text} in {}", confirm.body);
    }
    assert!(house.gate.request(ids[0].parse().unwrap()).await.unwrap().approval.verdict.is_none());
    let other = house.post(&format!("/requests/{}/decision", ids[1]), &cookie, &keep(&token)).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER);
    let sure = selected(&token, &ids, "decision=approve&confirmed=yes");
    let results = house.post("/bulk", &cookie, &sure).await.body;
    assert!(results.contains("2 of 3 removals approved"), "{results}");
    assert!(results.contains("it was decided before.") && results.contains("Kept until"), "{results}");
    assert_eq!(results.matches("Recorded ✓").count(), 2);
    let again = house.post("/bulk", &cookie, &sure).await.body;
    assert!(again.contains("0 of 3 removals approved") && again.matches("it was decided before.").count() == 3);
    let late = house.post("/bulk", &cookie, &selected(&token, &ids, "decision=keep")).await.body;
    assert!(late.contains("Nothing is left to answer") && late.contains("Answered in the meantime"), "{late}");
}

fn keep(token: &str) -> String {
    format!("token={token}&decision=keep&reason=Leave")
}

#[tokio::test]
async fn keeping_several_shares_a_reason_and_a_date() {
    let house = House::new();
    let ids = three(&house).await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let form = selected(&token, &ids, "decision=keep");
    assert!(house.post("/bulk", &cookie, &form).await.body.contains("Reason to keep them</label>"));
    for (rest, word) in [("", "needs a reason"), ("&reason=Leave&keep_until=soon", "year-month-day")] {
        let reply = house.post("/bulk", &cookie, &format!("{form}&confirmed=yes{rest}")).await;
        assert!(reply.status == StatusCode::UNPROCESSABLE_ENTITY && reply.body.contains(word), "{}", reply.body);
        assert!(reply.body.contains("Keep 3 seats</button>"));
    }
    let sure = format!("{form}&confirmed=yes&reason=Leave&keep_until=2027-01-31");
    let results = house.post("/bulk", &cookie, &sure).await.body;
    assert!(results.contains("3 of 3 seats kept"), "{results}");
    assert_eq!(results.matches("Kept until 2027-01-31 by mona").count(), 3);
}

#[tokio::test]
async fn currencies_stay_apart_and_unknown_costs_are_said() {
    let house = House::new();
    let mut ids = three(&house).await;
    for (account, cost) in [("dora", json!({"amount": "16.00", "currency": "EUR"})), ("emil", Value::Null)] {
        let draft: CandidateDraft = serde_json::from_value(json!({
            "app": {"id": "miro"}, "account": {"id": account}, "never_used": true, "monthly_cost": cost,
            "manager": {"email": "mona@example.com"}
        }))
        .unwrap();
        let rows = vec![Ok(draft.parse().unwrap())];
        let report =
            house.gate.sweep(Sweep::new(Actor::system("demo").unwrap(), Surface::Library, rows)).await.unwrap();
        ids.push(report.results[0].request_id.unwrap().to_string());
    }
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let page = house.post("/bulk", &cookie, &selected(&token, &ids, "decision=approve")).await.body;
    let total = "Together they cost 16.00 EUR + 135.00 USD a month; the cost of one is not known.";
    assert!(page.contains(total), "{page}");
}

#[tokio::test]
async fn an_own_seat_among_many_is_refused_alone() {
    let house = House::new();
    let mut ids = three(&house).await;
    ids.push(house.ask("mona@example.com", "Mona Li", "mona@example.com").await);
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let form = selected(&token, &ids, "decision=keep&confirmed=yes&reason=Team");
    let results = house.post("/bulk", &cookie, &form).await.body;
    assert!(results.contains("3 of 4 seats kept"), "{results}");
    assert!(results.contains("Keeping your own seat needs somebody else."), "{results}");
}

#[tokio::test]
async fn a_bulk_form_is_ours_and_names_only_what_its_sender_may_see() {
    let house = House::new();
    let ids = three(&house).await;
    let theirs = house.ask("leo@example.com", "Leo", "omar@example.com").await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let sure = "decision=approve&confirmed=yes";
    let mixed = [ids.clone(), vec![theirs]].concat();
    let many: Vec<String> = (0..101).map(|n| format!("req_{n:032x}")).collect();
    for (form, status) in [
        (selected("AAAA", &ids, sure), StatusCode::FORBIDDEN),
        (selected(&token, &mixed, sure), StatusCode::NOT_FOUND),
        (selected(&token, &[], sure), StatusCode::UNPROCESSABLE_ENTITY),
        (selected(&token, &["x".to_owned()], sure), StatusCode::BAD_REQUEST),
        (selected(&token, &many, sure), StatusCode::BAD_REQUEST),
        (selected(&token, &ids, "confirmed=yes"), StatusCode::BAD_REQUEST),
        (selected(&token, &ids, "decision=remove&confirmed=yes"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(house.post("/bulk", &cookie, &form).await.status, status, "{form}");
    }
    assert_eq!(house.post("/bulk", "", &selected(&token, &ids, sure)).await.status, StatusCode::FORBIDDEN);
    assert!(house.gate.request(ids[0].parse().unwrap()).await.unwrap().approval.verdict.is_none());
}

#[tokio::test]
async fn a_hundred_cards_are_shown_and_the_rest_waits_behind_them() {
    let house = House::new();
    for n in 0..101 {
        house.ask(&format!("u{n}@example.com"), &format!("Name{n}."), "mona@example.com").await;
    }
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let page = house.get("/?select=all", &cookie).await.body;
    assert!(page.matches("<article").count() == 100 && page.contains("More wait behind these."), "{page}");
    let shown: Vec<String> = page
        .split("name=\"request\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let results = house.post("/bulk", &cookie, &selected(&token, &shown, "decision=approve&confirmed=yes")).await.body;
    assert!(results.contains("100 of 100 removals approved"), "{results}");
    let rest = house.get("/", &cookie).await.body;
    assert!(rest.matches("<article").count() == 1 && !rest.contains("More wait"), "{rest}");
    assert_eq!(rest.matches("Removal approved by mona").count(), 20);
}
