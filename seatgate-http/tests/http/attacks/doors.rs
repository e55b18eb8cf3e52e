//! Attacks on the intake and the API.

use axum::body::Body;
use axum::http::Request;
use seatgate_core::port::Clock;
use serde_json::{Value, json};

use super::scene::{Denied, OTHER, Scene};
use super::{Attack, attack, try_all};
use crate::world::{MANAGER, SECRET, TOKEN, candidate, signed};

const PATH: &str = "/v1/candidates";
const OTHER_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Nobody was let in at the intake.
fn unsigned(why: &'static str) -> Option<Denied> {
    Some(Denied { who: "-", surface: "webhook", action: "intake", why, request: false })
}

/// Nobody was let in at the API.
fn unknown(why: &'static str) -> Option<Denied> {
    Some(Denied { who: "-", surface: "api", action: "call", why, request: false })
}

/// Somebody may not do this to a request.
fn may_not(who: &'static str, action: &'static str, why: &'static str) -> Option<Denied> {
    Some(Denied { who, surface: "api", action, why, request: true })
}

/// Somebody may not do what is about no request.
fn no_operator(who: &'static str, action: &'static str) -> Option<Denied> {
    Some(Denied { who, surface: "api", action, why: "not_operator", request: false })
}

fn body() -> Vec<u8> {
    candidate("eve").to_string().into_bytes()
}

/// A delivery, signed `late` seconds ago.
fn delivered(scene: &Scene, secret: &str, late: i64, body: &[u8]) -> Request<Body> {
    signed(secret, "msg_1", scene.world.clock.now().as_seconds() - late, PATH, body)
}

/// A good delivery whose header is changed after it was signed, or taken away.
fn altered(scene: &Scene, header: &'static str, value: Option<&'static str>) -> Request<Body> {
    let mut call = delivered(scene, SECRET, 0, &body());
    match value {
        Some(value) => call.headers_mut().insert(header, value.parse().unwrap()),
        None => call.headers_mut().remove(header),
    };
    call
}

fn api(method: &str, path: &str, authorization: &str, body: &Value) -> Request<Body> {
    let call = Request::builder().method(method).uri(path).header("authorization", authorization);
    call.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
}

fn bearer(method: &str, path: &str, body: &Value) -> Request<Body> {
    api(method, path, &format!("Bearer {TOKEN}"), body)
}

/// About a request, with the token.
fn about(id: impl ToString, what: &str, body: &Value) -> Request<Body> {
    bearer("POST", &format!("/v1/requests/{}/{what}", id.to_string()), body)
}

fn decision(decision: &str, email: &str) -> Value {
    json!({ "decision": decision, "reason": "mine", "as": { "email": email } })
}

fn signatures() -> Vec<Attack> {
    vec![
        attack("signed with another secret", 401, unsigned("bad_signature"), |s| {
            delivered(s, OTHER_SECRET, 0, &body())
        }),
        attack("replayed with another body", 401, unsigned("bad_signature"), |s| {
            let mut call = delivered(s, SECRET, 0, &body());
            *call.body_mut() = Body::from(candidate("mallory").to_string());
            call
        }),
        attack("replayed as another delivery", 401, unsigned("bad_signature"), |s| {
            altered(s, "webhook-id", Some("msg_2"))
        }),
        attack("an empty signature", 401, unsigned("bad_signature"), |s| altered(s, "webhook-signature", Some("v1,"))),
        attack("replayed too late", 401, unsigned("stale"), |s| delivered(s, SECRET, 301, &body())),
        attack("signed ahead", 401, unsigned("early"), |s| delivered(s, SECRET, -301, &body())),
        attack("no signature", 401, unsigned("no_signature"), |s| altered(s, "webhook-signature", None)),
        attack("no id", 401, unsigned("no_signature"), |s| altered(s, "webhook-id", None)),
        attack("no time that can be read", 401, unsigned("malformed_signature"), |s| {
            altered(s, "webhook-timestamp", Some("-1"))
        }),
        attack("a token in the place of a signature", 401, unsigned("no_signature"), |_| {
            bearer("POST", PATH, &candidate("eve"))
        }),
        attack("larger than is read", 413, None, |s| delivered(s, SECRET, 0, &vec![b' '; 8 * 1024 * 1024 + 1])),
        // Refused before a byte is read, so nobody asks yet who it is from.
        attack("compressed, without a signature", 415, None, |s| {
            let mut call = altered(s, "webhook-signature", None);
            call.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
            call
        }),
        attack("compressed", 415, None, |s| altered(s, "content-encoding", Some("gzip"))),
    ]
}

fn tokens() -> Vec<Attack> {
    let list = |authorization: &'static str| move |_: &Scene| api("GET", "/v1/requests", authorization, &Value::Null);
    vec![
        attack("no token", 401, unknown("no_token"), |_| Request::get("/v1/requests").body(Body::empty()).unwrap()),
        attack("a wrong token", 401, unknown("unknown_token"), list("Bearer a-token-of-enough-letterz")),
        attack("the start of the token", 401, unknown("unknown_token"), list("Bearer a-token-of-enough")),
        attack("an empty token", 401, unknown("unknown_token"), list("Bearer ")),
        attack("another scheme", 401, unknown("no_token"), list("Basic YS10b2tlbi1vZi1lbm91Z2gtbGV0dGVycw==")),
        attack("the intake's secret as a token", 401, unknown("unknown_token"), |_| {
            api("GET", "/v1/requests", &format!("Bearer {SECRET}"), &Value::Null)
        }),
        attack("the token in the address", 401, unknown("no_token"), |_| {
            Request::get(format!("/v1/requests?access_token={TOKEN}")).body(Body::empty()).unwrap()
        }),
        attack("a decision without a token", 401, unknown("no_token"), |s| {
            let call = Request::post(format!("/v1/requests/{}/decision", s.anas));
            call.body(Body::from(decision("approve", MANAGER).to_string())).unwrap()
        }),
    ]
}

/// Decisions are people's: here no token counts as an operator, whatever its role. Undo, withdraw and stop are an
/// administrator's by right, so that only a missing token is an attack.
fn decisions() -> Vec<Attack> {
    let decide =
        |decided: &'static str, email| move |scene: &Scene| about(scene.anas, "decision", &decision(decided, email));
    vec![
        attack("a token that decides by itself", 422, None, |s| {
            about(s.anas, "decision", &json!({ "decision": "approve" }))
        }),
        attack("as somebody who was not asked", 403, may_not(OTHER, "approve", "not_asked"), decide("approve", OTHER)),
        attack("as somebody whom nobody knows", 403, may_not("token", "keep", "not_asked"), {
            decide("keep", "eve@example.com")
        }),
        attack("keeping one's own seat", 403, may_not(MANAGER, "keep", "own_seat"), |s| {
            about(s.own, "decision", &decision("keep", MANAGER))
        }),
        attack("approving one's own sweep", 403, may_not(MANAGER, "approve", "sender"), |s| {
            about(s.sent, "decision", &decision("approve", MANAGER))
        }),
        attack("a decision that is compressed", 415, None, |s| {
            let mut call = about(s.anas, "decision", &decision("approve", MANAGER));
            call.headers_mut().insert("content-encoding", "br".parse().unwrap());
            call
        }),
        attack("a decision larger than is read", 413, None, |s| {
            about(s.anas, "decision", &json!({ "reason": "x".repeat(64 * 1024) }))
        }),
    ]
}

/// An exception for the manager's own seat, filed as `email`.
fn file(email: &str) -> Request<Body> {
    let account = json!({ "id": "00u-mona", "email": MANAGER });
    let body = json!({ "app": { "id": "figma" }, "account": account, "entitlement": "pro", "until": "2027-01-31",
        "reason": "mine", "as": { "email": email } });
    bearer("POST", "/v1/exceptions", &body)
}

fn administration() -> Vec<Attack> {
    let own_seat =
        Some(Denied { who: MANAGER, surface: "api", action: "file_exception", why: "own_seat", request: false });
    vec![
        attack("an exception for one's own seat", 403, own_seat, |_| file(MANAGER)),
        attack("an exception as somebody whom nobody knows", 403, no_operator("token", "file_exception"), |_| {
            file("eve@example.com")
        }),
        attack("revoking without a token", 401, unknown("no_token"), |s| {
            Request::delete(format!("/v1/exceptions/{}", s.exception)).body(Body::empty()).unwrap()
        }),
        attack("switching everything off without a token", 401, unknown("unknown_token"), |_| {
            api("PUT", "/v1/policy", "Bearer me", &json!({ "mode": "off" }))
        }),
    ]
}

#[tokio::test]
async fn what_is_not_signed_as_it_came_asks_nobody() {
    try_all(signatures()).await;
}

#[tokio::test]
async fn whoever_has_no_token_learns_and_changes_nothing() {
    try_all(tokens()).await;
}

#[tokio::test]
async fn a_token_gives_nobody_a_right_that_they_have_not() {
    try_all(decisions()).await;
    try_all(administration()).await;
}
