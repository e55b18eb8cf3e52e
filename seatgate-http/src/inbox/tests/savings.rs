//! The page of savings.

use super::*;

#[tokio::test]
async fn what_is_saved_is_shown_and_what_is_hoped_for_apart() {
    let house = House::with(Arc::new(Obliging), &[("grace", "1d")]);
    let (cookie, token) = {
        let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
        let (cookie, token) = house.sign_in("mona@example.com").await;
        let page = house.get("/savings", &cookie).await.body;
        assert!(page.contains("Nothing has been decided yet."), "{page}");
        house.post(&format!("/requests/{id}/decision"), &cookie, &format!("token={token}&decision=approve")).await;
        (cookie, token)
    };
    house.clock.advance(std::time::Duration::from_secs(2 * 86_400));
    house.work().await;
    let id = house.ask("leo@example.com", "Leo", "mona@example.com").await;
    house.post(&format!("/requests/{id}/decision"), &cookie, &format!("token={token}&decision=approve")).await;
    let page = house.get("/savings", &cookie).await.body;
    for text in [
        "<dt>Saved, by receipt</dt><dd>45.00 USD a month, 1 seat</dd>",
        "<dt>Projected</dt><dd>45.00 USD a month, 1 seat</dd>",
        "<dt>Keep rate</dt><dd>0 %</dd>",
        "<title>2026-11: 45.00 USD saved, 45.00 USD projected</title>",
        "<rect class=\"saved\" x=\"0\" y=\"60\" width=\"40\" height=\"60\"/>",
        "<a href=\"/savings\">Savings</a>",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains("Ana Ruiz") && !page.contains("leo@"), "{page}");
    let table = house.get("/savings.csv", &cookie).await.body;
    assert!(table.contains("\r\n2026-11,figma,verified,receipt,1,45.00,USD\r\n"), "{table}");
    for path in ["/savings", "/savings.csv"] {
        assert_eq!(house.get(path, "").await.status, StatusCode::SEE_OTHER, "{path}");
    }
}
