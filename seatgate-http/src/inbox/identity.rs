//! Who is looking: a proxy's word or a signed cookie, the token that forms bring back, and what is let in at all.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Attempt, Submission};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{Actor, EmailAddress, Identity, MatchedBy, PersonDetails, Surface};
use seatgate_core::port::{Entropy, StoreError};
use sha2::Sha256;

use super::Inbox;
use super::page::PageError;
use crate::token::{self, TokenError};

/// They say something else than who somebody is.
const RESERVED: [HeaderName; 3] = [AUTHORIZATION, COOKIE, HOST];
/// From where a form was sent, as the browser itself says: no script and no other site can set it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const COOKIE_NAME: &str = "seatgate_person";
/// SHA-256's block: a key of this length is used as it is (RFC 2104, section 2).
const KEY_BYTES: usize = 64;

/// The header in which a trusted proxy proves itself to [`InboxIdentity::trusted_header`].
pub const PROXY_SECRET_HEADER: &str = "x-seatgate-proxy-secret";

/// Who the inbox's visitors are.
#[derive(Clone)]
pub struct InboxIdentity(Kind);

#[derive(Clone)]
enum Kind {
    Off,
    Demo([u8; KEY_BYTES]),
    TrustedHeader { header: HeaderName, secret: Digest },
}

/// What is wrong with the settings of a trusted header. Never holds any part of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedHeaderError {
    /// No header can have this name, or another meaning is given to it.
    #[error("expected the name of a header, such as x-forwarded-email")]
    Header,
    /// The secret can be guessed, or cannot be sent.
    #[error(transparent)]
    Secret(TokenError),
}

impl InboxIdentity {
    /// Nobody: the inbox is switched off.
    #[must_use]
    pub fn off() -> Self {
        Self(Kind::Off)
    }

    /// Whoever they pick. Only for trials: bind to loopback, because whoever reaches the page can be anybody.
    ///
    /// The choice is kept in a cookie under a key made here, so that nobody can write one by hand; it ends with the
    /// process.
    #[must_use]
    pub fn demo(entropy: &dyn Entropy) -> Self {
        let mut key = [0; KEY_BYTES];
        entropy.fill(&mut key);
        Self(Kind::Demo(key))
    }

    /// Whoever the e-mail address in `header` belongs to, as a proxy that signs people in has found.
    ///
    /// The proxy proves itself by `secret` in the header [`PROXY_SECRET_HEADER`] of every call; a call without it is
    /// answered with 401 and recorded. The proxy must *set* both headers and never pass on what a browser sent in them: a
    /// call that has one of them twice is refused too.
    ///
    /// # Errors
    /// When no header can be named so, or the secret has fewer than 16 or more than 1024 characters or others than
    /// visible ASCII ones.
    pub fn trusted_header(header: &str, secret: &str) -> Result<Self, TrustedHeaderError> {
        let header = HeaderName::from_str(header.trim()).map_err(|_| TrustedHeaderError::Header)?;
        if RESERVED.contains(&header) || header == PROXY_SECRET_HEADER {
            return Err(TrustedHeaderError::Header);
        }
        let secret = token::digest(secret).map_err(TrustedHeaderError::Secret)?;
        Ok(Self(Kind::TrustedHeader { header, secret }))
    }

    pub(super) fn is_off(&self) -> bool {
        matches!(self.0, Kind::Off)
    }

    /// Whether visitors pick who they are.
    pub(super) fn is_picked(&self) -> bool {
        matches!(self.0, Kind::Demo(_))
    }

    /// What codes are made with. Where a proxy is trusted it comes from the secret, so that every server accepts the forms
    /// of every other one.
    fn key(&self) -> Option<[u8; KEY_BYTES]> {
        match &self.0 {
            Kind::Off => None,
            Kind::Demo(key) => Some(*key),
            Kind::TrustedHeader { secret, .. } => {
                let mut key = [0; KEY_BYTES];
                key.iter_mut().zip(secret.as_bytes()).for_each(|(key, byte)| *key = *byte);
                Some(key)
            }
        }
    }

    /// Nobody can sign without a key, so an inbox that is off accepts no code.
    fn mac(&self, purpose: &str, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new(&self.key()?.into());
        // The zero keeps one purpose's texts apart from another's.
        for part in [purpose.as_bytes(), &[0], text.as_bytes()] {
            mac.update(part);
        }
        Some(mac)
    }

    fn code(&self, purpose: &str, text: &str) -> String {
        self.mac(purpose, text).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// In constant time, and over the whole length.
    fn fits(&self, purpose: &str, text: &str, code: &str) -> bool {
        let Ok(code) = URL_SAFE_NO_PAD.decode(code) else { return false };
        self.mac(purpose, text).is_some_and(|mac| mac.verify_slice(&code).is_ok())
    }

    /// The cookie that says `person`, or one that says nobody any more.
    pub(super) fn cookie(&self, person: Option<PersonRef>, path: &str) -> String {
        let attributes = format!("Path={path}/; HttpOnly; SameSite=Strict");
        match person {
            Some(person) => {
                format!("{COOKIE_NAME}={person}.{}; {attributes}", self.code("cookie", &person.to_string()))
            }
            None => format!("{COOKIE_NAME}=; Max-Age=0; {attributes}"),
        }
    }

    /// Whom the cookie names. Only where people pick themselves: a proxy's word is worth more than a cookie.
    fn picked(&self, headers: &HeaderMap) -> Option<PersonRef> {
        let Kind::Demo(_) = self.0 else { return None };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
        let (person, code) = value.split_once('.')?;
        self.fits("cookie", person, code).then(|| person.parse().ok()).flatten()
    }

    /// What the forms of a page shown to `person` bring back.
    pub(super) fn form_token(&self, person: Option<PersonRef>) -> String {
        self.code("form", &named(person))
    }

    /// Whether a form comes from a page shown to `person`.
    pub(super) fn form_fits(&self, person: Option<PersonRef>, token: &str) -> bool {
        self.fits("form", &named(person), token)
    }
}

fn named(person: Option<PersonRef>) -> String {
    person.map_or_else(|| "nobody".to_owned(), |person| person.to_string())
}

/// Redacted: keys make cookies, and the secret makes anybody.
impl fmt::Debug for InboxIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Off => f.write_str("InboxIdentity::off"),
            Kind::Demo(_) => f.write_str("InboxIdentity::demo([redacted])"),
            Kind::TrustedHeader { header, .. } => {
                write!(f, "InboxIdentity::trusted_header({}, [redacted])", header.as_str())
            }
        }
    }
}

/// Somebody who looks at the inbox.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    pub(super) person: PersonRef,
    pub(super) name: String,
    pub(super) operates: bool,
    pub(super) matched_by: MatchedBy,
}

impl Viewer {
    /// They act for themselves, through the inbox.
    pub(super) fn submission(&self) -> Submission {
        Submission::new(Actor::Person(self.person), Surface::Inbox).matched_by(self.matched_by)
    }
}

impl Inbox {
    /// Who is looking, if the store knows them.
    pub(super) async fn viewer(&self, headers: &HeaderMap) -> Result<Option<Viewer>, StoreError> {
        let person = match &self.options.identity.0 {
            Kind::Off => None,
            Kind::Demo(_) => self.options.identity.picked(headers),
            Kind::TrustedHeader { header, .. } => match address(headers, header) {
                Some(address) => self.gate.people().find(&Identity::Email(address)).await?,
                None => None,
            },
        };
        let Some(person) = person else { return Ok(None) };
        let details = self.gate.people().details(&[person]).await?.into_iter().next().flatten();
        let operates = self.gate.settings().operators.contains(&person);
        let matched_by = if self.options.identity.is_picked() { MatchedBy::Identity } else { MatchedBy::Email };
        Ok(details.map(|details| Viewer { person, name: PersonDetails::label(&details), operates, matched_by }))
    }

    /// Whoever sent a form, if it was sent from a page that we showed to them.
    pub(super) async fn sender(&self, headers: &HeaderMap, token: &str) -> Result<Viewer, PageError> {
        self.form_from(headers, token).await?.ok_or(PageError::Forged)
    }

    /// Who sent a form from a page that we showed to them, be it to nobody. Any other form may come from another site,
    /// through the browser of somebody who is signed in here: that is recorded.
    pub(super) async fn form_from(&self, headers: &HeaderMap, token: &str) -> Result<Option<Viewer>, PageError> {
        let viewer = self.viewer(headers).await?;
        let person = viewer.as_ref().map(|viewer| viewer.person);
        let denial = match only(headers, &FETCH_SITE).map(HeaderValue::as_bytes) {
            Some(b"cross-site" | b"same-site") => "foreign_site",
            _ if !self.options.identity.form_fits(person, token) => "forged_form",
            _ => return Ok(viewer),
        };
        let actor = person.map_or_else(Actor::anonymous, Actor::Person);
        self.gate.record_denied(Attempt::new(actor, Surface::Inbox, "send_form", denial)).await;
        Err(PageError::Forged)
    }
}

/// The one value of a header; nothing where there are several, of which a browser may have sent some.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn address(headers: &HeaderMap, header: &HeaderName) -> Option<EmailAddress> {
    only(headers, header)?.to_str().ok()?.trim().parse().ok()
}

/// Lets in only what came the way that the identity asks for.
pub(super) async fn admit(State(inbox): State<Inbox>, request: Request, next: Next) -> Response {
    let denial = match &inbox.options.identity.0 {
        Kind::Off => return StatusCode::NOT_FOUND.into_response(),
        Kind::Demo(_) if came_to_this_machine(request.headers()) => return next.run(request).await,
        Kind::Demo(_) => {
            inbox.gate.record_denied(Attempt::new(Actor::anonymous(), Surface::Inbox, "look", "foreign_host")).await;
            return (StatusCode::MISDIRECTED_REQUEST, "this server answers only to localhost\n").into_response();
        }
        Kind::TrustedHeader { header, secret } => untrusted(request.headers(), header, secret),
    };
    let Some(denial) = denial else { return next.run(request).await };
    inbox.gate.record_denied(Attempt::new(Actor::anonymous(), Surface::Inbox, "look", denial)).await;
    inbox.respond(Err(PageError::Unauthenticated))
}

/// Why a call is not believed to come from the proxy. Digests are compared to their end, so that the time taken tells
/// nothing about the secret.
fn untrusted(headers: &HeaderMap, header: &HeaderName, secret: &Digest) -> Option<&'static str> {
    match only(headers, &HeaderName::from_static(PROXY_SECRET_HEADER)) {
        None => Some("no_proxy_secret"),
        Some(presented) if !token::is(secret, presented.as_bytes()) => Some("wrong_proxy_secret"),
        Some(_) if address(headers, header).is_none() => Some("no_person"),
        Some(_) => None,
    }
}

/// Another site can make its own name resolve to 127.0.0.1, and its scripts would then read these pages as their own:
/// but the browser still says that other name in `Host`.
fn came_to_this_machine(headers: &HeaderMap) -> bool {
    headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use seatgate_core::port::SeededEntropy;
    use seatgate_core::time::Timestamp;

    #[test]
    fn only_our_own_cookies_name_anybody() {
        let entropy = SeededEntropy::new(3);
        let (ours, other) = (InboxIdentity::demo(&entropy), InboxIdentity::demo(&entropy));
        let [mona, ana] = std::array::from_fn(|_| PersonRef::generate(Timestamp::MIN, &entropy));
        let read = |identity: &InboxIdentity, cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, format!("theme=dark; {cookie}").parse().unwrap());
            identity.picked(&headers)
        };
        let cookie = ours.cookie(Some(mona), "");
        let cookie = cookie.split(';').next().unwrap();
        assert_eq!(read(&ours, cookie), Some(mona));
        assert_eq!(read(&other, cookie), None);
        assert_eq!(read(&InboxIdentity::off(), cookie), None);
        assert_eq!(read(&ours, &cookie.replace(&mona.to_string(), &ana.to_string())), None);
        for edited in [COOKIE_NAME.to_owned(), format!("{COOKIE_NAME}={mona}"), format!("{COOKIE_NAME}={mona}.")] {
            assert_eq!(read(&ours, &edited), None, "{edited}");
        }
    }

    #[test]
    fn a_form_token_is_bound_to_its_person_and_is_no_cookie() {
        let entropy = SeededEntropy::new(3);
        let identity = InboxIdentity::demo(&entropy);
        let [mona, ana] = std::array::from_fn(|_| Some(PersonRef::generate(Timestamp::MIN, &entropy)));
        let token = identity.form_token(mona);
        assert!(identity.form_fits(mona, &token));
        assert!(!identity.form_fits(ana, &token) && !identity.form_fits(None, &token));
        assert!(!identity.form_fits(mona, "") && !InboxIdentity::off().form_fits(mona, ""));
        assert!(!identity.cookie(mona, "").contains(&token));
        assert!(!format!("{identity:?}").contains("62, "));
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", "[::2]:1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
