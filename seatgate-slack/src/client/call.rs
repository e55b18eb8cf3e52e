//! One call: sent, read under a cap, and judged.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::DEFAULT_WAIT;
use super::{ErrorKind, SlackClient, SlackError};

const JSON: &str = "application/json; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";
const BODY_LIMIT: usize = 1024 * 1024;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Slack asks for seconds, rarely for minutes; more is taken for a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What came back, before it is judged.
struct Reply {
    method: &'static str,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A successful reply: `ok` was true.
pub(super) struct Success {
    method: &'static str,
    pub(super) headers: HeaderMap,
    body: Value,
}

impl SlackClient {
    /// Calls a method that takes JSON.
    pub(super) async fn json(&self, method: &'static str, body: &impl Serialize) -> Result<Success, SlackError> {
        self.pace.allow(method).map_err(|wait| paced(method, wait))?;
        self.send_held(method, JSON, encode(method, body)?).await
    }

    /// Calls a method that puts a new message into `channel`.
    pub(super) async fn message(
        &self,
        method: &'static str,
        channel: &str,
        body: &impl Serialize,
    ) -> Result<Success, SlackError> {
        self.pace.allow_message(method, channel).map_err(|wait| paced(method, wait))?;
        self.send_to(method, channel, encode(method, body)?).await
    }

    /// Calls a method that changes a message in `channel`.
    pub(super) async fn update(
        &self,
        method: &'static str,
        channel: &str,
        body: &impl Serialize,
    ) -> Result<Success, SlackError> {
        self.pace.allow_update(method, channel).map_err(|wait| paced(method, wait))?;
        self.send_to(method, channel, encode(method, body)?).await
    }

    /// Calls a method that drops what comes as JSON and then finds nobody: `users.*`.
    pub(super) async fn form(&self, method: &'static str, field: &str, value: &str) -> Result<Success, SlackError> {
        self.pace.allow(method).map_err(|wait| paced(method, wait))?;
        let body = form_urlencoded::Serializer::new(String::new()).append_pair(field, value).finish();
        self.send_held(method, FORM, body.into_bytes()).await
    }

    /// Calls a method of the app, which takes another token than the bot's, and no arguments.
    #[cfg(feature = "socket-mode")]
    pub(super) async fn as_app(&self, method: &'static str, bearer: &str) -> Result<Success, SlackError> {
        self.pace.allow(method).map_err(|wait| paced(method, wait))?;
        self.held(method, self.send_as(bearer, method, FORM, Vec::new()).await)
    }

    /// Answers at a response URL, which needs no token and must not see it.
    pub(super) async fn answer(&self, url: &Url, body: &impl Serialize) -> Result<(), SlackError> {
        const METHOD: &str = "response_url";
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, JSON).body(encode(METHOD, body)?);
        let reply = read(METHOD, request).await?;
        // A success is `ok` as a text, or JSON that says so.
        match (reply.status, reply.error_name()) {
            (200, None) => Ok(()),
            _ => Err(reply.failure()),
        }
    }

    /// Sends, and holds the whole method back where Slack asks to wait.
    async fn send_held(
        &self,
        method: &'static str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Success, SlackError> {
        self.held(method, self.send(method, content_type, body).await)
    }

    fn held(&self, method: &'static str, outcome: Result<Success, SlackError>) -> Result<Success, SlackError> {
        if let Some(wait) = asked_to_wait(&outcome) {
            self.pace.hold(method, wait);
        }
        outcome
    }

    /// Sends, and holds the method back in `channel` alone where Slack asks to wait.
    async fn send_to(&self, method: &'static str, channel: &str, body: Vec<u8>) -> Result<Success, SlackError> {
        let outcome = self.send(method, JSON, body).await;
        if let Some(wait) = asked_to_wait(&outcome) {
            self.pace.hold_channel(method, channel, wait);
        }
        outcome
    }

    async fn send(
        &self,
        method: &'static str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Success, SlackError> {
        self.send_as(&self.token.bearer(), method, content_type, body).await
    }

    async fn send_as(
        &self,
        bearer: &str,
        method: &'static str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Success, SlackError> {
        let url = self.base.join(method).map_err(|_| SlackError::ours(method, "unsendable", ErrorKind::OurBug))?;
        let request = self.http.post(url).header(CONTENT_TYPE, content_type);
        let request = request.header(AUTHORIZATION, bearer).body(body);
        let outcome = read(method, request).await.and_then(Reply::judge);
        self.counter.count(method, &outcome);
        outcome
    }
}

impl Success {
    /// What a successful reply must hold. Without it the call has happened, yet we do not know what came of it.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, SlackError> {
        serde_json::from_value(self.body).map_err(|_| unreadable(self.method))
    }
}

impl Reply {
    /// Success is 200 **and** `ok: true`; everything else has a name.
    fn judge(self) -> Result<Success, SlackError> {
        if self.status != 200 {
            return Err(self.failure());
        }
        let body: Value = serde_json::from_slice(&self.body).map_err(|_| unreadable(self.method))?;
        match body.get("ok").and_then(Value::as_bool) {
            Some(true) => Ok(Success { method: self.method, headers: self.headers, body }),
            Some(false) => Err(self.failure()),
            None => Err(unreadable(self.method)),
        }
    }

    fn failure(self) -> SlackError {
        let name = self.error_name();
        match (self.status, name.as_deref()) {
            (429, name) => {
                SlackError::ours(self.method, limited(name), ErrorKind::RetryAfter(self.wait().unwrap_or(DEFAULT_WAIT)))
            }
            (500.., Some("service_unavailable")) => SlackError::named(self.method, "service_unavailable", self.wait()),
            // Whatever the body says: something broke, maybe after it was done.
            (status @ 500.., _) => SlackError::ours(self.method, format!("http_{status}"), ErrorKind::Unknown),
            (_, Some(name)) => SlackError::named(self.method, name, self.wait()),
            (200, None) => SlackError::named(self.method, "", None),
            (status, None) => SlackError::ours(self.method, format!("http_{status}"), ErrorKind::Other),
        }
    }

    /// The `error` of a body that is JSON and does not say that all is well.
    fn error_name(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let failed = body.get("ok").and_then(Value::as_bool) == Some(false);
        failed.then(|| body.get("error").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// What `Retry-After` says, within reason.
    fn wait(&self) -> Option<Duration> {
        let seconds: u64 = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).clamp(SHORTEST_WAIT, LONGEST_WAIT))
    }
}

/// How long Slack asked to wait; not for what never came to it.
fn asked_to_wait(outcome: &Result<Success, SlackError>) -> Option<Duration> {
    match outcome.as_ref().err().filter(|error| error.came_from_slack()).map(SlackError::kind) {
        Some(ErrorKind::RetryAfter(wait)) => Some(wait),
        _ => None,
    }
}

/// A 429 has one of two names, whatever stands in front of Slack writes into it.
fn limited(name: Option<&str>) -> &'static str {
    if name == Some("rate_limited") { "rate_limited" } else { "ratelimited" }
}

fn paced(method: &'static str, wait: Duration) -> SlackError {
    SlackError::ours(method, "paced", ErrorKind::RetryAfter(wait))
}

fn unreadable(method: &'static str) -> SlackError {
    SlackError::ours(method, "unreadable_response", ErrorKind::Unknown)
}

fn encode(method: &'static str, body: &impl Serialize) -> Result<Vec<u8>, SlackError> {
    serde_json::to_vec(body).map_err(|_| SlackError::ours(method, "unsendable", ErrorKind::OurBug))
}

async fn read(method: &'static str, request: reqwest::RequestBuilder) -> Result<Reply, SlackError> {
    let mut response = request.send().await.map_err(|error| SlackError::transport(method, error))?;
    let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| SlackError::after_sending(method, error))? {
        if body.len().saturating_add(chunk.len()) > BODY_LIMIT {
            return Err(unreadable(method));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { method, status, headers, body })
}
