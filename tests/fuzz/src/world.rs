//! A server's routes over a store in memory, and somebody who sends signed deliveries.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use seatgate_core::gate::Gate;
use seatgate_core::memory::MemoryStore;
use seatgate_core::port::{Clock, Idempotency, Router as Targets, Target};
use seatgate_core::testing::{ManualClock, RecordingNotifier, ScriptedDeprovisioner, SeededEntropy};
use seatgate_core::trail::verify_export;
use seatgate_core::worker::Worker;
use seatgate_http::intake::mapping::Mapping;
use seatgate_http::server::{HttpOptions, router};
use seatgate_http::sign::{Signer, Verifier, WebhookSecret, WebhookSecrets};
use seatgate_http::token::ApiTokens;
use serde_json::Value;
use tower::ServiceExt;

use super::{is_a_sentence, is_pointer};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TOKEN: &str = "a-token-of-enough-letters";
/// A table's last row of the whole trail.
const TOTAL: &str = "total";

pub(super) struct World {
    gate: Gate,
    clock: Arc<ManualClock>,
    router: Router,
}

/// An answer to a delivery that was taken in: for each row its status, title and pointer.
#[derive(Debug, PartialEq)]
pub(super) struct Rows(pub(super) Vec<(String, String, String)>);

/// Runs what waits for nothing but itself.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(work)
}

impl World {
    pub(super) fn new(mapping: Option<Mapping>) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
        let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural));
        let gate =
            Gate::builder(Arc::new(MemoryStore::new(clock.clone())), clock.clone(), Arc::new(SeededEntropy::new(1)))
                .router(Targets::new().otherwise(Target::new("anything", target)))
                .notifier(Arc::new(RecordingNotifier::default()))
                .build()
                .unwrap();
        let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
        let options = HttpOptions::new(verifier, ApiTokens::admin(TOKEN).unwrap());
        let options = mapping.into_iter().fold(options, |options, mapping| options.mapping("own", mapping));
        let router = router(gate.clone(), options);
        Self { gate, clock, router }
    }

    /// Sends a delivery, and checks what every answer promises. Rows come back where it was taken in.
    pub(super) async fn deliver(&self, query: &str, media_type: &str, body: &[u8]) -> Option<Rows> {
        let (status, answer) = self.candidates(query, media_type, body).await;
        if status != 202 {
            assert!(matches!(status, 400 | 404 | 413), "{status}: {answer}");
            problem(&answer, status);
            return None;
        }
        let rows = rows(&answer);
        let counted = answer["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
        assert_eq!(counted, rows.0.len() as u64, "the counts do not add up: {answer}");
        let again = self.candidates(query, media_type, body).await;
        assert_eq!(again, (status, answer), "the same delivery was answered otherwise");
        Some(rows)
    }

    async fn candidates(&self, query: &str, media_type: &str, body: &[u8]) -> (u16, Value) {
        let signer = Signer::new(SECRET.parse::<WebhookSecret>().unwrap());
        let request = Request::builder().method("POST").uri(format!("/v1/candidates{query}"));
        let mut request = request.header("content-type", media_type);
        for (name, value) in signer.sign(&"msg_1".parse().unwrap(), self.clock.now().as_seconds(), body).into_pairs() {
            request = request.header(name, value);
        }
        let (status, text) = self.call(request.body(Body::from(body.to_vec())).unwrap()).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn call(&self, request: Request<Body>) -> (u16, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Does all that is due, and audits what is there then.
    pub(super) async fn settle(&self) {
        Worker::new(&self.gate).run_until_idle().await.unwrap();
        let (status, export) = self.get("/v1/audit?format=ndjson").await;
        assert_eq!(status, 200);
        let verified = verify_export(export.lines()).unwrap_or_else(|bad| panic!("{bad:?} in {export}"));
        let (_, table) = self.get("/v1/audit?format=csv").await;
        let records: Vec<csv::StringRecord> =
            csv::Reader::from_reader(table.as_bytes()).records().map(Result::unwrap).collect();
        let cells = records.iter().flatten().filter(|cell| !cell.is_empty());
        cells.for_each(|cell| assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}"));
        let total = records.last().unwrap();
        assert_eq!((&total[0], total[2].parse()), (TOTAL, Ok(verified.entries)));
        assert_eq!(self.get("/v1/requests").await.0, 200);
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {TOKEN}"));
        self.call(request.body(Body::empty()).unwrap()).await
    }
}

fn rows(answer: &Value) -> Rows {
    let results = answer["results"].as_array().unwrap();
    let row = |(index, result): (usize, &Value)| {
        assert_eq!(result["row"], index, "{answer}");
        let status = result["status"].as_str().unwrap();
        let known = ["asked", "duplicate", "excepted", "filtered", "held", "rejected", "suppressed_dry_run"];
        assert!(known.contains(&status), "{result}");
        assert_eq!(result["request_id"].is_string(), matches!(status, "asked" | "duplicate" | "held"), "{result}");
        assert_eq!(result["problem"].is_object(), matches!(status, "rejected" | "filtered"), "{result}");
        let text = |member: &str| result["problem"][member].as_str().unwrap_or_default().to_owned();
        if status == "rejected" {
            assert!(is_a_sentence(&text("title")) && is_a_sentence(&text("detail")), "{result}");
            assert!(result["problem"]["pointer"].is_string() && is_pointer(&text("pointer")), "{result}");
        }
        (status.to_owned(), text("title"), text("pointer"))
    };
    Rows(results.iter().enumerate().map(row).collect())
}

fn problem(answer: &Value, status: u16) {
    assert_eq!(answer["status"], status);
    for member in ["type", "title", "detail"] {
        assert!(answer[member].as_str().is_some_and(is_a_sentence), "{member} of {answer}");
    }
    assert!(answer["pointer"].as_str().is_none_or(is_pointer), "{answer}");
}
