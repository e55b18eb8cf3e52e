//! Telling one person something, and drawing anew what they looked at.

use seatgate_core::card::CardEdit;
use seatgate_core::id::CardId;

use super::SlackApp;
use super::admit::Visitor;
use crate::card::{Notice, Rendered};
use crate::client::{Ephemeral, ErrorKind, NewMessage, Response};
use crate::id::UserId;
use crate::payload::{BlockActions, Place, ResponseUrl};
use crate::place::MessagePlace;

/// Where somebody clicked, and how to answer only them.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) user: UserId,
    /// The card that was clicked on, as its blocks say. What they say is no authority: it is only drawn anew.
    pub(super) card: Option<CardId>,
    /// The message that was clicked on, if everybody there sees it.
    pub(super) place: Option<MessagePlace>,
    /// Whether it was the home tab.
    pub(super) home: bool,
    /// Whether it was a list that only they see, which can be changed through the response URL alone.
    pub(super) list: bool,
    pub(super) response_url: Option<ResponseUrl>,
}

impl Spot {
    /// No message: only they are to be told.
    pub(super) fn only(visitor: &Visitor, response_url: Option<ResponseUrl>) -> Self {
        Self { user: visitor.user.clone(), card: None, place: None, home: false, list: false, response_url }
    }

    pub(super) fn of(click: &BlockActions) -> Self {
        let block = click.actions.first().map(|action| action.block_id.as_str()).unwrap_or_default();
        let card = block.split('/').next().and_then(|id| id.parse().ok());
        let place = match &click.place {
            Place::Message { channel, ts, ephemeral: false } => {
                Some(MessagePlace { channel: channel.clone(), ts: ts.clone() })
            }
            _ => None,
        };
        let home = matches!(click.place, Place::View(_));
        let list = matches!(click.place, Place::Message { ephemeral: true, .. });
        Self { user: click.by.user.clone(), card, place, home, list, response_url: click.response_url.clone() }
    }
}

impl SlackApp {
    /// After something was done: a copy that nobody knew of is taken up, so that it is kept true.
    pub(super) async fn after_done(self, spot: Spot) {
        let known = match spot.card {
            Some(card) => self.gate.card(card).await.ok().flatten(),
            None => None,
        };
        if let Some((card, place)) = known.zip(spot.place.as_ref().map(MessagePlace::encode))
            && !card.posted.iter().chain(&card.copies).any(|other| *other == place)
        {
            self.adopt(card.id, place).await;
        }
        self.refresh_own(&spot).await;
    }

    /// After something was refused: draws anew what was clicked on, and says why.
    pub(super) async fn after_refused(self, spot: Spot, notice: Notice) {
        self.redraw(&spot).await;
        self.tell(&spot, &notice).await;
        self.refresh_own(&spot).await;
    }

    /// After something was refused in a modal, which says why.
    pub(super) async fn after_refused_in_modal(self, spot: Spot) {
        self.redraw(&spot).await;
        self.refresh_own(&spot).await;
    }

    /// Draws anew what was clicked on: it was out of date, or a copy that nobody knew of.
    async fn redraw(&self, spot: &Spot) {
        if let Some((card, place)) = spot.card.zip(spot.place.as_ref()) {
            self.adopt(card, place.encode()).await;
        }
    }

    /// Schedules that the card is drawn anew there and wherever else it is. If the store fails, the next click does it.
    async fn adopt(&self, card: CardId, place: String) {
        let _ = self.gate.edit_card(card, CardEdit::Adopt { place }).await;
    }

    /// What only they see is drawn anew as well: the home tab, or the list that they clicked on.
    async fn refresh_own(&self, spot: &Spot) {
        if spot.home {
            self.publish_home(&spot.user).await;
        }
        if let Some(url) = spot.response_url.as_ref().filter(|_| spot.list)
            && let Some(overview) = self.overview_of(&spot.user).await
        {
            let Rendered { text, blocks } = self.list(&overview);
            let response = Response::ephemeral(text).blocks(blocks).replacing();
            let _ = self.workspace.client().respond(url, &response).await;
        }
    }

    /// Tells only them: beside what they clicked on, else in their direct message. Nothing depends on it.
    pub(super) async fn tell(&self, spot: &Spot, notice: &Notice) {
        self.tell_text(spot, self.workspace.renderer().say(notice)).await;
    }

    /// The same for any text of ours.
    pub(super) async fn tell_text(&self, spot: &Spot, text: String) {
        let client = self.workspace.client();
        if let Some(url) = &spot.response_url {
            match client.respond(url, &Response::ephemeral(text.clone())).await {
                Err(error) if error.kind() != ErrorKind::Unknown => {}
                _ => return,
            }
        }
        let message = NewMessage::new(text, Vec::new());
        let _ = match &spot.place {
            Some(place) => {
                let ephemeral = Ephemeral::new(place.channel.clone(), spot.user.clone(), message);
                client.chat_post_ephemeral(&ephemeral).await.map(drop)
            }
            None => client.chat_post_message(spot.user.as_str(), &message).await.map(drop),
        };
    }
}
