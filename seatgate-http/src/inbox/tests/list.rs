//! The list of requests and the choice of a person, page by page.

use super::*;

/// Where a link with these words leads.
fn link(page: &str, words: &str) -> Option<String> {
    let (before, _) = page.split_once(&format!(">{words}</a>"))?;
    let (_, address) = before.rsplit_once("href=\"")?;
    Some(address.trim_end_matches('"').replace("&#38;", "&"))
}

async fn many(house: &House, count: usize) {
    for n in 0..count {
        house.clock.advance(std::time::Duration::from_secs(1));
        house.ask(&format!("u{n}@example.com"), &format!("Name{n}."), "mona@example.com").await;
    }
}

#[tokio::test]
async fn requests_are_listed_newest_first_page_by_page_and_back() {
    let house = House::new();
    many(&house, 60).await;
    house.ask("leo@example.com", "Leo", "omar@example.com").await;
    let (cookie, _) = house.sign_in("mona@example.com").await;
    let first = house.get("/requests", &cookie).await.body;
    assert!(first.contains("Name59.") && !first.contains("Name9.") && !first.contains("Leo"), "{first}");
    assert!(link(&first, "Newer").is_none());
    let second = house.get(&link(&first, "Older").unwrap(), &cookie).await.body;
    assert!(second.contains("Name9.") && second.contains("Name0.") && !second.contains("Name10."), "{second}");
    assert!(link(&second, "Older").is_none());
    let back = house.get(&link(&second, "Newer").unwrap(), &cookie).await.body;
    assert!(back.contains("Name59.") && back.contains("Name10.") && link(&back, "Newer").is_none(), "{back}");
    assert!(link(&back, "Older").is_some());
    let (operator, _) = house.operator().await;
    assert!(house.get("/requests", &operator).await.body.contains("Leo"));
    assert_eq!(house.get("/requests", "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn requests_are_chosen_and_counted_by_state() {
    let house = House::new();
    many(&house, 52).await;
    let (cookie, token) = house.sign_in("mona@example.com").await;
    let id = house.gate.queries().list(&seatgate_core::port::RequestFilter::first(1)).await.unwrap()[0].id;
    house.post(&format!("/requests/{id}/decision"), &cookie, &format!("token={token}&decision=approve")).await;
    house.work().await;
    let page = house.get("/requests", &cookie).await.body;
    for choice in ["All <span>52</span>", "Waiting <span>51</span>", "Closed <span>1</span>"] {
        assert!(page.contains(choice), "{choice} in {page}");
    }
    assert!(!page.contains("Keeping <span>"), "{page}");
    let waiting = house.get("/requests?state=awaiting_decision", &cookie).await.body;
    assert!(waiting.contains("aria-current=\"page\">Waiting") && !waiting.contains("Name0."), "{waiting}");
    let older = link(&waiting, "Older").unwrap();
    assert!(older.ends_with("&state=awaiting_decision"), "{older}");
    assert_eq!(house.get(&older, &cookie).await.body.matches("<li><a href=\"/requests/").count(), 1);
    let closed = house.get("/requests?state=closed", &cookie).await.body;
    assert!(closed.contains("Name0.") && !closed.contains("Name1."), "{closed}");
}

#[tokio::test]
async fn many_people_are_paged_and_one_is_found_by_address() {
    let house = House::new();
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    assert!(!house.get("/", "").await.body.contains("E-mail address of the person"));
    for n in 0..101 {
        house.ask(&format!("u{n}@example.com"), "Somebody", &format!("boss{n}.@example.com")).await;
    }
    house.gate.appoint(&["ops@example.com".parse().unwrap()]).await.unwrap();
    let first = house.get("/", "").await.body;
    assert_eq!(first.matches(" waiting</span>").count(), 101, "a hundred, and the operator");
    assert!(first.contains("ops@example.com"));
    let second = house.get(&link(&first, "More people").unwrap(), "").await.body;
    assert_eq!(second.matches("1 waiting</span>").count(), 2, "{second}");
    assert!(link(&second, "More people").is_none() && !second.contains("ops@example.com"), "{second}");
    let found = house.get("/?address=%20Boss100.%40example.com", "").await.body;
    assert!(found.contains("1 waiting</span>") && found.matches("name=\"person\"").count() == 1, "{found}");
    for nobody in ["u1%40example.com", "nobody%40example.com", "no%20address"] {
        let page = house.get(&format!("/?address={nobody}"), "").await.body;
        assert!(page.contains("Nobody with this address was asked."), "{nobody}: {page}");
    }
}

#[tokio::test]
async fn what_waits_is_paged_and_counted() {
    let house = House::new();
    many(&house, 101).await;
    let (cookie, _) = house.sign_in("mona@example.com").await;
    let first = house.get("/", &cookie).await.body;
    assert!(first.contains("101 requests wait for you"), "{first}");
    let next = link(&first, "Next page").unwrap();
    let second = house.get(&next, &cookie).await.body;
    assert!(second.matches("<article").count() == 1 && second.contains("Name100."), "{second}");
    assert_eq!(link(&second, "Back to the first").unwrap(), "/");
    let all = house.get(&format!("{next}&select=all"), &cookie).await.body;
    assert!(all.contains("Name100."), "{all}");
}
