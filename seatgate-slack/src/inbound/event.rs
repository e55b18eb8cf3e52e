//! Events: the home tab, and mentions.

use super::admit::Turned;
use super::{Ack, SlackApp};
use crate::card::{Notice, Rendered};
use crate::client::{Ephemeral, NewMessage};
use crate::payload::{AppMention, Caller, Event, EventCallback, EventsRequest};

impl SlackApp {
    /// Answered at once, and worked after: Slack sends an event again whose answer is late.
    pub(super) async fn event(&self, request: EventsRequest) -> Ack {
        match request {
            EventsRequest::UrlVerification { challenge } => Ack::text(challenge),
            EventsRequest::Callback(EventCallback { event: Event::Unknown(_), .. }) | EventsRequest::Unknown(_) => {
                self.unknown()
            }
            EventsRequest::Callback(callback) if self.seen.is_new(&callback.id) => {
                Ack::ok().then(self.clone().work_on(callback))
            }
            EventsRequest::Callback(_) => Ack::ok(),
        }
    }

    async fn work_on(self, callback: EventCallback) {
        match &callback.event {
            Event::AppHomeOpened(home) if home.tab == "home" => self.open_home(&callback, &home.by).await,
            Event::AppMention(mention) => {
                // A program that mentions us is told nothing.
                let Some(by) = &mention.by else { return };
                if let Some(answer) = self.what_waits(&callback, by).await {
                    self.answer_mention(mention, by, answer).await;
                }
            }
            _ => {}
        }
    }

    async fn open_home(&self, callback: &EventCallback, by: &Caller) {
        let admitted = self.admit((&callback.install, callback.app.as_ref()), by, "open_home").await;
        if admitted.is_ok() {
            self.publish_home(&by.user).await;
        }
    }

    async fn what_waits(&self, callback: &EventCallback, by: &Caller) -> Option<Rendered> {
        match self.admit((&callback.install, callback.app.as_ref()), by, "mention").await {
            Ok(visitor) => Some(self.list(&self.overview(visitor.person()).await.ok()?)),
            Err(Turned::Outsider) => {
                let text = self.workspace.renderer().say(&Notice::Outsider);
                Some(Rendered { text, blocks: Vec::new() })
            }
            Err(Turned::Foreign | Turned::Unclear) => None,
        }
    }

    /// Only they see it, where they asked: what waits for somebody is nobody else's business.
    async fn answer_mention(&self, mention: &AppMention, by: &Caller, Rendered { text, blocks }: Rendered) {
        let message = NewMessage::new(text, blocks);
        let message = match &mention.thread_ts {
            Some(thread) => message.in_thread(thread.clone()),
            None => message,
        };
        let ephemeral = Ephemeral::new(mention.channel.clone(), by.user.clone(), message);
        let _ = self.workspace.client().chat_post_ephemeral(&ephemeral).await;
    }
}
