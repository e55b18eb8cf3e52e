//! The guarded client: the one way out to an address that somebody configured or a target named.
//!
//! Without a guard, whoever may name a URL could make this server call its neighbours (server-side request forgery).
//! So:
//!
//! - Only https to public addresses, except for the `host:port` pairs in [`AllowedPrivate`].
//! - Addresses are judged after name resolution, on the very list that is connected to: a name that changes its
//!   address between a check and the call gains nothing. A name with both kinds of address is reached at its public
//!   ones only. (Refusing it altogether would add no safety, and would break public names on networks whose resolver
//!   adds NAT64 addresses.)
//! - Redirects are not followed, proxies in the environment are not used, and nothing is repeated on its own.
//! - Each call has its own connection: one kept open could be closed by the other side at the moment it is used
//!   again, and that failure would be ambiguous for nothing.
//! - Time, response bytes and response headers are capped. Nothing is decompressed, so the caps count what came over
//!   the wire.

mod address;
mod allowed;
mod call;
mod error;
mod resolver;

use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use address::Reach;
use resolver::GuardedResolver;

pub use allowed::{AllowedPrivate, AllowedPrivateError};
pub use call::{Method, OutboundCall, OutboundReply};
pub use error::{GuardError, OutboundError, OutboundErrorKind};

use error::Reason;

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const DEFAULT_BODY_LIMIT: usize = 64 * 1024;
const MOST_HEADERS: usize = 64;
const HTTP2_HEADER_BYTES: u32 = 16 * 1024;
const USER_AGENT: &str = concat!("seatgate/", env!("CARGO_PKG_VERSION"));

/// Headers that decide where a request ends and whom it is for: the client's own business.
const FRAMING_HEADERS: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"];

/// Sets up a [`GuardedClient`].
#[derive(Debug, Clone)]
pub struct GuardedClientBuilder {
    allowed: AllowedPrivate,
    connect_timeout: Duration,
    body_limit: usize,
}

/// Makes calls under the guard. Cloning is cheap and shares the set-up.
#[derive(Clone)]
pub struct GuardedClient {
    allowed: AllowedPrivate,
    body_limit: usize,
    clients: Clients,
}

/// One inner client for each thing a call may be allowed to do; none can do what another may.
#[derive(Clone)]
struct Clients {
    /// https to public addresses.
    public: Result<reqwest::Client, GuardError>,
    /// https to what the list allows.
    listed_https: Result<reqwest::Client, GuardError>,
    /// Plain http to what the list allows. Trusts no certificate, so that it needs none on the machine.
    listed_http: reqwest::Client,
}

impl GuardedClientBuilder {
    /// Which private or plain http targets may be called (none).
    #[must_use]
    pub fn allow_private(mut self, allowed: AllowedPrivate) -> Self {
        self.allowed = allowed;
        self
    }

    /// How long name resolution, connection and TLS handshake may take together (5 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The longest response body in bytes (64 KiB).
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The client.
    ///
    /// A machine without CA certificates is no error here: only https calls are refused then, and
    /// [`GuardedClient::https_problem`] says why.
    ///
    /// # Errors
    /// When not even plain http can be set up.
    pub fn build(self) -> Result<GuardedClient, GuardError> {
        let listed = |builder: reqwest::ClientBuilder| builder.dns_resolver(GuardedResolver::new(Reach::Listed));
        let clients = Clients {
            public: finish(self.base().dns_resolver(GuardedResolver::new(Reach::Public)).https_only(true)),
            listed_https: finish(listed(self.base()).https_only(true)),
            listed_http: finish(without_certificates(listed(self.base())))?,
        };
        Ok(GuardedClient { allowed: self.allowed, body_limit: self.body_limit, clients })
    }

    fn base(&self) -> reqwest::ClientBuilder {
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
            .pool_max_idle_per_host(0)
            .http1_max_headers(MOST_HEADERS)
            .http2_max_header_list_size(HTTP2_HEADER_BYTES)
    }
}

fn finish(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, GuardError> {
    builder.build().map_err(GuardError::new)
}

#[cfg(feature = "rustls")]
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.tls_certs_only([])
}

#[cfg(not(feature = "rustls"))]
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
}

impl GuardedClient {
    /// A builder with the defaults.
    #[must_use]
    pub fn builder() -> GuardedClientBuilder {
        GuardedClientBuilder {
            allowed: AllowedPrivate::default(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }

    /// Why https calls are refused on this machine, if they are: most often it has no CA certificates.
    #[must_use]
    pub fn https_problem(&self) -> Option<&GuardError> {
        self.clients.public.as_ref().err()
    }

    /// Whether the guard lets a call to `url` begin. Names are not resolved here: that is judged at connect.
    ///
    /// For checking a configuration at start.
    ///
    /// # Errors
    /// Of the kind [`OutboundErrorKind::Refused`].
    pub fn check(&self, url: &Url) -> Result<(), OutboundError> {
        self.client_for(url).map(|_| ())
    }

    /// Makes one call and reads the whole response. A status that means failure, or a redirect, is a reply too.
    ///
    /// # Errors
    /// The kind says whether the request may have arrived; see [`OutboundErrorKind`]. A response that is too large or
    /// cut off is [`OutboundErrorKind::Ambiguous`], whatever its status was.
    ///
    /// # Cancel safety
    /// Not cancel safe: once polled, dropping the future leaves unknown whether the request arrived. Treat it as
    /// ambiguous.
    pub async fn send(&self, call: OutboundCall) -> Result<OutboundReply, OutboundError> {
        let client = self.client_for(&call.url)?;
        let headers = header_map(call.headers)?;
        let request = client
            .request(call.method.into(), call.url)
            .headers(headers)
            .timeout(call.timeout)
            .body(call.body)
            .build()
            .map_err(OutboundError::from_reqwest)?;
        let response = client.execute(request).await.map_err(OutboundError::from_reqwest)?;
        self.read(response).await
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<OutboundReply, OutboundError> {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(OutboundError::after_sending)? {
            if chunk.len() > self.body_limit.saturating_sub(body.len()) {
                return Err(Reason::ResponseTooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(OutboundReply { status, headers, body })
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        let host = url.host().ok_or(Reason::NoHost)?;
        let port = url.port_or_known_default().ok_or(Reason::Scheme)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Reason::Credentials.into());
        }
        let listed = self.allowed.contains(&host, port);
        let reach = if listed { Reach::Listed } else { Reach::Public };
        if address::of_literal(&host).is_some_and(|literal| !reach.permits(literal)) {
            return Err(Reason::Address.into());
        }
        let client = match (url.scheme(), listed) {
            // Built without TLS: certainly not sent, and repeating it will not help.
            ("https", _) if cfg!(not(feature = "rustls")) => return Err(Reason::NoTls.into()),
            ("https", false) => &self.clients.public,
            ("https", true) => &self.clients.listed_https,
            ("http", true) => return Ok(&self.clients.listed_http),
            _ => return Err(Reason::Scheme.into()),
        };
        client.as_ref().map_err(|problem| OutboundError::no_tls(problem.clone()))
    }
}

impl fmt::Debug for GuardedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedClient").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

fn header_map(headers: Vec<(String, String)>) -> Result<HeaderMap, OutboundError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| Reason::Header)?;
        let mut value = HeaderValue::try_from(value).map_err(|_| Reason::Header)?;
        if FRAMING_HEADERS.contains(&name.as_str()) {
            return Err(Reason::Header.into());
        }
        // Any of them may be a credential, so none is ever printed or kept in a compression table.
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

#[cfg(test)]
mod tests;
