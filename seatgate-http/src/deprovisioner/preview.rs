//! A removal call that is only looked at.

use std::fmt;

use url::Url;

use crate::guard::OutboundCall;

/// What stands for a value of the URL's query: such values may be tokens.
const HIDDEN: &str = "[hidden]";

/// The removal call that a job would make, byte for byte, and not made.
///
/// It is signed, so whoever has it can make the call within five minutes, with what the target then does: show it to
/// those who may remove the seat. The secret itself is not in it. Printed, it looks like an HTTP request, with the
/// values of the URL's query hidden; `Debug` shows nothing. What the connection adds (`host`, `content-length`, `accept`,
/// `user-agent`) is not part of it.
#[derive(Clone)]
pub struct CallPreview(OutboundCall);

impl CallPreview {
    pub(super) fn new(call: OutboundCall) -> Self {
        Self(call)
    }

    /// The method, such as `POST`.
    #[must_use]
    pub fn method(&self) -> String {
        reqwest::Method::from(self.0.method).to_string()
    }

    /// Where it would go. May hold a token: see [`CallPreview`]'s `Display` for something to print.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Names in lower case and values, in the order sent. The signature is among them.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.0.headers
    }

    /// The body, as it would be sent.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }
}

impl fmt::Display for CallPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method(), shown(self.url()))?;
        for (name, value) in self.headers() {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(self.body()))
    }
}

impl fmt::Debug for CallPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallPreview([redacted])")
    }
}

fn shown(url: &Url) -> String {
    let names: Vec<String> = url.query_pairs().map(|(name, _)| format!("{name}={HIDDEN}")).collect();
    let mut bare = url.clone();
    bare.set_query(None);
    if names.is_empty() { bare.to_string() } else { format!("{bare}?{}", names.join("&")) }
}
