use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::message::Message;
use crate::port::{Notifier, NotifyError, Posted};

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// What it says.
    pub message: Message,
    /// Where it is.
    pub posted: Posted,
    /// Whether it replaced what was there.
    pub is_update: bool,
}

/// A notifier that keeps what it is given. It succeeds unless told to fail.
#[derive(Debug, Default)]
pub struct RecordingNotifier(Mutex<Board>);

#[derive(Debug, Default)]
struct Board {
    sent: Vec<Sent>,
    shown: BTreeMap<String, Message>,
    failures: VecDeque<Failure>,
    finds_copies: bool,
    posts: u64,
}

#[derive(Debug)]
struct Failure {
    error: NotifyError,
    arrives: bool,
}

impl RecordingNotifier {
    /// A notifier to whom nothing was given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next message (after those that fail already) does not arrive, with this answer.
    pub fn fail_next(&self, error: NotifyError) {
        self.board().failures.push_back(Failure { error, arrives: false });
    }

    /// The next message (after those that fail already) arrives, but the reply is lost.
    pub fn lose_next_reply(&self) {
        self.board().failures.push_back(Failure { error: NotifyError::Unknown, arrives: true });
    }

    /// From now on it finds the cards that it shows.
    pub fn finds_copies(&self) {
        self.board().finds_copies = true;
    }

    /// Everything that arrived, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.board().sent.clone()
    }

    /// What recipients see: the last content of each message. A copy after a lost reply is seen beside the first.
    #[must_use]
    pub fn shown(&self) -> Vec<Message> {
        self.board().shown.values().cloned().collect()
    }

    /// Forgets what arrived; what is shown stays.
    pub fn clear(&self) {
        self.board().sent.clear();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn deliver(&mut self, message: &Message, replaces: Option<&Posted>) -> Result<Posted, NotifyError> {
        let failure = self.failures.pop_front();
        if let Some(Failure { error, arrives: false }) = failure {
            return Err(error);
        }
        let posted = replaces.cloned().unwrap_or_else(|| self.new_place());
        self.shown.insert(posted.place.clone(), message.clone());
        self.sent.push(Sent { message: message.clone(), posted: posted.clone(), is_update: replaces.is_some() });
        failure.map_or(Ok(posted), |failure| Err(failure.error))
    }

    fn new_place(&mut self) -> Posted {
        self.posts += 1;
        Posted::at(format!("message-{:06}", self.posts))
    }
}

#[async_trait]
impl Notifier for RecordingNotifier {
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
        self.board().deliver(message, None)
    }

    async fn update(&self, posted: &Posted, message: &Message) -> Result<Posted, NotifyError> {
        self.board().deliver(message, Some(posted))
    }

    async fn find(&self, message: &Message) -> Result<Vec<Posted>, NotifyError> {
        let board = self.board();
        let same = |(_, shown): &(&String, &Message)| message.card().is_some() && shown.card() == message.card();
        let found = board.shown.iter().filter(|_| board.finds_copies).filter(same);
        Ok(found.map(|(place, _)| Posted::at(place)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Content, Recipient};
    use crate::testing::block_on;

    fn message() -> Message {
        let channel = "C0SWEEP".parse().unwrap();
        Message::new(Recipient::Channel(channel), Content::Report(Vec::new()))
    }

    #[test]
    fn what_arrives_is_recorded_and_what_fails_is_not() {
        let notifier = RecordingNotifier::new();
        notifier.fail_next(NotifyError::Unreachable);
        assert_eq!(block_on(notifier.post(&message())), Err(NotifyError::Unreachable));
        assert!(notifier.sent().is_empty() && notifier.shown().is_empty());
        let posted = block_on(notifier.post(&message())).unwrap();
        let repeated = Message { repeated: true, ..message() };
        assert_eq!(block_on(notifier.update(&posted, &repeated)), Ok(posted.clone()));
        assert_eq!(notifier.shown(), [repeated], "an update replaces");
        let updates: Vec<bool> = notifier.sent().iter().map(|sent| sent.is_update).collect();
        assert_eq!(updates, [false, true]);
    }

    #[test]
    fn a_lost_reply_leaves_a_copy() {
        let notifier = RecordingNotifier::new();
        notifier.lose_next_reply();
        assert_eq!(block_on(notifier.post(&message())), Err(NotifyError::Unknown));
        assert!(block_on(notifier.post(&message())).is_ok());
        assert_eq!(notifier.shown().len(), 2);
    }
}
