//! Reads every JSON file of a folder as a message, modal or home tab, with the checks of the crate `slackblocks`; prints
//! how many there were, and fails at the first that it refuses.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use slackblocks::{HomeTabView, MessagePayload, ModalView};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: slackblocks-judge FOLDER")?);
    if read(json!({ "channel": "C1", "text": "x", "blocks": [{ "type": "header" }] })).is_ok() {
        return Err("a header without a text is taken".into());
    }
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        judge(&entry?.path())?;
        count += 1;
    }
    println!("{count}");
    Ok(())
}

fn judge(path: &Path) -> Result<(), Box<dyn Error>> {
    let body: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    read(body).map_err(|refusal| format!("{}: {refusal}", path.display()).into())
}

fn read(body: Value) -> Result<(), String> {
    let read = match body["type"].as_str() {
        Some("modal") => ModalView::try_from(body).map(drop),
        Some("home") => HomeTabView::try_from(body).map(drop),
        _ => MessagePayload::try_from(body).map(drop),
    };
    read.map_err(|refusal| refusal.to_string())
}
