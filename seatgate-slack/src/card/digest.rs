//! The card about several seats: grouped by app, each with its own choice, page by page.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::{CardId, RequestId};
use seatgate_core::message::Row;
use seatgate_core::money::Totals;

use super::block::Button;
use super::draft::Draft;
use super::{choice, seat};
use crate::action::Press;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value, Wording};

/// How many seats a page shows at most.
const ROWS: usize = 15;
/// What the rows of a page may take of a message, as [`Draft::size`] counts: its frame takes the rest.
const ROOM: [usize; 3] = [41, 11_000, 3_200];
/// How many pages on either side of the shown one have a button, where not all have one.
const NEAR: usize = 4;
/// How many pages have one besides, spread from the first to the last. Slack takes 25 buttons in a block.
const SPREAD: usize = 16;
/// What the name of an app above its rows takes.
const HEADING: [usize; 3] = [1, 150, 150];

/// What a card says above its rows, once for all of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Above<'a> {
    /// One of the rows that wait, where all of them wait for the same reason.
    why: Option<&'a Row>,
    /// Whether every row is only a test.
    test: bool,
}

impl<'a> Above<'a> {
    fn of(rows: &[&'a Row]) -> Self {
        let mut open = rows.iter().copied().filter(|row| row.is_live());
        let why = open.next().filter(|first| open.all(|row| row.why == first.why));
        Self { why, test: !rows.is_empty() && rows.iter().all(|row| row.test) }
    }
}

/// One page of the card; a page that is not there is the last one.
pub(super) fn digest<'w>(wording: &'w Wording, card: CardId, rows: &[Row], page: u32) -> Draft<'w> {
    let rows = by_app(rows);
    let above = Above::of(&rows);
    let drafts: Vec<Draft<'_>> = rows.iter().map(|row| entry(wording, card, row, &seat::account(row), above)).collect();
    let pages = pages(&rows, &drafts);
    let page = usize::try_from(page).unwrap_or(usize::MAX).min(pages.len().saturating_sub(1));
    let (start, end) = pages.get(page).copied().unwrap_or_default();
    let mut draft = Draft::new(wording, card);
    frame(&mut draft, &rows, above);
    let shown = rows.get(start..end).unwrap_or_default();
    let mut last = None;
    for (row, entry) in shown.iter().zip(drafts.into_iter().skip(start)) {
        if last != Some(row.app.as_str()) {
            group(&mut draft, &rows, row);
            last = Some(row.app.as_str());
        }
        draft.append(entry);
    }
    below(&mut draft, card, shown, (page, pages.len()));
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
    for (index, draft) in drafts.iter().enumerate() {
        let heads = |first| first || index.checked_sub(1).is_some_and(|before| rows[before].app != rows[index].app);
        let own = |first| if heads(first) { sum(draft.size(), HEADING) } else { draft.size() };
        let fits = sum(used, own(false)).iter().zip(ROOM).all(|(sum, most)| *sum <= most);
        if index > start && (!fits || index - start == ROWS) {
            pages.push((start, index));
            (start, used) = (index, [0; 3]);
        }
        used = sum(used, own(index == start));
    }
    pages.push((start, drafts.len()));
    pages
}

fn sum(a: [usize; 3], b: [usize; 3]) -> [usize; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// What stands above the rows: how many wait, and what it is about in money.
fn frame(draft: &mut Draft<'_>, rows: &[&Row], above: Above<'_>) {
    let open: Vec<&&Row> = rows.iter().filter(|row| row.is_live()).collect();
    let heading = if open.is_empty() { Phrase::HeadingDecidedMany } else { Phrase::HeadingAskMany };
    draft.header(&Line::new(heading));
    if above.test {
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
    // Once, where they are the same.
    let told = costs.into_iter().skip(usize::from(open.len() == rows.len())).filter(|(_, costs)| !costs.is_empty());
    lines.extend(told.map(|(phrase, costs)| Line::new(phrase).costs(costs)));
    lines.extend(above.why.and_then(seat::why));
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
pub(super) fn entry<'w>(
    wording: &'w Wording,
    card: impl ToString,
    row: &Row,
    title: &Line<'_>,
    above: Above<'_>,
) -> Draft<'w> {
    let mut draft = Draft::new(wording, card);
    let test = (row.test && !above.test).then(|| Line::new(Phrase::Test));
    let mut lines: Vec<Line<'_>> = test.into_iter().chain(seat::evidence(row)).collect();
    if row.is_live() {
        lines.extend(seat::why(row).filter(|_| above.why.is_none()));
        lines.extend(seat::handed_on(row));
        lines.push(seat::finality(row));
    }
    lines.extend(seat::standing(row));
    draft.titled(&format!("{}/seat", row.request), title, &lines);
    draft.actions(&format!("{}/choice", row.request), choice::compact(wording, row));
    draft
}

/// What is done about all the open rows of a page at once, and the ways to other pages.
fn below(draft: &mut Draft<'_>, card: CardId, shown: &[&Row], (page, pages): (usize, usize)) {
    // A holder's own word is no decision, and is given for each seat by itself.
    let open: Vec<&Row> = shown.iter().copied().filter(|row| row.is_live() && !row.asks_holder()).collect();
    if open.len() > 1 || pages > 1 {
        draft.blocks.divider("below");
    }
    if open.len() > 1 {
        draft.actions("rest", rest(draft.wording, &open));
    }
    if pages > 1 {
        let ways = ways(page, pages).into_iter().map(|to| turn(draft.wording, card, to, (page, pages)));
        draft.actions("pages", ways.collect::<Vec<Button>>());
        draft.context("page", &[page_of(page, pages)]);
    }
}

/// The pages that one click leads to: all of them, or else those close by and some spread over the whole, so that a few
/// clicks lead anywhere.
fn ways(page: usize, pages: usize) -> BTreeSet<usize> {
    let mut ways: BTreeSet<usize> = if pages <= SPREAD + 2 * NEAR {
        (0..pages).collect()
    } else {
        let near = page.saturating_sub(NEAR)..(page + NEAR + 1).min(pages);
        (0..SPREAD).map(|step| step * (pages - 1) / (SPREAD - 1)).chain(near).collect()
    };
    ways.remove(&page);
    ways
}

/// Turns the card from `page` to page `to`.
fn turn(wording: &Wording, card: CardId, to: usize, (page, pages): (usize, usize)) -> Button {
    let label = match to {
        _ if to + 1 == page => Line::new(Phrase::ButtonPrevious),
        _ if to == page + 1 => Line::new(Phrase::ButtonNext),
        _ => Line::new(Phrase::ButtonPage).with(Slot::Page, Value::Count(number(to + 1))),
    };
    let press = Press::Turn { card, page: u32::try_from(to).unwrap_or(u32::MAX) };
    let mut button = Button::new(press, wording.say(&label, Form::Plain));
    button.spoken = Some(wording.say(&page_of(to, pages), Form::Plain));
    button
}

fn page_of(page: usize, pages: usize) -> Line<'static> {
    let line = Line::new(Phrase::PageOfPages).with(Slot::Page, Value::Count(number(page + 1)));
    line.with(Slot::Pages, Value::Count(number(pages)))
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
