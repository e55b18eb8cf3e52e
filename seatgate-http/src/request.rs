//! Reading requests: parameters, JSON bodies and ids in paths, each refused as a [`Problem`].

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::json::{self, JsonError, Members};
use crate::problem::Problem;

/// The body, unless it is larger than the route's limit.
pub(crate) fn body(body: Result<Bytes, BytesRejection>, limit: usize) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(format!("expected a body of at most {limit} bytes")),
        _ => Problem::bad_request("the body could not be read to its end"),
    })
}

/// The media type of the body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// Refuses a body that is compressed: limits are on the bytes that are read, and nothing here unpacks.
pub(crate) fn require_plain(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Problem::unsupported("expected a body without `Content-Encoding`"))
        }
        _ => Ok(()),
    }
}

/// Refuses every media type but `application/json`.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    require_plain(headers)?;
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
