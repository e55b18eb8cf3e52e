//! Slack's blocks, and the one place that knows their limits. Whatever is put in, what comes out is posted: texts are
//! shortened, what is too much is left out, and no id stands twice.
//!
//! Limits by Slack's reference of Block Kit; they count Unicode scalars. `chat.update` takes 4000 characters of text, less
//! than `chat.postMessage`, and every card is updated.

use std::collections::BTreeSet;

use seatgate_core::id::RequestId;
use serde_json::{Value, json};

use crate::action::Press;
use crate::wording::shortened;

const MOST_BLOCKS: usize = 50;
const MOST_VIEW_BLOCKS: usize = 100;
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FIELDS: usize = 10;
const FIELD: usize = 2000;
const CONTEXT: usize = 2000;
const ELEMENTS: usize = 25;
/// Of a menu.
const OPTIONS: usize = 5;
/// Also of an option of a menu.
const BUTTON: usize = 75;
const CONFIRM: [(&str, usize); 4] = [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)];
const MODAL_LABEL: usize = 24;
const INPUT_LABEL: usize = 2000;
const PRIVATE_METADATA: usize = 3000;
/// As long as the gate takes a reason.
pub(super) const LONGEST_REASON: u64 = 2000;
/// Of all texts in a message's blocks together.
const TOGETHER: usize = 13_000;
/// Of the text beside the blocks.
pub(super) const BESIDE: usize = 4000;

/// Blocks in the making. Texts arrive as they are written: escaped where they are markup.
#[derive(Debug)]
pub(super) struct Blocks {
    /// What every block's id starts with.
    of: String,
    blocks: Vec<Value>,
}

/// A button in the making.
#[derive(Debug)]
pub(super) struct Button {
    pub(super) press: Press,
    pub(super) label: String,
    /// What a screen reader says, where the label alone does not tell.
    pub(super) spoken: Option<String>,
    pub(super) primary: bool,
    /// Title, text, yes and no of a dialog that asks again.
    pub(super) confirm: Option<[String; 4]>,
}

/// A small menu of what is done less often, in the making: presses and what they are called.
#[derive(Debug)]
pub(super) struct Menu {
    pub(super) of: RequestId,
    pub(super) options: Vec<(Press, String)>,
}

/// Something to press.
#[derive(Debug)]
pub(super) enum Control {
    Button(Button),
    Menu(Menu),
}

impl From<Button> for Control {
    fn from(button: Button) -> Self {
        Self::Button(button)
    }
}

impl Control {
    fn block(self) -> Value {
        match self {
            Self::Button(button) => button.block(),
            Self::Menu(menu) => menu.block(),
        }
    }
}

impl Menu {
    fn block(self) -> Value {
        let option =
            |(press, label): &(Press, String)| json!({ "text": plain(label, BUTTON), "value": press.option() });
        let options: Vec<Value> = self.options.iter().take(OPTIONS).map(option).collect();
        json!({ "type": "overflow", "action_id": Press::menu(self.of), "options": options })
    }
}

impl Button {
    pub(super) fn new(press: Press, label: String) -> Self {
        Self { press, label, spoken: None, primary: false, confirm: None }
    }

    fn block(self) -> Value {
        let mut button = json!({ "type": "button", "action_id": self.press.action_id(), "value": self.press.value(),
                                 "text": plain(&self.label, BUTTON) });
        if let Some(spoken) = self.spoken {
            button["accessibility_label"] = json!(shortened(&spoken, BUTTON));
        }
        if self.primary {
            button["style"] = json!("primary");
        }
        if let Some(texts) = self.confirm {
            let dialog =
                CONFIRM.iter().zip(texts).map(|((part, most), text)| ((*part).to_owned(), plain(&text, *most)));
            button["confirm"] = Value::Object(dialog.collect());
        }
        button
    }
}

impl Blocks {
    /// No blocks yet; the id of each will start with `of`.
    pub(super) fn new(of: impl ToString) -> Self {
        Self { of: of.to_string(), blocks: Vec::new() }
    }

    pub(super) fn header(&mut self, text: &str) {
        self.push("header", json!({ "type": "header", "text": plain(text, HEADER) }));
    }

    /// Markup, a line below the other. Without lines there is no block.
    pub(super) fn section(&mut self, name: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.push(name, json!({ "type": "section", "text": markup(&lines.join("\n"), SECTION) }));
        }
    }

    /// Pairs of a label and what it says, two in a row.
    pub(super) fn fields(&mut self, name: &str, fields: &[(String, String)]) {
        let field = |(label, text): &(String, String)| markup(&format!("*{label}*\n{text}"), FIELD);
        let fields: Vec<Value> = fields.iter().take(FIELDS).map(field).collect();
        if !fields.is_empty() {
            self.push(name, json!({ "type": "section", "fields": fields }));
        }
    }

    /// Small markup. Without lines there is no block.
    pub(super) fn context(&mut self, name: &str, lines: &[String]) {
        if !lines.is_empty() {
            let text = markup(&lines.join("\n"), CONTEXT);
            self.push(name, json!({ "type": "context", "elements": [text] }));
        }
    }

    pub(super) fn actions(&mut self, name: &str, controls: Vec<Control>) {
        let elements: Vec<Value> = controls.into_iter().take(ELEMENTS).map(Control::block).collect();
        self.push(name, json!({ "type": "actions", "elements": elements }));
    }

    pub(super) fn divider(&mut self, name: &str) {
        self.push(name, json!({ "type": "divider" }));
    }

    /// An input of a modal, whose block id is `name` alone: the handler reads it by that.
    pub(super) fn input(&mut self, name: &str, label: &str, hint: Option<&str>, optional: bool, element: Value) {
        let mut input = json!({ "type": "input", "block_id": name, "optional": optional,
                                "label": plain(label, INPUT_LABEL), "element": element });
        if let Some(hint) = hint {
            input["hint"] = plain(hint, INPUT_LABEL);
        }
        self.blocks.push(input);
    }

    /// An input of a few lines of text, as long as the gate takes a reason.
    pub(super) fn reason(&mut self, name: &str, label: &str, hint: &str, optional: bool) {
        let input =
            json!({ "type": "plain_text_input", "action_id": name, "multiline": true, "max_length": LONGEST_REASON });
        self.input(name, label, Some(hint), optional, input);
    }

    /// Takes up others.
    pub(super) fn append(&mut self, others: Self) {
        self.blocks.extend(others.blocks);
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// How many characters all texts have together.
    pub(super) fn characters(&self) -> usize {
        self.blocks.iter().map(characters).sum()
    }

    /// The blocks of a message.
    pub(super) fn message(self) -> Vec<Value> {
        self.fit(MOST_BLOCKS)
    }

    /// The home tab.
    pub(super) fn home(self) -> Value {
        json!({ "type": "home", "blocks": self.fit(MOST_VIEW_BLOCKS) })
    }

    /// A modal with the labels of its title, of submitting and of closing it.
    pub(super) fn modal(self, callback: &str, labels: [&str; 3], private_metadata: &str) -> Value {
        let [title, submit, close] = labels.map(|label| plain(label, MODAL_LABEL));
        let private_metadata: String = private_metadata.chars().take(PRIVATE_METADATA).collect();
        json!({ "type": "modal", "callback_id": callback, "private_metadata": private_metadata, "title": title,
                "submit": submit, "close": close, "blocks": self.fit(MOST_VIEW_BLOCKS) })
    }

    fn push(&mut self, name: &str, mut block: Value) {
        block["block_id"] = json!(format!("{}/{name}", self.of));
        self.blocks.push(block);
    }

    fn fit(self, most: usize) -> Vec<Value> {
        let mut blocks: Vec<Value> = unique(self.blocks).into_iter().take(most).collect();
        let mut longest = SECTION;
        while blocks.iter().map(characters).sum::<usize>() > TOGETHER && longest > 1 {
            longest /= 2;
            blocks.iter_mut().for_each(|block| shorten(block, longest));
        }
        blocks
    }
}

/// Each control once, each block's id once: a seat that is shown twice has its buttons where it stands first.
fn unique(blocks: Vec<Value>) -> Vec<Value> {
    let (mut ids, mut actions) = (BTreeSet::new(), BTreeSet::new());
    let mut kept = Vec::with_capacity(blocks.len());
    for mut block in blocks {
        if block["type"] == "actions" {
            let elements = block["elements"].as_array_mut().map(std::mem::take).unwrap_or_default();
            let fresh = |element: &Value| actions.insert(element["action_id"].to_string());
            block["elements"] = elements.into_iter().filter(fresh).collect();
            if block["elements"].as_array().is_none_or(Vec::is_empty) {
                continue;
            }
        }
        let id = block["block_id"].as_str().unwrap_or_default().to_owned();
        let mut own = id.clone();
        while !ids.insert(own.clone()) {
            own = format!("{id}/{}", ids.len());
        }
        block["block_id"] = json!(own);
        kept.push(block);
    }
    kept
}

/// Shortens what a block tells, not what its controls are called.
fn shorten(block: &mut Value, longest: usize) {
    let told = match block["type"].as_str() {
        Some("section") => ["text", "fields"].as_slice(),
        Some("context") => &["elements"],
        _ => &[],
    };
    for part in told {
        match block.get_mut(*part) {
            Some(Value::Array(texts)) => texts.iter_mut().for_each(|text| shorten_text(text, longest)),
            Some(text) => shorten_text(text, longest),
            None => {}
        }
    }
}

fn shorten_text(object: &mut Value, longest: usize) {
    if let Some(Value::String(text)) = object.get_mut("text") {
        *text = shortened(text, longest);
    }
}

fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": said(text, most), "emoji": false })
}

/// Nothing in it becomes a link or mention by itself.
fn markup(text: &str, most: usize) -> Value {
    json!({ "type": "mrkdwn", "text": said(text, most), "verbatim": true })
}

/// Slack refuses a text that says nothing.
fn said(text: &str, most: usize) -> String {
    if text.trim().is_empty() { "—".to_owned() } else { shortened(text, most) }
}

fn characters(value: &Value) -> usize {
    match value {
        Value::Object(members) => {
            let own = members.get("text").and_then(Value::as_str).map_or(0, |text| text.chars().count());
            own + members.values().map(characters).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(characters).sum(),
        _ => 0,
    }
}
