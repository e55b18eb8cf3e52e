//! Where a message is, as the notifier remembers it between a post and its updates.

use serde::{Deserialize, Serialize};

use crate::client::PostedMessage;
use crate::id::{ChannelId, MessageTs};

/// The version of the stored form.
const VERSION: u32 = 1;

/// A message of ours: what [`Posted::place`](seatgate_core::port::Posted::place) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessagePlace {
    /// The channel; for a message to a person the direct message `D...`.
    pub(crate) channel: ChannelId,
    /// Which message.
    pub(crate) ts: MessageTs,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    channel: ChannelId,
    ts: MessageTs,
}

impl MessagePlace {
    /// The stored form: the same message always has the same.
    pub(crate) fn encode(&self) -> String {
        let stored = Stored { v: VERSION, channel: self.channel.clone(), ts: self.ts.clone() };
        // Three plain texts and a number always have a JSON form.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Reads it; nothing for what is of another version, or of another notifier.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        (stored.v == VERSION).then_some(Self { channel: stored.channel, ts: stored.ts })
    }
}

impl From<PostedMessage> for MessagePlace {
    fn from(posted: PostedMessage) -> Self {
        Self { channel: posted.channel, ts: posted.ts }
    }
}

impl From<MessagePlace> for PostedMessage {
    fn from(place: MessagePlace) -> Self {
        Self { channel: place.channel, ts: place.ts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_is_written() {
        let place = MessagePlace { channel: "D1".parse().unwrap(), ts: "1531420618.000100".parse().unwrap() };
        assert_eq!(place.encode(), r#"{"v":1,"channel":"D1","ts":"1531420618.000100"}"#);
        assert_eq!(MessagePlace::decode(&place.encode()), Some(place));
    }

    #[test]
    fn what_another_version_or_notifier_wrote_is_no_place() {
        for text in ["inbox", "", "{}", r#"{"v":2,"channel":"D1","ts":"1.2"}"#, r#"{"v":1,"channel":"<D>","ts":"1.2"}"#]
        {
            assert_eq!(MessagePlace::decode(text), None, "{text}");
        }
    }
}
