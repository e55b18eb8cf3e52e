//! The card about one seat: a question, or how it ended.

use seatgate_core::id::CardId;
use seatgate_core::message::Row;
use seatgate_core::request::{Decision, Outcome, StateLabel};

use super::draft::Draft;
use super::seat;
use crate::wording::{Line, Phrase, Wording};

/// Everything that matters for one decision.
pub(super) fn ask<'w>(wording: &'w Wording, card: CardId, row: &Row) -> Draft<'w> {
    let mut draft = Draft::new(wording, card);
    draft.header(&Line::new(heading(row)));
    if row.test {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    facts(&mut draft, row);
    let name = |part: &str| format!("{}/{part}", row.request);
    if row.is_live() {
        let lines: Vec<Line<'_>> = seat::why(row).into_iter().chain([seat::effect(row)]).collect();
        draft.section(&name("ask"), &lines);
        let mut buttons = seat::buttons(wording, row);
        if let Some(approve) = buttons.first_mut() {
            approve.primary = true;
        }
        draft.actions(&name("choice"), buttons);
        let until = seat::answer_by(row).unwrap_or_else(|| Line::new(Phrase::Waiting));
        draft.context(&name("until"), &[until]);
    } else {
        draft.section(&name("standing"), &seat::standing(row));
        draft.actions(&name("choice"), seat::buttons(wording, row));
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
        (StateLabel::AwaitingDecision, None) => Phrase::HeadingAsk,
        (StateLabel::NeedsAttention, None) => Phrase::HeadingAttention,
        (StateLabel::InGrace | StateLabel::Executing, None) if keeps => Phrase::HeadingKept,
        (StateLabel::InGrace | StateLabel::Executing, None) => Phrase::HeadingApproved,
    }
}
