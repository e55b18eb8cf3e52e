//! The list of targets that may be private or plain http.

use std::str::FromStr;

use url::Host;

use super::address::{self, Reach};

/// Targets, by host and port, that may be private or plain http. Empty by default.
///
/// Read from `host:port` pairs separated by commas, such as `idp.internal:8443,127.0.0.1:9000,[::1]:9000`. A host is
/// compared as written in the URL: allowing a name does not allow its address, nor the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedPrivate(Vec<(Host, u16)>);

/// What is wrong with an entry of [`AllowedPrivate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowedPrivateError {
    /// No `host:port`.
    #[error("entry {position}: expected host:port, such as idp.internal:8443 or [::1]:9000")]
    Syntax {
        /// Which entry, from 1.
        position: usize,
    },
    /// An address that is never called, listed or not.
    #[error("entry {position}: link-local, metadata, multicast and reserved addresses are never called")]
    Never {
        /// Which entry, from 1.
        position: usize,
    },
}

impl AllowedPrivate {
    pub(super) fn contains<S: AsRef<str>>(&self, host: &Host<S>, port: u16) -> bool {
        self.0.iter().any(|(allowed, allowed_port)| *allowed_port == port && same_host(allowed, host))
    }
}

/// `url` has normalised both, but types them differently.
fn same_host<S: AsRef<str>>(allowed: &Host, host: &Host<S>) -> bool {
    match (allowed, host) {
        (Host::Domain(a), Host::Domain(b)) => a == b.as_ref(),
        (Host::Ipv4(a), Host::Ipv4(b)) => a == b,
        (Host::Ipv6(a), Host::Ipv6(b)) => a == b,
        _ => false,
    }
}

impl FromStr for AllowedPrivate {
    type Err = AllowedPrivateError;

    /// Blank text is an empty list, and empty entries are skipped: they allow nothing.
    fn from_str(text: &str) -> Result<Self, AllowedPrivateError> {
        let entries = text.split(',').enumerate().map(|(index, entry)| (index + 1, entry.trim()));
        let written = entries.filter(|(_, entry)| !entry.is_empty());
        written.map(|(position, entry)| parse_entry(position, entry)).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_entry(position: usize, entry: &str) -> Result<(Host, u16), AllowedPrivateError> {
    let syntax = || AllowedPrivateError::Syntax { position };
    let (host, port) = entry.rsplit_once(':').ok_or_else(syntax)?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(syntax)?;
    let host = Host::parse(host).map_err(|_| syntax())?;
    match address::of_literal(&host) {
        Some(literal) if !Reach::Listed.permits(literal) => Err(AllowedPrivateError::Never { position }),
        _ => Ok((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_normalised_like_urls() {
        let allowed: AllowedPrivate = " IdP.Internal:8443, 0x7f.1:80 ,,[::1]:9000".parse().unwrap();
        let contains = |url: &str| {
            let url = url::Url::parse(url).unwrap();
            allowed.contains(&url.host().unwrap(), url.port_or_known_default().unwrap())
        };
        for url in ["https://idp.internal:8443/x", "http://127.0.0.1/", "http://2130706433/", "http://[0::1]:9000/"] {
            assert!(contains(url), "{url}");
        }
        for url in ["https://idp.internal/", "https://x.idp.internal:8443/", "http://localhost/", "https://[::1]/"] {
            assert!(!contains(url), "{url}");
        }
        assert_eq!("".parse(), Ok(AllowedPrivate::default()));
    }

    #[test]
    fn faulty_entries_are_named() {
        for text in ["host", "host:", ":80", "host:0", "host:65536", "host:http", "http://host:80", "::1:80", "a b:1"] {
            let list = format!("ok:1,{text}");
            let expected = Err(AllowedPrivateError::Syntax { position: 2 });
            assert_eq!(list.parse::<AllowedPrivate>(), expected, "{text}");
        }
        for text in ["169.254.169.254:80", "0.0.0.0:80", "[::ffff:127.0.0.1]:80"] {
            assert_eq!(text.parse::<AllowedPrivate>(), Err(AllowedPrivateError::Never { position: 1 }), "{text}");
        }
    }
}
