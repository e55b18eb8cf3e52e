//! The card about one seat: a question, or how it ended.

use seatgate_core::id::CardId;
use seatgate_core::message::{Row, Standing};
use seatgate_core::request::{Decision, Outcome, StateLabel};

use super::draft::Draft;
use super::{choice, seat, second};
use crate::wording::{Line, Phrase, Wording};

/// Everything that matters for one decision.
pub(super) fn ask<'w>(wording: &'w Wording, card: CardId, row: &Row) -> Draft<'w> {
    let mut draft = Draft::new(wording, card);
    let offboarding = row.offboarding.as_deref();
    draft.header(&offboarding.map_or_else(|| Line::new(heading(row)), |_| second::heading(row)));
    if row.test {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    match offboarding {
        Some(line) => second::facts(&mut draft, row, line),
        None => facts(&mut draft, row),
    }
    let name = |part: &str| format!("{}/{part}", row.request);
    if row.is_live() {
        let mut lines: Vec<Line<'_>> = seat::why(row).into_iter().chain(seat::handed_on(row)).collect();
        lines.extend(seat::detours(row));
        lines.extend(seat::holder_said(row));
        lines.extend(seat::votes(row));
        lines.push(seat::effect(row));
        draft.section(&name("ask"), &lines);
        let mut buttons = choice::spread(wording, row);
        // A holder is pushed to neither answer.
        if let Some(approve) = buttons.first_mut().filter(|_| !row.asks_holder()) {
            approve.primary = true;
        }
        draft.actions(&name("choice"), buttons);
        let until = seat::answer_by(row).unwrap_or_else(|| Line::new(Phrase::Waiting));
        draft.context(&name("until"), &[until]);
    } else {
        draft.section(&name("standing"), &seat::standing(row));
        draft.actions(&name("choice"), choice::spread(wording, row));
    }
    draft
}

fn facts(draft: &mut Draft<'_>, row: &Row) {
    let account = Line::verbatim(&row.account);
    let mut fields = vec![(Phrase::LabelApp, seat::app(row)), (Phrase::LabelAccount, account)];
    fields.extend(seat::usage(row).map(|usage| (Phrase::LabelUse, usage)));
    fields.extend(seat::cost(row).map(|cost| (Phrase::LabelCost, cost)));
    draft.fields(&format!("{}/seat", row.request), &fields);
    draft.tell(&seat::seat(row));
    fields.iter().skip(2).for_each(|(_, line)| draft.tell(line));
}

fn heading(row: &Row) -> Phrase {
    let keeps = row.decision.as_ref().is_some_and(|decision| decision.decision == Decision::Keep);
    match (row.state, row.outcome) {
        (_, Some(Outcome::Reclaimed)) => Phrase::HeadingReclaimed,
        (_, Some(Outcome::Kept)) | (StateLabel::Keeping, _) => Phrase::HeadingKept,
        (_, Some(_)) | (StateLabel::Closed | StateLabel::Stopping, _) => Phrase::HeadingOver,
        (StateLabel::AwaitingDecision, None) => waiting(row),
        (StateLabel::NeedsAttention, None) => Phrase::HeadingAttention,
        (StateLabel::InGrace | StateLabel::Executing, None) if keeps => Phrase::HeadingKept,
        (StateLabel::InGrace | StateLabel::Executing, None) => Phrase::HeadingApproved,
    }
}

fn waiting(row: &Row) -> Phrase {
    match row.standing {
        Standing::Moved { .. } if row.asks_holder() && row.holder_said.is_some() => Phrase::HeadingAnswered,
        Standing::Moved { .. } => Phrase::HeadingMoved,
        Standing::Voted => Phrase::HeadingVoted,
        _ if row.asks_holder() => Phrase::HeadingAskHolder,
        _ => Phrase::HeadingAsk,
    }
}
