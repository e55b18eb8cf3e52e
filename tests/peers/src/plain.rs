//! A service as one would write it by hand: axum, sqlx, one table. The decision is a conditional UPDATE, and workers claim
//! with SKIP LOCKED, in batches, woken in this process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::peer::{Candidate, Decision, Outcome, Peer, manager, remove};
use crate::waiting::Waiting;

const CONNECTIONS: u32 = 32;
const WORKERS: usize = 2;
const BATCH: i64 = 64;
const POLL: Duration = Duration::from_secs(1);

const SCHEMA: &str = "
CREATE TABLE requests (
    id uuid PRIMARY KEY,
    app text NOT NULL,
    account text NOT NULL,
    candidate jsonb NOT NULL,
    state text NOT NULL DEFAULT 'open',
    opened_at timestamptz NOT NULL DEFAULT now(),
    decided_by text,
    decided_at timestamptz,
    leased_until timestamptz,
    attempts int NOT NULL DEFAULT 0,
    done_at timestamptz
);
CREATE UNIQUE INDEX one_open_request_a_seat ON requests (app, account) WHERE state <> 'done';
CREATE INDEX to_be_done ON requests (decided_at) WHERE state IN ('approved', 'performing');
";
const OPEN: &str = "INSERT INTO requests (id, app, account, candidate) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const DECIDE: &str = "UPDATE requests SET state = 'approved', decided_by = $2, decided_at = now() \
                      WHERE id = $1 AND state = 'open'";
const CLAIM: &str = "UPDATE requests SET state = 'performing', attempts = attempts + 1, \
                     leased_until = now() + interval '1 minute' WHERE id IN (SELECT id FROM requests \
                     WHERE state = 'approved' OR (state = 'performing' AND leased_until < now()) \
                     ORDER BY decided_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id, account";
const SETTLE: &str = "UPDATE requests SET state = 'done', done_at = now() WHERE id = ANY($1) AND state = 'performing'";

struct Service {
    pool: PgPool,
    news: Notify,
    done: Waiting<Uuid>,
}

impl Service {
    async fn work(self: Arc<Self>) {
        loop {
            match self.claim_and_perform().await {
                Ok(0) => drop(tokio::time::timeout(POLL, self.news.notified()).await),
                Ok(_) => {}
                Err(error) => {
                    eprintln!("the plain service's worker: {error}");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    async fn claim_and_perform(&self) -> Result<usize, sqlx::Error> {
        let claimed: Vec<(Uuid, String)> = sqlx::query_as(CLAIM).bind(BATCH).fetch_all(&self.pool).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let ids: Vec<Uuid> = claimed.iter().map(|(id, _)| *id).collect();
        claimed.iter().for_each(|(_, account)| drop(remove(account)));
        sqlx::query(SETTLE).bind(&ids).execute(&self.pool).await?;
        ids.iter().for_each(|id| self.done.tell(*id, ()));
        Ok(ids.len())
    }
}

type Reply = Result<(StatusCode, Json<Value>), StatusCode>;

async fn take_in(State(service): State<Arc<Service>>, Json(candidate): Json<Candidate>) -> Reply {
    let id = Uuid::now_v7();
    let kept = sqlx::query(OPEN)
        .bind(id)
        .bind(&candidate.app.id)
        .bind(&candidate.account.id)
        .bind(json!(candidate))
        .execute(&service.pool)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if kept.rows_affected() == 0 {
        return Err(StatusCode::CONFLICT);
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))))
}

async fn decide(State(service): State<Arc<Service>>, Path(id): Path<Uuid>, Json(decision): Json<Decision>) -> Reply {
    if !decision.approve {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let decided = sqlx::query(DECIDE).bind(id).bind(&decision.by).execute(&service.pool).await;
    if decided.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.rows_affected() == 0 {
        return Err(StatusCode::CONFLICT);
    }
    service.news.notify_one();
    Ok((StatusCode::OK, Json(json!({ "id": id, "state": "approved" }))))
}

pub(crate) struct Plain {
    service: Arc<Service>,
    base: String,
    http: reqwest::Client,
    workers: Vec<AbortHandle>,
}

impl Plain {
    pub(crate) async fn start(url: &str, http: reqwest::Client) -> Outcome<Self> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(url).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let service = Arc::new(Service { pool, news: Notify::new(), done: Waiting::default() });
        let routes = Router::new()
            .route("/candidates", post(take_in))
            .route("/requests/{id}/decision", post(decide))
            .with_state(Arc::clone(&service));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let worker = |_| tokio::spawn(Arc::clone(&service).work()).abort_handle();
        let workers = (0..WORKERS).map(worker).collect();
        Ok(Self { service, base, http, workers })
    }
}

#[async_trait]
impl Peer for Plain {
    fn name(&self) -> &'static str {
        "plain axum + sqlx, over HTTP"
    }

    fn settings(&self) -> String {
        format!("axum 0.8.9, sqlx 0.9.0; {CONNECTIONS} connections, {WORKERS} workers, batches of {BATCH}")
    }

    fn lacks(&self) -> &'static str {
        "no signature, no authority or policy, no cards, no trail at all; a performed effect that is not settled is \
         performed again, and nobody learns of it; no exceptions"
    }

    async fn cycle(&self, n: usize) -> Outcome<()> {
        let call = self.http.post(format!("{}/candidates", self.base)).header("content-type", "application/json");
        let answer: Value = call.body(Candidate::body(n)?).send().await?.error_for_status()?.json().await?;
        let id: Uuid = answer["id"].as_str().ok_or("no id")?.parse()?;
        let call = self.http.post(format!("{}/requests/{id}/decision", self.base));
        call.json(&Decision { approve: true, by: manager(n) }).send().await?.error_for_status()?.bytes().await?;
        self.service.done.wait(id).await.ok_or_else(|| "the service is gone".into())
    }

    async fn stop(&self) {
        self.workers.iter().for_each(AbortHandle::abort);
        self.service.pool.close().await;
    }
}
