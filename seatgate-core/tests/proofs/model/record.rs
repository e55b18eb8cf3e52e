//! What an observer sees who hears of every commit and every call, and believes nobody: the properties are about this.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use seatgate_core::authorize::Action as Right;
use seatgate_core::person::Actor;
use seatgate_core::policy::{Mode, OnExpiry};
use seatgate_core::request::{
    AttemptResult, Decision, Event, EventKind, Fact, Outcome, RemovalKind, Request, Resolution, TaskAction, TaskState,
};

use super::scene::{Names, Scene, Who, is_entitled};
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
    pub(crate) attempts: Vec<Attempt>,
    /// Whether a human has asked for a repeat since an attempt was last ambiguous.
    repeat_asked: bool,
    pub(crate) wrongs: BTreeSet<Wrong>,
}

impl Hash for Record {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.fold.digest, self.decisions, self.released, self.ended, self.confirmed, self.closed).hash(hasher);
        (&self.attempts, self.repeat_asked, &self.wrongs).hash(hasher);
    }
}

impl Record {
    pub(crate) fn new(opened: Arc<Case>) -> Self {
        Self {
            fold: opened,
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
            EventKind::Voted
            | EventKind::HolderAnswered
            | EventKind::Routed
            | EventKind::Reminded
            | EventKind::PolicyApplied => {}
        }
    }

    fn decided(&mut self, fact: &Fact, before: &Request, scene: &Scene, names: &Names) {
        let Event::Decided { decision, .. } = &fact.event else { return };
        self.decisions += 1;
        let by = |who: Who| fact.actor == names.actor(who);
        let people = [Who::Ana, Who::Mona, Who::Olga, Who::Sam];
        match decision {
            Decision::Approve => {
                let by_somebody = people.into_iter().any(|who| by(who) && is_entitled(who, Right::Approve));
                let on_silence = scene.on_expiry == OnExpiry::Reclaim && scene.target.reversible;
                let on_silence = on_silence && !before.approval.asked.is_empty() && fact.actor == Actor::Policy;
                self.released |= scene.mode == Mode::Live && (by_somebody || on_silence);
            }
            Decision::Keep => {
                self.ended = true;
                self.note(Wrong::OwnSeatKept, by(Who::Ana));
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
