//! The events webhook: one signed call for each request, and each task of an offboarding, that has ended.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::port::{Clock, Ended, EventSink, NotifyError, OffboardingRow};
use seatgate_core::time::Timestamp;
use serde::Serialize;
use tracing::Instrument;
use url::Url;

use crate::guard::{GuardedClient, Method, OutboundCall, OutboundErrorKind, OutboundReply};
use crate::sign::{Signer, WebhookId, WebhookSecret};

const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait that a receiver can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Tells a URL what has ended, by a signed webhook (Standard Webhooks 1.0) through the guarded client. `Debug` shows
/// neither the URL nor the secret.
///
/// Each event is told at least once, until a 2xx answers it, and bears the same `webhook-id` each time: `tsk_...-finished`
/// or `req_...-finished`. So a receiver that writes rows replaces the row of an id that it knows. Events come in no order.
#[derive(Clone)]
pub struct WebhookEvents {
    client: GuardedClient,
    clock: Arc<dyn Clock>,
    url: Url,
    signer: Signer,
}

impl WebhookEvents {
    /// Tells `url` through `client`; calls are signed at the time that `clock` shows.
    #[must_use]
    pub fn new(client: GuardedClient, clock: Arc<dyn Clock>, url: Url, secret: WebhookSecret) -> Self {
        Self { client, clock, url, signer: Signer::new(secret) }
    }

    fn call(&self, ended: &Ended) -> Result<OutboundCall, NotifyError> {
        let broken = || NotifyError::Misconfigured("an event cannot be written".to_owned());
        let id: WebhookId = ended.id.parse().map_err(|_| broken())?;
        let body = serde_json::to_vec(&Body::of(ended)).map_err(|_| broken())?;
        let headers = self.signer.sign(&id, self.clock.now().as_seconds(), &body).into_pairs();
        let call = OutboundCall::new(Method::Post, self.url.clone()).header("content-type", "application/json");
        let call = headers.into_iter().fold(call, |call, (name, value)| call.header(name, value));
        Ok(call.body(body).timeout(TIMEOUT))
    }

    fn answer(&self, reply: &OutboundReply) -> Result<(), NotifyError> {
        match reply.status() {
            200..=299 => Ok(()),
            429 | 503 => Err(NotifyError::RetryAt(self.wait(reply))),
            status @ 300..=499 => Err(NotifyError::Misconfigured(format!("the events URL answered {status}"))),
            _ => Err(NotifyError::Unknown),
        }
    }

    fn wait(&self, reply: &OutboundReply) -> Option<Timestamp> {
        let seconds = reply.header("retry-after")?.trim().parse().ok()?;
        Some(self.clock.now().saturating_add(Duration::from_secs(seconds).min(LONGEST_WAIT)))
    }
}

impl fmt::Debug for WebhookEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEvents").finish_non_exhaustive()
    }
}

#[async_trait]
impl EventSink for WebhookEvents {
    async fn tell(&self, ended: &Ended) -> Result<(), NotifyError> {
        let call = self.call(ended)?;
        let span = tracing::info_span!("event", id = %ended.id);
        match self.client.send(call).instrument(span).await {
            Ok(reply) => self.answer(&reply),
            Err(error) => Err(match error.kind() {
                OutboundErrorKind::Refused => NotifyError::Misconfigured(error.to_string()),
                OutboundErrorKind::NotConnected => NotifyError::RetryAt(None),
                OutboundErrorKind::Ambiguous => NotifyError::Unknown,
            }),
        }
    }
}

/// The body. Its fields are a public contract.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    /// When it ended.
    timestamp: Timestamp,
    request_id: String,
    mode: &'static str,
    state: &'static str,
    outcome: Option<&'static str>,
    may_have_happened: bool,
    /// Nothing for an offboarding.
    app: Option<NamedApp<'a>>,
    /// Whose seat it is, or who leaves.
    account: NamedAccount<'a>,
    /// Of an offboarding only.
    #[serde(skip_serializing_if = "Option::is_none")]
    playbook: Option<&'a str>,
    /// The task that has ended; nothing where the request has.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<NamedTask<'a>>,
}

#[derive(Serialize)]
struct NamedApp<'a> {
    id: &'a str,
    name: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct NamedAccount<'a> {
    id: Option<&'a str>,
    email: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct NamedTask<'a> {
    id: String,
    name: &'a str,
    status: &'static str,
    attempts: u32,
    may_have_happened: bool,
    proof: Option<&'static str>,
    began_at: Option<Timestamp>,
    ended_at: Timestamp,
}

impl<'a> Body<'a> {
    fn of(ended: &'a Ended) -> Self {
        let request = &ended.request;
        Self {
            r#type: if ended.task.is_some() { "task.finished" } else { "request.finished" },
            timestamp: ended.at,
            request_id: request.id.to_string(),
            mode: request.mode.label(),
            state: request.label().label(),
            outcome: request.outcome().map(|outcome| outcome.label()),
            may_have_happened: request.plan.may_have_happened(),
            app: request.seat().map(|seat| NamedApp { id: seat.app.id.as_str(), name: seat.app.name.as_deref() }),
            account: NamedAccount::of(ended),
            playbook: request.offboarding.as_ref().map(|offboarding| offboarding.playbook.as_str()),
            task: ended.task.as_ref().map(|row| NamedTask::of(row, ended.at)),
        }
    }
}

impl<'a> NamedAccount<'a> {
    fn of(ended: &'a Ended) -> Self {
        let (request, joined) = (&ended.request, &ended.joined);
        if let Some(names) = request.seat().and_then(|seat| joined.account(seat.account)) {
            let email = names.email.as_ref().map(|email| email.as_str());
            return Self { id: names.id.as_deref(), email, name: names.name.as_deref() };
        }
        let person = request.holder().and_then(|person| joined.person(person));
        person.map_or_else(Self::default, |person| Self {
            id: None,
            email: person.email().map(|email| email.as_str()),
            name: person.name.as_deref(),
        })
    }
}

impl<'a> NamedTask<'a> {
    fn of(row: &'a OffboardingRow, ended_at: Timestamp) -> Self {
        Self {
            id: row.task.to_string(),
            name: &row.name,
            status: row.status.label(),
            attempts: row.attempts,
            may_have_happened: row.may_have_happened,
            proof: row.proof.map(|proof| proof.label()),
            began_at: row.began_at,
            ended_at,
        }
    }
}
