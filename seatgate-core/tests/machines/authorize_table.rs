//! Who may do what. The request: Ana holds the seat, Mona is asked, Sam uploaded the sweep, Olga operates seatgate, and Dora
//! decided before Mona took over.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::authorize::{Action, Caller, Denial, authorize};
use seatgate_core::id::{CardId, PersonRef};
use seatgate_core::person::{Actor, MatchedBy, Surface};
use seatgate_core::policy::{HolderRelease, Terms};
use seatgate_core::request::{Asked, Event, Fact, Relation, Request, Stage, Why};

use crate::table::rules;
use crate::world::{APPROVE, World, at};

/// For each caller and action the rules are read from the top, and the first that fits counts.
///
/// Callers: `asked` (in their own right), `reassigned` (it was handed to them), `delegate` (they stand in for Mona),
/// `delegate_ended` (they did, until this instant), `moved` (they were asked, and somebody else is in their place), `voter`
/// (they are asked, and their approval is one of several); combinations such as `asked_holder` are both. `…+admin` brings an
/// administrator's token. `…@` was recognised by an address: where the policy is not strict, that is as good as any.
///
/// Conditions: `reason` (they give one), `suffices` (the policy lets a holder's release suffice), `sender_may` (it lets senders
/// approve from their sweeps), `strict` (it takes no address for who somebody is); `open` (nobody has decided yet) and
/// `holder_first` (nor has the holder answered, who is asked before everybody else). Without these two Dora has approved.
const TABLE: &str = "
# Whoever an address names, where the policy is strict: nothing, whoever they are and whatever token backs them
asked@ holder@ operator@ decider@ delegate@ outsider@+admin | any            | strict              | denied WeakIdentity

# A token, the system and the policy are nobody who decides
token token+admin system policy             | approve keep           |                     | denied Nobody

# Nobody approves from their own sweep; to keep a seat from it harms nobody
sender asked_sender operator_sender sender_holder | approve          | !sender_may         | denied Sender

# While the holder is asked first: their word is taken either way, an operator may break the glass, nobody else is asked yet
holder asked_holder delegate_holder moved_holder operator_holder sender_holder | approve keep | holder_first | holder
operator operator_sender asked_operator moved_operator | approve keep | holder_first reason | operator
operator operator_sender asked_operator moved_operator | approve keep | holder_first        | denied ReasonRequired
asked asked_sender reassigned voter delegate delegate_ended moved | approve keep | holder_first | denied NotAsked
sender decider outsider outsider+admin      | approve keep           | holder_first        | denied NotAsked
operator operator_sender operator_holder asked_operator moved_operator | undo reassign | holder_first | operator
token+admin outsider+admin                  | undo reassign          | holder_first        | operator
any                                         | undo reassign          | holder_first        | denied NotAsked

# Approve: whoever is asked, for themselves or for somebody else; an operator with a reason; the holder if the policy says so
asked asked_holder asked_operator asked_sender reassigned voter | approve |                | approver
delegate delegate_holder                    | approve                |                     | approver
delegate_ended moved                        | approve                |                     | denied Moved
operator operator_sender moved_operator     | approve                | reason              | operator
operator operator_sender moved_operator     | approve                |                     | denied ReasonRequired
operator_holder                             | approve                | reason              | operator
holder operator_holder sender_holder moved_holder | approve          | suffices            | holder
holder sender_holder moved_holder           | approve                |                     | denied HolderInforms
operator_holder                             | approve                |                     | denied ReasonRequired
sender decider outsider outsider+admin      | approve                |                     | denied NotAsked

# Keep: the same people, but never the holder, whoever else they are
holder asked_holder delegate_holder moved_holder operator_holder sender_holder | keep |    | denied OwnSeat
asked asked_operator asked_sender reassigned voter delegate | keep   |                     | approver
delegate_ended moved                        | keep                   |                     | denied Moved
operator operator_sender moved_operator     | keep                   | reason              | operator
operator operator_sender moved_operator     | keep                   |                     | denied ReasonRequired
sender decider outsider outsider+admin      | keep                   |                     | denied NotAsked

# Undo: the decider, whoever is asked, an operator
decider                                     | undo                   | !open               | decider

# Ask somebody else: whoever is asked, an operator
asked asked_holder asked_operator asked_sender reassigned voter | undo reassign |          | approver
delegate delegate_holder                    | undo reassign          |                     | approver
operator operator_holder operator_sender moved_operator | undo reassign |                  | operator
token+admin outsider+admin                  | undo reassign          |                     | operator
decider delegate_ended moved moved_holder   | undo reassign          |                     | denied NotAsked
holder sender sender_holder outsider token system policy | undo reassign |                 | denied NotAsked

# The rest: operators
operator operator_holder operator_sender asked_operator moved_operator | withdraw stop resolve apply_policy | | operator
token+admin outsider+admin                  | withdraw stop resolve apply_policy |         | operator
asked asked_holder asked_sender reassigned voter | withdraw stop resolve apply_policy |    | denied NotOperator
delegate delegate_holder delegate_ended moved moved_holder | withdraw stop resolve apply_policy | | denied NotOperator
holder sender sender_holder decider outsider | withdraw stop resolve apply_policy |        | denied NotOperator
token system policy                         | withdraw stop resolve apply_policy |         | denied NotOperator
";

const CONDITIONS: [&str; 6] = ["reason", "suffices", "sender_may", "strict", "open", "holder_first"];

/// When everybody acts.
const NOW: i64 = 3_600;

struct Scene {
    world: World,
    dora: PersonRef,
    stranger: PersonRef,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let person = || PersonRef::generate(at(0), &world.entropy);
        Self { dora: person(), stranger: person(), world }
    }

    /// The callers, each with what makes them who they are.
    fn roles(&self) -> BTreeMap<&'static str, Role> {
        let World { ana, mona, olga, sam, .. } = self.world;
        BTreeMap::from([
            ("asked", Role::of(mona).asked(OWN)),
            ("holder", Role::of(ana)),
            ("asked_holder", Role::of(ana).asked(OWN)),
            ("reassigned", Role::of(self.stranger).asked(HANDED)),
            ("voter", Role::of(self.stranger).asked(OWN).voter()),
            ("delegate", Role::of(self.stranger).asked(FOR_MONA)),
            ("delegate_holder", Role::of(ana).asked(FOR_MONA)),
            ("delegate_ended", Role::of(self.stranger).asked(FOR_MONA_ENDED)),
            ("moved", Role::of(self.stranger).asked(LEFT)),
            ("moved_holder", Role::of(ana).asked(LEFT)),
            ("moved_operator", Role::of(olga).asked(LEFT)),
            ("operator", Role::of(olga)),
            ("asked_operator", Role::of(olga).asked(OWN)),
            ("operator_holder", Role::of(ana).operator()),
            ("sender", Role::of(sam)),
            ("asked_sender", Role::of(sam).asked(OWN)),
            ("operator_sender", Role::of(sam).operator()),
            ("sender_holder", Role::of(ana).sender()),
            ("decider", Role::of(self.dora)),
            ("outsider", Role::of(self.stranger)),
            ("outsider+admin", Role::of(self.stranger).admin()),
            ("asked@", Role::of(mona).asked(OWN).by_address()),
            ("holder@", Role::of(ana).by_address()),
            ("operator@", Role::of(olga).by_address()),
            ("decider@", Role::of(self.dora).by_address()),
            ("delegate@", Role::of(self.stranger).asked(FOR_MONA).by_address()),
            ("outsider@+admin", Role::of(self.stranger).admin().by_address()),
            ("token", Role::new(Actor::Token("ci".parse().unwrap()))),
            ("token+admin", Role::new(Actor::Token("admin".parse().unwrap())).admin()),
            ("system", Role::new(Actor::worker())),
            ("policy", Role::new(Actor::Policy)),
        ])
    }

    /// The request as `role` finds it.
    fn request(&self, role: &Role, case: &BTreeSet<&str>) -> Request {
        let release = if case.contains("suffices") { HolderRelease::Suffices } else { HolderRelease::Informs };
        let sender_may_approve = case.contains("sender_may");
        let strict_identity = case.contains("strict");
        let terms = Terms { holder_release: release, sender_may_approve, strict_identity, ..Terms::default() };
        let mut request = self.world.request(terms);
        if role.sender {
            request.origin.submitted_by = role.actor.clone();
        }
        let card = || CardId::generate(at(0), &self.world.entropy);
        if case.contains("holder_first") {
            request.approval.asked = vec![Asked::new(self.world.ana, Why::Holder, card())];
            request.approval.stage = Stage::Holder;
            return request;
        }
        if let Some((person, asking)) = role.actor.person().zip(role.asked) {
            request.approval.asked.push(asking.of(person, self.world.mona, card()));
        }
        if role.voter {
            request.apply(&vote(&role.actor));
        }
        if !case.contains("open") {
            let mut context = self.world.context();
            context.actor = Actor::Person(self.dora);
            request = request.handle(&APPROVE, &context).unwrap().after;
        }
        request
    }

    fn operators(&self, role: &Role) -> BTreeSet<PersonRef> {
        let operator = role.actor.person().filter(|_| role.operator);
        operator.into_iter().chain([self.world.olga]).collect()
    }
}

fn vote(by: &Actor) -> Fact {
    let event = Event::Voted {
        principal: by.person().unwrap(),
        relation: Relation::Approver,
        matched_by: MatchedBy::Identity,
        reason: None,
        seen: None,
    };
    Fact::new(at(0), by.clone(), None, Surface::Inbox, event)
}

/// How somebody is, or was, asked.
#[derive(Clone, Copy)]
struct Asking {
    why: Why,
    /// Until when they stand in for Mona.
    until: Option<i64>,
    left: bool,
}

const OWN: Asking = Asking { why: Why::Fallback, until: None, left: false };
const HANDED: Asking = Asking { why: Why::Reassigned, ..OWN };
const FOR_MONA: Asking = Asking { why: Why::Delegate, until: Some(NOW + 1), left: false };
const FOR_MONA_ENDED: Asking = Asking { until: Some(NOW), ..FOR_MONA };
const LEFT: Asking = Asking { left: true, ..OWN };

impl Asking {
    fn of(self, person: PersonRef, mona: PersonRef, card: CardId) -> Asked {
        let mut asked = Asked::new(person, self.why, card);
        asked.until = self.until.map(at);
        asked.on_behalf_of = self.until.map(|_| mona);
        asked.left = self.left;
        asked
    }
}

struct Role {
    actor: Actor,
    matched_by: MatchedBy,
    admin: bool,
    asked: Option<Asking>,
    voter: bool,
    sender: bool,
    operator: bool,
}

impl Role {
    fn new(actor: Actor) -> Self {
        let matched_by = MatchedBy::Identity;
        Self { actor, matched_by, admin: false, asked: None, voter: false, sender: false, operator: false }
    }

    fn of(person: PersonRef) -> Self {
        Self::new(Actor::Person(person))
    }

    fn by_address(self) -> Self {
        Self { matched_by: MatchedBy::Email, ..self }
    }

    fn admin(self) -> Self {
        Self { admin: true, ..self }
    }

    fn asked(self, asking: Asking) -> Self {
        Self { asked: Some(asking), ..self }
    }

    fn voter(self) -> Self {
        Self { voter: true, ..self }
    }

    fn sender(self) -> Self {
        Self { sender: true, ..self }
    }

    fn operator(self) -> Self {
        Self { operator: true, ..self }
    }
}

/// Every combination that there can be: while the holder is asked first, nobody has decided.
fn cases() -> Vec<BTreeSet<&'static str>> {
    let case = |bits: usize| CONDITIONS.into_iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1);
    let all = (0..1 << CONDITIONS.len()).map(|bits| case(bits).map(|(_, name)| name).collect::<BTreeSet<_>>());
    all.filter(|case| case.contains("open") || !case.contains("holder_first")).collect()
}

/// Whom the table means: an address is as good as any identity, unless the policy is strict.
fn listed(name: &str, case: &BTreeSet<&str>) -> String {
    if case.contains("strict") { name.to_owned() } else { name.replace('@', "") }
}

fn answer(scene: &Scene, role: &Role, action: Action, case: &BTreeSet<&str>) -> String {
    let caller = Caller::new(role.actor.clone(), case.contains("reason")).matched_by(role.matched_by);
    let caller = if role.admin { caller.with_admin_token() } else { caller };
    match authorize(&caller, action, &scene.request(role, case), &scene.operators(role), at(NOW)) {
        Ok(relation) => relation.to_string(),
        Err(denial) => format!("denied {denial:?}"),
    }
}

#[test]
fn everybody_may_what_the_table_says_and_nothing_else() {
    let (scene, table) = (Scene::new(), rules(TABLE, 4));
    let (mut answers, mut used, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for (name, role) in &scene.roles() {
        for (action, case) in Action::ALL.iter().flat_map(|action| cases().into_iter().map(move |case| (action, case)))
        {
            let holds = |condition: &str| match condition.strip_prefix('!') {
                Some(condition) => !case.contains(condition),
                None => case.contains(condition),
            };
            let listed = listed(name, &case);
            let rule = table.iter().find(|rule| {
                rule.names(0, &listed) && rule.names(1, action.label()) && rule.cells[2].split_whitespace().all(holds)
            });
            let rule = rule.unwrap_or_else(|| panic!("{name} x {action} is not in the table"));
            let answer = answer(&scene, role, *action, &case);
            if answer != rule.cells[3] {
                wrong.push(format!("{name} x {action} when {case:?}: {answer}, but: {}", rule.line));
            }
            answers += 1;
            used.insert(rule.line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((answers, used.len()), (31 * 8 * 48, table.len()));
}

#[test]
fn the_table_names_callers_and_actions_that_exist() {
    let roles = Scene::new().roles();
    for rule in rules(TABLE, 4) {
        rule.knows(0, &roles.keys().copied().collect());
        rule.knows(1, &Action::ALL.iter().map(|action| action.label()).collect());
        rule.knows(2, &CONDITIONS.into());
    }
}

#[test]
fn an_empty_list_of_operators_means_nobody() {
    let world = World::new();
    let olga = Caller::new(Actor::Person(world.olga), true);
    let request = world.request(Terms::default());
    for action in Action::ALL {
        assert!(authorize(&olga, *action, &request, &BTreeSet::new(), at(NOW)).is_err(), "{action}");
    }
}

#[test]
fn what_the_policy_decided_has_no_decider_who_could_undo_it() {
    let world = World::new();
    let mut request = world.approved();
    request.approval.verdict.as_mut().unwrap().by = Actor::Policy;
    let denied = authorize(&Caller::new(Actor::Policy, true), Action::Undo, &request, &BTreeSet::new(), at(NOW));
    assert_eq!(denied, Err(Denial::NotAsked));
}

#[test]
fn a_sweep_that_a_token_uploaded_denies_no_person() {
    let world = World::new();
    let mut request = world.request(Terms::default());
    request.origin.submitted_by = Actor::Token("sweeper".parse().unwrap());
    let mona = Caller::new(Actor::Person(world.mona), false);
    assert_eq!(authorize(&mona, Action::Approve, &request, &BTreeSet::new(), at(NOW)), Ok(Relation::Approver));
}

/// What the trail says of a denial is what the code and the documents call it.
#[test]
fn a_denial_is_recorded_under_its_own_name() {
    let denials = [
        Denial::Nobody,
        Denial::WeakIdentity,
        Denial::NotAsked,
        Denial::Moved,
        Denial::OwnSeat,
        Denial::HolderInforms,
        Denial::Sender,
        Denial::OwnOffboarding,
        Denial::OwnAsking,
        Denial::NotAssignee,
        Denial::NotOperator,
        Denial::ReasonRequired,
    ];
    for denial in denials {
        let words = denial.label().split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
        assert_eq!(words.collect::<String>(), format!("{denial:?}"));
    }
}
