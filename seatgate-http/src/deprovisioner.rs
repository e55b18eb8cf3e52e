//! The removal webhook: one signed call that asks a target to take a seat away.

mod poll;
mod preview;
mod status;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::port::{Clock, Deprovisioner, EffectError, Idempotency, Job, Removal, SeatStatus, StatusLocation};
use seatgate_core::time::Timestamp;
use serde::Serialize;
use tracing::Instrument;
use url::Url;

use crate::guard::{GuardedClient, Method, OutboundCall, OutboundError, OutboundErrorKind};
use crate::sign::{Signer, WebhookId, WebhookSecret};

pub use preview::CallPreview;
pub use status::{StatusUrl, StatusUrlError};
pub use wire::{Receipt, Reply, classify};

/// How long a target that honours keys is taken to remember one: longer than any policy repeats.
const KEY_REMEMBERED: Duration = Duration::from_secs(7 * 86_400);
/// Probes are also made before an attempt begins, under a lease of 20 s.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
const KEY_HEADER: &str = "idempotency-key";

/// Where removals are asked for, and how. `Debug` shows neither the URL nor the secret.
#[derive(Clone)]
pub struct WebhookTarget {
    url: Url,
    signer: Signer,
    idempotent: bool,
    status_url: Option<StatusUrl>,
}

impl WebhookTarget {
    /// A target that honours idempotency keys.
    #[must_use]
    pub fn new(url: Url, secret: WebhookSecret) -> Self {
        Self { url, signer: Signer::new(secret), idempotent: true, status_url: None }
    }

    /// Whether a repeat with the same `Idempotency-Key` does nothing twice there (yes). Where it is not so, a removal
    /// whose outcome is unknown is never repeated on its own: a human is asked.
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Where the target says whether a seat is held: a signed GET, answered by
    /// `{"held": true|false|null, "last_activity_at"?}`. Without it, nothing can be verified or looked up. A removal that
    /// the target accepted with a `Location` is asked for there first.
    #[must_use]
    pub fn status_url(mut self, url: StatusUrl) -> Self {
        self.status_url = Some(url);
        self
    }
}

impl fmt::Debug for WebhookTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookTarget").field("idempotent", &self.idempotent).finish_non_exhaustive()
    }
}

/// Removes seats by a signed webhook (Standard Webhooks 1.0) through the guarded client.
///
/// The webhook's id is the job's key and stays the same for as long as the removal may have happened; the signature is
/// made anew for each attempt, because receivers refuse an old one. [`classify`] says what a reply means.
///
/// A target that is at work on it (202, or the outcome `pending`) may name a `Location`: there it is asked with a signed
/// GET until it says how the removal ended, `Retry-After` honoured.
///
/// - Only a location on the origin of the removal URL is followed (scheme, host and port; a relative one is resolved
///   against that URL). Another one is never called: the removal is pending then, without a place to ask. The place
///   stays the same for an attempt; a `Location` in the reply to a poll is not heeded.
/// - 202 and the outcome `pending` mean not yet; so do 408, 425, 429, 5xx and a call that fails. 200 or 204 with the body
///   of a removal's reply says how it ended. Anything else, 404 and 410 above all, cannot tell.
/// - The location is asked first. Where it cannot tell, and where there is none, the status URL is asked. Where that
///   cannot tell either, twice in a row, the removal is asked for again with the same key if the target is idempotent;
///   else a human is asked.
#[derive(Debug, Clone)]
pub struct HttpDeprovisioner {
    client: GuardedClient,
    clock: ClockHandle,
    target: WebhookTarget,
}

#[derive(Clone)]
struct ClockHandle(Arc<dyn Clock>);

impl fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl HttpDeprovisioner {
    /// Asks `target` through `client`; attempts are signed at the time that `clock` shows.
    #[must_use]
    pub fn new(client: GuardedClient, clock: Arc<dyn Clock>, target: WebhookTarget) -> Self {
        Self { client, clock: ClockHandle(clock), target }
    }

    /// The call that [`Deprovisioner::deprovision`] would make for `job` at this moment. Nothing is sent.
    ///
    /// # Errors
    /// When there could be no such call: the job's key cannot be sent.
    pub fn preview(&self, job: &Job) -> Result<CallPreview, EffectError> {
        self.call(job, self.clock.0.now()).map(CallPreview::new)
    }

    fn call(&self, job: &Job, now: Timestamp) -> Result<OutboundCall, EffectError> {
        let id: WebhookId = job.key.parse().map_err(|_| EffectError::rejected("the idempotency key cannot be sent"))?;
        let body = serde_json::to_vec(&RemovalWebhook::of(job, now))
            .map_err(|_| EffectError::rejected("the call cannot be written as JSON"))?;
        let call = OutboundCall::new(Method::Post, self.target.url.clone())
            .header("content-type", "application/json")
            .header(KEY_HEADER, id.as_str());
        Ok(self.signed(call.body(body).timeout(job.timeout), &id, now))
    }

    /// A signed GET, for the `purpose` that its id names.
    fn get(&self, url: Option<Url>, purpose: &str, job: &Job) -> Option<OutboundCall> {
        let now = self.clock.0.now();
        // An id of its own each time, so that no receiver takes one for a repetition of another.
        let id: WebhookId = format!("{}-{purpose}-{}", job.task, now.as_micros()).parse().ok()?;
        let call = OutboundCall::new(Method::Get, url?).timeout(job.timeout.min(PROBE_TIMEOUT));
        Some(self.signed(call, &id, now))
    }

    /// What the place tells that the target named when it accepted the removal.
    async fn poll(&self, job: &Job) -> SeatStatus {
        let url = job.location.as_ref().and_then(|location| poll::follow(&self.target.url, location));
        let Some(call) = self.get(url, "poll", job) else { return SeatStatus::cannot_tell() };
        match self.client.send(call).await {
            Ok(reply) => poll::read(reply.status(), reply.header("retry-after"), reply.body(), self.clock.0.now()),
            Err(error) if error.kind() == OutboundErrorKind::Refused => SeatStatus::cannot_tell(),
            Err(_) => SeatStatus::not_yet(None),
        }
    }

    /// What the status URL says about the seat.
    async fn look_up(&self, job: &Job) -> SeatStatus {
        let url = self.target.status_url.as_ref().and_then(|url| url.of(job));
        let Some(call) = self.get(url, "probe", job) else { return SeatStatus::cannot_tell() };
        match self.client.send(call).await {
            Ok(reply) => status::read(reply.status(), reply.body()),
            Err(_) => SeatStatus::cannot_tell(),
        }
    }

    fn signed(&self, call: OutboundCall, id: &WebhookId, now: Timestamp) -> OutboundCall {
        let headers = self.target.signer.sign(id, now.as_seconds(), &call.body).into_pairs();
        headers.into_iter().fold(call, |call, (name, value)| call.header(name, value))
    }
}

#[async_trait]
impl Deprovisioner for HttpDeprovisioner {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        let call = self.call(job, self.clock.0.now())?;
        let span = tracing::info_span!("removal", request = %job.request, key = %job.key);
        let reply = self.client.send(call).instrument(span).await.map_err(|error| effect_error(&error))?;
        let (retry_after, location) = (reply.header("retry-after"), reply.header("location"));
        let reply = classify(reply.status(), retry_after, location, reply.body(), self.clock.0.now());
        removal(reply, &self.target.url)
    }

    async fn probe(&self, job: &Job) -> SeatStatus {
        let told = self.poll(job).await;
        if told == SeatStatus::cannot_tell() { self.look_up(job).await } else { told }
    }

    /// Only a status URL says when a seat was used last.
    fn sees_activity(&self) -> bool {
        self.target.status_url.is_some()
    }

    fn idempotency(&self) -> Idempotency {
        if self.target.idempotent { Idempotency::KeyHonoured { within: KEY_REMEMBERED } } else { Idempotency::Unknown }
    }
}

fn effect_error(error: &OutboundError) -> EffectError {
    let detail = error.to_string();
    match error.kind() {
        OutboundErrorKind::Refused => EffectError::rejected(detail),
        OutboundErrorKind::NotConnected => EffectError::not_done(detail),
        OutboundErrorKind::Ambiguous => EffectError::unknown(detail),
    }
}

/// What a reply to a call of `url` comes to.
fn removal(reply: Reply, url: &Url) -> Result<Removal, EffectError> {
    let (removal, receipt) = match reply {
        Reply::Removed { receipt } => (Removal::removed(), receipt),
        Reply::AlreadyAbsent { receipt } => (Removal::already_absent(), receipt),
        Reply::Scheduled { effective_at, receipt } => (Removal::scheduled(effective_at), receipt),
        Reply::StillBilled { receipt } => (Removal::still_billed(), receipt),
        Reply::Pending { check_after, location } => {
            let place = location.and_then(|location| poll::follow(url, &location));
            let place = place.map(|place| StatusLocation::new(place.as_str()));
            (place.into_iter().fold(Removal::pending(check_after), Removal::with_location), None)
        }
        Reply::NotDone { retry_at, detail } => {
            let error = EffectError::not_done(detail);
            return Err(retry_at.into_iter().fold(error, EffectError::retry_at));
        }
        Reply::Rejected { detail, gone: true } => {
            tracing::error!("a deprovision target answered 410: its removals wait; mend or replace the target");
            return Err(EffectError::rejected(detail).target_gone());
        }
        Reply::Rejected { detail, gone: false } => return Err(EffectError::rejected(detail)),
        Reply::Unknown { detail } => return Err(EffectError::unknown(detail)),
    };
    Ok(receipt.into_iter().fold(removal, |removal, receipt| removal.with_receipt(receipt.as_str())))
}

/// The body. Its fields are a public contract.
#[derive(Serialize)]
struct RemovalWebhook<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    request_id: String,
    task_id: String,
    app: NamedApp<'a>,
    account: NamedAccount<'a>,
    entitlement: &'a str,
    reason: Option<&'a str>,
    /// Nobody where the policy decided.
    approved_by: Option<Approver<'a>>,
    /// Of an offboarding only: which of its tasks, and what the playbook says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    offboarding: Option<NamedStep<'a>>,
}

#[derive(Serialize)]
struct NamedStep<'a> {
    playbook: &'a str,
    task: &'a str,
    parameters: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct NamedApp<'a> {
    id: &'a str,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct NamedAccount<'a> {
    id: Option<&'a str>,
    email: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Approver<'a> {
    email: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> RemovalWebhook<'a> {
    fn of(job: &'a Job, timestamp: Timestamp) -> Self {
        let account = &job.account;
        Self {
            r#type: if job.step.is_some() { "offboarding.task" } else { "seat.deprovision" },
            timestamp,
            request_id: job.request.to_string(),
            task_id: job.task.to_string(),
            app: NamedApp { id: job.app.id.as_str(), name: job.app.name.as_deref() },
            account: NamedAccount {
                id: account.id.as_deref(),
                email: account.email.as_ref().map(|email| email.as_str()),
                name: account.name.as_deref(),
            },
            entitlement: job.entitlement.as_str(),
            reason: job.reason.as_deref(),
            approved_by: job.approved_by.as_ref().map(|person| Approver {
                email: person.email().map(|email| email.as_str()),
                name: person.name.as_deref(),
            }),
            offboarding: job.step.as_ref().map(|step| NamedStep {
                playbook: &step.playbook,
                task: &step.task,
                parameters: &step.parameters,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
