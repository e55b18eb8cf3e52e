//! A notifier with bad days.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::message::Message;
use seatgate_core::port::{Clock, Notifier, NotifyError, Posted};
use seatgate_core::testing::RecordingNotifier;

use super::reached::Reached;
use super::seen::Seen;
use super::stage::Stage;
use super::store::Tokens;

/// Shows messages, mostly.
pub struct Fickle {
    pub stage: Arc<Stage>,
    pub board: Arc<RecordingNotifier>,
    pub tokens: Tokens,
}

/// What goes wrong with one message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mishap {
    None,
    Waits,
    Unreachable,
    LostBefore,
    LostAfter,
    Misconfigured,
    Refused,
    Hangs,
    ArrivesAndHangs,
}

impl Mishap {
    const ALL: [Self; 8] = [
        Self::Waits,
        Self::Unreachable,
        Self::LostBefore,
        Self::LostAfter,
        Self::Misconfigured,
        Self::Refused,
        Self::Hangs,
        Self::ArrivesAndHangs,
    ];

    fn reached(self) -> Option<Reached> {
        match self {
            Self::None => None,
            Self::Waits => Some(Reached::MessageWaits),
            Self::Unreachable => Some(Reached::MessageUnreachable),
            Self::LostBefore => Some(Reached::MessageLostBefore),
            Self::LostAfter => Some(Reached::MessageLostAfter),
            Self::Misconfigured => Some(Reached::MessageMisconfigured),
            Self::Refused => Some(Reached::MessageRefused),
            Self::Hangs | Self::ArrivesAndHangs => Some(Reached::MessageHangs),
        }
    }

    fn arrives(self) -> bool {
        matches!(self, Self::None | Self::LostAfter | Self::ArrivesAndHangs)
    }
}

impl Fickle {
    /// A message that stands cannot become unreachable or refused: what it says would stay, and nobody could help it.
    fn mishap(&self, update: bool) -> Mishap {
        if !self.stage.mishap(self.stage.features.notifier) {
            return Mishap::None;
        }
        let mishap = *self.stage.chance.pick(&Mishap::ALL);
        let lasting = matches!(mishap, Mishap::Unreachable | Mishap::Refused);
        if update && lasting { Mishap::Waits } else { mishap }
    }

    fn error(&self, mishap: Mishap) -> Option<NotifyError> {
        let later = || self.stage.clock.now().saturating_add(Duration::from_secs(30));
        match mishap {
            Mishap::None => None,
            Mishap::Waits => Some(NotifyError::RetryAt(self.stage.chance.one_in(2).then(later))),
            Mishap::Unreachable => Some(NotifyError::Unreachable),
            Mishap::Misconfigured => Some(NotifyError::Misconfigured("a token".to_owned())),
            Mishap::Refused => Some(NotifyError::Refused("its blocks".to_owned())),
            Mishap::LostBefore | Mishap::LostAfter | Mishap::Hangs | Mishap::ArrivesAndHangs => {
                Some(NotifyError::Unknown)
            }
        }
    }

    async fn deliver(&self, message: &Message, replaces: Option<&Posted>) -> Result<Posted, NotifyError> {
        let mishap = self.mishap(replaces.is_some());
        mishap.reached().into_iter().for_each(|reached| self.stage.meet(reached));
        let place = match mishap.arrives() {
            true => Some(self.show(message, replaces).await?),
            false => None,
        };
        let error = self.error(mishap);
        let result = error.map_or(Ok(()), Err);
        self.stage.tell(|| format!("told {:?} at {place:?}: {result:?}", message.card()));
        let (message, stale) = (Arc::new(message.clone()), self.is_stale());
        let shown_at = place.as_ref().map(|posted| posted.place.clone());
        self.stage.see(Seen::Told { message, place: shown_at, result: result.clone(), stale });
        if matches!(mishap, Mishap::Hangs | Mishap::ArrivesAndHangs) {
            return future::pending().await;
        }
        result.and_then(|()| place.ok_or(NotifyError::Unknown))
    }

    async fn show(&self, message: &Message, replaces: Option<&Posted>) -> Result<Posted, NotifyError> {
        let shown = match replaces {
            Some(posted) => self.board.update(posted, message).await,
            None => self.board.post(message).await,
        };
        self.board.clear();
        shown
    }

    /// Whether the item that this message is sent for was claimed by somebody else since.
    fn is_stale(&self) -> bool {
        let (log, tokens) = (self.stage.log(), self.tokens.lock().unwrap());
        log.claims.iter().any(|(key, token)| tokens.get(key) != Some(token))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Notifier for Fickle {
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
        self.deliver(message, None).await
    }

    async fn update(&self, posted: &Posted, message: &Message) -> Result<Posted, NotifyError> {
        self.deliver(message, Some(posted)).await
    }

    async fn find(&self, message: &Message) -> Result<Vec<Posted>, NotifyError> {
        if self.stage.mishap(self.stage.features.notifier) {
            return Err(NotifyError::RetryAt(None));
        }
        let found = self.board.find(message).await?;
        found.iter().for_each(|_| self.stage.meet(Reached::CopyFound));
        Ok(found)
    }
}
