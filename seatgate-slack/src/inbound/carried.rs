//! What a modal carries along and brings back: ids. Everybody could forge it, so nothing is allowed because of it.

use seatgate_core::id::{CardId, RequestId, TaskId};
use serde::{Deserialize, Serialize};

use super::answer::Spot;
use crate::id::UserId;
use crate::place::MessagePlace;

/// The version of the stored form.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Carried {
    v: u32,
    pub(super) requests: Vec<RequestId>,
    card: Option<CardId>,
    place: Option<String>,
    home: bool,
    /// Which pause of which task is answered, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pause: Option<(TaskId, u32)>,
}

impl Carried {
    pub(super) fn new(requests: Vec<RequestId>, spot: &Spot) -> Self {
        let place = spot.place.as_ref().map(MessagePlace::encode);
        Self { v: VERSION, requests, card: spot.card, place, home: spot.home, pause: None }
    }

    /// The same, about a pause of a task.
    pub(super) fn answering(mut self, task: TaskId, pause: u32) -> Self {
        self.pause = Some((task, pause));
        self
    }

    /// At most 3000 characters, for up to 50 requests.
    pub(super) fn encode(&self) -> String {
        // Texts and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let carried: Self = serde_json::from_str(text).ok()?;
        (carried.v == VERSION && !carried.requests.is_empty()).then_some(carried)
    }

    /// Where the modal was opened from.
    pub(super) fn spot(&self, user: &UserId) -> Spot {
        let place = self.place.as_deref().and_then(MessagePlace::decode);
        Spot { user: user.clone(), card: self.card, place, home: self.home, list: false, response_url: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_given_and_fits() {
        let spot = Spot {
            user: "U1".parse().unwrap(),
            card: "crd_00000000000070008000000000000002".parse().ok(),
            place: Some(MessagePlace { channel: "D1".parse().unwrap(), ts: "1531420618.000100".parse().unwrap() }),
            home: false,
            list: false,
            response_url: None,
        };
        let request: RequestId = "req_00000000000070008000000000000001".parse().unwrap();
        let task = "tsk_00000000000070008000000000000003".parse().unwrap();
        let text = Carried::new(vec![request; 50], &spot).answering(task, 7).encode();
        assert!(text.len() <= 3000, "{}", text.len());
        let back = Carried::decode(&text).unwrap();
        assert_eq!((back.requests.len(), back.pause), (50, Some((task, 7))));
        assert_eq!(back.spot(&spot.user).place, spot.place);
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for text in ["", "{}", "req_1", r#"{"v":1,"requests":[],"card":null,"place":null,"home":false}"#] {
            assert!(Carried::decode(text).is_none(), "{text}");
        }
    }
}
