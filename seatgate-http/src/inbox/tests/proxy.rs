//! Behind a proxy that says who is looking.

use super::*;
use crate::inbox::{PROXY_SECRET_HEADER, TrustedHeaderError};

const SECRET: &str = "sixteen-letters!";
const HEADER: &str = "x-forwarded-email";

fn behind_proxy() -> House {
    let mut house = House::new();
    house.app = router(house.gate.clone(), trusting());
    house
}

fn trusting() -> InboxOptions {
    let identity = InboxIdentity::trusted_header("X-Forwarded-Email", SECRET).unwrap();
    InboxOptions::new(identity).offering_sample(|_| Vec::new())
}

async fn get(house: &House, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::get(path).header(header::HOST, "seats.example.com");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    house.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_proxy_says_who_is_looking() {
    let house = behind_proxy();
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let headers = [(HEADER, "Mona@Example.com"), (PROXY_SECRET_HEADER, SECRET)];
    let page = get(&house, "/", &headers).await;
    assert!(page.body.contains("Figma: Ana Ruiz") && page.body.contains("<strong>mona</strong>"), "{}", page.body);
    assert!(!page.body.contains("Be somebody else"));
    let token = token(&page.body);
    let form = format!("token={token}&decision=approve");
    let mut post = Request::post(format!("/requests/{id}/decision"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        post = post.header(name, value);
    }
    let answer = house.send(post.body(Body::from(form)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let verdict = house.gate.request(id.parse().unwrap()).await.unwrap().approval.verdict.unwrap();
    assert_eq!(verdict.by, Actor::Person(house.person("mona@example.com").await));
}

#[tokio::test]
async fn a_proxy_names_addresses_and_a_strict_policy_takes_none() {
    let mut house = House::with(Arc::new(Obliging), &[("strict_identity", "true")]);
    house.app = router(house.gate.clone(), trusting());
    let id = house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let page = get(&house, "/", &[(HEADER, "mona@example.com"), (PROXY_SECRET_HEADER, SECRET)]).await;
    let form = format!("token={}&decision=approve", token(&page.body));
    let post = Request::post(format!("/requests/{id}/decision"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(HEADER, "mona@example.com")
        .header(PROXY_SECRET_HEADER, SECRET);
    assert_eq!(house.send(post.body(Body::from(form)).unwrap()).await.status, StatusCode::FORBIDDEN);
    assert!(house.gate.request(id.parse().unwrap()).await.unwrap().approval.verdict.is_none());
}

#[tokio::test]
async fn without_the_proxys_secret_nobody_is_believed() {
    let house = behind_proxy();
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let (mona, secret) = ((HEADER, "mona@example.com"), (PROXY_SECRET_HEADER, SECRET));
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[mona], "no_proxy_secret"),
        (&[mona, (PROXY_SECRET_HEADER, "")], "wrong_proxy_secret"),
        (&[mona, (PROXY_SECRET_HEADER, "sixteen-letters")], "wrong_proxy_secret"),
        (&[mona, (PROXY_SECRET_HEADER, "Sixteen-letters!")], "wrong_proxy_secret"),
        (&[mona, secret, secret], "no_proxy_secret"),
        (&[secret], "no_person"),
        (&[(HEADER, "nobody"), secret], "no_person"),
        (&[mona, (HEADER, "omar@example.com"), secret], "no_person"),
    ];
    for (headers, denial) in cases {
        for path in ["/", "/exceptions", "/inbox.css"] {
            let reply = get(&house, path, headers).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{denial} {path}");
            assert!(!reply.body.contains("Ana Ruiz") && reply.body.contains("sign-in"), "{}", reply.body);
        }
    }
    house.clock.advance(std::time::Duration::from_secs(61));
    house.gate.flush_access().await;
    let denials = house.denials().await;
    for (_, denial) in cases {
        assert!(denials.contains(&("look".to_owned(), denial.to_owned())), "{denial} in {denials:?}");
    }
}

#[tokio::test]
async fn whom_nobody_asked_is_told_so_and_nobody_is_added() {
    let house = behind_proxy();
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let headers = [(HEADER, "eve@example.com"), (PROXY_SECRET_HEADER, SECRET)];
    let page = get(&house, "/", &headers).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Nobody has asked you about a seat yet.") && !page.body.contains("name=\"person\""));
    assert!(house.gate.people().find(&"eve@example.com".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_is_picked_and_no_cookie_counts() {
    let house = behind_proxy();
    house.ask("ana@example.com", "Ana Ruiz", "mona@example.com").await;
    let secret = (PROXY_SECRET_HEADER, SECRET);
    let person = house.person("mona@example.com").await;
    let cookie = InboxIdentity::trusted_header(HEADER, SECRET).unwrap().cookie(Some(person), "");
    let cookie = cookie.split(';').next().unwrap();
    let headers = [(HEADER, "eve@example.com"), secret, ("cookie", cookie)];
    assert!(!get(&house, "/", &headers).await.body.contains("Ana Ruiz"));
    for path in ["/person", "/demo/sample"] {
        let post = Request::post(path).header(secret.0, secret.1).header(HEADER, "mona@example.com");
        assert_eq!(house.send(post.body(Body::empty()).unwrap()).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn a_pair_that_protects_nothing_is_refused() {
    for header in ["", "two words", "Cookie", "authorization", "host", PROXY_SECRET_HEADER] {
        assert_eq!(InboxIdentity::trusted_header(header, SECRET).unwrap_err(), TrustedHeaderError::Header, "{header}");
    }
    for secret in ["", " ", "fifteen-letters", "sixteen letters!"] {
        let error = InboxIdentity::trusted_header(HEADER, secret).unwrap_err();
        assert!(matches!(error, TrustedHeaderError::Secret(_)), "{secret}");
    }
    let shown = format!("{:?}", InboxIdentity::trusted_header(HEADER, SECRET).unwrap());
    assert_eq!(shown, "InboxIdentity::trusted_header(x-forwarded-email, [redacted])");
}
