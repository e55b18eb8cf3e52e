//! Reading requests: parameters, JSON bodies and ids in paths, each refused as a [`Problem`].

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::json::{self, JsonError, Members};
use crate::problem::Problem;

/// How long a client may take to send a body. Who sends 8 MiB needs 140 KB a second for that.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// The whole body of a request, of at most `LIMIT` bytes, plain and in time.
pub(crate) struct Whole<const LIMIT: usize>(pub(crate) Bytes);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for Whole<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        whole(request, LIMIT).await.map(Self)
    }
}

/// Reads a body to its end. What says of itself that it is too large or encoded is refused before a byte of it is read:
/// a small body that unpacks to a large one cannot come in.
pub(crate) async fn whole(mut request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(format!("expected a body of at most {limit} bytes"));
    require_plain(request.headers())?;
    if usize::try_from(request.body().size_hint().lower()).is_ok_and(|declared| declared <= limit) {
        DefaultBodyLimit::max(limit).apply(&mut request);
    } else {
        return Err(too_large());
    }
    let body = tokio::time::timeout(WITHIN, Bytes::from_request(request, &())).await;
    let body = body.map_err(|_| Problem::too_slow(format!("the body did not come within {} s", WITHIN.as_secs())))?;
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::bad_request("the body could not be read to its end"),
    })
}

/// Refuses a body that is encoded.
pub(crate) fn require_plain(headers: &HeaderMap) -> Result<(), Problem> {
    if is_encoded(headers) {
        return Err(Problem::unsupported("expected a plain body, without `Content-Encoding`").accepting_plain());
    }
    Ok(())
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The media type of the body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// Refuses every media type but `application/json`.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Problem::unsupported("expected `Content-Type: application/json`")),
    }
}

/// Reads a JSON body. An empty one, of whatever type, is an object without members.
pub(crate) fn json<'a, T: Deserialize<'a>>(
    headers: &HeaderMap,
    body: &'a [u8],
    members: &Members,
) -> Result<T, Problem> {
    let body = if body.is_empty() {
        b"{}"
    } else {
        require_json(headers)?;
        body
    };
    json::read(body, members).map_err(|error| match error {
        JsonError::Malformed => Problem::bad_request("the body is no JSON that can be read"),
        JsonError::Member(member) => Problem::invalid(member.pointer, member.detail),
    })
}

/// The query's parameters, each known and given once.
pub(crate) fn parameters(query: Option<&str>, known: &[&str]) -> Result<BTreeMap<String, String>, Problem> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if !known.contains(&&*name) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Problem::bad_request(format!("unknown parameter; known here: {known}")));
        }
        if parameters.insert(name.clone().into_owned(), value.into_owned()).is_some() {
            return Err(Problem::bad_request(format!("the parameter `{name}` is given twice")));
        }
    }
    Ok(parameters)
}

/// Ids in a path. Whatever is no id of that kind is not found.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Self(ids)).map_err(|_| Problem::not_found("nothing has this id"))
    }
}
