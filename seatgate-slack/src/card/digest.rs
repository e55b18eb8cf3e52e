//! The card about several seats: grouped by app, each with its own choice, page by page.

use std::collections::BTreeMap;

use seatgate_core::id::{CardId, RequestId};
use seatgate_core::message::Row;
use seatgate_core::money::Totals;
use seatgate_core::request::StateLabel;

use super::block::Button;
use super::draft::Draft;
use super::seat;
use crate::action::Press;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value, Wording};

/// How many seats a page shows at most.
const ROWS: usize = 15;
/// What the rows of a page may take of a message: its frame takes the rest.
const BLOCKS: usize = 45;
const CHARACTERS: usize = 11_000;
const TOLD: usize = 3_200;

/// One page of the card; a page that is not there is the last one.
pub(super) fn digest<'w>(wording: &'w Wording, card: CardId, rows: &[Row], page: u32) -> Draft<'w> {
    let rows = by_app(rows);
    let drafts: Vec<Draft<'_>> = rows.iter().map(|row| entry(wording, card, row, &seat::account(row))).collect();
    let pages = pages(&rows, &drafts);
    let page = usize::try_from(page).unwrap_or(usize::MAX).min(pages.len().saturating_sub(1));
    let (start, end) = pages.get(page).copied().unwrap_or_default();
    let mut draft = Draft::new(wording, card);
    frame(&mut draft, &rows);
    let shown = rows.get(start..end).unwrap_or_default();
    let mut last = None;
    for (row, entry) in shown.iter().zip(drafts.into_iter().skip(start)) {
        if last != Some(row.app.as_str()) {
            group(&mut draft, &rows, row);
            last = Some(row.app.as_str());
        }
        draft.append(entry);
    }
    draft.actions("rest", controls(wording, card, shown, page, pages.len()));
    if pages.len() > 1 {
        let count = |number: usize| Value::Count(u64::try_from(number).unwrap_or(u64::MAX));
        let line = Line::new(Phrase::PageOfPages).with(Slot::Page, count(page + 1));
        draft.context("page", &[line.with(Slot::Pages, count(pages.len()))]);
    }
    draft
}

/// The seats of one app together, the apps in the order in which they first come.
fn by_app(rows: &[Row]) -> Vec<&Row> {
    let mut first = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        first.entry(row.app.as_str()).or_insert(index);
    }
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| first.get(row.app.as_str()).copied());
    rows
}

/// Where each page starts and ends: as many rows as fit.
fn pages(rows: &[&Row], drafts: &[Draft<'_>]) -> Vec<(usize, usize)> {
    let mut pages = Vec::new();
    let (mut start, mut used) = (0, [0; 3]);
    for (index, (row, draft)) in rows.iter().zip(drafts).enumerate() {
        let heads = index == start || rows.get(index.wrapping_sub(1)).is_none_or(|before| before.app != row.app);
        let own = [draft.blocks.len() + usize::from(heads), draft.blocks.characters() + 150, draft.told() + 80];
        let sum = |used: [usize; 3]| [used[0] + own[0], used[1] + own[1], used[2] + own[2]];
        let fits = sum(used).iter().zip([BLOCKS, CHARACTERS, TOLD]).all(|(sum, most)| *sum <= most);
        if index > start && (!fits || index - start == ROWS) {
            pages.push((start, index));
            (start, used) = (index, [0; 3]);
        }
        used = sum(used);
    }
    pages.push((start, rows.len()));
    pages
}

/// What stands above the rows: how many wait, and what it is about in money.
fn frame<'a>(draft: &mut Draft<'_>, rows: &[&'a Row]) {
    let open: Vec<&&Row> = rows.iter().filter(|row| row.is_live()).collect();
    let heading = if open.is_empty() { Phrase::HeadingDecidedMany } else { Phrase::HeadingAskMany };
    draft.header(&Line::new(heading));
    if rows.iter().any(|row| row.test) {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    let phrase = match open.len() {
        0 => Phrase::NoneOpen,
        1 => Phrase::OpenOfTotalOne,
        _ => Phrase::OpenOfTotal,
    };
    let total = Value::Count(number(rows.len()));
    let mut lines = vec![Line::new(phrase).count(number(open.len())).with(Slot::Total, total)];
    let costs =
        [(Phrase::OpenCost, costs(open.iter().map(|row| **row))), (Phrase::TotalCost, costs(rows.iter().copied()))];
    let costs = costs.into_iter().filter(|(_, costs)| !costs.is_empty());
    lines.extend(costs.map(|(phrase, costs)| Line::new(phrase).costs(costs)));
    // Why is said once, where it is the same for all that wait.
    let first = open.first().map(|row| row.why);
    if open.iter().all(|row| Some(row.why) == first) {
        lines.extend(open.first().and_then(|row| seat::why(row)));
    }
    draft.section("summary", &lines);
}

fn group(draft: &mut Draft<'_>, rows: &[&Row], of: &Row) {
    let rows: Vec<&Row> = rows.iter().copied().filter(|row| row.app == of.app).collect();
    let costs = costs(rows.iter().copied());
    let phrase = match (rows.len(), costs.is_empty()) {
        (1, true) => Phrase::GroupOne,
        (1, false) => Phrase::GroupCostOne,
        (_, true) => Phrase::Group,
        (_, false) => Phrase::GroupCost,
    };
    let app = Value::Outside(&of.app, NAME);
    let line = Line::new(phrase).with(Slot::App, app).count(number(rows.len())).costs(costs);
    draft.titled(&format!("{}/app", of.request), &line, &[]);
}

/// One seat with its choice, under a title that names it.
pub(super) fn entry<'w>(wording: &'w Wording, card: impl ToString, row: &Row, title: &Line<'_>) -> Draft<'w> {
    let mut draft = Draft::new(wording, card);
    let mut lines: Vec<Line<'_>> = seat::usage(row).into_iter().chain(seat::cost(row)).collect();
    if row.is_live() {
        lines.push(seat::effect(row));
    }
    lines.extend(seat::standing(row));
    draft.titled(&format!("{}/seat", row.request), title, &lines);
    draft.actions(&format!("{}/choice", row.request), seat::buttons(wording, row));
    draft
}

/// What is done about all the open rows of a page at once, and the way to the next.
fn controls(wording: &Wording, card: CardId, shown: &[&Row], page: usize, pages: usize) -> Vec<Button> {
    let open: Vec<&Row> = shown.iter().copied().filter(|row| row.state == StateLabel::AwaitingDecision).collect();
    let mut buttons = Vec::new();
    if open.len() > 1 {
        buttons.extend(rest(wording, &open));
    }
    let turn = |to: usize, label| {
        let to = u32::try_from(to).unwrap_or(u32::MAX);
        Button::new(Press::Turn { card, page: to }, wording.say(&Line::new(label), Form::Plain))
    };
    if page > 0 {
        buttons.push(turn(page - 1, Phrase::ButtonPrevious));
    }
    if page + 1 < pages {
        buttons.push(turn(page + 1, Phrase::ButtonNext));
    }
    buttons
}

fn rest(wording: &Wording, open: &[&Row]) -> [Button; 2] {
    let ids: Vec<RequestId> = open.iter().map(|row| row.request).collect();
    let count = number(open.len());
    let costs = costs(open.iter().copied());
    let say = |line: Line<'_>| wording.say(&line.count(count).costs(costs.clone()), Form::Plain);
    let or_cost = |plain, with_cost| Line::new(if costs.is_empty() { plain } else { with_cost });
    let reversible = number(open.iter().filter(|row| row.reversible).count());
    let mut removes = vec![say(or_cost(Phrase::ConfirmRest, Phrase::ConfirmRestCost))];
    for (phrase, count) in [(Phrase::ConfirmRestUndoable, reversible), (Phrase::ConfirmRestFinal, count - reversible)] {
        if count > 0 {
            removes.push(wording.say(&Line::new(phrase).count(count), Form::Plain));
        }
    }
    let [yes, no, keep] = [Phrase::ConfirmYes, Phrase::ConfirmNo, Phrase::ConfirmKeepYes].map(|p| say(Line::new(p)));
    let mut approve = Button::new(Press::ApproveRest(ids.clone()), say(Line::new(Phrase::ButtonApproveRest)));
    approve.confirm = Some([say(Line::new(Phrase::ConfirmRestTitle)), removes.join(" "), yes, no.clone()]);
    let keeps = say(or_cost(Phrase::ConfirmKeepRest, Phrase::ConfirmKeepRestCost));
    let mut keep_rest = Button::new(Press::KeepRest(ids), say(Line::new(Phrase::ButtonKeepRest)));
    keep_rest.confirm = Some([say(Line::new(Phrase::ConfirmKeepRestTitle)), keeps, keep, no]);
    [approve, keep_rest]
}

fn costs<'a>(rows: impl Iterator<Item = &'a Row>) -> Totals {
    rows.filter_map(|row| row.monthly_cost).collect()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
