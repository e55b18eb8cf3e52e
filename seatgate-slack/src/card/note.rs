//! What somebody is told below their card: without buttons, for those are on the card.

use seatgate_core::agenda::News;
use seatgate_core::message::Row;

use super::draft::Draft;
use super::seat;
use crate::wording::{Line, Phrase, Wording};

/// How many seats are named; the others are counted.
const ROWS: usize = 5;

/// The news about these seats.
pub(super) fn note<'w>(wording: &'w Wording, news: News, rows: &[Row]) -> Draft<'w> {
    let mut draft = Draft::new(wording, "note");
    draft.header(&Line::new(heading(news)));
    for row in rows.iter().take(ROWS) {
        let test = row.test.then(|| Line::new(Phrase::Test));
        let lines: Vec<Line<'_>> = test.into_iter().chain(told(news, row)).collect();
        draft.titled(&format!("{}/news", row.request), &seat::seat(row), &lines);
    }
    let more = u64::try_from(rows.len().saturating_sub(ROWS)).unwrap_or(u64::MAX);
    if more > 0 {
        draft.context("more", &[Line::new(Phrase::AndMore).count(more)]);
    }
    draft
}

fn heading(news: News) -> Phrase {
    match news {
        News::Reminder => Phrase::NoteReminder,
        News::Overruled => Phrase::NoteOverruled,
        News::UsedAgain => Phrase::NoteUsedAgain,
        _ => Phrase::NoteStanding,
    }
}

/// Until when an answer is waited for; of anything else how it stands.
fn told(news: News, row: &Row) -> Vec<Line<'_>> {
    match seat::answer_by(row).filter(|_| news == News::Reminder && row.is_live()) {
        Some(until) => vec![until],
        None => seat::standing(row),
    }
}
