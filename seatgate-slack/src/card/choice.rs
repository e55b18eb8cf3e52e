//! What can be pressed about one seat at this moment: answer, hand on, ask why, undo, or nothing.

use seatgate_core::message::{Row, Standing};
use seatgate_core::policy::HolderRelease;
use seatgate_core::request::StateLabel;

use super::block::{Button, Control, Menu};
use super::{seat, second};
use crate::action::{Press, Verb};
use crate::wording::{Form, Line, NAME, Phrase, Slot, Wording};

/// Everything side by side: for a card about one seat.
pub(super) fn spread(wording: &Wording, row: &Row) -> Vec<Button> {
    let mut buttons = answers(wording, row);
    buttons.extend(further(row).into_iter().map(|(press, label, spoken)| button(wording, row, press, (label, spoken))));
    buttons
}

/// The answers side by side, everything else in a menu: where many seats are shown.
pub(super) fn compact(wording: &Wording, row: &Row) -> Vec<Control> {
    let mut controls: Vec<Control> = answers(wording, row).into_iter().map(Control::from).collect();
    let options =
        further(row).into_iter().map(|(press, label, _)| (press, wording.say(&Line::new(label), Form::Plain)));
    let options: Vec<(Press, String)> = options.collect();
    if !options.is_empty() {
        controls.push(Control::Menu(Menu { of: row.request, options }));
    }
    controls
}

/// An answer, or an undo.
fn answers(wording: &Wording, row: &Row) -> Vec<Button> {
    let button = |press, labels| button(wording, row, press, labels);
    let asks = |press, labels, texts: [Line<'_>; 4]| {
        let mut button = button(press, labels);
        button.confirm = Some(texts.map(|line| wording.say(&line, Form::Plain)));
        button
    };
    match row.state {
        StateLabel::AwaitingDecision if !row.is_live() => Vec::new(),
        StateLabel::AwaitingDecision if let Some(offboarding) = &row.offboarding => {
            second::answers(wording, row, offboarding)
        }
        StateLabel::AwaitingDecision if row.asks_holder() => {
            let need = (Phrase::ButtonStillNeed, Phrase::SpokenStillNeed);
            let release = (Phrase::ButtonRelease, Phrase::SpokenRelease);
            vec![
                button(Verb::StillNeed.on(row.request), need),
                asks(Verb::Release.on(row.request), release, confirm_release(row)),
            ]
        }
        StateLabel::AwaitingDecision => {
            let approve = (Phrase::ButtonApprove, Phrase::SpokenApprove);
            vec![
                asks(Verb::Approve.on(row.request), approve, confirm(row)),
                button(Verb::Keep.on(row.request), (Phrase::ButtonKeep, Phrase::SpokenKeep)),
            ]
        }
        StateLabel::InGrace if can_undo(row) => {
            vec![button(Verb::Undo.on(row.request), (Phrase::ButtonUndo, Phrase::SpokenUndo))]
        }
        _ => Vec::new(),
    }
}

/// Whoever was replaced undoes nothing, nor does a holder whose word decides nothing.
fn can_undo(row: &Row) -> bool {
    let decides = !row.asks_holder() || row.holder_release == HolderRelease::Suffices;
    decides && !matches!(row.standing, Standing::Moved { .. })
}

/// What is done less often, each with its label and what a screen reader says. Holders are asked about their own seat,
/// and hand it on to nobody.
fn further(row: &Row) -> Vec<(Press, Phrase, Phrase)> {
    let reassign = (Verb::Reassign.on(row.request), Phrase::ButtonReassign, Phrase::SpokenReassign);
    let why = (Verb::Why.on(row.request), Phrase::ButtonWhy, Phrase::SpokenWhy);
    // An offboarding is for every operator already.
    match (row.is_live(), row.asks_holder() || row.offboarding.is_some()) {
        (false, _) => Vec::new(),
        (true, true) => vec![why],
        (true, false) => vec![reassign, why],
    }
}

fn button(wording: &Wording, row: &Row, press: Press, (label, spoken): (Phrase, Phrase)) -> Button {
    let spoken = Line::new(spoken).said(Slot::Seat, seat::short(row));
    let mut button = Button::new(press, wording.say(&Line::new(label), Form::Plain));
    button.spoken = Some(wording.say(&spoken, Form::Plain));
    button
}

fn confirm(row: &Row) -> [Line<'_>; 4] {
    [Line::new(Phrase::ConfirmTitle), removal(row), Line::new(Phrase::ConfirmYes), Line::new(Phrase::ConfirmNo)]
}

fn confirm_release(row: &Row) -> [Line<'_>; 4] {
    let text = match row.holder_release {
        HolderRelease::Suffices => removal(row),
        HolderRelease::Informs => Line::new(Phrase::ConfirmReleaseInforms).said(Slot::Seat, seat::named(row, NAME / 2)),
    };
    let [title, yes, no] = [Phrase::ConfirmReleaseTitle, Phrase::ConfirmReleaseYes, Phrase::ConfirmNo].map(Line::new);
    [title, text, yes, no]
}

/// That the seat is removed, and whether that can be undone.
fn removal(row: &Row) -> Line<'_> {
    let text = if row.reversible { Phrase::ConfirmReversible } else { Phrase::ConfirmIrreversible };
    Line::new(text).said(Slot::Seat, seat::named(row, NAME / 2))
}
