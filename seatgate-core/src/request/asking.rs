//! Judging what concerns those who are asked: votes, the holder's word, and who is asked when time goes by.

use std::collections::BTreeSet;

use crate::card::digest_card;
use crate::id::{CardId, PersonRef};
use crate::person::TextRef;
use crate::policy::{HolderRelease, Terms};
use crate::request::handle::Draft;
use crate::request::{ApprovalInput, Asked, Decision, Event, Phase, Refusal, Relation, RouteCause, Stage};
use crate::route::{self, Concerned, Reach, Routed};
use crate::schedule;
use crate::time::Timestamp;

impl Draft<'_> {
    /// Whether this is the holder's word, asked for first, which decides nothing: a keep by them needs somebody else, and
    /// what a release is worth is the policy's.
    pub(super) fn holder_only_answers(&self, decision: Decision) -> bool {
        let suffices = self.after.terms.holder_release == HolderRelease::Suffices;
        let decides = decision == Decision::Approve && suffices;
        self.context.relation == Some(Relation::Holder) && self.after.approval.stage == Stage::Holder && !decides
    }

    pub(super) fn holder_answers(&mut self, answer: Decision, reason: Option<TextRef>) -> Result<(), Refusal> {
        let context = self.context;
        self.record(Event::HolderAnswered { answer, matched_by: context.matched_by, reason, seen: context.seen });
        self.ask_approvers(RouteCause::HolderAnswered);
        Ok(())
    }

    /// Whether the approval at hand would be one too few. The policy decides alone, and so does a holder whose release
    /// suffices.
    pub(super) fn more_votes_needed(&self) -> Result<bool, Refusal> {
        let voter = self.context.actor.person().filter(|_| self.context.relation != Some(Relation::Holder));
        let Some(voter) = voter else { return Ok(false) };
        if self.after.approval.has_voted(self.principal(voter)) || self.after.approval.has_voted(voter) {
            return Err(Refusal::AlreadyVoted);
        }
        Ok(self.votes_wanted() > 1)
    }

    fn votes_wanted(&self) -> usize {
        // Four eyes are those of whoever asked and of one more.
        let quorum = if self.after.offboarding.is_some() { 1 } else { self.after.terms.quorum };
        let quorum = usize::try_from(quorum).unwrap_or(usize::MAX);
        quorum.saturating_sub(self.after.approval.votes.len())
    }

    fn principal(&self, person: PersonRef) -> PersonRef {
        self.after.approval.asks(person, self.context.now).map_or(person, Asked::principal)
    }

    pub(super) fn vote(&mut self, reason: Option<TextRef>) {
        let context = self.context;
        let Some(voter) = context.actor.person() else { return };
        self.record(Event::Voted {
            principal: self.principal(voter),
            relation: context.relation.unwrap_or(Relation::Approver),
            matched_by: context.matched_by,
            reason,
            seen: context.seen,
        });
    }

    /// Time goes by: does whatever is due, in this order, and nothing when nothing is.
    pub(super) fn wait(&mut self) {
        if self.follow_directory() {
            // Whoever is asked now was not when these deadlines began.
            return;
        }
        let Some(start) = schedule::start(&self.after, self.context.delivered_at) else { return };
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= self.context.now);
        if due(schedule::holder_deadline(&self.after, start)) {
            return self.ask_approvers(RouteCause::HolderSilent);
        }
        if due(schedule::deadline_from(&self.after, start)) {
            return self.expire();
        }
        let number = schedule::reminders_due(&self.after, start, self.context.now);
        if number > self.after.approval.reminded {
            self.record(Event::Reminded { number });
        }
        if due(schedule::escalation(&self.after, start)) {
            self.escalate();
        }
    }

    /// The approvers are asked after the holder, who is asked no more.
    fn ask_approvers(&mut self, cause: RouteCause) {
        let concerned = Concerned::of(&self.after);
        let mut routed = route::approvers(&concerned, &self.context.known, self.context.now);
        routed.retain(|routed| Some(routed.person) != concerned.holder);
        let left = self.cards_of(|_| true);
        self.ask(cause, left, routed, None);
    }

    fn escalate(&mut self) {
        let routed = route::escalation(&self.after, &self.context.known, self.context.now);
        self.ask(RouteCause::Escalated, Vec::new(), routed, None);
    }

    /// Delegations that have begun or ended move what is open; whoever has gone is replaced. Whether there was any of it.
    fn follow_directory(&mut self) -> bool {
        // An offboarding is for operators: the directory says nothing of them.
        if self.after.offboarding.is_some() {
            return false;
        }
        let (known, now) = (&self.context.known, self.context.now);
        let (mut left, mut gone) = (Vec::new(), Vec::new());
        let mut routed: Vec<Routed> = Vec::new();
        for asked in self.after.approval.active() {
            match route::reach(&self.after, asked, known, now) {
                Reach::Same => {}
                Reach::Through(other) if self.is_asked(other.person) || asks(&routed, other.person) => {
                    // Nobody is asked twice: a stand-in gives way to whoever is back and asked already, and whoever's stand-in
                    // is asked already keeps their card.
                    left.extend(other.on_behalf_of.is_none().then_some(asked.card));
                }
                Reach::Through(other) => {
                    left.push(asked.card);
                    routed.push(other);
                }
                Reach::Gone => gone.push(asked.card),
            }
        }
        let stays = left.is_empty() && gone.is_empty();
        if !left.is_empty() {
            self.ask(RouteCause::Delegation, left, routed, None);
        }
        if !gone.is_empty() {
            self.replace(gone);
        }
        !stays
    }

    fn is_asked(&self, person: PersonRef) -> bool {
        self.after.approval.active().any(|asked| asked.person == person)
    }

    /// In place of somebody who has gone, whoever would be asked now; where they are asked already, the next above.
    fn replace(&mut self, gone: Vec<CardId>) {
        let (known, now) = (&self.context.known, self.context.now);
        let asked: BTreeSet<PersonRef> = self.after.approval.asked.iter().map(|asked| asked.person).collect();
        let mut routed = route::approvers(&Concerned::of(&self.after), known, now);
        routed.retain(|routed| !asked.contains(&routed.person));
        if routed.is_empty() && self.after.approval.active().all(|asked| gone.contains(&asked.card)) {
            routed = route::escalation(&self.after, known, now);
        }
        self.ask(RouteCause::Gone, gone, routed, None);
    }

    pub(super) fn reassign(&mut self, to: PersonRef, reason: Option<TextRef>) -> Result<(), Refusal> {
        // Open for as long as a decision would be.
        self.after.approval.state.next(ApprovalInput::Keep)?;
        if reason.is_none() {
            return Err(Refusal::AnswerNeedsReason);
        }
        if self.after.offboarding.is_some() {
            return Err(Refusal::CannotBeAsked);
        }
        let concerned = Concerned::of(&self.after);
        let routed = route::handed_to(to, &concerned, &self.context.known, self.context.now);
        let routed = routed.ok_or(Refusal::CannotBeAsked)?;
        if self.is_asked(routed.person) {
            return Err(Refusal::AlreadyAsked);
        }
        let own = self.context.actor.person().filter(|_| self.context.relation == Some(Relation::Approver));
        let left = self.cards_of(|asked| own.is_none_or(|person| asked.person == person));
        self.ask(RouteCause::Reassigned, left, vec![routed], reason);
        Ok(())
    }

    fn cards_of(&self, leaves: impl Fn(&Asked) -> bool) -> Vec<CardId> {
        self.after.approval.active().filter(|asked| leaves(asked)).map(|asked| asked.card).collect()
    }

    fn ask(&mut self, cause: RouteCause, left: Vec<CardId>, routed: Vec<Routed>, reason: Option<TextRef>) {
        let mut asked: Vec<Asked> = Vec::new();
        for routed in routed {
            let card = self.card_for(routed.person, &asked);
            asked.push(Asked { at: Some(self.context.now), ..Asked::routed(routed, card) });
        }
        self.record(Event::Routed { cause, left, asked, reason });
    }

    /// The card on which others ask the same person now, or one of its own. Whoever is asked again has a new one: the old
    /// one has lost its buttons for good.
    fn card_for(&self, person: PersonRef, others: &[Asked]) -> CardId {
        let (now, entropy) = (self.context.now, self.context.entropy);
        let digest = digest_card(person, self.after.terms.digest.duration(), self.after.mode, now);
        let used = |card: &CardId| self.after.approval.asked.iter().chain(others).any(|asked| asked.card == *card);
        digest.filter(|card| !used(card)).unwrap_or_else(|| CardId::generate(now, entropy))
    }

    /// Another version of the policy. Where it wants no more approvals than are in, the last one was enough.
    pub(super) fn apply_policy(&mut self, version: &str, terms: &Terms) -> Result<(), Refusal> {
        if let Phase::Closed { .. } = self.after.phase {
            return Err(Refusal::Closed);
        }
        if self.after.policy_version == version {
            return Ok(());
        }
        let mut terms = if self.after.offboarding.is_some() { terms.for_leaving() } else { terms.clone() };
        terms.fallback_approvers.clear();
        self.record(Event::PolicyApplied { version: version.to_owned(), terms: Box::new(terms) });
        match self.after.approval.votes.last().cloned() {
            Some(last) if self.after.phase == Phase::AwaitingDecision && self.votes_wanted() == 0 => {
                // Whoever voted decided, on what they saw then; this act only says that it was enough.
                self.record_decision(Decision::Approve, last.into(), None);
            }
            _ => {}
        }
        Ok(())
    }
}

fn asks(routed: &[Routed], person: PersonRef) -> bool {
    routed.iter().any(|routed| routed.person == person)
}
