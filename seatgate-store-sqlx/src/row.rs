//! How values become columns: JSON bodies that carry a version, and texts that domain types print and parse.

use std::error::Error;
use std::str::FromStr;

use seatgate_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the bodies that are written.
const VERSION: u32 = 1;

/// A stored body.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    body: T,
}

/// A body of a version that this release does not know.
#[derive(Debug, thiserror::Error)]
#[error("stored in version {0}, which this release does not know")]
struct UnknownVersion(u32);

/// The body that stands for `value`.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    json(&Versioned { v: VERSION, body: value })
}

/// The value that a body stands for.
pub(crate) fn decode<T: DeserializeOwned>(body: &str) -> Result<T, sqlx::Error> {
    let Versioned { v, body } = from_json(body)?;
    if v == VERSION { Ok(body) } else { Err(unreadable(UnknownVersion(v))) }
}

/// A value as plain JSON: a list of rows for `json_each`, or a small column.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// The value behind plain JSON.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(unreadable)
}

/// The value that prints as `text`.
pub(crate) fn read<T>(text: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    text.parse().map_err(unreadable)
}

/// A count as a column holds it.
pub(crate) fn from_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from its column.
pub(crate) fn to_count(column: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(column).map_err(unreadable)
}

/// A small number from its column.
pub(crate) fn to_number(column: i32) -> Result<u32, sqlx::Error> {
    u32::try_from(column).map_err(unreadable)
}

/// As many rows as a caller's limit allows.
pub(crate) fn from_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// An instant from its column, if there is one.
pub(crate) fn to_time(column: Option<i64>) -> Option<Timestamp> {
    column.map(Timestamp::from_micros)
}

/// A label that this release does not know.
#[cfg(feature = "postgres")]
pub(crate) fn unknown(label: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the database answered {label}").into())
}

fn unreadable(error: impl Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_bear_their_version_and_another_one_is_refused() {
        let body = encode(&vec![1, 2]).unwrap();
        assert_eq!(body, r#"{"v":1,"body":[1,2]}"#);
        assert_eq!(decode::<Vec<i32>>(&body).unwrap(), [1, 2]);
        assert!(decode::<Vec<i32>>(r#"{"v":2,"body":[1,2]}"#).is_err());
        assert!(decode::<Vec<i32>>("[1,2]").is_err());
    }
}
