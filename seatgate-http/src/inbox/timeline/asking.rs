//! The words for who is asked: votes, the holder's answer, and each change of whom is asked.

use seatgate_core::id::{CardId, PersonRef};
use seatgate_core::person::TextRef;
use seatgate_core::request::{Asked, Decision, Event, Relation, Request, RouteCause};

use super::Names;

/// What an event about who is asked says; nothing for another.
pub(super) fn words(request: &Request, names: &Names, event: &Event) -> Option<String> {
    Some(match event {
        Event::Voted { principal, relation, reason, .. } => voted(request, names, *principal, *relation, *reason),
        Event::HolderAnswered { answer, reason, .. } => {
            let said = match answer {
                Decision::Keep => "Still needs the seat, asked as its holder",
                Decision::Approve => "Releases the seat, asked as its holder",
            };
            format!("{said}{}", names.because(*reason))
        }
        Event::Routed { cause, left, asked, reason } => routed(request, names, *cause, left, asked, *reason),
        Event::Reminded { number } => format!("Reminded those who are asked, reminder {number}"),
        Event::PolicyApplied { version, .. } => {
            format!("Goes on under policy {}", version.chars().take(12).collect::<String>())
        }
        _ => return None,
    })
}

fn voted(
    request: &Request,
    names: &Names,
    principal: PersonRef,
    relation: Relation,
    reason: Option<TextRef>,
) -> String {
    let vote = request.approval.votes.iter().find(|vote| vote.principal == principal);
    let by_another = vote.is_some_and(|vote| vote.by.person() != Some(principal));
    let whose = if by_another { format!(" for {}", names.person(principal)) } else { String::new() };
    format!("Approved the removal{whose}, as {relation}; others' approvals are missing{}", names.because(reason))
}

fn routed(
    request: &Request,
    names: &Names,
    cause: RouteCause,
    left: &[CardId],
    asked: &[Asked],
    reason: Option<TextRef>,
) -> String {
    let gone = request.approval.asked.iter().filter(|asked| left.contains(&asked.card));
    let gone = names.list(gone.map(|asked| asked.person));
    let why = match cause {
        RouteCause::HolderAnswered => "The holder has answered".to_owned(),
        RouteCause::HolderSilent => "The holder has not answered in time".to_owned(),
        RouteCause::Delegation => format!("A delegation of {gone} has begun or ended"),
        RouteCause::Gone => format!("{gone} cannot be asked any more"),
        RouteCause::Escalated => "Nobody has answered".to_owned(),
        RouteCause::Reassigned => format!("Handed on from {gone}"),
        other => other.label().replace('_', " "),
    };
    let now = if asked.is_empty() && cause == RouteCause::Escalated {
        "nobody else can be asked".to_owned()
    } else if asked.is_empty() {
        "nobody is asked in their place".to_owned()
    } else {
        let also = if cause == RouteCause::Escalated { "also asked" } else { "asked" };
        format!("{also} {}", names.list(asked.iter().map(|asked| asked.person)))
    };
    format!("{why}: {now}{}", names.because(reason))
}
