//! Who may do what about an offboarding. Ana leaves, Mona asked for it, Olga was asked whether it may begin, Sam is to do a task
//! of it by hand, and Nora operates seatgate.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::authorize::{
    Action, Caller, Denial, authorize, authorize_done, authorize_offboarding, authorize_operator,
};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{Actor, MatchedBy};
use seatgate_core::policy::Terms;
use seatgate_core::request::{Relation, Request, Task};

use crate::table::rules;
use crate::world::{World, at};

/// For each caller and right the rules are read from the top, and the first that fits counts.
///
/// Callers: `asker` and `asker_before` (an operator still, or no more), `asked` (to decide, but no operator). `…+admin` brings an
/// administrator's token, `…@` was recognised by an address.
///
/// Rights: the actions; `done` (to say that the task is done); `start` an offboarding of Ana, `start_any` (of whom is not known
/// yet); `start_four` and `start_any_four` (the same where four eyes are wanted); and `operate` (what is about no request).
const TABLE: &str = "
# The policy takes no address for who somebody is
operator@ assignee@                 | any                    | denied WeakIdentity

# Never whoever leaves, whatever they are besides; but while it is not known who leaves, nobody knows that it is they
leaver*                             | approve keep undo reassign withdraw stop resolve apply_policy done | denied OwnOffboarding
leaver_operator leaver+admin        | start start_four       | denied OwnOffboarding
leaver_operator leaver+admin        | start_any* operate     | operator

# Two people: whoever asked for it may take it back, and not approve it
asker asker_before                  | approve                | denied OwnAsking
asker operator                      | any                    | operator

# Who is no operator decides nothing, though they were asked; and a token is nobody who decides
token token+admin                   | approve keep           | denied Nobody
asked asker_before assignee outsider outsider+admin | approve keep | denied NotOperator

# A task is for whom it is assigned to
assignee                            | done                   | assignee
outsider+admin token+admin          | done                   | operator
any                                 | done                   | denied NotAssignee

# Four eyes are those of two people: a token could be told from nobody
token+admin                         | start_four start_any_four | denied Nobody

# The rest: operators
outsider+admin token+admin          | any                    | operator
any                                 | any                    | denied NotOperator
";

/// What is asked for beside the actions.
const MORE: [&str; 6] = ["done", "start", "start_any", "start_four", "start_any_four", "operate"];

struct Role {
    caller: Caller,
    operator: bool,
    assignee: bool,
}

impl Role {
    fn of(actor: Actor) -> Self {
        Self { caller: Caller::new(actor, true), operator: false, assignee: false }
    }

    fn person(person: PersonRef) -> Self {
        Self::of(Actor::Person(person))
    }

    fn operator(self) -> Self {
        Self { operator: true, ..self }
    }

    fn assignee(self) -> Self {
        Self { assignee: true, ..self }
    }

    fn admin(self) -> Self {
        Self { caller: self.caller.with_admin_token(), ..self }
    }

    fn by_address(self) -> Self {
        Self { caller: self.caller.matched_by(MatchedBy::Email), ..self }
    }
}

fn roles(world: &World) -> BTreeMap<&'static str, Role> {
    let World { ana, mona, olga, sam, nora, .. } = *world;
    let outsider = PersonRef::generate(at(0), &world.entropy);
    let token = || Role::of(Actor::Token("desk".parse().unwrap()));
    BTreeMap::from([
        ("leaver", Role::person(ana)),
        ("leaver_operator", Role::person(ana).operator()),
        ("leaver_assignee", Role::person(ana).assignee()),
        ("leaver+admin", Role::person(ana).admin()),
        ("asker", Role::person(mona).operator()),
        ("asker_before", Role::person(mona)),
        ("operator", Role::person(nora).operator()),
        ("operator@", Role::person(nora).operator().by_address()),
        ("asked", Role::person(olga)),
        ("assignee", Role::person(sam).assignee()),
        ("assignee@", Role::person(sam).assignee().by_address()),
        ("outsider", Role::person(outsider)),
        ("outsider+admin", Role::person(outsider).admin()),
        ("token", token()),
        ("token+admin", token().admin()),
    ])
}

fn strict() -> Terms {
    Terms { strict_identity: true, ..Terms::default() }
}

/// The offboarding, and its task for Sam or, if `role` is an assignee, for them.
fn leaving(world: &World, role: &Role) -> (Request, Task) {
    let task = world.by_hand("badge", role.caller.actor.person().filter(|_| role.assignee).unwrap_or(world.sam));
    let mut request = world.leaving(vec![task.clone()]);
    request.terms = strict();
    (request, task)
}

fn answer(world: &World, role: &Role, right: &str) -> Result<Relation, Denial> {
    let (request, task) = leaving(world, role);
    let operators: BTreeSet<PersonRef> = role.caller.actor.person().filter(|_| role.operator).into_iter().collect();
    let start = |leaver, four_eyes| authorize_offboarding(&role.caller, leaver, four_eyes, &operators, &strict());
    match right {
        "done" => authorize_done(&role.caller, &task, &request, &operators),
        "start" => start(Some(world.ana), false),
        "start_any" => start(None, false),
        "start_four" => start(Some(world.ana), true),
        "start_any_four" => start(None, true),
        "operate" => authorize_operator(&role.caller, &operators, &strict()),
        action => authorize(&role.caller, action.parse().unwrap(), &request, &operators, at(1)),
    }
}

#[test]
fn everybody_may_what_the_table_says_and_nothing_else() {
    let (world, table) = (World::new(), rules(TABLE, 3));
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for (name, role) in &roles(&world) {
        for right in Action::ALL.iter().map(|action| action.label()).chain(MORE) {
            let rule = table.iter().find(|rule| rule.names(0, name) && rule.names(1, right)).unwrap();
            let answer = match answer(&world, role, right) {
                Ok(relation) => relation.to_string(),
                Err(denial) => format!("denied {denial:?}"),
            };
            if answer != rule.cells[2] {
                wrong.push(format!("{name} x {right}: {answer}, but: {}", rule.line));
            }
            used.insert(rule.line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(used.len(), table.len(), "each rule is of use");
}

#[test]
fn the_table_names_callers_and_rights_that_exist() {
    let (roles, actions) = (roles(&World::new()), Action::ALL.iter().map(|action| action.label()));
    let rights: BTreeSet<&str> = actions.chain(MORE).collect();
    for rule in rules(TABLE, 3) {
        rule.knows(0, &roles.keys().copied().collect());
        rule.knows(1, &rights);
    }
}

/// Nobody leaves a task that nobody is to do by hand to somebody without a name.
#[test]
fn a_task_without_an_assignee_is_for_operators() {
    let world = World::new();
    let token = Caller::new(Actor::Token("desk".parse().unwrap()), true);
    let (request, _) = leaving(&world, &Role::of(Actor::Policy));
    let denied = authorize_done(&token, &world.removal("lock"), &request, &BTreeSet::new());
    assert_eq!(denied, Err(Denial::NotAssignee));
}
