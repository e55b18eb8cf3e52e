//! What waits for somebody and what they decided lately: as the home tab, and as an answer.

use seatgate_core::message::Row;

use super::digest::{Above, entry};
use super::draft::Draft;
use super::{choice, seat};
use crate::wording::{Line, Phrase, Slot, Value, Wording};

/// How much is shown at once, so that it fits into a message. The home tab could hold more blocks, not more text.
const WAITING: usize = 15;
const DECIDED: usize = 10;
/// What the rows may take of a message, as [`Draft::size`] counts.
const ROOM: [usize; 3] = [44, 11_000, 3_200];

/// `more` wait beyond those in `waiting`.
pub(super) fn list<'w>(wording: &'w Wording, of: &str, waiting: &[Row], decided: &[Row], more: u64) -> Draft<'w> {
    let mut draft = Draft::new(wording, of);
    draft.header(&Line::new(Phrase::HeadingWaiting));
    if waiting.is_empty() && more == 0 {
        draft.section("none", &[Line::new(Phrase::NothingWaits)]);
    }
    let mut shown = 0;
    for row in waiting.iter().take(WAITING) {
        let entry = entry(wording, of, row, &seat::seat(row), Above::default());
        if shown > 0 && !fits(&draft, &entry) {
            break;
        }
        draft.append(entry);
        shown += 1;
    }
    let more = more.saturating_add(u64::try_from(waiting.len() - shown).unwrap_or(u64::MAX));
    if more > 0 {
        let phrase = if more == 1 { Phrase::MoreWaitOne } else { Phrase::MoreWait };
        draft.context("more", &[Line::new(phrase).count(more)]);
    }
    append_decided(&mut draft, of, decided);
    draft
}

fn append_decided(draft: &mut Draft<'_>, of: &str, decided: &[Row]) {
    for (index, row) in decided.iter().take(DECIDED).enumerate() {
        let mut entry = Draft::new(draft.wording, of);
        if index == 0 {
            entry.blocks.divider("decided");
            entry.titled("decided_heading", &Line::new(Phrase::HeadingDecided), &[]);
        }
        let test = row.test.then(|| Line::new(Phrase::Test));
        let told: Vec<Line<'_>> = test.into_iter().chain(seat::standing(row)).collect();
        entry.titled(&format!("{}/decided", row.request), &seat::seat(row), &told);
        entry.actions(&format!("{}/undo", row.request), choice::compact(draft.wording, row));
        if !fits(draft, &entry) {
            break;
        }
        draft.append(entry);
    }
}

fn fits(draft: &Draft<'_>, entry: &Draft<'_>) -> bool {
    draft.size().iter().zip(entry.size()).zip(ROOM).all(|((used, own), most)| used + own <= most)
}

/// What can be asked of us.
pub(super) fn help<'w>(wording: &'w Wording, command: &str) -> Draft<'w> {
    let mut draft = Draft::new(wording, "help");
    let lines = [Phrase::HelpList, Phrase::HelpHelp]
        .map(|phrase| Line::new(phrase).with(Slot::Command, Value::Outside(command, 40)));
    draft.section("commands", &lines);
    draft
}
