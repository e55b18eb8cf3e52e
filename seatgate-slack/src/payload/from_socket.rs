use std::fmt;

use serde_json::value::RawValue;

/// A payload that came over a socket of Socket Mode.
///
/// It bears no signature. It is Slack's because its connection is: TLS has named the other side, and the address held a
/// ticket that Slack gave for the app's token. `Debug` does not show it.
pub(crate) struct FromSocket<'a>(&'a RawValue);

impl<'a> FromSocket<'a> {
    /// Only for what was read from such a connection; what comes by HTTP is [`Verified`](crate::verify::Verified).
    pub(crate) fn authenticated_by_its_connection(payload: &'a RawValue) -> Self {
        Self(payload)
    }

    /// The payload as JSON.
    pub(super) fn json(&self) -> &'a str {
        self.0.get()
    }
}

impl fmt::Debug for FromSocket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromSocket([redacted])")
    }
}
