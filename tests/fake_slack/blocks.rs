//! What Slack refuses in messages and views, and what it lets pass although it should not be sent.

use std::collections::BTreeSet;

use serde_json::Value;

use super::state::controls;

const MOST_BLOCKS: usize = 50;
const MOST_VIEW_BLOCKS: usize = 100;
const LONGEST_TEXT: usize = 40_000;
const LONGEST_TOGETHER: usize = 13_000;
const LONGEST_METADATA: usize = 8_000;
const LONGEST_ID: usize = 255;
const LONGEST_VALUE: usize = 2_000;
const LONGEST_PRIVATE_METADATA: usize = 3_000;
const CLASSIC: [&str; 6] = ["header", "section", "actions", "context", "divider", "input"];

pub type Checked<T = ()> = Result<T, &'static str>;

/// The text and blocks of a message, if Slack takes them.
pub fn content(body: &Value) -> Checked<(String, Vec<Value>)> {
    let text = body["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err("no_text");
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err("msg_too_long");
    }
    let blocks = match body.get("blocks") {
        None | Some(Value::Null) => Vec::new(),
        Some(blocks) => blocks.as_array().ok_or("invalid_blocks_format")?.clone(),
    };
    check(&blocks, MOST_BLOCKS).map_err(|_| "invalid_blocks")?;
    if blocks.iter().map(text_length).sum::<usize>() > LONGEST_TOGETHER {
        return Err("msg_blocks_too_long");
    }
    Ok((text.to_owned(), blocks))
}

/// The metadata of a message, if Slack takes it.
pub(super) fn metadata(body: &Value) -> Checked<Option<Value>> {
    let Some(metadata) = body.get("metadata").filter(|metadata| !metadata.is_null()) else { return Ok(None) };
    if !metadata["event_type"].is_string() || !metadata["event_payload"].is_object() {
        return Err("invalid_metadata_format");
    }
    if metadata.to_string().len() > LONGEST_METADATA { Err("metadata_too_large") } else { Ok(Some(metadata.clone())) }
}

/// A view of that type, if Slack takes it.
pub fn view<'a>(body: &'a Value, kind: &str) -> Checked<&'a Value> {
    let view = &body["view"];
    let blocks = view["blocks"].as_array().ok_or("invalid_arguments")?;
    let titled = kind != "modal" || matches!(length(&view["title"]), Ok(1..=24));
    let labelled =
        ["submit", "close"].iter().all(|part| view.get(part).is_none_or(|text| matches!(length(text), Ok(1..=24))));
    let needs_submit = blocks.iter().any(|block| block["type"] == "input") && kind == "modal";
    let fits = within(&view["private_metadata"], LONGEST_PRIVATE_METADATA) && within(&view["callback_id"], LONGEST_ID);
    let submits = !needs_submit || view.get("submit").is_some();
    let sound =
        view["type"] == kind && titled && labelled && fits && submits && check(blocks, MOST_VIEW_BLOCKS).is_ok();
    if sound { Ok(view) } else { Err("invalid_arguments") }
}

fn check(blocks: &[Value], most: usize) -> Result<(), ()> {
    let ids = blocks.iter().filter_map(|block| block["block_id"].as_str());
    let actions = controls(blocks).filter_map(|(_, control)| control["action_id"].as_str());
    let sound = blocks.len() <= most && unique(ids) && unique(actions) && blocks.iter().all(|b| block(b).is_ok());
    if sound { Ok(()) } else { Err(()) }
}

fn unique<'a>(mut ids: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    ids.all(|id| (1..=LONGEST_ID).contains(&id.chars().count()) && seen.insert(id))
}

fn block(block: &Value) -> Result<(), ()> {
    let kind = block["type"].as_str().ok_or(())?;
    let elements = block["elements"].as_array().map_or(&[][..], Vec::as_slice);
    let sound = match kind {
        "header" => matches!(length(&block["text"])?, 1..=150) && block["text"]["type"] == "plain_text",
        "section" => section(block)?,
        "actions" => (1..=25).contains(&elements.len()) && elements.iter().all(|e| control(e).is_ok()),
        "context" => {
            (1..=10).contains(&elements.len()) && elements.iter().all(|e| e["type"] == "image" || text(e, 2_000))
        }
        "input" => matches!(length(&block["label"])?, 1..=2_000) && control(&block["element"]).is_ok(),
        _ => CLASSIC.contains(&kind),
    };
    if sound { Ok(()) } else { Err(()) }
}

fn section(block: &Value) -> Result<bool, ()> {
    let fields = block["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let says = block.get("text").is_some() || !fields.is_empty();
    let text_fits = block.get("text").is_none_or(|t| text(t, 3_000));
    let fields_fit = fields.len() <= 10 && fields.iter().all(|field| text(field, 2_000));
    let accessory_fits = block.get("accessory").is_none_or(|accessory| control(accessory).is_ok());
    Ok(says && text_fits && fields_fit && accessory_fits)
}

fn control(control: &Value) -> Result<(), ()> {
    let sound = match control["type"].as_str().ok_or(())? {
        "button" => {
            matches!(length(&control["text"])?, 1..=75)
                && control["text"]["type"] == "plain_text"
                && within(&control["value"], LONGEST_VALUE)
                && within(&control["accessibility_label"], 75)
                && control.get("confirm").is_none_or(confirm)
        }
        "users_select" => control.get("placeholder").is_none_or(|placeholder| text(placeholder, 150)),
        "static_select" | "radio_buttons" | "checkboxes" | "overflow" => options(control)?,
        _ => true,
    };
    if sound { Ok(()) } else { Err(()) }
}

fn options(control: &Value) -> Result<bool, ()> {
    let options = control["options"].as_array().ok_or(())?;
    let most = match control["type"].as_str() {
        Some("static_select") => 100,
        Some("overflow") => 5,
        _ => 10,
    };
    let option = |option: &Value| matches!(length(&option["text"]), Ok(1..=75)) && within(&option["value"], 150);
    Ok((1..=most).contains(&options.len()) && options.iter().all(option))
}

fn confirm(confirm: &Value) -> bool {
    [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)]
        .iter()
        .all(|(part, most)| length(&confirm[part]).is_ok_and(|length| (1..=*most).contains(&length)))
}

/// A text object of at most so many characters.
fn text(object: &Value, most: usize) -> bool {
    length(object).is_ok_and(|length| (1..=most).contains(&length))
}

/// The length of a text object.
fn length(object: &Value) -> Result<usize, ()> {
    let known = object["type"] == "plain_text" || object["type"] == "mrkdwn";
    object["text"].as_str().filter(|_| known).map(|text| text.chars().count()).ok_or(())
}

/// A text that is not there, or not longer.
fn within(text: &Value, most: usize) -> bool {
    text.is_null() || text.as_str().is_some_and(|text| text.chars().count() <= most)
}

/// All that is said in a block.
fn text_length(value: &Value) -> usize {
    match value {
        Value::Object(members) => {
            let own = members.get("text").and_then(Value::as_str).map_or(0, |text| text.chars().count());
            own + members.values().map(text_length).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(text_length).sum(),
        _ => 0,
    }
}
