//! What an observer sees who hears of every commit and every call, and believes nobody: the properties are about this.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use seatgate_core::id::{CardId, PersonRef};
use seatgate_core::person::Actor;
use seatgate_core::policy::{Mode, OnExpiry};
use seatgate_core::request::{
    AttemptResult, Decision, Event, EventKind, Fact, Outcome, RemovalKind, Request, Resolution, RouteCause, TaskAction,
    TaskState, Why,
};
use seatgate_core::time::Timestamp;

use super::scene::{Names, Scene, Who};
use super::state::Case;

/// Something that must never happen, seen when it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Wrong {
    /// Begun after a keep, an undo, a withdrawal or a stop was kept.
    BegunAfterTheEnd,
    /// Undone or withdrawn although something had begun.
    TakenBackAfterBegin,
    /// A call that nobody who may, nor the policy, has released.
    CallWithoutApproval,
    /// A call without a Begin that was kept before.
    CallWithoutBegin,
    /// A removal was decided by fewer different people than the policy wants.
    TooFewApprovals,
    /// Somebody voted or decided who was not asked at that time.
    SayOfSomebodyNotAsked,
    /// An escalation replaced somebody.
    EscalationReplaced,
    /// A reminder came again.
    RemindedAgain,
    /// A worker wrote for an item that another had claimed since.
    StaleWrite,
    /// A new key without a definite rejection, or in spite of a doubt.
    KeyChanged,
    /// What may have been done was done again by a target that promises nothing, and nobody asked for it.
    RepeatedUnasked,
    /// A seat was kept by its holder.
    OwnSeatKept,
    /// An answer was taken for another pause than the one that was seen.
    AnsweredAnotherPause,
    /// A late result changed more than an open outcome.
    LateResultCounted,
    /// Somebody was refused although their own change had been kept.
    WinnerWasRefused,
}

/// Somebody who is or was asked, as the trail tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asking {
    person: PersonRef,
    /// Whose approval theirs is.
    principal: PersonRef,
    card: CardId,
    until: Option<Timestamp>,
    holder: bool,
    left: bool,
}

impl Asking {
    fn of(asked: &seatgate_core::request::Asked) -> Self {
        let (person, card, until) = (asked.person, asked.card, asked.until);
        Self { person, principal: asked.principal(), card, until, holder: asked.why == Why::Holder, left: false }
    }
}

/// An attempt, as the trail tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    key: u32,
    /// How it ended; nothing while it runs.
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Done,
    NotDone,
    Rejected,
    /// Unknown, pending, or its worker vanished.
    Ambiguous,
}

/// The observer's notes.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The fold of every fact that was ever kept.
    pub(crate) fold: Arc<Case>,
    pub(crate) decisions: u8,
    /// Whether somebody who may, or the policy where it may, has released a removal.
    released: bool,
    /// Whether a keep, an undo, a withdrawal or a stop was kept.
    ended: bool,
    /// Whether an operator has confirmed the removal.
    pub(crate) confirmed: bool,
    /// How it was closed, and whether it was said that it may have happened.
    pub(crate) closed: Option<(Outcome, bool)>,
    /// Everybody who was asked.
    asked: Vec<Asking>,
    /// So many people must approve.
    quorum: usize,
    /// Whose approvals are in, and who gave them.
    votes: BTreeSet<(PersonRef, PersonRef)>,
    reminded: u32,
    pub(crate) attempts: Vec<Attempt>,
    /// Whether a human has asked for a repeat since an attempt was last ambiguous.
    repeat_asked: bool,
    pub(crate) wrongs: BTreeSet<Wrong>,
}

impl Hash for Record {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.fold.digest, self.decisions, self.released, self.ended, self.confirmed, self.closed).hash(hasher);
        (&self.attempts, self.repeat_asked, &self.wrongs).hash(hasher);
        (&self.asked, self.quorum, &self.votes, self.reminded).hash(hasher);
    }
}

impl Record {
    pub(crate) fn new(opened: Arc<Case>) -> Self {
        let request = &opened.request;
        let asked = request.approval.asked.iter().map(Asking::of).collect();
        let quorum = request.terms.quorum as usize;
        Self {
            fold: opened,
            asked,
            quorum,
            votes: BTreeSet::new(),
            reminded: 0,
            decisions: 0,
            released: false,
            ended: false,
            confirmed: false,
            closed: None,
            attempts: Vec::new(),
            repeat_asked: false,
            wrongs: BTreeSet::new(),
        }
    }

    pub(crate) fn note(&mut self, wrong: Wrong, is_so: bool) {
        if is_so {
            self.wrongs.insert(wrong);
        }
    }

    /// A call leaves for the target or for the exceptions, under this attempt's number.
    pub(crate) fn call(&mut self, attempt: u32) {
        let begun = attempt as usize <= self.attempts.len();
        self.note(Wrong::CallWithoutBegin, !begun);
        let removes = !self.fold.request.plan.keeps();
        self.note(Wrong::CallWithoutApproval, removes && !self.released);
    }

    /// A fact was kept and folded; `before` is the fold before it.
    pub(crate) fn keep(&mut self, fact: &Fact, before: &Request, scene: &Scene, names: &Names) {
        match fact.event.kind() {
            EventKind::Opened | EventKind::Expired | EventKind::GraceEnded | EventKind::Verified => {}
            EventKind::Decided => self.decided(fact, before, scene, names),
            EventKind::Undone | EventKind::Withdrawn => {
                self.note(Wrong::TakenBackAfterBegin, !self.attempts.is_empty());
                self.ended = true;
            }
            EventKind::StopAsked => self.ended = true,
            EventKind::Begun => self.begun(before, scene),
            EventKind::AttemptEnded => self.attempt_ended(fact),
            EventKind::Observed => self.observed(fact, before),
            EventKind::Resolved => self.resolved(fact),
            EventKind::Closed => {
                if let Event::Closed { outcome, may_have_happened } = &fact.event {
                    self.closed = Some((*outcome, *may_have_happened));
                }
            }
            // What follows from these is judged by what the state says after them.
            EventKind::Probed | EventKind::Blocked => {}
            EventKind::Voted => self.voted(fact, names),
            EventKind::HolderAnswered => {
                let by_holder = fact.actor == names.actor(Who::Ana);
                self.note(Wrong::SayOfSomebodyNotAsked, !by_holder);
            }
            EventKind::Routed => self.routed(fact, before),
            EventKind::Reminded => self.was_reminded(fact, scene),
            EventKind::PolicyApplied => {
                if let Event::PolicyApplied { terms, .. } = &fact.event {
                    self.quorum = terms.quorum as usize;
                }
            }
        }
    }

    /// Whose approval somebody's is at that time, if they have a say: somebody they stand in for, or their own.
    fn say_of(&self, person: PersonRef, at: Timestamp, names: &Names) -> Option<PersonRef> {
        let asked = self.asked.iter().filter(|asked| asked.person == person && !asked.left && !asked.holder);
        let asked = asked.filter(|asked| asked.until.is_none_or(|until| at < until));
        let operator = (person == names.person(Who::Olga)).then_some(person);
        asked.map(|asked| asked.principal).min_by_key(|principal| *principal != person).or(operator)
    }

    fn voted(&mut self, fact: &Fact, names: &Names) {
        let Some(by) = fact.actor.person() else { return };
        let say = self.say_of(by, fact.at, names);
        self.note(Wrong::SayOfSomebodyNotAsked, say.is_none());
        self.votes.insert((say.unwrap_or(by), by));
    }

    fn routed(&mut self, fact: &Fact, before: &Request) {
        let Event::Routed { cause, left, asked, .. } = &fact.event else { return };
        let after = &self.fold.request.approval;
        let stays = |card: CardId| after.active().any(|asked| asked.card == card);
        let replaced = before.approval.active().any(|asked| !stays(asked.card));
        self.note(Wrong::EscalationReplaced, *cause == RouteCause::Escalated && replaced);
        for asking in self.asked.iter_mut().filter(|asking| left.contains(&asking.card)) {
            asking.left = true;
        }
        if self.asked.iter().all(|asking| asking.left) {
            self.reminded = 0;
        }
        self.asked.extend(asked.iter().map(Asking::of));
    }

    fn was_reminded(&mut self, fact: &Fact, scene: &Scene) {
        let Event::Reminded { number } = &fact.event else { return };
        let again = *number <= self.reminded || *number as usize > scene.reminders.len();
        self.note(Wrong::RemindedAgain, again);
        self.reminded = *number;
    }

    /// Whether somebody's approval is one of so many that the policy is content; one that is in already is, too, when the
    /// policy has changed since.
    fn judge_approval(&mut self, by: PersonRef, at: Timestamp, names: &Names) -> bool {
        let say = self.say_of(by, at, names);
        let has_voted = self.votes.iter().any(|(_, voter)| *voter == by);
        let mut people: BTreeSet<PersonRef> = self.votes.iter().map(|(principal, _)| *principal).collect();
        people.extend(say);
        self.note(Wrong::TooFewApprovals, people.len() < self.quorum);
        self.note(Wrong::SayOfSomebodyNotAsked, say.is_none() && !has_voted);
        say.is_some() || has_voted
    }

    fn decided(&mut self, fact: &Fact, before: &Request, scene: &Scene, names: &Names) {
        let Event::Decided { decision, .. } = &fact.event else { return };
        self.decisions += 1;
        let person = fact.actor.person();
        match decision {
            Decision::Approve => {
                let by_somebody = person.is_some_and(|person| self.judge_approval(person, fact.at, names));
                let on_silence = scene.on_expiry == OnExpiry::Reclaim && scene.target.reversible;
                let on_silence = on_silence && !before.approval.asked.is_empty() && fact.actor == Actor::Policy;
                self.released |= scene.mode == Mode::Live && (by_somebody || on_silence);
            }
            Decision::Keep => {
                self.ended = true;
                self.note(Wrong::OwnSeatKept, fact.actor == names.actor(Who::Ana));
                let unasked = person.is_some_and(|person| self.say_of(person, fact.at, names).is_none());
                self.note(Wrong::SayOfSomebodyNotAsked, unasked);
            }
        }
    }

    fn begun(&mut self, before: &Request, scene: &Scene) {
        let Some(task) = before.plan.tasks.first() else { return };
        let (key, removes) = (task.key_number, matches!(task.action, TaskAction::Remove { .. }));
        self.note(Wrong::BegunAfterTheEnd, removes && self.ended);
        let last = self.attempts.last().copied();
        let new_key = last.is_some_and(|last| last.key != key);
        let under_old = self.attempts.iter().filter(|attempt| last.is_some_and(|last| last.key == attempt.key));
        let doubtful = under_old.clone().any(|attempt| matches!(attempt.end, None | Some(End::Ambiguous)));
        let refused = last.is_some_and(|last| last.end == Some(End::Rejected));
        self.note(Wrong::KeyChanged, new_key && (doubtful || !refused));
        let in_doubt = self.attempts.iter().any(|attempt| matches!(attempt.end, None | Some(End::Ambiguous)));
        let harmless = scene.target.idempotent || !removes;
        self.note(Wrong::RepeatedUnasked, in_doubt && !harmless && !self.repeat_asked);
        self.attempts.push(Attempt { key, end: None });
    }

    fn attempt_ended(&mut self, fact: &Fact) {
        let Event::AttemptEnded { attempt, result, .. } = &fact.event else { return };
        let end = match result {
            AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), .. } => End::Ambiguous,
            AttemptResult::Done { .. } => End::Done,
            AttemptResult::NotDone { .. } => End::NotDone,
            AttemptResult::Rejected { .. } => End::Rejected,
            AttemptResult::Unknown { .. } => End::Ambiguous,
            other => panic!("the model does not know {other:?}"),
        };
        self.repeat_asked &= end != End::Ambiguous;
        if let Some(attempt) = self.attempts.get_mut(*attempt as usize - 1) {
            attempt.end = Some(end);
        }
    }

    /// A late result can only turn an open outcome into Done.
    fn observed(&mut self, fact: &Fact, before: &Request) {
        let Event::Observed { result, .. } = &fact.event else { return };
        let (Some(was), Some(is)) = (before.plan.tasks.first(), self.fold.request.plan.tasks.first()) else { return };
        let open = match was.state {
            TaskState::Probing { .. } => true,
            TaskState::Paused { .. } => was.may_have_happened,
            _ => false,
        };
        let good_news = open && matches!(result, AttemptResult::Done { .. });
        let closes = good_news && matches!(is.state, TaskState::Done { .. });
        self.note(Wrong::LateResultCounted, is.state != was.state && !closes);
    }

    fn resolved(&mut self, fact: &Fact) {
        match &fact.event {
            Event::Resolved { resolution: Resolution::Retry, .. } => self.repeat_asked = true,
            Event::Resolved { resolution: Resolution::Confirm, .. } => self.confirmed = true,
            _ => {}
        }
    }
}
