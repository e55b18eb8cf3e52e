//! The Web API: what each method does, and what it refuses.

use seatgate_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::state::APP;
use super::{BOT, Ephemeral, Message, State, TEAM, User, View, blocks};

type Outcome = Result<Value, &'static str>;

/// The parameters as the method sees them. `users.*` sees a form only: JSON is dropped without a word.
pub(super) fn parameters(method: &str, content_type: &str, body: &[u8]) -> Value {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/json" if method.starts_with("users.") => json!({}),
        "application/json" => serde_json::from_slice(body).unwrap_or_else(|_| json!({})),
        "application/x-www-form-urlencoded" => {
            Value::Object(url::form_urlencoded::parse(body).map(parameter).collect())
        }
        _ => json!({}),
    }
}

/// In a form, what has a structure comes as JSON.
fn parameter((name, text): (impl Into<String>, impl AsRef<str>)) -> (String, Value) {
    let name = name.into();
    let structured = ["blocks", "metadata", "view"].contains(&name.as_str());
    let value = structured.then(|| serde_json::from_str(text.as_ref()).ok()).flatten();
    (name, value.unwrap_or_else(|| text.as_ref().into()))
}

pub(super) fn perform(state: &mut State, method: &str, body: &Value, life: Option<usize>, now: Timestamp) -> Outcome {
    scoped(state, method, body)?;
    match method {
        "auth.test" => Ok(auth_test(state)),
        "chat.postMessage" => post_message(state, body, life, now),
        "chat.update" => update(state, body, now),
        "chat.postEphemeral" => post_ephemeral(state, body, now),
        "users.lookupByEmail" => lookup(state, body),
        "users.info" => {
            user_of(state, &body["user"]).ok_or("user_not_found").map(|user| json!({"user": as_json(user)}))
        }
        "users.profile.get" => profile(state, body),
        "conversations.info" => conversation(state, body),
        "conversations.history" => history(state, body),
        "conversations.open" => open_dm(state, body),
        "views.open" => open(state, body, now),
        "views.update" => update_view(state, body),
        "views.publish" => publish(state, body),
        _ => Err("unknown_method"),
    }
}

/// Any of these scopes will do.
fn scoped(state: &State, method: &str, body: &Value) -> Result<(), &'static str> {
    let in_dm = body["channel"].as_str().is_some_and(|channel| channel.starts_with('D'));
    let any_of: &[&str] = match method {
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" => &["chat:write"],
        "users.info" => &["users:read"],
        "users.lookupByEmail" => &["users:read.email"],
        "users.profile.get" => &["users.profile:read"],
        "conversations.open" => &["im:write"],
        "conversations.info" => &["channels:read", "groups:read", "im:read", "mpim:read"],
        "conversations.history" if in_dm => &["im:history"],
        "conversations.history" => &["channels:history", "groups:history"],
        _ => return Ok(()),
    };
    if any_of.iter().any(|scope| state.scopes.contains(*scope)) { Ok(()) } else { Err("missing_scope") }
}

fn auth_test(state: &State) -> Value {
    json!({"url": "https://fake.slack.com/", "team": "Fake", "user": "seatgate", "team_id": TEAM, "user_id": BOT,
        "bot_id": "B1", "app_id": APP, "enterprise_id": state.organisation,
        "is_enterprise_install": state.organisation.is_some()})
}

fn user_of<'a>(state: &'a State, id: &Value) -> Option<&'a User> {
    state.users.get(id.as_str()?)
}

fn as_json(user: &User) -> Value {
    json!({"id": user.id, "team_id": user.team, "name": user.name, "real_name": user.name, "deleted": user.deleted,
        "is_bot": user.is_bot, "is_restricted": user.is_restricted, "is_ultra_restricted": false,
        "is_stranger": user.team != TEAM, "profile": {"real_name": user.name, "email": user.email, "fields": null}})
}

/// The only method that says what the custom fields hold; where all of them are empty, there is a list in their place.
fn profile(state: &State, body: &Value) -> Outcome {
    let user = user_of(state, &body["user"]).ok_or("user_not_found")?;
    let field = |(id, value): (&String, &String)| (id.clone(), json!({"value": value, "alt": ""}));
    let fields: Map<String, Value> = user.fields.iter().map(field).collect();
    let fields = if fields.is_empty() { json!([]) } else { Value::Object(fields) };
    Ok(json!({"profile": {"real_name": user.name, "email": user.email, "fields": fields}}))
}

fn lookup(state: &State, body: &Value) -> Outcome {
    let email = body["email"].as_str().filter(|email| !email.is_empty()).ok_or("users_not_found")?;
    let fits = |user: &&User| user.email.eq_ignore_ascii_case(email) && !user.deleted;
    state.users.values().find(fits).map(|user| json!({"user": as_json(user)})).ok_or("users_not_found")
}

/// The channel that a message goes to: a user means the direct message with them.
fn writable(state: &mut State, body: &Value) -> Result<String, &'static str> {
    let place = body["channel"].as_str().ok_or("channel_not_found")?;
    if let Some(user) = state.users.get(place) {
        return match user {
            user if user.deleted => Err("user_disabled"),
            user if user.is_bot => Err("cannot_dm_bot"),
            _ => Ok(state.dm(place)),
        };
    }
    if state.dms.values().any(|dm| dm == place) {
        return Ok(place.to_owned());
    }
    let channel = state.channels.get(place).ok_or("channel_not_found")?;
    let inside = channel.members.contains(BOT);
    match channel {
        channel if channel.is_private && !inside => Err("channel_not_found"),
        channel if channel.is_archived => Err("is_archived"),
        _ if !inside => Err("not_in_channel"),
        _ => Ok(place.to_owned()),
    }
}

fn post_message(state: &mut State, body: &Value, life: Option<usize>, now: Timestamp) -> Outcome {
    let channel = writable(state, body)?;
    let ((text, blocks), metadata) = (blocks::content(body)?, blocks::metadata(body)?);
    let thread_ts = body["thread_ts"].as_str();
    if thread_ts.is_some_and(|parent| state.message(&channel, parent).is_none()) {
        return Err("thread_not_found");
    }
    let message = Message {
        channel,
        ts: state.next_ts(now),
        author: BOT.to_owned(),
        text,
        blocks,
        thread_ts: thread_ts.map(str::to_owned),
        metadata,
        posted_at: now,
        life,
        edits: Vec::new(),
    };
    let answer = json!({"channel": message.channel, "ts": message.ts, "message": message.as_json(false)});
    state.messages.push(message);
    Ok(answer)
}

fn update(state: &mut State, body: &Value, now: Timestamp) -> Outcome {
    let (channel, ts) = (body["channel"].as_str().unwrap_or_default(), body["ts"].as_str().unwrap_or_default());
    let known = state.channels.contains_key(channel) || state.dms.values().any(|dm| dm == channel);
    if !known {
        // Also for a user's id: an update needs the direct message's own.
        return Err("channel_not_found");
    }
    let window = state.edit_window;
    let message = state.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts);
    let message = message.ok_or("message_not_found")?;
    if message.author != BOT {
        return Err("cant_update_message");
    }
    if window.is_some_and(|window| now > message.posted_at.saturating_add(window)) {
        return Err("edit_window_closed");
    }
    let ((text, blocks), metadata) = (blocks::content(body)?, blocks::metadata(body)?);
    let before = (std::mem::replace(&mut message.text, text), std::mem::replace(&mut message.blocks, blocks));
    message.edits.push(before);
    message.metadata = metadata.or(message.metadata.take());
    Ok(json!({"channel": channel, "ts": ts, "text": message.text, "message": message.as_json(false)}))
}

fn post_ephemeral(state: &mut State, body: &Value, now: Timestamp) -> Outcome {
    let channel = writable(state, body)?;
    let user = user_of(state, &body["user"]).ok_or("user_not_found")?.id.clone();
    let inside = state.channels.get(&channel).is_none_or(|channel| channel.members.contains(&user));
    if !inside {
        return Err("user_not_in_channel");
    }
    let (text, blocks) = blocks::content(body)?;
    state.ephemerals.push(Ephemeral { channel, user, text, blocks });
    Ok(json!({"message_ts": state.next_ts(now)}))
}

fn conversation(state: &State, body: &Value) -> Outcome {
    let id = body["channel"].as_str().unwrap_or_default();
    if let Some((user, _)) = state.dms.iter().find(|(_, dm)| *dm == id) {
        return Ok(json!({"channel": {"id": id, "is_im": true, "user": user, "is_archived": false}}));
    }
    let visible = |channel: &&super::Channel| !channel.is_private || channel.members.contains(BOT);
    let channel = state.channels.get(id).filter(visible).ok_or("channel_not_found")?;
    Ok(json!({"channel": {"id": id, "is_channel": true, "is_im": false, "is_private": channel.is_private,
        "is_archived": channel.is_archived, "is_ext_shared": channel.is_ext_shared,
        "is_member": channel.members.contains(BOT)}}))
}

fn open_dm(state: &mut State, body: &Value) -> Outcome {
    let user = user_of(state, &body["users"]).ok_or("user_not_found")?.clone();
    match user {
        user if user.deleted => Err("user_disabled"),
        user if user.is_bot => Err("cannot_dm_bot"),
        user => Ok(json!({"channel": {"id": state.dm(&user.id)}})),
    }
}

fn history(state: &State, body: &Value) -> Outcome {
    let id = body["channel"].as_str().unwrap_or_default();
    let in_dm = state.dms.values().any(|dm| dm == id);
    let channel = state.channels.get(id);
    if !in_dm && !channel.ok_or("channel_not_found")?.members.contains(BOT) {
        return Err("not_in_channel");
    }
    let limit = usize::try_from(body["limit"].as_u64().unwrap_or(100)).unwrap_or(100).clamp(1, 999);
    let start: usize = body["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let oldest = body["oldest"].as_str().unwrap_or_default();
    let fits =
        |message: &&Message| message.channel == id && message.ts.as_str() > oldest && message.thread_ts.is_none();
    let all: Vec<&Message> = state.messages.iter().rev().filter(fits).collect();
    let with_metadata = body["include_all_metadata"] == true;
    let page: Vec<Value> = all.iter().skip(start).take(limit).map(|message| message.as_json(with_metadata)).collect();
    let next = if start + limit < all.len() { (start + limit).to_string() } else { String::new() };
    Ok(json!({"messages": page, "has_more": !next.is_empty(), "response_metadata": {"next_cursor": next}}))
}

fn open(state: &mut State, body: &Value, now: Timestamp) -> Outcome {
    let view = blocks::view(body, "modal")?.clone();
    let id = body["trigger_id"].as_str().unwrap_or_default();
    let trigger = state.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
    if trigger.used {
        return Err("exchanged_trigger_id");
    }
    if now > trigger.expires {
        return Err("expired_trigger_id");
    }
    trigger.used = true;
    let user = trigger.user.clone();
    let view = new_view(state, &user, view);
    state.views.push(view.clone());
    Ok(shown(&view))
}

fn update_view(state: &mut State, body: &Value) -> Outcome {
    let content = blocks::view(body, "modal")?.clone();
    let hash = format!("{}.fake", state.next());
    let view = state.views.iter_mut().find(|view| body["view_id"] == view.id).ok_or("not_found")?;
    if body.get("hash").is_some_and(|hash| *hash != view.hash) {
        return Err("hash_conflict");
    }
    (view.view, view.hash) = (content, hash);
    Ok(shown(view))
}

fn publish(state: &mut State, body: &Value) -> Outcome {
    let content = blocks::view(body, "home")?.clone();
    let user = user_of(state, &body["user_id"]).ok_or("user_not_found")?.id.clone();
    let view = new_view(state, &user, content);
    state.homes.insert(user, view.clone());
    Ok(shown(&view))
}

fn new_view(state: &mut State, user: &str, view: Value) -> View {
    let (id, hash) = (format!("V{}", state.next()), format!("{}.fake", state.next()));
    View { id, user: user.to_owned(), hash, view }
}

/// A view as Slack shows it: what was sent, its id and its version.
pub(super) fn shown(view: &View) -> Value {
    let mut shown = view.view.as_object().cloned().unwrap_or_else(Map::new);
    shown.extend([
        ("id".to_owned(), json!(view.id)),
        ("hash".to_owned(), json!(view.hash)),
        ("app_id".to_owned(), json!(APP)),
    ]);
    json!({"view": shown})
}
