use std::net::SocketAddr;

use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::person::{Identity, PersonDetails};
use seatgate_core::port::{EffectErrorKind, SeededEntropy};
use seatgate_core::request::RemovalKind;
use seatgate_core::seat::{AccountNames, App};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::sign::{Verifier, WebhookHeaders, WebhookSecrets};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        now()
    }
}

pub(super) fn job() -> Job {
    let entropy = SeededEntropy::new(1);
    let task = TaskId::generate(now(), &entropy);
    let app = App::new("figma".parse().unwrap(), Some("Figma".to_owned()));
    let email = "ana@example.com".parse().ok();
    let account = AccountNames::new(Some("00u1".to_owned()), email, Some("Ana Ruiz".to_owned()));
    let mut job = Job::new(RequestId::generate(now(), &entropy), task, task.to_string(), app, account, now());
    job.entitlement = "pro".parse().unwrap();
    job.reason = Some("Left the team".to_owned());
    let mona = Identity::Email("mona@example.com".parse().unwrap());
    let reference = PersonRef::generate(now(), &entropy);
    job.approved_by = Some(PersonDetails::new(reference, Some("Mona Li".to_owned()), vec![mona]));
    job.timeout = Duration::from_millis(500);
    job
}

/// What a target received.
struct Received {
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// A target on loopback that answers every call so, and what it received, call by call.
async fn target(reply: &str, calls: usize) -> (SocketAddr, JoinHandle<Vec<Received>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reply = reply.to_owned();
    let received = tokio::spawn(async move {
        let mut received = Vec::new();
        for _ in 0..calls {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
            let headers: Vec<_> = head.lines().filter_map(pair).collect();
            let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(reply.as_bytes()).await.unwrap();
            let start = head.lines().next().unwrap().to_owned();
            received.push(Received { start, headers, body });
        }
        received
    });
    (address, received)
}

fn deprovisioner(allowed: &str, url: &str) -> HttpDeprovisioner {
    let client = GuardedClient::builder().allow_private(allowed.parse().unwrap()).build().unwrap();
    HttpDeprovisioner::new(client, Arc::new(Noon), WebhookTarget::new(url.parse().unwrap(), SECRET.parse().unwrap()))
}

async fn answer_to(reply: &str) -> Result<Removal, EffectError> {
    let (address, _received) = target(reply, 1).await;
    deprovisioner(&address.to_string(), &format!("http://{address}/remove")).deprovision(&job()).await
}

fn with_body(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn every_attempt_is_signed_and_bears_the_same_key() {
    let (address, received) = target("HTTP/1.1 204 No Content\r\n\r\n", 2).await;
    let deprovisioner = deprovisioner(&address.to_string(), &format!("http://{address}/remove?app=1"));
    let job = job();
    for _ in 0..2 {
        assert_eq!(deprovisioner.deprovision(&job).await, Ok(Removal::removed()));
    }
    for call in received.await.unwrap() {
        assert_eq!(call.header("webhook-id"), Some(job.key.as_str()));
        assert_eq!(call.header("idempotency-key"), Some(job.key.as_str()));
        assert_eq!(call.header("content-type"), Some("application/json"));
        let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
        let headers = WebhookHeaders::from_lookup(|name| call.header(name).map(str::as_bytes));
        assert_eq!(verifier.verify(&headers, &call.body, now()).unwrap().sent_at(), now());
    }
}

#[tokio::test]
async fn a_preview_is_the_call_that_the_target_receives() {
    let (address, received) = target("HTTP/1.1 204 No Content\r\n\r\n", 1).await;
    let url = format!("http://{address}/remove?token=hidden");
    let deprovisioner = deprovisioner(&address.to_string(), &url);
    let preview = deprovisioner.preview(&job()).unwrap();
    deprovisioner.deprovision(&job()).await.unwrap();
    let call = received.await.unwrap().remove(0);
    assert_eq!(call.start, format!("{} /remove?token=hidden HTTP/1.1", preview.method()));
    assert_eq!((preview.url().as_str(), preview.body()), (url.as_str(), call.body.as_slice()));
    let of_the_connection = ["host", "content-length", "accept", "user-agent"];
    let (_, mut sent): (Vec<_>, Vec<_>) =
        call.headers.into_iter().partition(|(name, _)| of_the_connection.contains(&name.as_str()));
    let mut shown = preview.headers().to_vec();
    sent.sort();
    shown.sort();
    assert_eq!(shown, sent);

    let text = preview.to_string();
    let start = format!("POST http://{address}/remove?token=[hidden]\ncontent-type: application/json\n");
    assert!(text.starts_with(&start) && text.contains("\nwebhook-signature: v1,"), "{text}");
    assert!(text.ends_with(std::str::from_utf8(&call.body).unwrap()), "{text}");
    assert!(!format!("{text}{preview:?}").contains("C2FVsBQI"), "the secret stays where it is");
    let mut nowhere = job();
    nowhere.key = "a b".to_owned();
    assert_eq!(deprovisioner.preview(&nowhere).unwrap_err().kind(), EffectErrorKind::Rejected);
}

#[tokio::test]
async fn the_body_is_the_contract() {
    let (address, received) = target("HTTP/1.1 204 No Content\r\n\r\n", 2).await;
    let deprovisioner = deprovisioner(&address.to_string(), &format!("http://{address}/"));
    let mut job = job();
    deprovisioner.deprovision(&job).await.unwrap();
    let (request, task) = (job.request.to_string(), job.task.to_string());
    (job.approved_by, job.reason, job.account.email) = (None, None, None);
    deprovisioner.deprovision(&job).await.unwrap();
    let bodies: Vec<Value> =
        received.await.unwrap().iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect();
    let mut expected = json!({
        "type": "seat.deprovision", "timestamp": "2026-11-22T08:00:00.000000Z",
        "request_id": request, "task_id": task,
        "app": {"id": "figma", "name": "Figma"},
        "account": {"id": "00u1", "email": "ana@example.com", "name": "Ana Ruiz"}, "entitlement": "pro",
        "reason": "Left the team", "approved_by": {"email": "mona@example.com", "name": "Mona Li"},
    });
    assert_eq!(bodies[0], expected);
    (expected["approved_by"], expected["reason"], expected["account"]["email"]) =
        (json!(null), json!(null), json!(null));
    assert_eq!(bodies[1], expected);
}

#[tokio::test]
async fn each_success_is_told_apart() {
    let later = "2026-12-01T00:00:00Z".parse().unwrap();
    let cases = [
        ("{}", RemovalKind::Removed, None),
        (r#"{"outcome": "removed", "receipt": "R-1"}"#, RemovalKind::Removed, Some("R-1")),
        (r#"{"outcome": "already_absent"}"#, RemovalKind::AlreadyAbsent, None),
        (r#"{"outcome": "still_billed"}"#, RemovalKind::StillBilled, None),
        (r#"{"outcome": "pending"}"#, RemovalKind::Pending { check_after: None }, None),
        (
            r#"{"outcome": "scheduled", "effective_at": "2026-12-01T00:00:00Z"}"#,
            RemovalKind::Scheduled { effective_at: later },
            None,
        ),
    ];
    for (body, kind, receipt) in cases {
        let removal = answer_to(&with_body(body)).await.unwrap();
        assert_eq!((removal.kind, removal.receipt.as_deref()), (kind, receipt), "{body}");
    }
}

#[tokio::test]
async fn each_failure_is_told_apart() {
    let cases = [
        ("429 Slow", EffectErrorKind::NotDone),
        ("503 Away", EffectErrorKind::NotDone),
        ("400 Bad", EffectErrorKind::Rejected),
        ("404 Nobody", EffectErrorKind::Rejected),
        ("410 Gone", EffectErrorKind::Rejected),
        ("302 Found", EffectErrorKind::Rejected),
        ("500 Broken", EffectErrorKind::Unknown),
        ("504 Late", EffectErrorKind::Unknown),
    ];
    for (status, kind) in cases {
        let error = answer_to(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        assert_eq!(error.is_target_gone(), status == "410 Gone");
    }
    assert_eq!(answer_to("").await.unwrap_err().kind(), EffectErrorKind::Unknown, "a reset");
    let waits = "HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n";
    let error = answer_to(waits).await.unwrap_err();
    assert_eq!(error.wanted_at(), Some(now().saturating_add(Duration::from_secs(30))));
}

#[tokio::test]
async fn a_call_that_cannot_begin_is_not_done_or_rejected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let error = deprovisioner(&address.to_string(), &url).deprovision(&job()).await.unwrap_err();
    assert_eq!(error.kind(), EffectErrorKind::NotDone);
    let error = deprovisioner("", &url).deprovision(&job()).await.unwrap_err();
    assert_eq!(error.kind(), EffectErrorKind::Rejected);
}

#[tokio::test]
async fn no_answer_in_time_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = deprovisioner(&address.to_string(), &format!("http://{address}/")).deprovision(&job()).await;
    assert_eq!(error.unwrap_err().kind(), EffectErrorKind::Unknown);
}

#[tokio::test]
async fn a_probe_is_a_signed_get_with_an_id_of_its_own() {
    let (address, received) = target(&with_body(r#"{"held": false}"#), 1).await;
    let client = GuardedClient::builder().allow_private(address.to_string().parse().unwrap()).build().unwrap();
    let url = "https://idp.example/".parse().unwrap();
    let with = |status: &str| {
        let target = WebhookTarget::new(url, SECRET.parse().unwrap()).status_url(status.parse().unwrap());
        HttpDeprovisioner::new(client, Arc::new(Noon), target)
    };
    let deprovisioner = with(&format!("http://{address}/seats/{{account_id}}"));
    assert_eq!(deprovisioner.probe(&job()).await, SeatStatus::not_held());
    assert_eq!(deprovisioner.probe(&job()).await, SeatStatus::cannot_tell(), "nobody answers any more");
    let call = received.await.unwrap().remove(0);
    assert_eq!((call.start.as_str(), call.header("idempotency-key")), ("GET /seats/00u1 HTTP/1.1", None));
    assert!(call.header("webhook-id").unwrap().starts_with(&format!("{}-probe-", job().task)));
    let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
    let headers = WebhookHeaders::from_lookup(|name| call.header(name).map(str::as_bytes));
    assert!(verifier.verify(&headers, &call.body, now()).is_ok());
}

#[tokio::test]
async fn a_target_without_a_status_url_cannot_tell() {
    assert_eq!(deprovisioner("", "https://idp.example/").probe(&job()).await, SeatStatus::cannot_tell());
}

#[tokio::test]
async fn a_location_is_asked_first_and_the_status_url_where_it_cannot_tell() {
    let (address, received) = target(&with_body(r#"{"held": true}"#), 2).await;
    let client = GuardedClient::builder().allow_private(address.to_string().parse().unwrap()).build().unwrap();
    let webhook = WebhookTarget::new(format!("http://{address}/remove").parse().unwrap(), SECRET.parse().unwrap())
        .status_url(format!("http://{address}/seats/{{account_id}}").parse().unwrap());
    let deprovisioner = HttpDeprovisioner::new(client, Arc::new(Noon), webhook);
    let mut job = job();
    job.location = Some(StatusLocation::new("/jobs/7"));
    assert_eq!(deprovisioner.probe(&job).await, SeatStatus::held());
    let calls = received.await.unwrap();
    let starts: Vec<&str> = calls.iter().map(|call| call.start.as_str()).collect();
    assert_eq!(starts, ["GET /jobs/7 HTTP/1.1", "GET /seats/00u1 HTTP/1.1"]);
    assert_ne!(calls[0].header("webhook-id"), calls[1].header("webhook-id"), "no repetition of each other");
    let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
    for call in &calls {
        let headers = WebhookHeaders::from_lookup(|name| call.header(name).map(str::as_bytes));
        assert!(verifier.verify(&headers, &call.body, now()).is_ok());
    }
    assert_eq!(deprovisioner.probe(&job).await, SeatStatus::not_yet(None), "nobody answers now: it is asked again");
    job.location = Some(StatusLocation::new("http://127.0.0.1:1/jobs/7"));
    assert_eq!(deprovisioner.probe(&job).await, SeatStatus::cannot_tell(), "another origin is no location");
}

#[tokio::test]
async fn an_accepted_removal_says_where_it_will_be_told_of() {
    let accepted =
        |location: &str| format!("HTTP/1.1 202 Accepted\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let removal = answer_to(&accepted("jobs/7#s3cret")).await.unwrap();
    let place = removal.location.as_ref().unwrap().as_str();
    assert!(place.starts_with("http://127.0.0.1:") && place.ends_with("/jobs/7"), "{place}");
    assert!(!format!("{removal:?}").contains("jobs"));
    assert_eq!(answer_to(&accepted("https://evil.example/jobs/7")).await, Ok(Removal::pending(None)));
}

#[test]
fn the_promise_about_keys_and_nothing_of_the_secret_shows() {
    let target = WebhookTarget::new("https://u.example/?t=s3cret".parse().unwrap(), SECRET.parse().unwrap());
    assert!(!format!("{target:?}").contains("s3cret"));
    let client = GuardedClient::builder().build().unwrap();
    let deprovisioner = |target| HttpDeprovisioner::new(client.clone(), Arc::new(Noon), target);
    assert_ne!(deprovisioner(target.clone()).idempotency(), Idempotency::Unknown);
    assert_eq!(deprovisioner(target.idempotent(false)).idempotency(), Idempotency::Unknown);
}
