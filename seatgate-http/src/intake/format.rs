//! In which form a delivery's rows come.

use axum::http::HeaderMap;

use crate::problem::Problem;
use crate::request;

/// The forms in which rows are read: the same ones in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object, or a list of them.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// A table with a header row.
    Csv,
}

impl Format {
    /// The form that the header `Content-Type` names. Its parameters do not matter: texts are UTF-8.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let essence = request::media_type(headers).map(str::to_ascii_lowercase);
        match essence.as_deref() {
            Some("application/json") => Ok(Self::Json),
            Some("application/x-ndjson" | "application/ndjson") => Ok(Self::Ndjson),
            Some("text/csv") => Ok(Self::Csv),
            _ => Err(Problem::unsupported(
                "expected `Content-Type: application/json`, `application/x-ndjson` or `text/csv`",
            )),
        }
    }

    /// Stands before a body when its digest is made: the header is not signed, and the same bytes in another form are
    /// other rows. No list or object begins like any of these.
    pub(super) fn mark(self) -> &'static [u8] {
        match self {
            Self::Json => b"",
            Self::Ndjson => b"ndjson\n",
            Self::Csv => b"csv\n",
        }
    }
}
