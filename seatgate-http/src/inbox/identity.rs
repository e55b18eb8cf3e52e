//! Who is looking: a signed cookie, the token that forms bring back, and the names this server answers to.

use std::fmt;
use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use seatgate_core::id::PersonRef;
use seatgate_core::person::PersonDetails;
use seatgate_core::port::{Entropy, StoreError};
use sha2::Sha256;

use super::Inbox;

const COOKIE_NAME: &str = "seatgate_person";
/// SHA-256's block: a key of this length is used as it is (RFC 2104, section 2).
const KEY_BYTES: usize = 64;

/// Who the inbox's visitors are.
#[derive(Clone)]
pub struct InboxIdentity(Kind);

#[derive(Clone)]
enum Kind {
    Off,
    Demo([u8; KEY_BYTES]),
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

    pub(super) fn is_off(&self) -> bool {
        matches!(self.0, Kind::Off)
    }

    /// Nobody can sign without a key, so an inbox that is off accepts no code.
    fn mac(&self, purpose: &str, text: &str) -> Option<Hmac<Sha256>> {
        let Kind::Demo(key) = &self.0 else { return None };
        let mut mac = Hmac::<Sha256>::new(key.into());
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

    fn person(&self, headers: &HeaderMap) -> Option<PersonRef> {
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

/// Redacted: the key makes cookies.
impl fmt::Debug for InboxIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_off() { "InboxIdentity::off" } else { "InboxIdentity::demo([redacted])" })
    }
}

/// Somebody who looks at the inbox.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    pub(super) person: PersonRef,
    pub(super) name: String,
    pub(super) operates: bool,
}

impl Inbox {
    /// Whom the cookie names, if the store knows them.
    pub(super) async fn viewer(&self, headers: &HeaderMap) -> Result<Option<Viewer>, StoreError> {
        let Some(person) = self.options.identity.person(headers) else { return Ok(None) };
        let details = self.gate.people().details(&[person]).await?.into_iter().next().flatten();
        let operates = self.gate.settings().operators.contains(&person);
        Ok(details.map(|details| Viewer { person, name: PersonDetails::label(&details), operates }))
    }
}

/// Lets in only what was addressed to this machine by one of its own names.
///
/// Another site can make its own name resolve to 127.0.0.1, and its scripts would then read these pages as their own:
/// but the browser still says that other name in `Host`.
pub(super) async fn admit(State(_): State<Inbox>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).map(HeaderValue::to_str);
    match host {
        Some(Ok(host)) if is_loopback(host) => next.run(request).await,
        _ => (StatusCode::MISDIRECTED_REQUEST, "this server answers only to localhost\n").into_response(),
    }
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
            identity.person(&headers)
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
