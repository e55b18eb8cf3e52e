//! Form bodies: `application/x-www-form-urlencoded`.

use std::borrow::Cow;
use std::str::FromStr;

use super::PayloadError;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The fields of a form, in the order sent.
pub(super) struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    /// Reads a body that says it is a form.
    pub(super) fn read(content_type: Option<&str>, body: &'a [u8]) -> Result<Self, PayloadError> {
        expect_type(content_type, FORM)?;
        Ok(Self(form_urlencoded::parse(body).collect()))
    }

    /// Reads the fields of a JSON object: over a socket, what otherwise is a form comes as one.
    #[cfg(feature = "socket-mode")]
    pub(super) fn read_json(json: &str) -> Result<Self, PayloadError> {
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|_| PayloadError::Json)?;
        let text = |(name, value)| match value {
            serde_json::Value::String(text) => Some((Cow::Owned(name), Cow::Owned(text))),
            serde_json::Value::Bool(truth) => Some((Cow::Owned(name), Cow::Owned(truth.to_string()))),
            _ => None,
        };
        Ok(Self(members.into_iter().filter_map(text).collect()))
    }

    /// The one value of a field, `None` where it is not there or empty.
    ///
    /// A repeated field is refused: two readers could each take another one.
    pub(super) fn one(&self, field: &'static str) -> Result<Option<&str>, PayloadError> {
        let mut values = self.0.iter().filter(|(name, _)| name == field).map(|(_, value)| value.as_ref());
        let first = values.next();
        if values.next().is_some() {
            Err(PayloadError::Repeated { field })
        } else {
            Ok(first.filter(|v| !v.is_empty()))
        }
    }

    /// The one value of a field that must be there.
    pub(super) fn needed(&self, field: &'static str) -> Result<&str, PayloadError> {
        self.one(field)?.ok_or(PayloadError::Missing { field })
    }

    /// The id in a field that must be there.
    pub(super) fn needed_id<T: FromStr>(&self, field: &'static str) -> Result<T, PayloadError> {
        self.needed(field)?.parse().map_err(|_| PayloadError::Malformed { field })
    }

    /// The id in a field; `None` where it is not there. Malformed is not the same as absent.
    pub(super) fn id<T: FromStr>(&self, field: &'static str) -> Result<Option<T>, PayloadError> {
        let parse = |text: &str| text.parse().map_err(|_| PayloadError::Malformed { field });
        self.one(field)?.map(parse).transpose()
    }
}

/// Refuses a body that does not say it is JSON.
pub(super) fn expect_json(content_type: Option<&str>) -> Result<(), PayloadError> {
    expect_type(content_type, JSON)
}

/// Compares without parameters such as `charset`, and in any case.
fn expect_type(content_type: Option<&str>, expected: &'static str) -> Result<(), PayloadError> {
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(PayloadError::ContentType { expected }) }
}
