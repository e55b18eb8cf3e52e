//! One request as people read it, with the form that answers it.

use seatgate_core::gate::{Gate, Joined};
use seatgate_core::message::{DecisionLine, Row, offboarding_line};
use seatgate_core::policy::{HolderRelease, KeepReason, Terms};
use seatgate_core::request::{Decision, Request};
use seatgate_core::seat::Activity;
use seatgate_core::time::{Span, Timestamp};

use super::asking;
use super::identity::Viewer;

/// A request, ready to be shown.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) app: String,
    pub(super) account: String,
    pub(super) test: bool,
    pub(super) facts: Vec<Fact>,
    pub(super) status: String,
    pub(super) decision: Option<String>,
    /// The form, where the viewer can still answer.
    pub(super) form: Option<Form>,
}

/// One line of a card.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// What the forms of a card ask for.
pub(super) struct Form {
    /// Whether it asks the holder, whose word comes first: they say that they need the seat, or release it.
    pub(super) holder: bool,
    /// Whether an approval needs a reason: the viewer operates and was not asked.
    pub(super) approve_reason: bool,
    pub(super) keep_reason: bool,
    pub(super) keep_reason_required: bool,
    /// What was written before, when the form is shown again.
    pub(super) reason: String,
    pub(super) until: String,
    pub(super) earliest: String,
    pub(super) latest: String,
    pub(super) keep_for: String,
}

impl Card {
    pub(super) fn new(gate: &Gate, request: &Request, joined: &Joined, viewer: &Viewer) -> Self {
        let row = joined.row(gate, request, Some(viewer.person), None);
        if request.offboarding.is_some() {
            return Self::leaving(request, row);
        }
        Self {
            id: request.id.to_string(),
            facts: facts(&row, request, viewer),
            form: row.is_live().then(|| Form::new(request, &row, viewer, gate.now())),
            status: row.status_line(),
            decision: row.decision.as_ref().map(decision_line),
            test: row.test,
            app: row.app,
            account: row.account,
        }
    }

    /// An offboarding, which is answered on its own page.
    fn leaving(request: &Request, row: Row) -> Self {
        Self {
            id: request.id.to_string(),
            facts: Vec::new(),
            form: None,
            status: offboarding_line(row.state, row.outcome).to_owned(),
            decision: None,
            test: row.test,
            app: row.app,
            account: row.account,
        }
    }

    /// The facts that matter among many others.
    pub(super) fn brief(&self) -> String {
        let brief = self.facts.iter().filter(|fact| matches!(fact.name, "Licence" | "Activity" | "Cost"));
        brief.map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" · ")
    }

    /// The same with what was written into its form.
    pub(super) fn filled(mut self, reason: &str, until: &str) -> Self {
        if let Some(form) = &mut self.form {
            reason.clone_into(&mut form.reason);
            until.clone_into(&mut form.until);
        }
        self
    }
}

impl Form {
    fn new(request: &Request, row: &Row, viewer: &Viewer, now: Timestamp) -> Self {
        let terms = &request.terms;
        let asked = request.approval.asks(viewer.person, now).is_some();
        Self {
            holder: row.asks_holder(),
            approve_reason: !asked,
            keep_reason: terms.keep_reason != KeepReason::Off || !asked,
            keep_reason_required: terms.keep_reason == KeepReason::Required || !asked,
            reason: String::new(),
            until: String::new(),
            earliest: now.date(),
            latest: last_day(terms, now),
            keep_for: spelled(terms.keep_for),
        }
    }
}

/// The last end date that the policy allows. A date means its end, so it is the day before the last moment.
pub(super) fn last_day(terms: &Terms, now: Timestamp) -> String {
    now.saturating_add(terms.keep_max.duration()).saturating_sub(DAY).date()
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn facts(row: &Row, request: &Request, viewer: &Viewer) -> Vec<Fact> {
    let fact = |name, text| Fact { name, text };
    let mut facts = Vec::new();
    if !row.entitlement.is_empty() {
        facts.push(fact("Licence", row.entitlement.clone()));
    }
    facts.extend(row.activity.map(|(activity, observed)| fact("Activity", activity_line(activity, observed))));
    facts.extend(row.monthly_cost.as_ref().map(|cost| fact("Cost", format!("{cost} a month"))));
    facts.extend(why_you(row, viewer).map(|why| fact("Why you", why)));
    facts.extend(asking::so_far(row));
    if row.is_live() && row.asks_holder() {
        facts.push(fact("Releasing it", releasing(request).to_owned()));
    } else if row.is_live() {
        facts.push(fact("Approving", approving(row, request)));
    }
    facts
}

fn why_you(row: &Row, viewer: &Viewer) -> Option<String> {
    match row.why {
        Some(why) => Some(sentence(why.explanation())),
        None => viewer.operates.then(|| "You operate seatgate; others were asked.".to_owned()),
    }
}

fn activity_line(activity: Activity, observed: Timestamp) -> String {
    match activity {
        Activity::NeverUsed => format!("Never used, as of {}", observed.date()),
        Activity::LastAt(at) => {
            let days = observed.since(at).as_secs() / DAY.as_secs();
            format!("{days} days idle: last used {}, as of {}", at.date(), observed.date())
        }
    }
}

/// What it is worth when a holder who is asked first gives the seat up.
fn releasing(request: &Request) -> &'static str {
    match request.terms.holder_release {
        HolderRelease::Suffices => "Approves the removal of the seat.",
        HolderRelease::Informs => "Tells whoever decides that you do not need the seat.",
    }
}

fn approving(row: &Row, request: &Request) -> String {
    let missing = usize::try_from(row.quorum).unwrap_or(usize::MAX).saturating_sub(row.votes.len());
    if missing > 1 {
        return format!("Counts as one of {} approvals; the last one removes the seat.", row.quorum);
    }
    let grace = match request.terms.grace {
        grace if grace.is_zero() => "Removes the seat at once".to_owned(),
        grace => format!("Removes the seat after {}, in which you can take it back", spelled(grace)),
    };
    let undo = if row.reversible { "it can be given back" } else { "it cannot be given back from here" };
    format!("{grace}; {undo}.")
}

/// A length of time in its largest whole unit, as people say it: `90 days`.
pub(super) fn spelled(span: Span) -> String {
    let seconds = span.duration().as_secs();
    let units = [(DAY.as_secs(), "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (length, unit) = whole.unwrap_or((1, "second"));
    let count = seconds / length;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn decision_line(line: &DecisionLine) -> String {
    let what = match line.decision {
        Decision::Approve => "Removal approved",
        Decision::Keep => "Kept",
    };
    let until = line.keep_until.map(|until| format!(" until {}", until.last_date())).unwrap_or_default();
    let reason = line.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{what}{until} by {}, {}{reason}", line.by, minute(line.at))
}

/// A time as people read it: `2026-11-22 08:15 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// With a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_spelled_in_their_largest_whole_unit() {
        let lengths = [(90 * 86_400, "90 days"), (86_400, "1 day"), (90_000, "25 hours"), (5_400, "90 minutes")];
        for (seconds, text) in lengths.into_iter().chain([(61, "61 seconds"), (1, "1 second"), (0, "0 seconds")]) {
            assert_eq!(spelled(Span::seconds(seconds)), text);
        }
    }
}
