use std::error::Error;
use std::fmt;
use std::time::Duration;

/// How long to wait where nobody says: no connection, or an error that asks for patience.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// A name is Slack's word, so it is bounded before it comes into a log.
const LONGEST_NAME: usize = 64;
const UNNAMED: &str = "unnamed_error";

const WAIT: [&str; 4] = ["ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"];
const UNKNOWN: [&str; 3] = ["internal_error", "fatal_error", "request_timeout"];
const ELSEWHERE: [&str; 8] = [
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "user_disabled",
    "user_not_found",
    "users_not_found",
    "user_not_visible",
    "messages_tab_disabled",
];
/// `restricted_action`, `restricted_action_read_only_channel`, `restricted_action_thread_locked`, ...
const RESTRICTED: &str = "restricted_action";
const HALT: [&str; 10] = [
    "invalid_auth",
    "not_authed",
    "not_allowed_token_type",
    "token_revoked",
    "token_expired",
    "account_inactive",
    "missing_scope",
    "access_denied",
    "org_login_required",
    "ekm_access_denied",
];
const OUR_BUG: [&str; 7] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_too_long",
    "msg_blocks_too_long",
    "no_text",
    "invalid_arguments",
    "metadata_too_large",
];
const CLICK_AGAIN: [&str; 4] = ["trigger_expired", "trigger_exchanged", "expired_trigger_id", "exchanged_trigger_id"];
const NO_THREAD: [&str; 3] = ["cannot_reply_to_message", "message_not_found", "thread_not_found"];
const CANNOT_EDIT: [&str; 4] = ["edit_window_closed", "cant_update_message", "message_not_found", "is_inactive"];

/// What to do after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not performed: send it again after this time.
    RetryAfter(Duration),
    /// It may have been performed. A message that is sent again may be there twice.
    Unknown,
    /// Not performed: this person or channel cannot be reached, ask somebody else.
    Elsewhere,
    /// Not performed: the token or its scopes are wrong. Stop, and tell the operators.
    Halt,
    /// Not performed: what we sent breaks Slack's rules.
    OurBug,
    /// Not performed, for a reason that the caller of this method knows by [`SlackError::name`].
    Other,
}

impl ErrorKind {
    /// A label for metrics: `retry`, `unknown`, `elsewhere`, `halt`, `our_bug` or `other`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::RetryAfter(_) => "retry",
            Self::Unknown => "unknown",
            Self::Elsewhere => "elsewhere",
            Self::Halt => "halt",
            Self::OurBug => "our_bug",
            Self::Other => "other",
        }
    }
}

/// A call that did not succeed: the method, the error's name, and what to do next.
///
/// Its text holds no part of a body, of the token or of a URL; its sources may name the host.
#[derive(Debug)]
pub struct SlackError {
    method: &'static str,
    name: String,
    kind: ErrorKind,
    source: Option<reqwest::Error>,
}

impl SlackError {
    /// What to do next.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Slack's name for it, such as `channel_not_found`, or one of ours: `paced` (not sent, to keep the pace),
    /// `not_connected`, `timed_out`, `broken_off`, `unreadable_response`, `http_502` and the like.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The method that was called, such as `chat.postMessage`; `response_url` for an answer to a click or command.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Whether the click is too old, or used up, to open a modal: ask the person to click again.
    #[must_use]
    pub fn asks_for_a_new_click(&self) -> bool {
        CLICK_AGAIN.contains(&self.name.as_str())
    }

    /// Whether the message can no longer be changed: answer in its thread instead. What was decided stands.
    #[must_use]
    pub fn is_beyond_editing(&self) -> bool {
        CANNOT_EDIT.contains(&self.name.as_str())
    }

    /// Whether there is no thread to answer in: post beside it instead.
    #[must_use]
    pub fn has_no_thread(&self) -> bool {
        NO_THREAD.contains(&self.name.as_str())
    }

    /// Whether there was an answer: no error of the connection is its cause.
    pub(super) fn came_from_slack(&self) -> bool {
        self.source.is_none()
    }

    /// Whether the call, or its answer, was lost on the way, or never left.
    #[cfg(feature = "socket-mode")]
    pub(crate) fn is_from_transport(&self) -> bool {
        !self.came_from_slack()
    }

    /// Slack's own error, by its name in the body.
    pub(super) fn named(method: &'static str, name: &str, wait: Option<Duration>) -> Self {
        let kind = classify(name, wait.unwrap_or(DEFAULT_WAIT));
        Self { method, name: shown(name), kind, source: None }
    }

    /// An error of ours.
    pub(super) fn ours(method: &'static str, name: impl Into<String>, kind: ErrorKind) -> Self {
        Self { method, name: name.into(), kind, source: None }
    }

    /// Judges by the error's type, and takes whatever it does not know for unknown.
    pub(super) fn transport(method: &'static str, error: reqwest::Error) -> Self {
        let (name, kind) = match &error {
            e if e.is_builder() => ("unsendable", ErrorKind::OurBug),
            e if e.is_connect() => ("not_connected", ErrorKind::RetryAfter(DEFAULT_WAIT)),
            e if e.is_timeout() => ("timed_out", ErrorKind::Unknown),
            _ => ("broken_off", ErrorKind::Unknown),
        };
        Self { method, name: name.to_owned(), kind, source: Some(error.without_url()) }
    }

    /// For an error while the response is read, when the request is certainly out.
    pub(super) fn after_sending(method: &'static str, error: reqwest::Error) -> Self {
        let name = if error.is_timeout() { "timed_out" } else { "broken_off" };
        Self { method, name: name.to_owned(), kind: ErrorKind::Unknown, source: Some(error.without_url()) }
    }
}

fn classify(name: &str, wait: Duration) -> ErrorKind {
    match name {
        name if WAIT.contains(&name) => ErrorKind::RetryAfter(wait),
        name if UNKNOWN.contains(&name) => ErrorKind::Unknown,
        name if ELSEWHERE.contains(&name) || name.starts_with(RESTRICTED) => ErrorKind::Elsewhere,
        name if HALT.contains(&name) => ErrorKind::Halt,
        name if OUR_BUG.contains(&name) => ErrorKind::OurBug,
        _ => ErrorKind::Other,
    }
}

fn shown(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain);
    if fits { name } else { UNNAMED }.to_owned()
}

impl fmt::Display for SlackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.method, self.name)
    }
}

impl Error for SlackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> ErrorKind {
        SlackError::named("chat.postMessage", name, None).kind()
    }

    #[test]
    fn each_name_has_its_class() {
        let classes: [(&[&str], ErrorKind); 6] = [
            (&WAIT, ErrorKind::RetryAfter(DEFAULT_WAIT)),
            (&UNKNOWN, ErrorKind::Unknown),
            (&ELSEWHERE, ErrorKind::Elsewhere),
            (&HALT, ErrorKind::Halt),
            (&OUR_BUG, ErrorKind::OurBug),
            (&["edit_window_closed", "hash_conflict", "a_new_error"], ErrorKind::Other),
        ];
        for (names, class) in classes {
            names.iter().for_each(|name| assert_eq!(kind(name), class, "{name}"));
        }
        assert_eq!(kind("restricted_action_thread_locked"), ErrorKind::Elsewhere);
    }

    #[test]
    fn a_name_is_kept_unless_it_could_be_anything() {
        let error = SlackError::named("chat.update", "edit_window_closed", None);
        assert_eq!(error.to_string(), "chat.update: edit_window_closed");
        assert!(error.is_beyond_editing() && !error.asks_for_a_new_click());
        for strange in ["", "has space", "xoxb-1-2-abc", &"x".repeat(65)] {
            assert_eq!(SlackError::named("chat.update", strange, None).name(), UNNAMED, "{strange}");
        }
    }
}
