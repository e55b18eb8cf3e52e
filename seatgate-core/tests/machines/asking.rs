//! Who is asked while a request is open, one named test a rule: votes, the holder's word, handing on, another policy, and
//! what time does.

use std::collections::BTreeSet;

use seatgate_core::agenda::{AgendaChange, Announcement, Audience, Item, News, changes};
use seatgate_core::id::{CardId, DelegationId, PersonRef};
use seatgate_core::person::{Actor, MatchedBy, Surface};
use seatgate_core::policy::{HolderRelease, OnExpiry, Terms};
use seatgate_core::port::{Delegation, DirectoryEntry, Period};
use seatgate_core::request::{
    Asked, Command, Context, Decision, Event, EventKind, HandedOn, Outcome, Refusal, Relation, Request, RouteCause,
    Stage, StateLabel, Transition, Why, WithdrawReason,
};
use seatgate_core::route::Known;
use seatgate_core::schedule::{Outlook, deadline, next_wake, outlook};
use seatgate_core::time::{Span, Timestamp};

use crate::rules::kinds;
use crate::world::{APPROVE, STOP, UNDO, WITHDRAW, World, at, with_grace};

const DAY: i64 = 86_400;

/// Beside the people of [`World`]: Nora manages Mona, Dan may stand in for her.
struct Office {
    world: World,
    nora: PersonRef,
    dan: PersonRef,
    known: Known,
}

impl Office {
    fn new() -> Self {
        let world = World::new();
        let person = || PersonRef::generate(at(0), &world.entropy);
        let (nora, dan) = (person(), person());
        let mut office = Self { nora, dan, known: Known::new([world.olga]), world };
        office.known.owners.insert(World::app(), Vec::new());
        let World { ana, mona, olga, sam, .. } = office.world;
        office.known.learn([ana, mona, olga, sam, nora, dan].map(DirectoryEntry::unknown));
        office.entry(ana).manager = Some(mona);
        office.entry(mona).manager = Some(nora);
        office
    }

    fn entry(&mut self, person: PersonRef) -> &mut DirectoryEntry {
        self.known.entries.get_mut(&person).unwrap()
    }

    /// Dan stands in for Mona between these days.
    fn delegate(&mut self, from: i64, to: i64) {
        let id = DelegationId::generate(at(0), &self.world.entropy);
        let (mona, dan) = (self.world.mona, self.dan);
        let period = Period::new(at(from * DAY), Some(at(to * DAY)));
        self.entry(mona).delegations.push(Delegation::new(id, mona, dan, period));
    }

    /// A request that asks these people.
    fn asking(&self, terms: Terms, people: &[(PersonRef, Why)]) -> Request {
        let card = || CardId::generate(at(0), &self.world.entropy);
        let asked = people.iter().map(|(person, why)| Asked::new(*person, *why, card())).collect();
        let opening = self.world.opening(seatgate_core::policy::Mode::Live, terms).asking(asked);
        Request::open(seatgate_core::id::RequestId::generate(at(0), &self.world.entropy), at(0), opening)
    }

    fn of_mona(&self, terms: Terms) -> Request {
        self.asking(terms, &[(self.world.mona, Why::Manager)])
    }

    /// What somebody's command comes to on a day.
    fn act(
        &self,
        day: i64,
        request: &Request,
        who: PersonRef,
        relation: Relation,
        command: &Command,
    ) -> Result<Transition, Refusal> {
        let context = Context::new(at(day * DAY), &self.world.entropy, Actor::Person(who), Surface::Inbox);
        request.handle(command, &context.by_right_of(relation).knowing(self.known.clone()))
    }

    fn approve(&self, request: &Request, who: PersonRef) -> Result<Transition, Refusal> {
        self.act(0, request, who, Relation::Approver, &APPROVE)
    }

    fn voted(&self, request: &Request, who: PersonRef) -> Request {
        self.approve(request, who).unwrap().after
    }

    fn hand(&self, request: &Request, to: PersonRef) -> Command {
        let reason = Some(self.world.text(&format!("{} is better placed", request.id)));
        Command::Reassign { to, reason }
    }

    /// What is done when time comes to this day; the cards of whoever is asked were delivered on that one.
    fn wake_at(&self, now: Timestamp, request: &Request, delivered: Option<i64>) -> Transition {
        let context = Context::worker(now, &self.world.entropy).with_target(self.world.target);
        let delivered_at = delivered.map(|day| at(day * DAY));
        let context = context.delivered_at(delivered_at).knowing(self.known.clone());
        request.handle(&Command::Wake, &context).unwrap()
    }

    fn wake(&self, day: i64, request: &Request) -> Transition {
        self.wake_at(at(day * DAY), request, Some(0))
    }
}

fn quorum(quorum: u32) -> Terms {
    Terms { quorum, ..Terms::default() }
}

fn holder_first(release: HolderRelease) -> Terms {
    Terms { ask_holder_first: true, holder_release: release, ..Terms::default() }
}

/// Only what is written here happens by itself.
fn silent() -> Terms {
    Terms { remind_after: Vec::new(), escalate_after: Span::seconds(0), ..Terms::default() }
}

fn active(request: &Request) -> Vec<PersonRef> {
    request.approval.active().map(|asked| asked.person).collect()
}

fn cause(transition: &Transition) -> RouteCause {
    match &transition.facts.last().unwrap().event {
        Event::Routed { cause, .. } => *cause,
        other => panic!("{other:?} asks nobody"),
    }
}

// -------------------------------------------------------------------------------------------------------------------- votes

#[test]
fn a_quorum_is_so_many_people_and_one_decision() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let request =
        office.asking(quorum(3), &[(mona, Why::Manager), (office.nora, Why::NextManager), (olga, Why::Owner)]);
    let one = office.approve(&request, mona).unwrap();
    assert_eq!((kinds(&one), one.after.label()), (vec![EventKind::Voted], StateLabel::AwaitingDecision));
    let two = office.approve(&one.after, office.nora).unwrap();
    assert_eq!((kinds(&two), two.after.plan.tasks.len()), (vec![EventKind::Voted], 0));
    let three = office.approve(&two.after, olga).unwrap();
    assert_eq!((kinds(&three), three.after.label()), (vec![EventKind::Decided], StateLabel::Executing));
    let voters: BTreeSet<_> = three.after.approval.votes.iter().map(|vote| vote.principal).collect();
    assert_eq!(voters, BTreeSet::from([mona, office.nora]), "the last approval is the decision itself");
}

#[test]
fn nobody_is_counted_twice() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let one = office.voted(&office.asking(quorum(2), &[(mona, Why::Manager), (olga, Why::Owner)]), mona);
    assert_eq!(office.approve(&one, mona), Err(Refusal::AlreadyVoted));
    assert_eq!(office.act(1, &one, mona, Relation::Operator, &APPROVE), Err(Refusal::AlreadyVoted));
    assert!(!one.approval.waits_for(mona) && one.approval.waits_for(olga));
}

#[test]
fn a_stand_in_and_whom_they_stand_in_for_are_one_vote() {
    let mut office = Office::new();
    let World { mona, olga, .. } = office.world;
    office.delegate(1, 2);
    let request = office.asking(Terms { quorum: 2, ..silent() }, &[(mona, Why::Manager), (olga, Why::Owner)]);
    let moved = office.wake(1, &request).after;
    let by_dan = office.act(1, &moved, office.dan, Relation::Approver, &APPROVE).unwrap().after;
    assert_eq!(by_dan.approval.votes[0].principal, mona);
    let back = office.wake(2, &by_dan).after;
    assert!(active(&back).contains(&mona) && !active(&back).contains(&office.dan));
    for who in [mona, office.dan] {
        assert_eq!(office.act(2, &back, who, Relation::Approver, &APPROVE), Err(Refusal::AlreadyVoted));
    }
    assert!(!back.approval.waits_for(mona), "so nobody reminds her");
    let decided = office.act(2, &back, olga, Relation::Approver, &APPROVE).unwrap();
    assert_eq!(kinds(&decided), [EventKind::Decided]);
}

#[test]
fn a_stand_in_adds_no_second_vote_to_their_own_or_to_that_of_whom_they_stand_in_for() {
    let office = Office::new();
    let (mona, dan) = (office.world.mona, office.dan);
    let request = office.asking(quorum(3), &[(mona, Why::Manager), (dan, Why::Owner), (dan, Why::Delegate)]);
    let standing_in = |mut request: Request| {
        request.approval.asked[1].left = true;
        request.approval.asked[2].on_behalf_of = Some(mona);
        request
    };
    for voted in [mona, dan] {
        let one = standing_in(office.voted(&request, voted));
        assert_eq!(office.approve(&one, dan), Err(Refusal::AlreadyVoted));
    }
    assert_eq!(kinds(&office.approve(&standing_in(request), dan).unwrap()), [EventKind::Voted]);
}

#[test]
fn one_keep_ends_it_however_many_have_approved() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let one = office.voted(&office.asking(quorum(2), &[(mona, Why::Manager), (olga, Why::Owner)]), mona);
    for who in [mona, olga] {
        let kept = office.act(0, &one, who, Relation::Approver, &office.world.keep()).unwrap();
        assert_eq!((kinds(&kept), kept.after.label()), (vec![EventKind::Decided], StateLabel::Keeping), "a veto");
    }
}

#[test]
fn an_operator_is_one_of_several_and_a_holder_whose_release_suffices_is_enough() {
    let office = Office::new();
    let World { ana, olga, .. } = office.world;
    let request = office.of_mona(Terms { quorum: 2, holder_release: HolderRelease::Suffices, ..Terms::default() });
    let one = office.act(0, &request, olga, Relation::Operator, &APPROVE).unwrap();
    assert_eq!(kinds(&one), [EventKind::Voted]);
    let released = office.act(0, &request, ana, Relation::Holder, &APPROVE).unwrap();
    assert_eq!(kinds(&released), [EventKind::Decided]);
}

#[test]
fn silence_is_decided_by_the_policy_whatever_votes_are_in() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    for (on_expiry, decision) in [(OnExpiry::Keep, Decision::Keep), (OnExpiry::Reclaim, Decision::Approve)] {
        let terms = Terms { quorum: 2, on_expiry, ..Terms::default() };
        let one = office.voted(&office.asking(terms, &[(mona, Why::Manager), (olga, Why::Owner)]), mona);
        let verdict = office.wake(14, &one).after.approval.verdict.unwrap();
        assert_eq!((verdict.decision, verdict.by), (decision, Actor::Policy));
    }
}

// --------------------------------------------------------------------------------------------------------- the holder first

#[test]
fn the_holders_word_is_passed_on_and_decides_nothing() {
    let office = Office::new();
    let World { ana, mona, .. } = office.world;
    let request = office.asking(holder_first(HolderRelease::Informs), &[(ana, Why::Holder)]);
    assert_eq!(request.approval.stage, Stage::Holder);
    for (command, answer) in [(APPROVE, Decision::Approve), (office.world.keep(), Decision::Keep)] {
        let said = office.act(1, &request, ana, Relation::Holder, &command).unwrap();
        assert_eq!(kinds(&said), [EventKind::HolderAnswered, EventKind::Routed]);
        assert_eq!(cause(&said), RouteCause::HolderAnswered);
        let after = said.after;
        assert_eq!(after.approval.holder_answer.as_ref().unwrap().answer, answer);
        assert_eq!((after.label(), active(&after)), (StateLabel::AwaitingDecision, vec![mona]));
        assert_eq!(after.approval.stage, Stage::Approvers);
    }
}

#[test]
fn a_release_that_suffices_decides_and_a_keep_by_the_holder_never_does() {
    let office = Office::new();
    let ana = office.world.ana;
    let request = office.asking(holder_first(HolderRelease::Suffices), &[(ana, Why::Holder)]);
    let released = office.act(1, &request, ana, Relation::Holder, &APPROVE).unwrap();
    assert_eq!(released.after.approval.verdict.unwrap().relation, Relation::Holder);
    let kept = office.act(1, &request, ana, Relation::Holder, &office.world.keep()).unwrap();
    assert_eq!(kinds(&kept), [EventKind::HolderAnswered, EventKind::Routed]);
}

#[test]
fn a_holder_who_is_silent_has_their_time_and_then_the_approvers_have_all_of_theirs() {
    let office = Office::new();
    let World { ana, mona, .. } = office.world;
    let request = office.asking(holder_first(HolderRelease::Informs), &[(ana, Why::Holder)]);
    assert_eq!(next_wake(&request, Some(at(0))), Some(at(3 * DAY)), "no reminder, no escalation before");
    assert_eq!(office.wake_at(at(3 * DAY - 1), &request, Some(0)).facts, []);
    let routed = office.wake(3, &request);
    assert_eq!((cause(&routed), active(&routed.after)), (RouteCause::HolderSilent, vec![mona]));
    assert_eq!(next_wake(&routed.after, None), None, "nobody has the new card yet");
    assert_eq!(deadline(&routed.after, Some(at(4 * DAY))), Some(at(18 * DAY)));
    let late = office.wake(30, &request);
    assert_eq!(kinds(&late), [EventKind::Routed], "however late: Mona's silence has not begun");
}

#[test]
fn where_the_holder_is_their_own_manager_somebody_else_is_asked_after_them() {
    let mut office = Office::new();
    let World { ana, olga, .. } = office.world;
    office.entry(ana).manager = Some(ana);
    let request = office.asking(holder_first(HolderRelease::Informs), &[(ana, Why::Holder)]);
    assert_eq!(active(&office.wake(3, &request).after), [olga]);
    office.known.operators.clear();
    let nobody = office.wake(3, &request).after;
    assert_eq!((active(&nobody), nobody.label()), (vec![], StateLabel::AwaitingDecision));
    assert!(next_wake(&nobody, None).is_some(), "and it does not wait for ever");
}

#[test]
fn that_the_holder_is_asked_first_is_stored_with_the_request() {
    let office = Office::new();
    let request = office.asking(holder_first(HolderRelease::Informs), &[(office.world.ana, Why::Holder)]);
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&stored).unwrap(), request);
}

/// So a request that uses nothing new is stored as it was by the release before, whose servers may run beside ours.
#[test]
fn what_nobody_used_is_not_stored() {
    let office = Office::new();
    let stored = serde_json::to_value(office.of_mona(Terms::default()).approval).unwrap();
    let names: Vec<&String> = stored.as_object().unwrap().keys().collect();
    assert_eq!(names, ["asked", "state", "verdict"]);
}

// --------------------------------------------------------------------------------------------------------------- handing on

#[test]
fn whoever_is_asked_hands_on_their_part_and_an_operator_everything() {
    let office = Office::new();
    let World { mona, olga, sam, .. } = office.world;
    let request = office.asking(quorum(2), &[(mona, Why::Manager), (office.nora, Why::NextManager)]);
    let hand = office.hand(&request, sam);
    let by_mona = office.act(1, &request, mona, Relation::Approver, &hand).unwrap();
    assert_eq!((cause(&by_mona), active(&by_mona.after)), (RouteCause::Reassigned, vec![office.nora, sam]));
    assert!(by_mona.after.approval.has_left(mona, at(DAY)));
    let by_olga = office.act(1, &request, olga, Relation::Operator, &hand).unwrap();
    assert_eq!(active(&by_olga.after), [sam]);
    assert_eq!(by_olga.after.approval.asked.last().unwrap().why, Why::Reassigned);
}

#[test]
fn who_handed_it_on_stands_beside_whoever_it_was_handed_to_and_beside_nobody_else() {
    let office = Office::new();
    let World { mona, sam, .. } = office.world;
    let request = office.of_mona(Terms::default());
    let hand = office.hand(&request, sam);
    let handed = office.act(1, &request, mona, Relation::Approver, &hand).unwrap().after;
    let Command::Reassign { reason, .. } = hand else { panic!("{hand:?}") };
    let by: Vec<_> = handed.approval.asked.iter().map(|asked| asked.handed_on.clone()).collect();
    assert_eq!(by, [None, Some(HandedOn::new(Actor::Person(mona), reason))]);
    let escalated = office.wake(5, &request);
    assert_eq!((cause(&escalated), escalated.after.approval.asked.len()), (RouteCause::Escalated, 2));
    assert!(escalated.after.approval.asked.iter().all(|asked| asked.handed_on.is_none()));
}

#[test]
fn what_is_handed_to_somebody_with_a_stand_in_reaches_the_stand_in() {
    let mut office = Office::new();
    office.delegate(0, 9);
    let request = office.asking(Terms::default(), &[(office.nora, Why::NextManager)]);
    let hand = office.hand(&request, office.world.mona);
    let handed = office.act(1, &request, office.nora, Relation::Approver, &hand).unwrap().after;
    let dan = handed.approval.active().next().unwrap();
    assert_eq!((dan.person, dan.on_behalf_of, dan.path.len()), (office.dan, Some(office.world.mona), 2));
}

#[test]
fn whoever_is_asked_later_was_asked_then() {
    let office = Office::new();
    let World { mona, sam, .. } = office.world;
    let request = office.of_mona(Terms::default());
    let handed = office.act(1, &request, mona, Relation::Approver, &office.hand(&request, sam)).unwrap().after;
    assert_eq!(handed.approval.asked.iter().map(|asked| asked.at).collect::<Vec<_>>(), [None, Some(at(DAY))]);
}

/// Requests that reach somebody at about the same time are gathered on one card; a card shows each of them once.
#[test]
fn what_is_handed_to_somebody_joins_their_other_requests_on_a_card_but_not_itself() {
    let office = Office::new();
    let World { mona, sam, olga, .. } = office.world;
    let hand = |request: &Request, to| {
        office.act(1, request, olga, Relation::Operator, &office.hand(request, to)).unwrap().after
    };
    let card = |request: &Request| request.approval.active().next().unwrap().card;
    let terms = Terms { digest: Span::days(1), ..Terms::default() };
    let handed = [(); 2].map(|()| hand(&office.of_mona(terms.clone()), sam));
    assert_eq!(card(&handed[0]), card(&handed[1]));
    let and_back = hand(&hand(&handed[0], mona), sam);
    assert_ne!(card(&and_back), card(&handed[0]), "that one says that Sam is asked no more");
}

#[test]
fn nobody_gets_it_who_cannot_be_asked_and_no_approval_is_handed_on() {
    let mut office = Office::new();
    let World { ana, mona, sam, .. } = office.world;
    let (nora, dan) = (office.nora, office.dan);
    office.entry(dan).disabled = true;
    office.entry(nora).bot = true;
    office.entry(sam).absences.push(Period::new(at(0), None));
    let request = office.of_mona(quorum(2));
    let hand = |request: &Request, to| office.act(1, request, mona, Relation::Approver, &office.hand(request, to));
    for to in [ana, dan, nora, sam] {
        assert_eq!(hand(&request, to), Err(Refusal::CannotBeAsked));
    }
    assert_eq!(hand(&request, mona), Err(Refusal::AlreadyAsked));
    let bare = Command::Reassign { to: office.world.olga, reason: None };
    assert_eq!(office.act(1, &request, mona, Relation::Approver, &bare), Err(Refusal::AnswerNeedsReason));
    let voted = office.voted(&request, mona);
    let handed = hand(&voted, office.world.olga).unwrap().after;
    assert_eq!(handed.approval.votes.len(), 1, "what was approved stays approved");
    assert_eq!(office.act(1, &handed, mona, Relation::Operator, &APPROVE), Err(Refusal::AlreadyVoted));
}

// ----------------------------------------------------------------------------------------------------------- another policy

fn apply(version: &str, terms: &Terms) -> Command {
    Command::ApplyPolicy { version: version.to_owned(), terms: Box::new(terms.clone()) }
}

#[test]
fn another_policy_counts_from_now_on_and_is_recorded_without_addresses() {
    let office = Office::new();
    let request = office.of_mona(Terms::default());
    let terms = Terms { fallback_approvers: vec!["it-lead@example.com".to_owned()], ..with_grace() };
    let applied = office.act(1, &request, office.world.olga, Relation::Operator, &apply("new", &terms)).unwrap();
    assert_eq!(kinds(&applied), [EventKind::PolicyApplied]);
    assert!(!serde_json::to_string(&applied.facts[0]).unwrap().contains('@'));
    let after = applied.after;
    assert_eq!((after.policy_version.as_str(), after.terms.grace), ("new", Span::days(1)));
    assert_eq!(office.voted(&after, office.world.mona).label(), StateLabel::InGrace);
    let again = office.act(1, &after, office.world.olga, Relation::Operator, &apply("new", &terms)).unwrap();
    assert_eq!(again.facts, [], "twice is once");
}

/// What a policy says of seats is not said of people who leave: nobody's silence decides, and a word counts at once.
#[test]
fn another_policy_leaves_an_offboarding_what_is_its_own() {
    let office = Office::new();
    let olga = office.world.olga;
    let mut request = office.world.leaving(vec![office.world.removal("lock")]);
    request.terms = silent();
    let seats = Terms { quorum: 3, expire_after: Span::days(3), on_expiry: OnExpiry::Keep, ..with_grace() };
    let applied = office.act(1, &request, olga, Relation::Operator, &apply("new", &seats)).unwrap().after;
    assert_eq!((applied.policy_version.as_str(), applied.terms.expire_after), ("new", Span::days(3)));
    assert_eq!((applied.terms.grace, applied.terms.quorum), (Span::seconds(0), 1));
    let silence = office.wake(4, &applied).after;
    assert_eq!((silence.outcome(), &silence.approval.verdict), (Some(Outcome::Expired), &None));
    let approved = office.act(1, &applied, olga, Relation::Operator, &APPROVE).unwrap().after;
    assert_eq!(approved.label(), StateLabel::Executing, "there is no grace to wait for");
}

#[test]
fn where_the_new_policy_wants_no_more_approvals_the_last_one_was_the_decision() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let request =
        office.asking(quorum(3), &[(mona, Why::Manager), (office.nora, Why::NextManager), (olga, Why::Owner)]);
    let two = office.voted(&office.voted(&request, mona), office.nora);
    let three = office.act(1, &two, olga, Relation::Operator, &apply("same", &quorum(3))).unwrap();
    assert_eq!(kinds(&three), [EventKind::PolicyApplied]);
    let lower = office.act(1, &two, olga, Relation::Operator, &apply("lower", &quorum(2))).unwrap();
    assert_eq!(kinds(&lower), [EventKind::PolicyApplied, EventKind::Decided]);
    let verdict = lower.after.approval.verdict.unwrap();
    assert_eq!((verdict.decision, verdict.by), (Decision::Approve, Actor::Person(office.nora)));
    let higher = office.act(1, &two, olga, Relation::Operator, &apply("higher", &quorum(4))).unwrap().after;
    assert_eq!(kinds(&office.approve(&higher, olga).unwrap()), [EventKind::Voted]);
}

/// Whoever lowers the number of approvals decides nothing: what whoever voted last saw, and how they were recognised, is what
/// the decision rests on.
#[test]
fn a_decision_that_follows_from_another_policy_rests_on_the_last_vote() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let request = office.asking(quorum(2), &[(mona, Why::Manager), (office.nora, Why::NextManager)]);
    let (theirs, reason) = (office.world.text("what Mona's card said"), office.world.text("not needed any more"));
    let token = Actor::Token("desk".parse().unwrap());
    let mut voting = Context::new(at(0), &office.world.entropy, Actor::Person(mona), Surface::Slack);
    (voting.matched_by, voting.seen, voting.submitted_by) = (MatchedBy::Email, Some(theirs), Some(token.clone()));
    let vote = Command::Approve { reason: Some(reason) };
    let voted = request.handle(&vote, &voting.by_right_of(Relation::Approver)).unwrap().after;
    let mut applying = Context::new(at(DAY), &office.world.entropy, Actor::Person(olga), Surface::Cli);
    applying.seen = Some(office.world.text("what Olga's card said"));
    let applied = voted.handle(&apply("lower", &quorum(1)), &applying.by_right_of(Relation::Operator)).unwrap();
    let [policy, decision] = &applied.facts[..] else { panic!("{:?}", applied.facts) };
    assert_eq!((&policy.actor, policy.surface), (&Actor::Person(olga), Surface::Cli));
    assert_eq!((&decision.actor, decision.surface), (&Actor::Person(mona), Surface::Slack));
    assert_eq!((decision.submitted_by.as_ref(), decision.at), (Some(&token), at(DAY)));
    let Event::Decided { matched_by, seen, relation, .. } = &decision.event else { panic!("{decision:?}") };
    assert_eq!((*matched_by, *seen, *relation), (MatchedBy::Email, Some(theirs), Relation::Approver));
    let verdict = applied.after.approval.verdict.unwrap();
    assert_eq!((verdict.seen, verdict.reason, verdict.submitted_by), (Some(theirs), Some(reason), Some(token)));
}

#[test]
fn no_policy_decides_again_what_is_decided() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let one = office.voted(&office.asking(Terms { quorum: 2, ..with_grace() }, &[(mona, Why::Manager)]), mona);
    let in_grace = office.voted(&one, office.nora);
    let kept = office.act(0, &one, office.nora, Relation::Approver, &office.world.keep()).unwrap().after;
    for decided in [in_grace, kept] {
        let applied = office.act(1, &decided, olga, Relation::Operator, &apply("new", &quorum(1))).unwrap();
        assert_eq!(kinds(&applied), [EventKind::PolicyApplied]);
        assert_eq!(applied.after.approval.verdict, decided.approval.verdict);
        assert_eq!(applied.after.phase, decided.phase);
    }
    let closed = office.act(0, &one, olga, Relation::Operator, &WITHDRAW).unwrap().after;
    assert_eq!(office.act(1, &closed, olga, Relation::Operator, &apply("new", &quorum(1))), Err(Refusal::Closed));
}

// -------------------------------------------------------------------------------------------------- the directory changes

#[test]
fn a_delegation_moves_what_is_open_and_its_end_moves_it_back() {
    let mut office = Office::new();
    let (mona, dan) = (office.world.mona, office.dan);
    office.delegate(1, 3);
    let request = office.of_mona(silent());
    assert_eq!(office.wake_at(at(DAY - 1), &request, Some(0)).facts, []);
    let moved = office.wake(1, &request);
    assert_eq!((cause(&moved), active(&moved.after)), (RouteCause::Delegation, vec![dan]));
    let asked = moved.after.approval.active().next().unwrap().clone();
    assert_eq!((asked.on_behalf_of, asked.until, asked.why), (Some(mona), Some(at(3 * DAY)), Why::Delegate));
    assert_eq!(office.wake(2, &moved.after).facts, [], "it moves once");
    assert!(moved.after.approval.asks(dan, at(3 * DAY - 1)).is_some());
    assert!(moved.after.approval.asks(dan, at(3 * DAY)).is_none(), "though nobody has moved it back yet");
    let back = office.wake(3, &moved.after).after;
    let asked = back.approval.active().next().unwrap();
    assert_eq!((asked.person, asked.why, asked.on_behalf_of), (mona, Why::Manager, None));
    let cards: BTreeSet<_> = back.approval.asked.iter().map(|asked| asked.card).collect();
    assert_eq!(cards.len(), 3, "a card that has lost its buttons never gets them back");
}

#[test]
fn whoever_has_gone_is_replaced_by_the_next_and_at_last_by_the_operators() {
    let mut office = Office::new();
    let World { mona, olga, .. } = office.world;
    let nora = office.nora;
    let request = office.of_mona(silent());
    office.entry(mona).disabled = true;
    let next = office.wake(1, &request);
    assert_eq!((cause(&next), active(&next.after)), (RouteCause::Gone, vec![nora]));
    let why: Vec<_> = next.after.approval.active().flat_map(|asked| &asked.path).map(|step| step.person).collect();
    assert_eq!(why, [mona, nora], "and is told why");
    office.entry(nora).bot = true;
    let last = office.wake(2, &next.after).after;
    assert_eq!(active(&last), [olga]);
    office.entry(olga).disabled = true;
    let nobody = office.wake(3, &last).after;
    assert_eq!(active(&nobody), []);
    assert!(next_wake(&nobody, None).is_some(), "its deadline goes on");
}

#[test]
fn whoever_is_asked_in_somebodys_place_has_the_whole_time_again() {
    let mut office = Office::new();
    office.delegate(14, 20);
    let request = office.of_mona(Terms::default());
    let moved = office.wake(14, &request);
    assert_eq!(kinds(&moved), [EventKind::Routed], "Dan's silence has not begun");
    assert_eq!(office.wake_at(at(14 * DAY), &moved.after, None).facts, []);
    let reminded = office.wake_at(at(16 * DAY), &moved.after, Some(14));
    assert_eq!(kinds(&reminded), [EventKind::Reminded]);
}

#[test]
fn where_somebody_stays_their_time_runs_on_and_they_are_reminded_once() {
    let mut office = Office::new();
    let World { mona, olga, .. } = office.world;
    let request = office.asking(quorum(2), &[(mona, Why::Manager), (olga, Why::Owner)]);
    let reminded = office.wake(2, &request).after;
    office.entry(mona).disabled = true;
    let moved = office.wake(3, &reminded);
    assert_eq!((kinds(&moved), moved.after.approval.reminded), (vec![EventKind::Routed], 1));
    assert_eq!(office.wake(3, &moved.after).facts, [], "Olga has had her first reminder");
}

#[test]
fn nobody_is_asked_twice_at_a_time() {
    let mut office = Office::new();
    let (mona, nora, dan) = (office.world.mona, office.nora, office.dan);
    office.delegate(1, 3);
    let id = DelegationId::generate(at(0), &office.world.entropy);
    let period = Period::new(at(DAY), Some(at(2 * DAY)));
    office.entry(nora).delegations.push(Delegation::new(id, nora, dan, period));
    let terms = Terms { quorum: 2, ..silent() };
    let request = office.asking(terms, &[(mona, Why::Manager), (nora, Why::NextManager)]);
    let moved = office.wake(1, &request).after;
    assert_eq!(active(&moved), [nora, dan], "Dan stands in for one of them, and the other stays");
    assert_eq!(office.wake(1, &moved).facts, []);
    let back = office.wake(3, &moved).after;
    assert_eq!(active(&back), [nora, mona]);
}

// --------------------------------------------------------------------------------------------------------------------- time

#[test]
fn escalation_adds_people_step_by_step_and_then_time_is_up() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let terms = Terms { escalate_after: Span::days(5), expire_after: Span::days(14), ..silent() };
    let request = office.of_mona(terms);
    assert_eq!(next_wake(&request, Some(at(0))), Some(at(5 * DAY)));
    let first = office.wake(5, &request);
    assert_eq!((cause(&first), active(&first.after)), (RouteCause::Escalated, vec![mona, office.nora]));
    assert_eq!(first.after.approval.asked[1].why, Why::NextManager);
    assert_eq!(office.wake(9, &first.after).facts, []);
    let second = office.wake(10, &first.after);
    assert_eq!(active(&second.after), [mona, office.nora, olga]);
    assert_eq!(deadline(&second.after, Some(at(0))), Some(at(14 * DAY)), "the first had their time");
    assert_eq!(office.wake(14, &second.after).after.label(), StateLabel::Keeping);
    for who in [mona, office.nora, olga] {
        assert!(office.act(11, &second.after, who, Relation::Approver, &APPROVE).is_ok(), "any of them decides");
    }
    let alone = office.wake(5, &office.of_mona(Terms { escalate_after: Span::days(1), ..silent() })).after;
    let alone = (6..9).fold(alone, |alone, day| office.wake(day, &alone).after);
    assert!(alone.approval.nobody_left && next_wake(&alone, Some(at(0))) == Some(at(14 * DAY)), "it is tried once");
    let never = office.of_mona(silent());
    assert_eq!(office.wake(13, &never).facts, []);
}

#[test]
fn reminders_come_when_they_are_due_and_those_that_were_missed_come_once() {
    let office = Office::new();
    let terms = Terms { escalate_after: Span::seconds(0), ..Terms::default() };
    let request = office.of_mona(terms);
    let first = office.wake(2, &request);
    assert_eq!((kinds(&first), first.after.approval.reminded), (vec![EventKind::Reminded], 1));
    assert_eq!(office.wake(2, &first.after).facts, [], "once");
    let second = office.wake(4, &first.after).after;
    assert_eq!((second.approval.reminded, next_wake(&second, Some(at(0)))), (2, Some(at(14 * DAY))));
    let late = office.wake(9, &request);
    assert_eq!((kinds(&late), late.after.approval.reminded), (vec![EventKind::Reminded], 2));
}

#[test]
fn whoever_is_asked_is_told_beforehand_what_comes_of_silence() {
    let office = Office::new();
    let terms = Terms { remind_after: [2, 4, 14].map(Span::days).to_vec(), ..Terms::default() };
    let request = office.of_mona(terms.clone());
    assert_eq!(outlook(&request, None), Outlook::default(), "no card has arrived");
    let first = outlook(&request, Some(at(0)));
    assert_eq!(first.reminders, [at(2 * DAY), at(4 * DAY)], "and none at the very end");
    assert_eq!((first.escalates_at, first.ends_at), (Some(at(5 * DAY)), Some(at(14 * DAY))));
    let reminded = outlook(&office.wake(2, &request).after, Some(at(0)));
    assert_eq!((reminded.reminders, reminded.ends_at), (vec![at(4 * DAY)], first.ends_at));
    let too_late = office.of_mona(Terms { escalate_after: terms.expire_after, ..terms });
    assert_eq!(outlook(&too_late, Some(at(0))).escalates_at, None);
    let decided = office.approve(&request, office.world.mona).unwrap().after;
    assert_eq!(outlook(&decided, Some(at(0))), Outlook::default());
}

#[test]
fn what_falls_outside_business_hours_waits_for_the_next_opening_and_a_deadline_does_not() {
    let office = Office::new();
    // It is opened on Friday, 20 November 2026, at 00:00 UTC.
    let terms = Terms { business_hours: "mon-fri 09:00-17:00".parse().unwrap(), ..Terms::default() };
    let request = office.of_mona(terms);
    let monday = at(3 * DAY + 9 * 3_600);
    assert_eq!(next_wake(&request, Some(at(0))), Some(monday), "not on Sunday");
    assert_eq!(office.wake_at(at(3 * DAY), &request, Some(0)).facts, []);
    assert_eq!(kinds(&office.wake_at(monday, &request, Some(0))), [EventKind::Reminded]);
    let sunday = Terms { expire_after: Span::days(2), ..request.terms.clone() };
    assert_eq!(office.wake(2, &office.of_mona(sunday)).after.label(), StateLabel::Keeping);
    let card = changes(None, &request, None, "*", at(0), &office.world.entropy);
    let due = card.iter().find_map(|change| match change {
        AgendaChange::Schedule { item: Item::SyncCard(card), due, .. } => {
            (*card == request.approval.asked[0].card).then_some(*due)
        }
        _ => None,
    });
    assert_eq!(due, Some(at(9 * 3_600)), "nor is anybody asked at night");
}

#[test]
fn of_a_deadline_and_a_click_in_the_same_instant_one_wins_and_the_trail_says_which() {
    let office = Office::new();
    let request = office.of_mona(Terms { on_expiry: OnExpiry::Close, ..silent() });
    let clicked = office.act(14, &request, office.world.mona, Relation::Approver, &APPROVE).unwrap();
    assert_eq!(kinds(&office.wake(14, &clicked.after)), []);
    assert_eq!(clicked.facts[0].actor, Actor::Person(office.world.mona));
    let expired = office.wake(14, &request);
    assert_eq!(kinds(&expired), [EventKind::Expired, EventKind::Closed]);
    let late = office.act(14, &expired.after, office.world.mona, Relation::Approver, &APPROVE);
    assert_eq!(late, Err(Refusal::Closed));
}

#[test]
fn undo_and_the_end_of_the_grace_period_in_the_same_instant_one_wins() {
    let office = Office::new();
    let in_grace = office.voted(&office.of_mona(with_grace()), office.world.mona);
    let undone = office.act(1, &in_grace, office.world.mona, Relation::Decider, &UNDO).unwrap().after;
    assert_eq!((undone.outcome(), office.wake(1, &undone).facts.len()), (Some(Outcome::Withdrawn), 0));
    let begun = office.wake(1, &in_grace).after;
    let late = office.act(1, &begun, office.world.mona, Relation::Decider, &UNDO);
    assert_eq!(late, Err(Refusal::NothingToUndo));
}

#[test]
fn a_request_that_asks_nobody_is_reminded_of_to_nobody_and_still_ends() {
    let office = Office::new();
    let request = office.asking(Terms { on_expiry: OnExpiry::Reclaim, ..Terms::default() }, &[]);
    assert_eq!(next_wake(&request, None), Some(at(5 * DAY)), "its deadlines start with it");
    let escalated = office.wake_at(at(5 * DAY), &request, None);
    assert_eq!((kinds(&escalated), active(&escalated.after)), (vec![EventKind::Routed], vec![office.world.mona]));
    let mut alone = Office::new();
    alone.known = Known::default();
    let mut ended = alone.asking(Terms { on_expiry: OnExpiry::Reclaim, ..Terms::default() }, &[]);
    for day in 1..=14 {
        ended = alone.wake_at(at(day * DAY), &ended, None).after;
    }
    assert_eq!(ended.approval.verdict.unwrap().decision, Decision::Keep, "nobody was silent");
}

// --------------------------------------------------------------------------------------------------------- who hears of it

/// Who is told what after `before` became what it is in `after`.
fn told(office: &Office, before: &Request, after: &Request) -> BTreeSet<(PersonRef, News)> {
    let all = changes(Some(before), after, Some(at(0)), "*", at(0), &office.world.entropy);
    let heard = |change: AgendaChange| match change {
        AgendaChange::Schedule {
            item: Item::Announce(Announcement { to: Audience::Person(who), news, .. }), ..
        } => Some((who, news)),
        _ => None,
    };
    all.into_iter().filter_map(heard).collect()
}

#[test]
fn whoever_is_waited_for_is_reminded_and_whoever_has_approved_is_not() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let request = office.asking(quorum(2), &[(mona, Why::Manager), (olga, Why::Owner)]);
    let voted = office.voted(&request, olga);
    let reminded = office.wake(2, &voted).after;
    assert_eq!(told(&office, &voted, &reminded), BTreeSet::from([(mona, News::Reminder)]));
}

#[test]
fn one_reminder_tells_of_all_that_a_card_asks() {
    let office = Office::new();
    let card = CardId::generate(at(0), &office.world.entropy);
    let key = || {
        let mut request = office.of_mona(Terms::default());
        request.approval.asked[0].card = card;
        let reminded = office.wake(2, &request).after;
        let all = changes(Some(&request), &reminded, Some(at(0)), "*", at(2 * DAY), &office.world.entropy);
        all.into_iter().find_map(|change| match change {
            AgendaChange::Schedule { item: item @ Item::Announce(_), .. } => Some(item.key()),
            _ => None,
        })
    };
    let [one, other] = [key(), key()];
    assert!(one.is_some() && one == other, "{one:?} {other:?}");
}

#[test]
fn whoever_was_asked_hears_that_an_operator_decided_and_that_the_user_came_back() {
    let office = Office::new();
    let World { mona, olga, .. } = office.world;
    let request = office.of_mona(Terms::default());
    for command in [APPROVE, office.world.keep()] {
        let decided = office.act(1, &request, olga, Relation::Operator, &command).unwrap().after;
        assert_eq!(told(&office, &request, &decided), BTreeSet::from([(mona, News::Overruled)]));
    }
    let own = office.voted(&request, mona);
    assert_eq!(told(&office, &request, &own), BTreeSet::new());
    let back = office.wake_at(at(0), &request, Some(0)).after;
    assert_eq!(told(&office, &request, &back), BTreeSet::new());
    let context = Context::worker(at(0), &office.world.entropy);
    let back = request.handle(&Command::ComeBack, &context).unwrap().after;
    assert_eq!(back.withdrawn, Some(WithdrawReason::UsedAgain));
    assert_eq!(told(&office, &request, &back), BTreeSet::from([(mona, News::UsedAgain)]));
}

/// What just began to run is over in a moment: its card is shown once, as it ends, and not twice.
#[test]
fn a_card_waits_a_moment_for_the_end_of_what_just_began() {
    let office = Office::new();
    let mona = office.world.mona;
    let shown_at = |before: &Request, after: &Request| {
        let mut changes = changes(Some(before), after, Some(at(0)), "*", at(DAY), &office.world.entropy).into_iter();
        let card = Item::SyncCard(after.approval.asked[0].card);
        changes.find_map(|change| match change {
            AgendaChange::Schedule { item, due, .. } if item == card => Some(due),
            _ => None,
        })
    };
    let act =
        |request: &Request, command: &Command| office.act(1, request, mona, Relation::Approver, command).unwrap().after;
    let open = office.of_mona(Terms::default());
    let (approved, kept) = (act(&open, &APPROVE), act(&open, &office.world.keep()));
    assert!(shown_at(&open, &approved) > Some(at(DAY)) && shown_at(&open, &kept) > Some(at(DAY)));
    let graced = office.of_mona(with_grace());
    let in_grace = act(&graced, &APPROVE);
    assert_eq!(shown_at(&graced, &in_grace), Some(at(DAY)), "it stays so for a day");
    let begun = office.wake(2, &in_grace).after;
    assert!(shown_at(&in_grace, &begun) > Some(at(DAY)));
    let stopped = act(&approved, &STOP);
    assert_eq!(shown_at(&approved, &stopped), Some(at(DAY)), "it is over");
}

#[test]
fn the_cards_of_those_who_left_and_of_those_who_came_are_shown_anew() {
    let office = Office::new();
    let request = office.of_mona(Terms::default());
    let hand = office.hand(&request, office.world.sam);
    let handed = office.act(1, &request, office.world.mona, Relation::Approver, &hand).unwrap().after;
    let all = changes(Some(&request), &handed, Some(at(0)), "*", at(DAY), &office.world.entropy);
    let synced: BTreeSet<CardId> = all
        .iter()
        .filter_map(|change| match change {
            AgendaChange::Schedule { item: Item::SyncCard(card), .. } => Some(*card),
            _ => None,
        })
        .collect();
    assert!(handed.approval.asked.iter().all(|asked| synced.contains(&asked.card)), "{synced:?}");
}
