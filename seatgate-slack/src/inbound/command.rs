//! Slash commands.

use serde_json::{Value, json};

use super::admit::Turned;
use super::{Ack, SlackApp};
use crate::card::{Notice, Rendered};
use crate::payload::{SlashCommand, Word};

impl SlackApp {
    /// Answered at once, and only to whoever typed it.
    pub(super) async fn command(&self, command: SlashCommand) -> Ack {
        let visitor = match self.admit((&command.install, command.app.as_ref()), &command.by, "command").await {
            Ok(visitor) => visitor,
            Err(Turned::Outsider) => return self.say(&Notice::Outsider),
            Err(Turned::Unclear) => return self.say(&Notice::TryAgain),
            Err(turned) => return turned.ack(),
        };
        let lists = command.text.words().next() == Some(Word::Text("list".to_owned()));
        if self.offboards_by(&command.command) {
            return self.offboard(&command, &visitor).await;
        }
        if !lists {
            return Ack::json(ephemeral(self.workspace.renderer().help(&command.command)));
        }
        match self.overview(visitor.person()).await {
            Ok(overview) => Ack::json(ephemeral(self.list(&overview))),
            Err(_) => self.say(&Notice::TryAgain),
        }
    }

    pub(super) fn say(&self, notice: &Notice) -> Ack {
        Ack::json(ephemeral(Rendered { text: self.workspace.renderer().say(notice), blocks: Vec::new() }))
    }
}

fn ephemeral(Rendered { text, blocks }: Rendered) -> Value {
    let mut answer = json!({ "response_type": "ephemeral", "text": text });
    if !blocks.is_empty() {
        answer["blocks"] = blocks.into();
    }
    answer
}
