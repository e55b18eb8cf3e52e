//! Who is asked and why, what they have said so far, and what happens when they say nothing: as facts of a page.

use seatgate_core::gate::Joined;
use seatgate_core::message::{PathLine, Row};
use seatgate_core::policy::OnExpiry;
use seatgate_core::request::{Asked, Request, Stage, Why};
use seatgate_core::schedule::Outlook;
use seatgate_core::time::Timestamp;

use super::card::{Fact, minute, spelled};

/// How and by whom it came to whoever looks, what the holder said, and whose approvals are in.
pub(super) fn so_far(row: &Row) -> Vec<Fact> {
    let path: Vec<String> = row.path.iter().map(PathLine::sentence).collect();
    let path = (!path.is_empty()).then(|| Fact { name: "How it came to you", text: path.join(" ") });
    let said = row.holder_said.as_ref().map(|said| Fact { name: "The holder", text: said.sentence() });
    let handed_on = row.handed_on.as_ref().map(|line| Fact { name: "Handed to you", text: line.sentence() });
    handed_on.into_iter().chain(path).chain(said).chain(approvals(row)).collect()
}

fn approvals(row: &Row) -> Option<Fact> {
    if row.quorum < 2 {
        return None;
    }
    // The last approval is the decision, which is shown as such.
    let votes: Vec<String> = row.votes.iter().map(|(name, at)| format!("{name}, {}", minute(*at))).collect();
    let names = if votes.is_empty() { String::new() } else { format!(": {}", votes.join("; ")) };
    let text = format!("{} of {}{names}", votes.len(), row.quorum);
    row.decision.is_none().then_some(Fact { name: "Approvals", text })
}

/// What happens while nobody answers, and when.
pub(super) fn deadlines(request: &Request, outlook: Outlook) -> Vec<Fact> {
    let Outlook { reminders, escalates_at, ends_at, .. } = outlook;
    let reminders: Vec<String> = reminders.into_iter().map(minute).collect();
    let reminders = (!reminders.is_empty()).then(|| Fact { name: "Reminders", text: reminders.join(", ") });
    let others = escalates_at.map(|at| Fact { name: "Others are asked as well", text: minute(at) });
    let ends = ends_at.map(|at| match request.approval.stage {
        Stage::Holder => Fact { name: "The approvers are asked", text: minute(at) },
        Stage::Approvers => Fact { name: "Without an answer", text: expiry(request, at) },
    });
    reminders.into_iter().chain(others).chain(ends).collect()
}

fn expiry(request: &Request, at: Timestamp) -> String {
    let then = match request.terms.on_expiry {
        OnExpiry::Keep => format!("the seat is kept for {}", spelled(request.terms.expiry_keep_for)),
        OnExpiry::Reclaim => "the seat is removed, if it can be given back".to_owned(),
        OnExpiry::Close => "the request closes, and nothing is done".to_owned(),
    };
    format!("From {} on, {then}", minute(at))
}

/// Everybody who was asked, why, and who was met on the way to them.
pub(super) fn everybody(request: &Request, joined: &Joined) -> Vec<Fact> {
    let line = |asked| Fact { name: "Asked", text: asked_line(asked, joined) };
    request.approval.asked.iter().map(line).collect()
}

fn asked_line(asked: &Asked, joined: &Joined) -> String {
    let (name, why) = (joined.name(asked.person), why_they(asked.why));
    let principal = asked.on_behalf_of.map(|principal| format!(" for {}", joined.name(principal)));
    let left = if asked.left { "; no longer asked" } else { "" };
    let mut text = format!("{name}: {why}{}{left}", principal.unwrap_or_default());
    let handed_on = asked.handed_on.as_ref().map(|handed_on| joined.handed_on(handed_on).sentence());
    for sentence in handed_on.into_iter().chain(joined.path(asked).iter().map(PathLine::sentence)) {
        text.push_str(if text.ends_with('.') { " " } else { ". " });
        text.push_str(&sentence);
    }
    text
}

fn why_they(why: Why) -> &'static str {
    match why {
        Why::Holder => "holds the seat, and was asked first",
        Why::Manager => "named as the holder's manager",
        Why::NextManager => "next above a manager who cannot be asked, or who has not answered",
        Why::Delegate => "stands in",
        Why::Owner => "owns the app",
        Why::Fallback => "named by the policy for seats whose manager cannot decide alone",
        Why::Operator => "operates seatgate, and nobody else could be asked",
        Why::Reassigned => "it was handed to them",
        _ => "named by the policy",
    }
}
