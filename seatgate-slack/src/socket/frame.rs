//! What Slack says over the socket, and what we say.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::inbound::{Ack, AckBody, Route};
use crate::payload::FromSocket;

/// One message of Slack's.
pub(super) enum Frame<'a> {
    /// The connection is up.
    Hello {
        /// How many there are of this app, this one included.
        connections: usize,
    },
    /// Slack will close this connection soon.
    Closing,
    /// Slack closes it, for Socket Mode was switched off.
    Disabled,
    /// Somebody did something.
    Envelope(Envelope<'a>),
    /// Something to acknowledge, and nothing else.
    Unknown(String),
    /// Something else.
    Other,
}

/// What somebody did.
pub(super) struct Envelope<'a> {
    pub(super) id: String,
    /// The route that would have it otherwise.
    pub(super) route: Route,
    /// Whether the acknowledgement may say something.
    pub(super) answerable: bool,
    pub(super) payload: FromSocket<'a>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    num_connections: Option<usize>,
    reason: Option<String>,
    envelope_id: Option<String>,
    #[serde(default)]
    accepts_response_payload: bool,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Reply<'a> {
    envelope_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Value>,
}

impl<'a> Frame<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        let wire: Wire<'a> = serde_json::from_str(text)?;
        Ok(match &*wire.r#type {
            "hello" => Self::Hello { connections: wire.num_connections.unwrap_or(1) },
            "disconnect" if wire.reason.as_deref() == Some("link_disabled") => Self::Disabled,
            "disconnect" => Self::Closing,
            "interactive" => wire.envelope(Route::Interactions),
            "slash_commands" => wire.envelope(Route::Commands),
            "events_api" => wire.envelope(Route::Events),
            _ => wire.envelope_id.map_or(Self::Other, Self::Unknown),
        })
    }
}

impl<'a> Wire<'a> {
    fn envelope(self, route: Route) -> Frame<'a> {
        let Some((id, payload)) = self.envelope_id.zip(self.payload) else { return Frame::Other };
        let payload = FromSocket::authenticated_by_its_connection(payload);
        Frame::Envelope(Envelope { id, route, answerable: self.accepts_response_payload, payload })
    }
}

/// The acknowledgement of an envelope; nothing where `ack` is a failure.
pub(super) fn acknowledgement(envelope_id: &str, answerable: bool, ack: &Ack) -> Option<String> {
    let payload = match &ack.body {
        Some(AckBody::Json(body)) if answerable => Some(body),
        _ => None,
    };
    // Texts always have a JSON form.
    (ack.status == 200).then(|| serde_json::to_string(&Reply { envelope_id, payload }).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_are_told_apart() {
        let kind = |text: &str| match Frame::read(text) {
            Ok(Frame::Hello { connections }) => format!("hello {connections}"),
            Ok(Frame::Closing) => "closing".to_owned(),
            Ok(Frame::Disabled) => "disabled".to_owned(),
            Ok(Frame::Envelope(envelope)) => format!("{:?} {} {}", envelope.route, envelope.id, envelope.answerable),
            Ok(Frame::Unknown(id)) => format!("unknown {id}"),
            Ok(Frame::Other) => "other".to_owned(),
            Err(_) => "error".to_owned(),
        };
        let cases = [
            (r#"{"type":"hello","num_connections":3,"connection_info":{"app_id":"A1"}}"#, "hello 3"),
            (r#"{"type":"hello"}"#, "hello 1"),
            (r#"{"type":"disconnect","reason":"warning","debug_info":{}}"#, "closing"),
            (r#"{"type":"disconnect","reason":"refresh_requested"}"#, "closing"),
            (r#"{"type":"disconnect","reason":"link_disabled"}"#, "disabled"),
            (
                r#"{"type":"interactive","envelope_id":"e1","payload":{},"accepts_response_payload":true}"#,
                "Interactions e1 true",
            ),
            (r#"{"type":"slash_commands","envelope_id":"e1","payload":{}}"#, "Commands e1 false"),
            (r#"{"type":"events_api","envelope_id":"e1","payload":{}}"#, "Events e1 false"),
            (r#"{"type":"interactive","envelope_id":"e1"}"#, "other"),
            (r#"{"type":"new","envelope_id":"e1"}"#, "unknown e1"),
            (r#"{"type":"new"}"#, "other"),
            ("{}", "error"),
            ("Ping from applink", "error"),
        ];
        for (text, expected) in cases {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn only_a_success_is_acknowledged_and_only_who_may_is_answered() {
        let reply = |answerable, ack: &Ack| acknowledgement("e1", answerable, ack);
        let body = Ack::json(json!({"text": "hi"}));
        assert_eq!(reply(true, &Ack::ok()).unwrap(), r#"{"envelope_id":"e1"}"#);
        assert_eq!(reply(true, &body).unwrap(), r#"{"envelope_id":"e1","payload":{"text":"hi"}}"#);
        assert_eq!(reply(false, &body).unwrap(), r#"{"envelope_id":"e1"}"#);
        assert_eq!([503, 400, 401].map(|status| reply(true, &Ack::status(status))), [None, None, None]);
    }
}
