//! The page of exceptions.

use super::*;

/// Keeps the seat of `account`, asked of `manager`.
async fn kept(house: &House, account: &str, name: &str, manager: &str) -> String {
    let id = house.ask(account, name, manager).await;
    let (cookie, token) = house.sign_in(manager).await;
    let form = format!("token={token}&decision=keep&reason=On+leave&keep_until=2027-01-31");
    assert_eq!(house.post(&format!("/requests/{id}/decision"), &cookie, &form).await.status, StatusCode::SEE_OTHER);
    house.work().await;
    id
}

fn revoke_path(page: &str) -> String {
    let (_, rest) = page.split_once("action=\"/exceptions/").expect(page);
    format!("/exceptions/{}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn people_see_the_exceptions_of_what_they_were_asked() {
    let house = House::new();
    let id = kept(&house, "ana@example.com", "Ana Ruiz", "mona@example.com").await;
    kept(&house, "leo@example.com", "Leo", "omar@example.com").await;
    let (cookie, _) = house.sign_in("mona@example.com").await;
    let page = house.get("/exceptions", &cookie).await.body;
    for text in ["Figma: Ana Ruiz", "2027-01-31", "On leave", "mona, 2026-11-22", &format!("/requests/{id}")] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains("Leo") && !page.contains("Revoke</button>"), "{page}");
    let (operator, _) = house.operator().await;
    let all = house.get("/exceptions", &operator).await.body;
    assert!(all.contains("Ana Ruiz") && all.contains("Leo") && all.matches("Revoke</button>").count() == 2, "{all}");
    assert_eq!(house.get("/exceptions", "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn operators_and_only_they_revoke() {
    let house = House::new();
    kept(&house, "ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (operator, token) = house.operator().await;
    let path = revoke_path(&house.get("/exceptions", &operator).await.body);
    let (manager, theirs) = house.sign_in("mona@example.com").await;
    assert_eq!(house.post(&path, &manager, &format!("token={theirs}")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.denials().await, [("revoke_exception".to_owned(), "not_operator".to_owned())]);
    assert_eq!(house.post(&path, &operator, &format!("token={theirs}")).await.status, StatusCode::FORBIDDEN);
    let done = house.post(&path, &operator, &format!("token={token}")).await;
    assert_eq!(done.location, "/exceptions?notice=revoked", "{}", done.body);
    let page = house.get(&done.location, &operator).await.body;
    assert!(page.contains("The exception is revoked") && page.contains("There is no exception."), "{page}");
    let id = path.split('/').nth(2).unwrap().parse().unwrap();
    let trail = house.gate.queries().trail(Stream::Exception(id)).await.unwrap();
    let kinds: Vec<&str> = trail.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["exception_revoking", "exception_revoked"]);
    let twice = house.post(&path, &operator, &format!("token={token}")).await;
    assert!(twice.status == StatusCode::CONFLICT && twice.body.contains("does not hold any more"), "{}", twice.body);
    assert!(house.get("/exceptions", &manager).await.body.contains("There is no exception."));
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
}

#[tokio::test]
async fn many_exceptions_are_shown_page_by_page() {
    let house = House::new();
    let (operator, _) = house.operator().await;
    for n in 0..101 {
        house.ask(&format!("u{n}@example.com"), &format!("Name{n}."), "mona@example.com").await;
    }
    let person = house.person("mona@example.com").await;
    let by = seatgate_core::gate::Submission::new(Actor::Person(person), Surface::Inbox);
    for request in house.gate.queries().list(&seatgate_core::port::RequestFilter::first(200)).await.unwrap() {
        let ask = seatgate_core::gate::Ask::Keep { until: None };
        house.gate.act(request.id, ask, Some("Leave"), &by).await.unwrap();
    }
    house.work().await;
    let (manager, _) = house.sign_in("mona@example.com").await;
    for cookie in [&operator, &manager] {
        let first = house.get("/exceptions", cookie).await.body;
        assert_eq!(first.matches("<article").count(), 100);
        let (_, next) = first.split_once("href=\"/exceptions?").unwrap();
        let second = house.get(&format!("/exceptions?{}", next.split('"').next().unwrap()), cookie).await.body;
        assert!(second.matches("<article").count() == 1 && !second.contains("Next page"), "{second}");
    }
}
