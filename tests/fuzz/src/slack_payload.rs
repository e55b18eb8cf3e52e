//! What Slack sends: clicks and modals, commands, events. A reader that knows nothing but JSON judges what was read.

use seatgate_slack::payload::{
    BlockActions, Event, EventsRequest, Interaction, PayloadError, PayloadReader, Place, ResponseUrl, SlashCommand,
    View, Word,
};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::slack_signature::verified;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json; charset=utf-8");

/// The JSON in the field `payload`.
pub(super) fn interaction(input: &[u8]) {
    let Ok(json) = std::str::from_utf8(input) else { return };
    let body = form(&[("payload", json)]);
    let read = PayloadReader::new().interaction(FORM, &verified(&body));
    let twice = [body.as_slice(), b"&", &body].concat();
    let repeated = PayloadReader::new().interaction(FORM, &verified(&twice));
    assert!(repeated.is_err(), "two payloads: which is meant?");
    refusal(&read);
    let (Ok(read), Ok(value)) = (read, serde_json::from_str::<Value>(json)) else { return };
    // serde also reads a struct from a list, which Slack never sends.
    if !is_plain(&value) {
        return;
    }
    let kind = value["type"].as_str().unwrap();
    match read {
        Interaction::Actions(read) => clicked(&read, &value),
        Interaction::Submission(read) => {
            assert_eq!((kind, Some(read.by.user.as_str())), ("view_submission", value["user"]["id"].as_str()));
            same_view(&read.view, &value["view"]);
        }
        Interaction::Closed(read) => {
            assert_eq!((kind, Some(read.by.user.as_str())), ("view_closed", value["user"]["id"].as_str()));
            same_view(&read.view, &value["view"]);
        }
        Interaction::Unknown(name) => {
            assert!(name.as_str() == kind || name.as_str() == "other");
            assert!(!["block_actions", "view_submission", "view_closed"].contains(&kind));
        }
        other => panic!("{other:?}"),
    }
}

fn clicked(read: &BlockActions, value: &Value) {
    assert_eq!(value["type"], "block_actions");
    assert_eq!(Some(read.by.user.as_str()), value["user"]["id"].as_str());
    assert_eq!(read.actions.len(), value["actions"].as_array().map_or(0, Vec::len));
    for (action, value) in read.actions.iter().zip(value["actions"].as_array().into_iter().flatten()) {
        assert_eq!(Some(action.action_id.as_str()), value["action_id"].as_str());
    }
    match &read.place {
        Place::Message { channel, ts, .. } => {
            assert_eq!(Some(channel.as_str()), value["container"]["channel_id"].as_str());
            assert_eq!(Some(ts.as_str()), value["container"]["message_ts"].as_str());
        }
        Place::View(view) => same_view(view, &value["view"]),
        _ => {}
    }
    slacks_own(read.response_url.as_ref(), value["response_url"].as_str());
}

fn same_view(read: &View, value: &Value) {
    assert_eq!(Some(read.id.as_str()), value["id"].as_str());
    assert_eq!(read.private_metadata, value["private_metadata"].as_str().unwrap_or_default());
}

/// Whoever has the address can speak in our name, and we call it: it is Slack's, or none.
fn slacks_own(read: Option<&ResponseUrl>, sent: Option<&str>) {
    let Some(read) = read else { return };
    let url: Url = sent.unwrap().parse().unwrap();
    assert!(matches!(url.host_str(), Some("hooks.slack.com" | "hooks.slack-gov.com")) && url.scheme() == "https");
    assert!(url.port().is_none() && url.username().is_empty() && url.password().is_none());
    assert_eq!(format!("{read:?}"), "ResponseUrl([redacted])");
}

/// The body of a command, as it is.
pub(super) fn command(input: &[u8]) {
    let read = PayloadReader::new().command(FORM, &verified(input));
    refusal(&read);
    refusal(&PayloadReader::new().interaction(FORM, &verified(input)));
    let fields: Vec<(String, String)> = form_urlencoded::parse(input).into_owned().collect();
    let all = |name: &str| {
        fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(SlashCommand::is_ssl_check(FORM, input), all("ssl_check") == ["1"]);
    let Ok(read) = read else { return };
    assert_eq!(all("command"), [read.command.as_str()]);
    assert_eq!(all("user_id"), [read.by.user.as_str()]);
    assert_eq!(all("text").first().copied().unwrap_or_default().trim(), read.text.as_str());
    slacks_own(read.response_url.as_ref(), all("response_url").first().copied());
    for word in read.text.words() {
        let text = match word {
            Word::Mention(user) => format!("@{user}"),
            Word::Email(address) => address.to_string(),
            Word::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(!text.is_empty());
    }
    // What was read, sent once more, is read as the same.
    let again: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(PayloadReader::new().command(FORM, &verified(&form(&again))), Ok(read));
}

/// The JSON of the Events API.
pub(super) fn event(input: &[u8]) {
    let read = PayloadReader::new().event(JSON, &verified(input));
    refusal(&read);
    assert!(PayloadReader::new().event(FORM, &verified(input)).is_err());
    let (Ok(read), Ok(value)) = (read, serde_json::from_slice::<Value>(input)) else { return };
    if !is_plain(&value) {
        return;
    }
    let kind = value["type"].as_str().unwrap();
    match read {
        EventsRequest::UrlVerification { challenge } => {
            assert_eq!((kind, Some(challenge.as_str())), ("url_verification", value["challenge"].as_str()));
        }
        EventsRequest::Callback(callback) => {
            assert_eq!((kind, Some(callback.id.as_str())), ("event_callback", value["event_id"].as_str()));
            happened(&callback.event, &value["event"]);
        }
        EventsRequest::Unknown(name) => {
            assert!(name.as_str() == kind || name.as_str() == "other");
            assert!(!["url_verification", "event_callback"].contains(&kind));
        }
        other => panic!("{other:?}"),
    }
}

fn happened(event: &Event, value: &Value) {
    match event {
        Event::AppHomeOpened(opened) => {
            assert_eq!(value["type"], "app_home_opened");
            assert_eq!(Some(opened.by.user.as_str()), value["user"].as_str());
        }
        Event::AppMention(mention) => {
            assert_eq!(value["type"], "app_mention");
            assert_eq!(Some(mention.channel.as_str()), value["channel"].as_str());
            let by = mention.by.as_ref().map(|by| by.user.as_str());
            assert!(by.is_none() || by == value["user"].as_str());
            assert!(by.is_none() || value["bot_id"].is_null(), "a bot passes for a person");
        }
        Event::Unknown(name) => assert!(value["type"] == name.as_str() || name.as_str() == "other"),
        other => panic!("{other:?}"),
    }
}

/// A refusal names the field.
fn refusal<T>(read: &Result<T, PayloadError>) {
    let named = match read {
        Err(PayloadError::Missing { field } | PayloadError::Malformed { field } | PayloadError::Repeated { field }) => {
            field
        }
        _ => return,
    };
    assert!(!named.is_empty());
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

/// Without lists but those that Slack sends, so that an object is one.
fn is_plain(value: &Value) -> bool {
    let objects = ["user", "team", "enterprise", "container", "view", "event", "state"];
    let list = |name: &&str| value.get(name).is_some_and(Value::is_array);
    let items = ["actions", "authorizations"].into_iter().filter_map(|name| value.get(name)?.as_array()).flatten();
    value.is_object() && !objects.iter().any(list) && items.into_iter().all(Value::is_object)
}
