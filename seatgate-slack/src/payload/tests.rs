use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use seatgate_core::time::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::verify::{RequestHeaders, SigningSecrets, Verified};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json");

/// A body as Slack would have signed it.
fn signed(body: impl AsRef<[u8]>) -> Verified<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(b"v0:0:");
    mac.update(body.as_ref());
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("v0={digest}");
    let headers = RequestHeaders { signature: Some(signature.as_bytes()), timestamp: Some(b"0") };
    let secrets: SigningSecrets = "secret".parse().unwrap();
    secrets.verify(&headers, body.as_ref().to_vec(), Timestamp::from_micros(0)).unwrap()
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

fn interaction(payload: &Value) -> Result<Interaction, PayloadError> {
    PayloadReader::new().interaction(FORM, &signed(form(&[("payload", &payload.to_string())])))
}

fn command(fields: &[(&str, &str)]) -> Result<SlashCommand, PayloadError> {
    PayloadReader::new().command(FORM, &signed(form(fields)))
}

fn event(body: &Value) -> Result<EventsRequest, PayloadError> {
    PayloadReader::new().event(JSON, &signed(body.to_string()))
}

fn click() -> Value {
    json!({
        "type": "block_actions", "api_app_id": "A1", "token": "old", "trigger_id": "13345224609.738474920.8088930838d88f",
        "user": {"id": "W1", "username": "mona", "name": "mona", "team_id": "T2"},
        "team": {"id": "T1", "domain": "one"}, "enterprise": null, "is_enterprise_install": false,
        "container": {"type": "message", "message_ts": "1548261231.000200", "channel_id": "D1", "is_ephemeral": false},
        "channel": {"id": "D1", "name": "directmessage"},
        "message": {"type": "message", "blocks": [{"type": "from the future", "elements": {"deep": [[[]]]}}]},
        "state": {"values": {"row": {"choice": {"type": "static_select", "selected_option": {"value": "keep"}}}}},
        "response_url": "https://hooks.slack.com/actions/T1/2/secret",
        "actions": [{"type": "button", "action_id": "approve", "block_id": "answer", "value": "1:req_1",
                     "text": {"type": "plain_text", "text": "Approve removal"}, "action_ts": "1548426417.840180"}]
    })
}

fn actions(payload: &Value) -> BlockActions {
    match interaction(payload) {
        Ok(Interaction::Actions(actions)) => actions,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_click_is_read() {
    let click = actions(&click());
    assert_eq!((click.by.user.as_str(), click.by.team.as_ref().map(|t| t.as_str())), ("W1", Some("T2")));
    assert_eq!(click.install, Install { team: "T1".parse().ok(), enterprise: None, org_wide: false });
    let place =
        Place::Message { channel: "D1".parse().unwrap(), ts: "1548261231.000200".parse().unwrap(), ephemeral: false };
    assert_eq!(click.place, place);
    let [action] = click.actions.as_slice() else { panic!("{click:?}") };
    assert_eq!((action.action_id.as_str(), action.block_id.as_str()), ("approve", "answer"));
    assert_eq!(action.input.one(), Some("1:req_1"));
    assert_eq!(click.inputs.at("row", "choice").and_then(Input::one), Some("keep"));
    assert!(click.trigger.is_some() && click.response_url.is_some());
}

#[test]
fn an_organisation_wide_install_has_no_team() {
    let mut payload = click();
    payload["team"] = Value::Null;
    payload["enterprise"] = json!({"id": "E1", "name": "Org"});
    payload["is_enterprise_install"] = json!(true);
    let click = actions(&payload);
    assert_eq!(click.install, Install { team: None, enterprise: "E1".parse().ok(), org_wide: true });
    assert_eq!(click.by.team.map(|team| team.to_string()).as_deref(), Some("T2"));
}

#[test]
fn a_foreign_response_url_is_left_out_and_the_click_counts() {
    let mut payload = click();
    payload["response_url"] = json!("https://evil.example/actions");
    assert_eq!(actions(&payload).response_url, None);
}

#[test]
fn only_what_is_needed_is_needed() {
    let least = actions(&json!({"type": "block_actions", "user": {"id": "U1"}}));
    assert_eq!((least.place, least.actions, least.by.team), (Place::Elsewhere, vec![], None));
    for field in ["message", "channel", "state", "team", "response_url", "trigger_id", "api_app_id", "enterprise"] {
        let mut payload = click();
        payload.as_object_mut().unwrap().remove(field);
        assert!(interaction(&payload).is_ok(), "{field}");
    }
    let nobody = interaction(&json!({"type": "block_actions"}));
    assert_eq!(nobody, Err(PayloadError::Missing { field: "user" }));
    let strange = interaction(&json!({"type": "block_actions", "user": {"id": "U 1"}}));
    assert_eq!(strange, Err(PayloadError::Malformed { field: "user.id" }));
}

#[test]
fn a_modal_is_read() {
    let view = json!({
        "id": "V1", "callback_id": "keep", "private_metadata": "req_1", "hash": "156772938.1827394",
        "state": {"values": {
            "reason": {"text": {"type": "plain_text_input", "value": "on leave"}},
            "until": {"date": {"type": "datepicker", "selected_date": "2027-01-31"}},
            "note": {"text": {"type": "plain_text_input", "value": null}},
            "whom": {"users": {"type": "multi_users_select", "selected_users": ["U1", "U2"]}},
        }},
    });
    let mut payload = json!({"type": "view_submission", "user": {"id": "U1", "team_id": "T1"}, "view": view});
    let Ok(Interaction::Submission(modal)) = interaction(&payload) else { panic!() };
    assert_eq!((modal.view.callback_id.as_str(), modal.view.private_metadata.as_str()), ("keep", "req_1"));
    assert_eq!(modal.inputs.at("reason", "text").and_then(Input::one), Some("on leave"));
    assert_eq!(modal.inputs.at("until", "date").and_then(Input::one), Some("2027-01-31"));
    assert_eq!(modal.inputs.at("note", "text").and_then(Input::one), None);
    let users: Vec<_> = modal.inputs.at("whom", "users").unwrap().all().collect();
    assert_eq!(users, ["U1", "U2"]);
    assert_eq!(modal.inputs.iter().count(), 4);
    assert!(!format!("{modal:?}").contains("on leave"));

    payload["type"] = json!("view_closed");
    let closed = interaction(&payload);
    assert!(matches!(closed, Ok(Interaction::Closed(ViewClosed { view, .. })) if view.id.as_str() == "V1"));
    payload.as_object_mut().unwrap().remove("view");
    assert_eq!(interaction(&payload), Err(PayloadError::Missing { field: "view" }));
}

#[test]
fn a_click_in_a_modal_is_placed_there() {
    let view = json!({"id": "V1", "callback_id": "keep", "state": {"values": {"b": {"a": {"value": "x"}}}}});
    let payload = json!({"type": "block_actions", "user": {"id": "U1"}, "view": view,
        "container": {"type": "view", "view_id": "V1"}, "actions": [{"action_id": "more"}]});
    let click = actions(&payload);
    assert!(matches!(click.place, Place::View(view) if view.callback_id == "keep"));
    assert_eq!(click.inputs.at("b", "a").and_then(Input::one), Some("x"));
}

#[test]
fn an_unknown_type_is_kept_by_its_name() {
    let unknown = interaction(&json!({"type": "shortcut", "user": "of another form", "actions": 3}));
    assert!(matches!(unknown, Ok(Interaction::Unknown(name)) if name.as_str() == "shortcut"));
    for strange in ["<!channel>", "", &"x".repeat(65)] {
        let unknown = interaction(&json!({"type": strange}));
        assert!(matches!(unknown, Ok(Interaction::Unknown(name)) if name.as_str() == "other"), "{strange}");
    }
    assert_eq!(interaction(&json!({"user": {"id": "U1"}})), Err(PayloadError::Json));
}

#[test]
fn a_form_must_say_so_and_hold_one_payload() {
    let read = |content_type, body: &[u8]| PayloadReader::new().interaction(content_type, &signed(body)).map(|_| ());
    let body = form(&[("payload", &click().to_string())]);
    for content_type in ["application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-Urlencoded ;x=y"] {
        assert_eq!(read(Some(content_type), &body), Ok(()), "{content_type}");
    }
    for content_type in [None, JSON, Some(""), Some("application/x-www-form-urlencodedx")] {
        let refused = PayloadError::ContentType { expected: "application/x-www-form-urlencoded" };
        assert_eq!(read(content_type, &body), Err(refused), "{content_type:?}");
    }
    let text = click().to_string();
    let twice = form(&[("payload", &text), ("payload", &text)]);
    assert_eq!(read(FORM, &twice), Err(PayloadError::Repeated { field: "payload" }));
    assert_eq!(read(FORM, b"other=1"), Err(PayloadError::Missing { field: "payload" }));
    assert_eq!(read(FORM, b"payload=%7B"), Err(PayloadError::Json));
}

const COMMAND: [(&str, &str); 11] = [
    ("token", "old"),
    ("command", "/offboard"),
    ("text", " <@U2|ana> leaver "),
    ("user_id", "U1"),
    ("user_name", "olga"),
    ("team_id", "T1"),
    ("channel_id", "C1"),
    ("response_url", "https://hooks.slack.com/commands/T1/2/secret"),
    ("trigger_id", "1.2.secret"),
    ("api_app_id", "A1"),
    ("is_enterprise_install", "false"),
];

#[test]
fn a_command_is_read() {
    let command = command(&COMMAND).unwrap();
    assert_eq!((command.command.as_str(), command.by.user.as_str()), ("/offboard", "U1"));
    assert_eq!(command.install, Install { team: "T1".parse().ok(), enterprise: None, org_wide: false });
    assert_eq!(command.text.as_str(), "<@U2|ana> leaver");
    assert!(command.response_url.is_some() && command.trigger.is_some());
    let printed = format!("{command:?}");
    assert!(!printed.contains("secret") && !printed.contains("ana"), "{printed}");
}

#[test]
fn a_command_of_an_organisation_names_it() {
    let mut fields = COMMAND.to_vec();
    fields[10].1 = "true";
    fields.push(("enterprise_id", "E1"));
    let command = command(&fields).unwrap();
    assert_eq!(command.install, Install { team: None, enterprise: "E1".parse().ok(), org_wide: true });
    assert_eq!(command.by.team.map(|team| team.to_string()).as_deref(), Some("T1"));
}

#[test]
fn a_command_lacks_nothing_it_needs() {
    for field in ["command", "user_id"] {
        let without: Vec<_> = COMMAND.into_iter().filter(|(name, _)| *name != field).collect();
        assert_eq!(command(&without), Err(PayloadError::Missing { field }));
        let twice: Vec<_> = COMMAND.into_iter().chain([(field, "U9")]).collect();
        assert_eq!(command(&twice), Err(PayloadError::Repeated { field }));
    }
    let strange: Vec<_> = COMMAND.into_iter().chain([("enterprise_id", "E 1")]).collect();
    assert_eq!(command(&strange), Err(PayloadError::Malformed { field: "enterprise_id" }));
}

#[test]
fn a_look_at_the_certificate_is_exactly_one() {
    assert!(SlashCommand::is_ssl_check(FORM, b"ssl_check=1&token=x"));
    for body in ["ssl_check=0", "ssl_check=true", "ssl_check=11", "ssl_check=", "ssl_check=1&ssl_check=1", "x=1", ""] {
        assert!(!SlashCommand::is_ssl_check(FORM, body.as_bytes()), "{body}");
    }
    assert!(!SlashCommand::is_ssl_check(JSON, b"ssl_check=1"));
}

#[test]
fn events_are_read() {
    let challenge = event(&json!({"type": "url_verification", "token": "old", "challenge": "abc"}));
    assert_eq!(challenge, Ok(EventsRequest::UrlVerification { challenge: "abc".into() }));

    let home = json!({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home", "event_ts": "1.2"});
    let mut delivery = json!({"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "api_app_id": "A1",
        "authorizations": [{"team_id": "T1", "is_enterprise_install": false}], "event": home});
    let Ok(EventsRequest::Callback(callback)) = event(&delivery) else { panic!() };
    assert_eq!(callback.id.as_str(), "Ev1");
    assert!(
        matches!(callback.event, Event::AppHomeOpened(home) if home.tab == "home" && home.by.user.as_str() == "U1")
    );

    delivery["event"] = json!({"type": "app_mention", "user": "U1", "user_team": "T2", "text": "<@UBOT> help",
        "ts": "1.2", "channel": "C1", "thread_ts": "1.1"});
    let Ok(EventsRequest::Callback(EventCallback { event: Event::AppMention(mention), .. })) = event(&delivery) else {
        panic!()
    };
    assert_eq!(mention.by.and_then(|by| by.team).map(|team| team.to_string()).as_deref(), Some("T2"));
    assert_eq!(mention.text.words().count(), 2);

    delivery["event"]["bot_id"] = json!("B1");
    let Ok(EventsRequest::Callback(EventCallback { event: Event::AppMention(mention), .. })) = event(&delivery) else {
        panic!()
    };
    assert_eq!(mention.by, None, "a bot is nobody");
}

#[test]
fn unknown_events_are_kept_by_their_name() {
    let rooms = json!({"type": "event_callback", "event_id": "Ev1", "event": {"type": "channel_created", "channel": {"id": "C1"}}});
    let Ok(EventsRequest::Callback(EventCallback { event: Event::Unknown(name), .. })) = event(&rooms) else {
        panic!()
    };
    assert_eq!(name.as_str(), "channel_created");
    let limited = event(&json!({"type": "app_rate_limited", "team_id": "T1"}));
    assert!(matches!(limited, Ok(EventsRequest::Unknown(name)) if name.as_str() == "app_rate_limited"));
}

#[test]
fn an_event_lacks_nothing_it_needs() {
    assert_eq!(event(&json!({"type": "url_verification"})), Err(PayloadError::Missing { field: "challenge" }));
    let nameless = json!({"type": "event_callback", "event": {"type": "app_home_opened", "user": "U1"}});
    assert_eq!(event(&nameless), Err(PayloadError::Missing { field: "event_id" }));
    let nobody = json!({"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_home_opened"}});
    assert_eq!(event(&nobody), Err(PayloadError::Missing { field: "event.user" }));
    let form = PayloadReader::new().event(FORM, &signed("{}"));
    assert_eq!(form, Err(PayloadError::ContentType { expected: "application/json" }));
}

/// JSON that is nearly one of Slack's: a sound payload with one thing in it replaced.
fn nearly(sound: Value) -> impl Strategy<Value = Value> {
    let wrong = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({"type": "block_actions", "id": {}})),
    ];
    let keys: Vec<String> = sound.as_object().unwrap().keys().cloned().collect();
    (prop::sample::select(keys), wrong).prop_map(move |(key, wrong)| {
        let mut payload = sound.clone();
        payload[key] = wrong;
        payload
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300), payload in ".{0,200}") {
        let reader = PayloadReader::new();
        let _ = (reader.interaction(FORM, &signed(&body)), reader.command(FORM, &signed(&body)));
        let _ = (reader.event(JSON, &signed(&body)), SlashCommand::is_ssl_check(FORM, &body));
        let _ = (reader.interaction(FORM, &signed(form(&[("payload", &payload)]))), reader.event(JSON, &signed(&payload)));
        CommandText::new(&payload).words().for_each(drop);
    }

    #[test]
    fn nothing_nearly_right_panics(payload in nearly(click())) {
        let _ = (interaction(&payload), event(&payload));
    }
}
