use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::Clock;
use url::Url;

use super::meter::Counter;
use super::pace::Pace;
use super::{BotToken, SlackClient};

const DEFAULT_BASE: &str = "https://slack.com/api/";
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The whole of a call. More than the connect time-out, so that "no connection" is told apart from "no answer".
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
const MOST_HEADERS: usize = 100;
const USER_AGENT: &str = concat!("seatgate/", env!("CARGO_PKG_VERSION"));

/// Sets up a [`SlackClient`].
#[derive(Debug)]
pub struct SlackClientBuilder {
    token: BotToken,
    clock: ClockOf,
    base: String,
    connect_timeout: Duration,
    timeout: Duration,
}

/// A clock that `Debug` has nothing to say about.
struct ClockOf(Arc<dyn Clock>);

impl std::fmt::Debug for ClockOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The base URL is no http or https URL, does not end in `/api/`, or holds credentials, a query or a fragment.
    #[error("the URL of Slack's Web API must be an http or https URL that ends in `/api/`")]
    BaseUrl,
    /// The client, or TLS in it, cannot be set up on this machine.
    #[error("the HTTP client cannot be set up; for https the machine needs CA certificates")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SlackClient {
    /// A builder with the defaults. The clock times the pace of calls.
    #[must_use]
    pub fn builder(token: BotToken, clock: Arc<dyn Clock>) -> SlackClientBuilder {
        SlackClientBuilder {
            token,
            clock: ClockOf(clock),
            base: DEFAULT_BASE.to_owned(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

impl SlackClientBuilder {
    /// Where the Web API is (`https://slack.com/api/`). It ends in `/api/`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base = url.into();
        self
    }

    /// How long name resolution, connection and TLS handshake may take together (5 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a whole call may take (15 s). Keep it above the connect time-out.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// When the base URL is none, or https cannot be set up on this machine.
    pub fn build(self) -> Result<SlackClient, SetupError> {
        let base = parse_base(&self.base)?;
        let http = self.http();
        let http = if base.scheme() == "http" { without_certificates(http) } else { http };
        // A URL is not in this error, yet what is could change.
        let http = http.build().map_err(|error| SetupError::Http(Box::new(error.without_url())))?;
        Ok(SlackClient { http, base, token: self.token, pace: Pace::new(self.clock.0), counter: Counter::default() })
    }

    fn http(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .pool_max_idle_per_host(0)
            .http1_max_headers(MOST_HEADERS)
    }
}

/// So that tests run on machines without CA certificates.
#[cfg(feature = "rustls")]
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.tls_certs_only([])
}

#[cfg(not(feature = "rustls"))]
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
}

fn parse_base(text: &str) -> Result<Url, SetupError> {
    let url = Url::parse(text).map_err(|_| SetupError::BaseUrl)?;
    let scheme_fits = matches!(url.scheme(), "http" | "https");
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if scheme_fits && bare && url.path().ends_with("/api/") { Ok(url) } else { Err(SetupError::BaseUrl) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_ends_in_api() {
        for text in [DEFAULT_BASE, "http://127.0.0.1:9000/api/", "https://proxy.example/slack/api/"] {
            assert!(parse_base(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "https://slack.com/api",
            "https://slack.com/",
            "ftp://slack.com/api/",
            "https://me:pw@slack.com/api/",
            "https://slack.com/api/?x=/api/",
            "slack.com/api/",
        ] {
            assert!(parse_base(text).is_err(), "{text}");
        }
    }
}
