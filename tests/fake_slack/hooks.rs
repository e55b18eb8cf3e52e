//! Response URLs: five uses in thirty minutes.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use seatgate_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Ephemeral, FakeSlack, blocks, state};

const MOST_USES: u32 = 5;

pub(super) async fn respond(
    State(fake): State<FakeSlack>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    fake.wait_for("responses to go on", |state| (!state.responses_held).then_some(())).await;
    let now = fake.clock.now();
    match fake.with(|state| perform(state, &id, &body, now)) {
        Ok(()) => "ok".into_response(),
        Err(error) => (StatusCode::NOT_FOUND, Json(json!({"ok": false, "error": error}))).into_response(),
    }
}

fn perform(state: &mut state::State, id: &str, body: &Value, now: Timestamp) -> Result<(), &'static str> {
    let slot = state.responses.get_mut(id).ok_or("no_active_hooks")?;
    if now > slot.expires {
        return Err("expired_url");
    }
    if slot.uses >= MOST_USES {
        return Err("used_url");
    }
    slot.uses += 1;
    let (user, channel, ts) = (slot.user.clone(), slot.channel.clone(), slot.ts.clone());
    let (text, blocks) = blocks::content(body)?;
    let replaced = ts.filter(|_| body["replace_original"] == true);
    match replaced.and_then(|ts| state.messages.iter_mut().find(|m| m.channel == channel && m.ts == ts)) {
        Some(message) => {
            let before = (std::mem::replace(&mut message.text, text), std::mem::replace(&mut message.blocks, blocks));
            message.edits.push(before);
        }
        None => state.ephemerals.push(Ephemeral { channel, user, text, blocks }),
    }
    Ok(())
}
