//! Who may do what. The request: Ana holds the seat, Mona is asked, Sam uploaded the sweep, Olga operates seatgate, and Dora
//! decided before Mona took over.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::authorize::{Action, Caller, Denial, authorize};
use seatgate_core::id::{CardId, PersonRef};
use seatgate_core::person::{Actor, MatchedBy};
use seatgate_core::policy::{HolderRelease, Terms};
use seatgate_core::request::{Asked, Relation, Request, Why};

use crate::table::rules;
use crate::world::{APPROVE, World, at};

/// For each caller and action the rules are read from the top. Conditions: `reason` (they give one), `suffices` (the policy
/// lets a holder's release suffice), `sender_may` (the policy lets senders approve from their sweeps), `strict` (the policy
/// takes no address for who somebody is). `…+admin` brings an administrator's token, `…@` was recognised by an address.
const TABLE: &str = "
# Whoever an address names, where the policy is strict: nothing, whoever they are and whatever token backs them
asked@ holder@ operator@ decider@ outsider@+admin | approve keep undo withdraw stop resolve | strict | denied WeakIdentity

# And where it is not, as if they had been recognised by what cannot change hands
asked@                                      | approve keep undo  |             | approver
asked@                                      | withdraw stop resolve |          | denied NotOperator
holder@                                     | approve            | suffices    | holder
holder@                                     | approve            |             | denied HolderInforms
holder@                                     | keep               |             | denied OwnSeat
holder@                                     | undo               |             | denied NotAsked
holder@                                     | withdraw stop resolve |          | denied NotOperator
operator@                                   | approve keep       | reason      | operator
operator@                                   | approve keep       |             | denied ReasonRequired
operator@ outsider@+admin                   | undo withdraw stop resolve |     | operator
decider@                                    | undo               |             | decider
decider@ outsider@+admin                    | approve keep       |             | denied NotAsked
decider@                                    | withdraw stop resolve |          | denied NotOperator

# Approve: who was asked, an operator with a reason, the holder if the policy says so; nobody from their own sweep
asked asked_holder asked_operator           | approve            |             | approver
holder                                      | approve            | suffices    | holder
holder                                      | approve            |             | denied HolderInforms
operator                                    | approve            | reason      | operator
operator                                    | approve            |             | denied ReasonRequired
operator_holder                             | approve            | reason      | operator
operator_holder                             | approve            | suffices    | holder
operator_holder                             | approve            |             | denied ReasonRequired
sender asked_sender operator_sender sender_holder | approve      | !sender_may | denied Sender
sender                                      | approve            |             | denied NotAsked
asked_sender                                | approve            |             | approver
operator_sender                             | approve            | reason      | operator
operator_sender                             | approve            |             | denied ReasonRequired
sender_holder                               | approve            | suffices    | holder
sender_holder                               | approve            |             | denied HolderInforms
decider outsider outsider+admin             | approve            |             | denied NotAsked

# Keep: the same people, but never the holder, asked or not; the sender may, for a keep removes nothing
asked asked_operator asked_sender           | keep               |             | approver
holder asked_holder operator_holder sender_holder | keep         |             | denied OwnSeat
operator operator_sender                    | keep               | reason      | operator
operator operator_sender                    | keep               |             | denied ReasonRequired
sender decider outsider outsider+admin      | keep               |             | denied NotAsked

# A token, the system and the policy are nobody who decides
token token+admin system policy             | approve keep       |             | denied Nobody

# Undo: the decider, who was asked, an operator
decider                                     | undo               |             | decider
asked asked_holder asked_operator asked_sender | undo            |             | approver
operator operator_holder operator_sender token+admin outsider+admin | undo |   | operator
holder sender sender_holder outsider token system policy | undo  |             | denied NotAsked

# The rest: operators
operator operator_holder operator_sender asked_operator | withdraw stop resolve | | operator
token+admin outsider+admin                  | withdraw stop resolve |          | operator
asked asked_holder asked_sender holder sender sender_holder | withdraw stop resolve | | denied NotOperator
decider outsider token system policy        | withdraw stop resolve |          | denied NotOperator
";

const CONDITIONS: [&str; 4] = ["reason", "suffices", "sender_may", "strict"];

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

    /// The callers, each with what makes them who they are: (actor, brings an admin token, asked, holds, sent, operates).
    fn roles(&self) -> BTreeMap<&'static str, Role> {
        let World { ana, mona, olga, sam, .. } = self.world;
        BTreeMap::from([
            ("asked", Role::of(mona).asked()),
            ("holder", Role::of(ana)),
            ("asked_holder", Role::of(ana).asked()),
            ("operator", Role::of(olga)),
            ("asked_operator", Role::of(olga).asked()),
            ("operator_holder", Role::of(ana).operator()),
            ("sender", Role::of(sam)),
            ("asked_sender", Role::of(sam).asked()),
            ("operator_sender", Role::of(sam).operator()),
            ("sender_holder", Role::of(ana).sender()),
            ("decider", Role::of(self.dora)),
            ("outsider", Role::of(self.stranger)),
            ("outsider+admin", Role::of(self.stranger).admin()),
            ("asked@", Role::of(mona).asked().by_address()),
            ("holder@", Role::of(ana).by_address()),
            ("operator@", Role::of(olga).by_address()),
            ("decider@", Role::of(self.dora).by_address()),
            ("outsider@+admin", Role::of(self.stranger).admin().by_address()),
            ("token", Role::new(Actor::Token("ci".parse().unwrap()))),
            ("token+admin", Role::new(Actor::Token("admin".parse().unwrap())).admin()),
            ("system", Role::new(Actor::worker())),
            ("policy", Role::new(Actor::Policy)),
        ])
    }

    /// The request as `role` finds it, decided by Dora.
    fn request(&self, role: &Role, case: &BTreeSet<&str>) -> Request {
        let release = if case.contains("suffices") { HolderRelease::Suffices } else { HolderRelease::Informs };
        let sender_may_approve = case.contains("sender_may");
        let strict_identity = case.contains("strict");
        let terms = Terms { holder_release: release, sender_may_approve, strict_identity, ..Terms::default() };
        let mut request = self.world.request(terms);
        if role.sender {
            request.origin.submitted_by = role.actor.clone();
        }
        let mut context = self.world.context();
        context.actor = Actor::Person(self.dora);
        request = request.handle(&APPROVE, &context).unwrap().after;
        if let Some(person) = role.actor.person().filter(|_| role.asked) {
            let card = CardId::generate(at(0), &self.world.entropy);
            request.approval.asked.push(Asked::new(person, Why::Fallback, card));
        }
        request
    }

    fn operators(&self, role: &Role) -> BTreeSet<PersonRef> {
        let operator = role.actor.person().filter(|_| role.operator);
        operator.into_iter().chain([self.world.olga]).collect()
    }
}

struct Role {
    actor: Actor,
    matched_by: MatchedBy,
    admin: bool,
    asked: bool,
    sender: bool,
    operator: bool,
}

impl Role {
    fn new(actor: Actor) -> Self {
        let matched_by = MatchedBy::Identity;
        Self { actor, matched_by, admin: false, asked: false, sender: false, operator: false }
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

    fn asked(self) -> Self {
        Self { asked: true, ..self }
    }

    fn sender(self) -> Self {
        Self { sender: true, ..self }
    }

    fn operator(self) -> Self {
        Self { operator: true, ..self }
    }
}

fn cases() -> Vec<BTreeSet<&'static str>> {
    let case = |bits: usize| CONDITIONS.into_iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1);
    (0..1 << CONDITIONS.len()).map(|bits| case(bits).map(|(_, name)| name).collect()).collect()
}

fn answer(scene: &Scene, role: &Role, action: Action, case: &BTreeSet<&str>) -> String {
    let caller = Caller::new(role.actor.clone(), case.contains("reason")).matched_by(role.matched_by);
    let caller = if role.admin { caller.with_admin_token() } else { caller };
    match authorize(&caller, action, &scene.request(role, case), &scene.operators(role)) {
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
            let rule = table.iter().find(|rule| {
                rule.names(0, name) && rule.names(1, action.label()) && rule.cells[2].split_whitespace().all(holds)
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
    assert_eq!((answers, used.len()), (22 * 6 * 16, table.len()));
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
        assert!(authorize(&olga, *action, &request, &BTreeSet::new()).is_err(), "{action}");
    }
}

#[test]
fn what_the_policy_decided_has_no_decider_who_could_undo_it() {
    let world = World::new();
    let mut request = world.approved();
    request.approval.verdict.as_mut().unwrap().by = Actor::Policy;
    let denied = authorize(&Caller::new(Actor::Policy, true), Action::Undo, &request, &BTreeSet::new());
    assert_eq!(denied, Err(Denial::NotAsked));
}

#[test]
fn a_sweep_that_a_token_uploaded_denies_no_person() {
    let world = World::new();
    let mut request = world.request(Terms::default());
    request.origin.submitted_by = Actor::Token("sweeper".parse().unwrap());
    let mona = Caller::new(Actor::Person(world.mona), false);
    assert_eq!(authorize(&mona, Action::Approve, &request, &BTreeSet::new()), Ok(Relation::Approver));
}
