//! What somebody is asked to do by hand: one task of an offboarding, with its button while they can say that it is done.

use seatgate_core::message::{OffboardingStanding, TaskLine};

use super::draft::Draft;
use super::offboarding::{self, Users};
use super::{progress, second, task};
use crate::wording::{Line, NAME, Phrase, Slot, Value, Wording};

/// The whole card.
pub(super) fn errand<'w>(wording: &'w Wording, run: &OffboardingStanding) -> Draft<'w> {
    let mut draft = Draft::new(wording, run.card);
    let open = |line: &&TaskLine| run.outcome.is_none() && task::waits(line);
    let waits = run.tasks.iter().any(|line| open(&line));
    draft.header(&Line::new(if waits { Phrase::HeadingErrand } else { Phrase::HeadingErrandOver }));
    let named = Line::new(Phrase::OffboardingOf).with(Slot::Person, Value::Outside(&run.person, NAME));
    let named = named.with(Slot::Playbook, Value::Outside(&run.playbook, NAME));
    draft.section("about", &[named, second::asked(&run.playbook, &run.asked_by)]);
    // Whoever reads it is the one that it is for.
    let nobody = Users::new();
    for line in &run.tasks {
        let title = if open(&line) { Line::verbatim(&line.name) } else { task::line(line, &nobody) };
        draft.titled(&format!("{}/why", line.task), &title, &progress::detail(line));
    }
    for line in run.tasks.iter().filter(open) {
        draft.actions(&format!("{}/answer", line.task), task::buttons(wording, run.request, line));
    }
    let ended: Vec<Line<'_>> = offboarding::ended_early(run);
    if !ended.is_empty() {
        draft.section("ended", &ended);
    }
    draft
}
