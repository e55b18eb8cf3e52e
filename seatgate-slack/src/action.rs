//! What a button does: its action id and its value, written by the renderer and read back from a click.
//!
//! A value holds a version and ids, never authority: whoever clicks is authorised anew.

use seatgate_core::id::{CardId, RequestId, TaskId};
use seatgate_core::request::Resolution;

/// The version of the values. One of another version is of an older or newer card, and is redrawn.
const VERSION: &str = "1";
/// What the action of a menu is called.
const MENU: &str = "more";

/// How one pause of a task is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Of which task.
    pub(crate) task: TaskId,
    /// Which pause; 0 where a person is to do it.
    pub(crate) pause: u32,
    /// How.
    pub(crate) resolution: Resolution,
}

/// What a button asks for about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Approve the removal.
    Approve,
    /// Keep the seat.
    Keep,
    /// Take the approval back.
    Undo,
    /// Say that the holder still needs it: asks why first.
    StillNeed,
    /// Give up one's own seat.
    Release,
    /// Ask somebody else in one's place: asks whom first.
    Reassign,
    /// Say why the one who clicks is asked.
    Why,
    /// Decline the offboarding.
    Decline,
    /// Stop the offboarding.
    Stop,
}

impl Verb {
    /// Every one, in the order of their definition.
    const ALL: [Self; Self::Stop as usize + 1] = [
        Self::Approve,
        Self::Keep,
        Self::Undo,
        Self::StillNeed,
        Self::Release,
        Self::Reassign,
        Self::Why,
        Self::Decline,
        Self::Stop,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Keep => "keep",
            Self::Undo => "undo",
            Self::StillNeed => "need",
            Self::Release => "release",
            Self::Reassign => "reassign",
            Self::Why => "why",
            Self::Decline => "decline",
            Self::Stop => "stop",
        }
    }

    /// The press that asks for it about this request.
    pub(crate) fn on(self, request: RequestId) -> Press {
        Press::On(self, request)
    }
}

/// What a click asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Press {
    /// Something about this request.
    On(Verb, RequestId),
    /// Approve all of these: the undecided rows of the page that was shown.
    ApproveRest(Vec<RequestId>),
    /// Keep all of these.
    KeepRest(Vec<RequestId>),
    /// Answer a task of this offboarding: some answers ask why first.
    Resolve(RequestId, Answer),
    /// Turn a card to a page, from 0.
    Turn {
        /// Which card.
        card: CardId,
        /// Which page.
        page: u32,
    },
}

impl Press {
    fn kind(&self) -> &'static str {
        match self {
            Self::On(verb, _) => verb.label(),
            Self::ApproveRest(_) => "approve_rest",
            Self::KeepRest(_) => "keep_rest",
            Self::Resolve(_, answer) => answer.resolution.label(),
            Self::Turn { .. } => "turn",
        }
    }

    /// The id of the button's action, unique in a message.
    pub(crate) fn action_id(&self) -> String {
        let kind = self.kind();
        match self {
            Self::On(_, request) => format!("{kind}/{request}"),
            Self::Resolve(_, answer) => format!("{kind}/{}", answer.task),
            Self::ApproveRest(_) | Self::KeepRest(_) => kind.to_owned(),
            Self::Turn { page, .. } => format!("{kind}/{page}"),
        }
    }

    /// The button's value: at most 2000 characters for up to 50 requests.
    pub(crate) fn value(&self) -> String {
        match self {
            Self::On(_, request) => format!("{VERSION}:{request}"),
            Self::Resolve(request, answer) => format!("{VERSION}:{request}:{}:{}", answer.task, answer.pause),
            Self::ApproveRest(requests) | Self::KeepRest(requests) => {
                let ids: Vec<String> = requests.iter().map(ToString::to_string).collect();
                format!("{VERSION}:{}", ids.join(","))
            }
            Self::Turn { card, page } => format!("{VERSION}:{card}:{page}"),
        }
    }

    /// The value of an option of a menu, which has one action for all its options: at most 150 characters.
    pub(crate) fn option(&self) -> String {
        let value = self.value();
        let rest = value.strip_prefix(VERSION).unwrap_or_default();
        format!("{VERSION}:{}{rest}", self.kind())
    }

    /// The id of a menu's action, unique in a message.
    pub(crate) fn menu(request: RequestId) -> String {
        format!("{MENU}/{request}")
    }

    /// Reads a button's action id and value, or a menu's and the value of the chosen option; nothing, if they are not of
    /// this version, or not ours.
    pub(crate) fn read(action_id: &str, value: &str) -> Option<Self> {
        let value = value.strip_prefix(VERSION)?.strip_prefix(':')?;
        let kind = action_id.split_once('/').map_or(action_id, |(kind, _)| kind);
        let (kind, value) = if kind == MENU { value.split_once(':')? } else { (kind, value) };
        let requests = || value.split(',').map(|id| id.parse().ok()).collect::<Option<Vec<RequestId>>>();
        if let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.label() == kind) {
            return value.parse().ok().map(|request| Self::On(verb, request));
        }
        match kind {
            "approve_rest" => requests().map(Self::ApproveRest),
            "keep_rest" => requests().map(Self::KeepRest),
            "turn" => {
                let (card, page) = value.split_once(':')?;
                Some(Self::Turn { card: card.parse().ok()?, page: page.parse().ok()? })
            }
            resolution => {
                let resolution = resolution.parse().ok()?;
                let mut parts = value.split(':');
                let (request, task) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                let pause = parts.next()?.parse().ok()?;
                parts.next().is_none().then_some(Self::Resolve(request, Answer { task, pause, resolution }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_read_as_they_are_written() {
        let request: RequestId = "req_00000000000070008000000000000001".parse().unwrap();
        let card: CardId = "crd_00000000000070008000000000000002".parse().unwrap();
        let presses =
            [Press::ApproveRest(vec![request; 50]), Press::KeepRest(vec![request]), Press::Turn { card, page: 3 }];
        let presses = presses.into_iter().chain(Verb::ALL.map(|verb| verb.on(request)));
        let task = "tsk_00000000000070008000000000000003".parse().unwrap();
        let answers = Resolution::ALL.iter().map(|resolution| Answer { task, pause: 7, resolution: *resolution });
        let presses = presses.chain(answers.map(|answer| Press::Resolve(request, answer)));
        for press in presses {
            assert!(press.value().len() <= 2000 && press.action_id().len() <= 255);
            assert_eq!(Press::read(&press.action_id(), &press.value()), Some(press));
        }
    }

    #[test]
    fn options_of_a_menu_read_as_they_are_written() {
        let request: RequestId = "req_00000000000070008000000000000001".parse().unwrap();
        for press in [Verb::Reassign.on(request), Verb::Why.on(request)] {
            assert!(press.option().len() <= 150);
            assert_eq!(Press::read(&Press::menu(request), &press.option()), Some(press));
        }
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for (action, value) in [
            ("approve", ""),
            ("approve", "2:req_00000000000070008000000000000001"),
            ("x", "1:req_1"),
            ("approve_rest", "1:"),
            ("more", "1:req_00000000000070008000000000000001"),
            ("more", "0:why:req_00000000000070008000000000000001"),
            ("more", "1:more:req_00000000000070008000000000000001"),
            ("skip", "1:req_00000000000070008000000000000001:tsk_00000000000070008000000000000003"),
            ("skip", "1:req_00000000000070008000000000000001:tsk_00000000000070008000000000000003:-1"),
            ("skip", "1:req_00000000000070008000000000000001:tsk_00000000000070008000000000000003:1:1"),
            ("turn", "1:crd_00000000000070008000000000000002:-1"),
        ] {
            assert_eq!(Press::read(action, value), None, "{action} {value}");
        }
    }
}
