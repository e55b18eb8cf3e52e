use std::fmt;

use url::Url;

/// Where Slack takes answers to clicks and commands. The path of such a URL is a secret.
const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// Where to answer one click or command: at most five times, within thirty minutes.
///
/// Only addresses of Slack's become one, so that nobody makes this server call another address. `Debug` does not show it:
/// whoever has it can speak in our name.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(Url);

impl ResponseUrl {
    /// The address in `text`, if it is Slack's, or below `also` (for tests).
    pub(super) fn read(text: &str, also: Option<&Url>) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        (is_slacks(&url) || also.is_some_and(|base| is_below(&url, base))).then_some(Self(url))
    }

    /// For the call to it.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }
}

fn is_slacks(url: &Url) -> bool {
    let host_fits = url.host_str().is_some_and(|host| HOSTS.contains(&host));
    url.scheme() == "https" && host_fits && url.port().is_none() && has_no_credentials(url)
}

/// Judged on the parsed URL: a comparison of texts would take `http://127.0.0.1:80@evil` for one of ours.
fn is_below(url: &Url, base: &Url) -> bool {
    url.origin() == base.origin() && has_no_credentials(url) && url.path().starts_with(base.path())
}

fn has_no_credentials(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slacks_own_addresses_are_taken() {
        for text in ["https://hooks.slack.com/actions/T1/2/x", "https://hooks.slack-gov.com/commands/T1/2/x"] {
            assert!(ResponseUrl::read(text, None).is_some(), "{text}");
        }
        let others = [
            "http://hooks.slack.com/actions/T1",
            "https://hooks.slack.com.evil.example/actions",
            "https://hooks.slack.com@evil.example/actions",
            "https://me@hooks.slack.com/actions",
            "https://hooks.slack.com:8443/actions",
            "https://evil.example/https://hooks.slack.com/",
            "https://slack.com/api/chat.postMessage",
            "http://127.0.0.1:9000/response/1",
            "hooks.slack.com/actions",
            "",
        ];
        for text in others {
            assert!(ResponseUrl::read(text, None).is_none(), "{text}");
        }
    }

    #[test]
    fn another_base_is_allowed_by_name() {
        let base = Url::parse("http://127.0.0.1:9000/response/").unwrap();
        assert!(ResponseUrl::read("http://127.0.0.1:9000/response/1", Some(&base)).is_some());
        assert!(ResponseUrl::read("https://hooks.slack.com/actions/1", Some(&base)).is_some());
        for text in
            ["http://127.0.0.1:9001/response/1", "http://127.0.0.1:9000/other", "http://a@127.0.0.1:9000/response/1"]
        {
            assert!(ResponseUrl::read(text, Some(&base)).is_none(), "{text}");
        }
        assert!(ResponseUrl::read("http://127.0.0.1:9000/response/../other", Some(&base)).is_none());
    }

    #[test]
    fn it_is_not_printed() {
        let url = ResponseUrl::read("https://hooks.slack.com/actions/T1/2/secret", None);
        assert_eq!(format!("{url:?}"), "Some(ResponseUrl([redacted]))");
    }
}
