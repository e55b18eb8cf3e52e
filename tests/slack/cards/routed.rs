//! Seats whose question went another way than to the manager: to the holder first, around people, to several, or on.

use seatgate_core::agenda::News;
use seatgate_core::message::{Content, HandedOnLine, HolderLine, Message, PathLine, Row, Standing};
use seatgate_core::policy::HolderRelease;
use seatgate_core::request::{Decision, Outcome, StateLabel, Why, WithdrawReason};
use seatgate_core::route::Turn;

use super::samples::{asking, at, figma, request};

/// A note to whoever is asked in the samples.
pub(super) fn noting(news: News, rows: Vec<Row>) -> Message {
    let mut message = asking(Vec::new(), 0);
    message.content = Content::Note { news, rows };
    message
}

/// The holder is asked first.
pub(super) fn holder(release: HolderRelease) -> Row {
    let mut row = figma();
    (row.why, row.holder_release) = (Some(Why::Holder), release);
    row
}

/// The same holder has answered.
pub(super) fn answered() -> Row {
    let mut row = holder(HolderRelease::Informs);
    row.holder_said = Some(HolderLine::new(Decision::Keep, Some("The rebranding starts in March".to_owned())));
    row.standing = Standing::Moved { to: vec!["Mona Li".to_owned()] };
    row
}

fn met(name: &str, role: Why, turn: Turn) -> PathLine {
    PathLine::new(name, role, turn)
}

/// Two are asked after everything that can come between; the holder has said their word, and one vote is in.
pub(super) fn detour() -> Row {
    let mut row = figma();
    row.why = Some(Why::NextManager);
    row.path = vec![
        met("Cy Twombly", Why::Manager, Turn::Away),
        met("Dan Brown", Why::NextManager, Turn::Disabled),
        met("Mona Li", Why::NextManager, Turn::Asked),
    ];
    row.holder_said = Some(HolderLine::new(Decision::Approve, None));
    (row.quorum, row.votes) = (2, vec![("Ben Okafor".to_owned(), at("2026-11-21T08:00:00Z"))]);
    row
}

/// Somebody handed it to the reader.
pub(super) fn handed_on() -> Row {
    let mut row = figma();
    row.why = Some(Why::Reassigned);
    row.handed_on = Some(HandedOnLine::new("Ben Okafor", Some("The rebranding starts in March".to_owned())));
    row
}

/// The reader's vote is in, and one is missing.
pub(super) fn voted() -> Row {
    let mut row = figma();
    (row.quorum, row.votes) = (2, vec![("Mona Li".to_owned(), at("2026-11-21T08:00:00Z"))]);
    row.standing = Standing::Voted;
    row
}

/// The reader is asked no more.
pub(super) fn moved(to: &[&str]) -> Row {
    let mut row = figma();
    row.standing = Standing::Moved { to: to.iter().map(|name| (*name).to_owned()).collect() };
    row
}

/// The user came back.
pub(super) fn used_again() -> Row {
    let mut row = figma();
    (row.state, row.outcome) = (StateLabel::Closed, Some(Outcome::Withdrawn));
    (row.withdrawn, row.until) = (Some(WithdrawReason::UsedAgain), None);
    row
}

/// One of each, for one reader: with every reason that anybody is asked for.
pub(super) fn all() -> Vec<Row> {
    let because = |why: &Why| {
        let mut row = figma();
        row.why = Some(*why);
        row
    };
    let mut rows: Vec<Row> = Why::ALL.iter().map(because).collect();
    let people = ["Cy Twombly", "Dan Brown", "Eve Moor", "Ben Okafor", "Ana Ruiz", "Mona Li"];
    rows.extend([answered(), detour(), voted(), moved(&[]), moved(&people), used_again()]);
    for (number, row) in (1..).zip(&mut rows) {
        row.request = request(number);
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use seatgate_core::message::Row;
    use seatgate_slack::card::{Addressee, Renderer};
    use serde_json::Value;

    use super::super::samples::{asking, body, open};
    use super::*;

    /// What can be pressed about a row: kinds of actions, and those of its menu.
    fn presses(rows: Vec<Row>) -> BTreeSet<String> {
        let drawn = body(Renderer::default().message(&asking(rows, 0), &Addressee::Direct));
        let blocks = drawn["blocks"].as_array().unwrap().iter();
        let elements = blocks.flat_map(|block| block["elements"].as_array().into_iter().flatten());
        let kind = |id: &Value| id.as_str().map(|id| id.split('/').next().unwrap_or_default().to_owned());
        let option =
            |option: &Value| option["value"].as_str().and_then(|value| value.split(':').nth(1)).map(str::to_owned);
        let options = |element: &Value| {
            element["options"].as_array().into_iter().flatten().filter_map(option).collect::<Vec<_>>()
        };
        elements.flat_map(|element| kind(&element["action_id"]).into_iter().chain(options(element))).collect()
    }

    fn set<const N: usize>(kinds: [&str; N]) -> BTreeSet<String> {
        kinds.map(str::to_owned).into()
    }

    fn in_grace(mut row: Row) -> Row {
        row.state = StateLabel::InGrace;
        row
    }

    #[test]
    fn only_whoever_can_answer_has_buttons() {
        assert_eq!(presses(vec![figma()]), set(["approve", "keep", "reassign", "why"]));
        assert_eq!(presses(vec![holder(HolderRelease::Informs)]), set(["need", "release", "why"]));
        for row in [answered(), voted(), moved(&[]), used_again()] {
            assert_eq!(presses(vec![row.clone()]), set([]), "{row:?}");
            assert_eq!(presses(vec![row, used_again()]), set([]), "in a digest");
        }
    }

    #[test]
    fn whoever_is_asked_or_has_voted_can_undo_and_whoever_is_replaced_cannot() {
        for row in [figma(), voted(), holder(HolderRelease::Suffices)] {
            assert_eq!(presses(vec![in_grace(row)]), set(["undo"]));
        }
        for row in [moved(&[]), holder(HolderRelease::Informs)] {
            assert_eq!(presses(vec![in_grace(row)]), set([]));
        }
    }

    #[test]
    fn the_rest_of_a_digest_is_what_the_reader_decides() {
        let mut rows = vec![open(1, "Figma", "Ana"), open(2, "Figma", "Ben"), voted(), holder(HolderRelease::Informs)];
        (rows[2].request, rows[3].request) = (request(3), request(4));
        let kinds = presses(rows.clone());
        assert_eq!(
            kinds,
            set(["approve", "approve_rest", "keep", "keep_rest", "more", "need", "reassign", "release", "why"])
        );
        let drawn = body(Renderer::default().message(&asking(rows, 0), &Addressee::Direct)).to_string();
        let rest = format!("1:{},{}", request(1), request(2));
        assert!(drawn.contains(&format!("\"{rest}\"")), "the two, and no more: {drawn}");
    }
}
