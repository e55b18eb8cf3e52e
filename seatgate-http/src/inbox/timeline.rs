//! The trail as people read it: one line an entry, and whether the chain holds.

mod asking;
mod leaving;

use std::collections::BTreeMap;

use seatgate_core::gate::Gate;
use seatgate_core::id::{PersonRef, TaskId, TextId};
use seatgate_core::person::{Actor, PersonDetails, TextRef};
use seatgate_core::port::StoreError;
use seatgate_core::request::{
    AttemptResult, Decision, Event, Fact, ProbeAnswer, RemovalKind, Request, TaskAction, WithdrawReason,
};
use seatgate_core::trail::{Entry, Stream, verify};

use super::card::minute;

/// The trail of one request.
pub(super) struct Timeline {
    pub(super) lines: Vec<Line>,
    /// What is wrong with the chain, if anything is.
    pub(super) broken: Option<String>,
}

/// One entry.
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) what: String,
    pub(super) who: String,
    pub(super) surface: &'static str,
    /// The start of its hash.
    pub(super) hash: String,
}

impl Timeline {
    pub(super) async fn read(gate: &Gate, request: &Request, entries: &[Entry]) -> Result<Self, StoreError> {
        let exported: Vec<String> = entries.iter().map(Entry::to_json).collect();
        let verified = verify(Stream::Request(request.id), exported.iter().map(String::as_str));
        let facts: Vec<(&Entry, Option<Fact>)> = entries.iter().map(|entry| (entry, entry.fact())).collect();
        let names = Names::of(gate, request, facts.iter().filter_map(|(_, fact)| fact.as_ref())).await?;
        Ok(Self {
            lines: facts.into_iter().map(|(entry, fact)| line(request, &names, entry, fact.as_ref())).collect(),
            broken: verified.err().map(|broken| broken.to_string()),
        })
    }
}

/// What is known of those who stand in a trail, and the reasons in it. Personal data: never log it.
struct Names {
    people: BTreeMap<PersonRef, PersonDetails>,
    texts: BTreeMap<TextId, String>,
}

impl Names {
    async fn of(gate: &Gate, request: &Request, facts: impl Iterator<Item = &Fact>) -> Result<Self, StoreError> {
        let (mut people, mut texts): (Vec<PersonRef>, Vec<TextId>) = (request.people().collect(), Vec::new());
        for fact in facts {
            let actors = [Some(&fact.actor), fact.submitted_by.as_ref()];
            people.extend(actors.into_iter().flatten().filter_map(Actor::person));
            texts.extend(reason_of(&fact.event).map(|text| text.id));
        }
        people.sort();
        people.dedup();
        let details = gate.people().details(&people).await?;
        let words = if texts.is_empty() { Vec::new() } else { gate.people().texts(&texts).await? };
        Ok(Self {
            people: details.into_iter().flatten().map(|details| (details.reference, details)).collect(),
            texts: texts.into_iter().zip(words).filter_map(|(id, text)| Some((id, text?))).collect(),
        })
    }

    fn person(&self, person: PersonRef) -> String {
        self.people.get(&person).map_or_else(|| "(erased)".to_owned(), PersonDetails::label)
    }

    fn actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::Person(person) => self.person(*person),
            Actor::Policy => "the policy".to_owned(),
            other => other.to_string(),
        }
    }

    fn list(&self, people: impl Iterator<Item = PersonRef>) -> String {
        people.map(|person| self.person(person)).collect::<Vec<_>>().join(", ")
    }

    /// A reason, to be put behind what was done for it.
    fn because(&self, reason: Option<TextRef>) -> String {
        let text = reason.and_then(|reason| self.texts.get(&reason.id));
        text.map(|text| format!(" (\u{201c}{text}\u{201d})")).unwrap_or_default()
    }
}

/// The reason that stands in a line of the timeline.
fn reason_of(event: &Event) -> Option<TextRef> {
    match event {
        Event::Voted { reason, .. }
        | Event::HolderAnswered { reason, .. }
        | Event::Routed { reason, .. }
        | Event::Resolved { reason, .. } => *reason,
        Event::Opened(opening) => opening.offboarding.as_ref().and_then(|asked| asked.reason),
        _ => None,
    }
}

fn line(request: &Request, names: &Names, entry: &Entry, fact: Option<&Fact>) -> Line {
    let what = fact.map_or_else(|| entry.kind.replace('_', " "), |fact| words(request, names, &fact.event));
    let who = fact.map(|fact| match &fact.submitted_by {
        Some(submitter) => format!("{} (handed in by {})", names.actor(&fact.actor), names.actor(submitter)),
        None => names.actor(&fact.actor),
    });
    Line {
        seq: entry.seq,
        at: minute(entry.at),
        what,
        who: who.unwrap_or_default(),
        surface: fact.map(|fact| fact.surface.label()).unwrap_or_default(),
        hash: entry.hash.to_string().chars().take(12).collect(),
    }
}

fn words(request: &Request, names: &Names, event: &Event) -> String {
    if let Some(words) = leaving::words(request, names, event) {
        return words;
    }
    match event {
        Event::Opened(opening) => {
            if opening.asked.is_empty() {
                "Opened; nobody could be asked".to_owned()
            } else {
                format!("Asked {}", names.list(opening.asked.iter().map(|asked| asked.person)))
            }
        }
        Event::Decided { decision: Decision::Approve, relation, .. } => format!("Approved the removal, as {relation}"),
        Event::Decided { decision: Decision::Keep, relation, keep_until, .. } => {
            let until = keep_until.map(|until| format!(" until {}", until.last_date())).unwrap_or_default();
            format!("Kept the seat{until}, as {relation}")
        }
        Event::Expired => "Nobody answered in time".to_owned(),
        Event::GraceEnded => "The grace period is over".to_owned(),
        Event::Undone { .. } => "Took the approval back".to_owned(),
        Event::Withdrawn { why: WithdrawReason::UsedAgain, .. } => "Withdrawn: the seat was used again".to_owned(),
        Event::Withdrawn { .. } => "Withdrawn".to_owned(),
        Event::StopAsked { .. } => "Stopped".to_owned(),
        Event::Closed { outcome, .. } => format!("Closed: {}", outcome.label().replace('_', " ")),
        Event::Verified { finding } => format!("Looked up afterwards: {finding:?}").to_lowercase(),
        other => asking::words(request, names, other).unwrap_or_else(|| task_words(request, other)),
    }
}

fn task_words(request: &Request, event: &Event) -> String {
    match event {
        Event::Begun { task, attempt, key } if removes(request, *task) => {
            format!("Removal call sent, attempt {attempt}, key {key}")
        }
        Event::Begun { attempt, .. } => format!("Filing the exception, attempt {attempt}"),
        Event::AttemptEnded { attempt, lease_lost: true, .. } => {
            format!("Attempt {attempt} was interrupted: it may have happened")
        }
        Event::AttemptEnded { attempt, result, .. } => format!("Attempt {attempt}: {}", result_words(result)),
        Event::Probed { answer, .. } => format!("Asked the target: {}", answer_words(*answer)),
        Event::Observed { attempt, result, .. } => {
            format!("A late answer to attempt {attempt}: {}", result_words(result))
        }
        Event::Blocked { .. } => "A check before the call said no".to_owned(),
        Event::Resolved { resolution, .. } => format!("Answered the pause: {resolution}"),
        other => other.kind().label().replace('_', " "),
    }
}

fn removes(request: &Request, task: TaskId) -> bool {
    request.plan.task(task).is_some_and(|task| matches!(task.action, TaskAction::Remove { .. }))
}

fn answer_words(answer: ProbeAnswer) -> &'static str {
    match answer {
        ProbeAnswer::Held => "the seat is held",
        ProbeAnswer::NotHeld => "the seat is gone",
        ProbeAnswer::CannotTell => "it cannot tell",
        ProbeAnswer::NotYet { .. } => "nothing to tell yet",
        ProbeAnswer::Ended { removal } => removal_words(removal),
        _ => "it answered",
    }
}

fn result_words(result: &AttemptResult) -> &'static str {
    match result {
        AttemptResult::Done { removal: Some(removal), .. } => removal_words(*removal),
        AttemptResult::Done { removal: None, .. } => "the exception is filed",
        AttemptResult::NotDone { .. } => "not done; it is tried again",
        AttemptResult::Rejected { .. } => "the target refused",
        AttemptResult::Unknown { .. } => "no clear answer: it may have happened",
        _ => "ended",
    }
}

pub(super) fn removal_words(removal: RemovalKind) -> &'static str {
    match removal {
        RemovalKind::Removed => "the seat is removed",
        RemovalKind::AlreadyAbsent => "the seat was gone already",
        RemovalKind::Scheduled { .. } => "the removal is scheduled",
        RemovalKind::StillBilled => "the access is gone, the seat is still billed",
        RemovalKind::Pending { .. } => "the target works on it",
        _ => "done",
    }
}
