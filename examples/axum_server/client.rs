//! Talking to a running server, as its commands do.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use seatgate_core::canonical::sha256_hex;
use seatgate_core::port::{Clock, Entropy, OsEntropy, SystemClock};
use seatgate_http::sign::{Signer, WebhookId, WebhookSecret};
use serde_json::Value;
use url::Url;

use crate::config::{ClientConfig, Environment, Problems};
use crate::demo::Secrets;
use crate::progress::Progress;

const TIMEOUT: Duration = Duration::from_secs(60);
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(3_600);

/// One server, and what proves who we are.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Url,
    intake: Option<WebhookSecret>,
    token: Option<String>,
}

/// Why there is no answer to show.
pub(crate) enum CallError {
    /// Something that the caller must mend first.
    Local(String),
    /// The server could not be reached.
    Unreachable(String),
    /// The server said no, and why.
    Refused { status: u16, problem: Value },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(why) => f.write_str(why),
            Self::Unreachable(why) => write!(f, "the server did not answer: {why}"),
            Self::Refused { status, problem } => {
                let text = |name: &str| problem.get(name).and_then(Value::as_str);
                let detail = text("detail").or_else(|| text("title")).unwrap_or("no reason given");
                let pointer = text("pointer").map(|pointer| format!(" (at {pointer})")).unwrap_or_default();
                write!(f, "{status}: {detail}{pointer}")?;
                let Some(decision) = problem.get("decision").filter(|decision| decision.is_object()) else {
                    return Ok(());
                };
                let said = |pointer: &str| decision.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
                let by = decision.pointer("/by/name").and_then(Value::as_str).unwrap_or_else(|| said("/by/email"));
                write!(f, "\n{} by {by} at {}", said("/decision"), said("/at"))
            }
        }
    }
}

impl Client {
    /// The server at `server`, else the one that the configuration, or the demo beside the database, names.
    pub(crate) fn new(file: Option<&Path>, environment: &Environment, server: Option<&str>) -> Result<Self, Problems> {
        let config = ClientConfig::load(file, environment)?;
        let secrets = match config.demo {
            true => Some(Secrets::read(config.database.file()).map_err(|error| no_secrets(&config, &error))?),
            false => None,
        };
        let at_demo = secrets.as_ref().and_then(|secrets| secrets.server.clone());
        let configured = || format!("http://{}", config.listen);
        let server = server.map(str::to_owned).or(at_demo).unwrap_or_else(configured);
        let server = Url::parse(&server).map_err(|error| Problems::of(format!("--server: {error}")))?;
        let intake = match &secrets {
            Some(secrets) => secrets.intake_secret.parse().ok(),
            None => config.intake,
        };
        let token = secrets.map(|secrets| secrets.api_token).or(config.token);
        Ok(Self { http: http(&server)?, server, intake, token })
    }

    /// Hands in a sweep, signed.
    pub(crate) async fn sweep(
        &self,
        body: Vec<u8>,
        content_type: &str,
        query: &[(&str, &str)],
        progress: &Progress,
    ) -> Result<Value, CallError> {
        let secret = self.intake.clone().ok_or_else(|| missing("SEATGATE_INTAKE_SECRET"))?;
        let mut random = [0; 16];
        OsEntropy.fill(&mut random);
        let id: WebhookId = format!("cli_{}", sha256_hex(&random))
            .parse()
            .map_err(|error: seatgate_http::sign::WebhookIdError| CallError::Local(error.to_string()))?;
        let signed = Signer::new(secret).sign(&id, SystemClock.now().as_seconds(), &body);
        let mut url = self.url("/v1/candidates")?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.post(url).header("content-type", content_type).header("content-length", body.len());
        let request =
            signed.into_pairs().into_iter().fold(request, |request, (name, value)| request.header(name, value));
        self.send(request.body(progress.body(body))).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, CallError> {
        let request = self.http.get(self.url(path)?).bearer_auth(self.token()?);
        self.send(request).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let request = self.http.post(self.url(path)?).bearer_auth(self.token()?).json(body);
        self.send(request).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let request = self.http.put(self.url(path)?).bearer_auth(self.token()?).json(body);
        self.send(request).await
    }

    /// Hands in a table.
    pub(crate) async fn put_table(&self, path: &str, table: Vec<u8>) -> Result<Value, CallError> {
        let request = self.http.put(self.url(path)?).bearer_auth(self.token()?).header("content-type", "text/csv");
        self.send(request.body(table)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, CallError> {
        let request = self.http.delete(self.url(path)?).bearer_auth(self.token()?);
        self.send(request).await
    }

    /// Every item of a list, page by page.
    pub(crate) async fn all(&self, path: &str, filter: &[(&str, &str)]) -> Result<Vec<Value>, CallError> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", "200").extend_pairs(filter);
            query.extend_pairs((!cursor.is_empty()).then_some(("cursor", cursor.as_str())));
            let mut page = self.get(&format!("{path}?{}", query.finish())).await?;
            if let Some(Value::Array(page)) = page.get_mut("items") {
                items.append(page);
            }
            cursor = page.get("next").and_then(Value::as_str).unwrap_or_default().to_owned();
            if cursor.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Hands the answer to `write` part by part as it comes, however long it is.
    pub(crate) async fn download(
        &self,
        path: &str,
        mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), CallError> {
        let request = self.http.get(self.url(path)?).bearer_auth(self.token()?).timeout(DOWNLOAD_TIMEOUT);
        let mut response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(refused(response).await?);
        }
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            write(&part).map_err(|error| CallError::Local(error.to_string()))?;
        }
        Ok(())
    }

    /// Sends a body of any length, whose answer comes while it is sent.
    pub(crate) async fn stream(
        &self,
        path: &str,
        content_type: &str,
        body: reqwest::Body,
    ) -> Result<Answer, CallError> {
        let request = self.http.post(self.url(path)?).bearer_auth(self.token()?).timeout(DOWNLOAD_TIMEOUT);
        let request = request.header("content-type", content_type).body(body);
        let response = request.send().await.map_err(unreachable)?;
        if response.status().is_success() { Ok(Answer(response)) } else { Err(refused(response).await?) }
    }

    fn token(&self) -> Result<&str, CallError> {
        self.token.as_deref().ok_or_else(|| missing("SEATGATE_API_TOKEN"))
    }

    fn url(&self, path: &str) -> Result<Url, CallError> {
        self.server.join(path).map_err(|error| CallError::Local(error.to_string()))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, CallError> {
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status.is_success() { Ok(body) } else { Err(CallError::Refused { status: status.as_u16(), problem: body }) }
    }
}

/// An answer that comes part by part.
pub(crate) struct Answer(reqwest::Response);

impl Answer {
    /// The next part; none at the end.
    pub(crate) async fn part(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let part = self.0.chunk().await.map_err(unreachable)?;
        Ok(part.map(|part| part.to_vec()))
    }
}

fn unreachable(error: reqwest::Error) -> CallError {
    CallError::Unreachable(chain(&error.without_url()))
}

/// What the server said no with.
async fn refused(response: reqwest::Response) -> Result<CallError, CallError> {
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(unreachable)?;
    Ok(CallError::Refused { status, problem: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

fn missing(variable: &str) -> CallError {
    CallError::Local(format!("{variable} is not set, and without it the server does not know who asks"))
}

fn no_secrets(config: &ClientConfig, error: &std::io::Error) -> Problems {
    let path = Secrets::path(config.database.file());
    Problems::of(format!(
        "{}: {error} (is a demo running here? a configured server's secrets go here too)",
        path.display()
    ))
}

/// Plain http needs no certificates, so a machine without any can still talk to a server on it.
fn http(server: &Url) -> Result<reqwest::Client, Problems> {
    let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(TIMEOUT);
    let builder = if server.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|error| Problems::of(format!("the HTTP client: {error}")))
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
