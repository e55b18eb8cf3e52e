//! Who is asked, case by case: what the directory knows, who is asked for it, and the path that explains it.

use std::collections::BTreeMap;

use seatgate_core::id::{CardId, DelegationId, PersonRef};
use seatgate_core::policy::Terms;
use seatgate_core::port::{Delegation, DirectoryEntry, Period};
use seatgate_core::request::{Asked, Request, Why};
use seatgate_core::route::{self, Concerned, Known, Missing, Reach, Routed};

use crate::table::rules;
use crate::world::{World, at};

/// Facts: `ana>mona` (Mona manages Ana, who holds the seat), `says:mona` (the report names Mona as the manager), `mona-left`,
/// `mona-bot`, `mona-away`, `mona=dan` (Dan stands in for Mona), `owner:otto`, `fallback:fay`, `operator:olga`, `quorum:2`, `first:ana` (the holder is
/// asked first).
/// Answers: who is asked, in order; `dan/mona` for Mona. Then what each of them is told of the way that led to them.
const TABLE: &str = "
# The manager: whom the report names, else the directory's
says:mona                                        | mona            |
ana>mona                                         | mona            |
says:mona ana>nora                               | mona            |

# Nobody is known: the owners of the app, else the fallback approvers, else the operators, else nobody
owner:otto fallback:fay operator:olga            | otto            |
owner:otto owner:oda                             | otto oda        |
fallback:fay operator:olga                       | fay             |
operator:olga                                    | olga            |
any                                              |                 |

# The manager has left, is no human, or is away: their own manager, and so on upwards
ana>mona mona>nora mona-left                     | nora            | mona disabled, nora asked
ana>mona mona>nora mona-bot                      | nora            | mona bot, nora asked
ana>mona mona>nora mona-away                     | nora            | mona away, nora asked
ana>mona mona>nora nora>vera mona-left nora-away | vera            | mona disabled, nora away, vera asked
ana>mona mona-left fallback:fay                  | fay             | mona disabled, fay asked
ana>mona mona-left                               |                 |
says:mona mona-left ana>nora                     |                 |
says:mona mona-left operator:olga                | olga            | mona disabled, olga asked

# The managers form a circle, or the holder is on top
ana>mona mona>nora nora>mona mona-left nora-left operator:olga | olga | mona disabled, nora disabled, mona cycle, olga asked
ana>ana fallback:fay                             | ana fay         | ana holder, ana cycle, fay asked
ana>mona mona>ana mona-left operator:olga        | ana olga        | mona disabled, ana asked; mona disabled, ana holder, mona cycle, olga asked

# The manager holds the seat: they may give it up, and somebody else can keep it
says:ana ana>mona                                | ana mona        | ana holder, mona asked
says:ana fallback:fay                            | ana fay         | ana holder, fay asked
says:ana                                         | ana             |

# Somebody stands in: they are asked, for whom they stand in; also through several
ana>mona mona=dan                                | dan/mona        | mona stood_in_for, dan asked
ana>mona mona-away mona=dan                      | dan/mona        | mona stood_in_for, dan asked
ana>mona mona=dan dan=eve                        | eve/mona        | mona stood_in_for, eve asked
ana>mona mona=dan dan-left                       | mona            |
ana>mona mona=dan dan-away                       | mona            |
ana>mona mona=ana                                | mona            |
ana>mona mona=dan dan=mona                       | mona            |
ana>mona mona-away mona=dan dan-left mona>nora   | nora            | mona away, nora asked
ana>mona mona-left mona=dan mona>nora            | nora            | mona disabled, nora asked
owner:otto otto=dan owner:dan                    | dan/otto        | otto stood_in_for, dan asked

# Several must approve: managers upwards until there are enough, then the others
ana>mona mona>nora nora>vera quorum:2            | mona nora       |
ana>mona owner:otto owner:oda quorum:2           | mona otto oda   |
ana>mona owner:mona owner:otto quorum:2          | mona otto       |
ana>mona owner:ana fallback:ana operator:olga quorum:2 | mona olga |
says:ana ana>mona mona>nora quorum:2             | ana mona nora   | ana holder, mona asked; ana holder, nora asked
ana>mona mona>nora mona=dan nora=dan owner:otto quorum:2 | dan/mona otto | mona stood_in_for, dan asked
ana>mona quorum:3                                | mona            |
";

/// What is known | who is asked when a request opens.
const FIRST: &str = "
ana>mona                      | mona
ana>mona first:ana            | ana
ana>mona first:ana ana-away   | mona
ana>mona first:ana ana-left   | mona
ana>mona first:ana ana-bot    | mona
ana>mona first:ana ana=dan    | ana
ana>mona first:ana quorum:2   | ana
mona>nora first:ana ana-away says:mona mona-left | nora
first:ana                     | ana
first:ana ana-away            |
";

const NAMES: [&str; 11] = ["ana", "mona", "nora", "vera", "dan", "eve", "otto", "oda", "fay", "olga", "ivan"];

/// People by name, and what is known of them.
struct Office {
    world: World,
    people: BTreeMap<&'static str, PersonRef>,
    concerned: Concerned,
    known: Known,
}

impl Office {
    /// An office where these facts are so at the time 0, and until 100.
    fn of(facts: &str) -> Self {
        let world = World::new();
        let people = NAMES.map(|name| (name, PersonRef::generate(at(0), &world.entropy)));
        let people: BTreeMap<_, _> = people.into_iter().collect();
        let concerned = Concerned::new(None, Some(people["ana"]), Vec::new()).in_app(Some(World::app()));
        let mut known = Known::default();
        known.learn(people.values().map(|person| DirectoryEntry::unknown(*person)));
        known.owners.insert(World::app(), Vec::new());
        let mut office = Self { world, people, concerned, known };
        facts.split_whitespace().filter(|fact| *fact != "any").for_each(|fact| office.learn(fact));
        office
    }

    fn learn(&mut self, fact: &str) {
        if let Some((person, manager)) = fact.split_once('>') {
            let manager = self.person(manager);
            self.entry(person).manager = Some(manager);
        } else if let Some((person, other)) = fact.split_once('=') {
            let (from, to) = (self.person(person), self.person(other));
            let id = DelegationId::generate(at(0), &self.world.entropy);
            self.entry(person).delegations.push(Delegation::new(id, from, to, until_100()));
        } else if let Some((role, value)) = fact.split_once(':') {
            match role {
                "says" => self.concerned.manager = Some(self.person(value)),
                "owner" => {
                    let person = self.person(value);
                    self.known.owners.get_mut(&World::app()).unwrap().push(person);
                }
                "fallback" => self.concerned.fallbacks.push(self.person(value)),
                "operator" => self.known.operators.push(self.person(value)),
                "first" => self.concerned.holder_first = self.concerned.holder == Some(self.person(value)),
                _ => self.concerned.quorum = value.parse().unwrap(),
            }
        } else {
            match fact.split_once('-').unwrap() {
                (person, "left") => self.entry(person).disabled = true,
                (person, "bot") => self.entry(person).bot = true,
                (person, "away") => self.entry(person).absences.push(until_100()),
                _ => panic!("{fact}"),
            }
        }
    }

    fn person(&self, name: &str) -> PersonRef {
        self.people[name]
    }

    fn entry(&mut self, name: &str) -> &mut DirectoryEntry {
        let person = self.person(name);
        self.known.entries.get_mut(&person).unwrap()
    }

    fn name(&self, person: PersonRef) -> &'static str {
        self.people.iter().find(|(_, other)| **other == person).unwrap().0
    }

    fn names(&self, route: &[Routed]) -> String {
        let name = |routed: &Routed| match routed.on_behalf_of {
            Some(other) => format!("{}/{}", self.name(routed.person), self.name(other)),
            None => self.name(routed.person).to_owned(),
        };
        route.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn paths(&self, route: &[Routed]) -> String {
        let path = |routed: &Routed| {
            let steps = routed.path.iter().map(|step| format!("{} {}", self.name(step.person), step.turn));
            steps.collect::<Vec<_>>().join(", ")
        };
        route.iter().map(path).filter(|path| !path.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// A request that asks these people, each in their own right but for `dan/mona`.
    fn asking(&self, names: &[&str]) -> Request {
        let card = || CardId::generate(at(0), &self.world.entropy);
        let asked = |name: &&str| match name.split_once('/') {
            Some((person, other)) => {
                let mut asked = Asked::new(self.person(person), Why::Delegate, card());
                asked.on_behalf_of = Some(self.person(other));
                asked
            }
            None => Asked::new(self.person(name), Why::Manager, card()),
        };
        let mut request = self.world.request(Terms::default());
        request.approval.asked = names.iter().map(asked).collect();
        request.approval.manager = self.concerned.manager;
        request.approval.fallbacks.clone_from(&self.concerned.fallbacks);
        if let seatgate_core::request::Subject::Seat(seat) = &mut request.subject {
            seat.holder = self.concerned.holder;
        }
        request
    }
}

fn until_100() -> Period {
    Period::new(at(0), Some(at(100)))
}

#[test]
fn everybody_is_asked_whom_the_table_says() {
    let mut wrong = Vec::new();
    for rule in rules(TABLE, 3) {
        let office = Office::of(rule.cells[0]);
        let route = route::approvers(&office.concerned, &office.known, at(50));
        let found = (office.names(&route), office.paths(&route));
        let asked = rule.cells[1].split_whitespace().collect::<Vec<_>>().join(" ");
        if found != (asked, rule.cells[2].to_owned()) {
            wrong.push(format!("{found:?}, but: {}", rule.line));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_holder_is_asked_first_where_the_terms_say_so_and_they_can_be() {
    for rule in rules(FIRST, 2) {
        let office = Office::of(rule.cells[0]);
        let route = route::first_asked(&office.concerned, &office.known, at(50));
        assert_eq!(office.names(&route), rule.cells[1], "{}", rule.line);
    }
    let office = Office::of("ana>mona");
    let terms = Terms { ask_holder_first: true, quorum: 3, ..Terms::default() };
    let concerned = office.concerned.under(&terms);
    assert_eq!((concerned.holder_first, concerned.quorum), (true, 3));
}

#[test]
fn what_has_ended_or_not_begun_counts_for_nothing() {
    let office = Office::of("ana>mona mona=dan mona-away mona>nora");
    for (now, asked) in [(-1, "mona"), (0, "dan/mona"), (99, "dan/mona"), (100, "mona")] {
        let route = route::approvers(&office.concerned, &office.known, at(now));
        assert_eq!(office.names(&route), asked, "at {now}");
    }
    assert_eq!(office.known.next_change(at(-1)), Some(at(0)));
    assert_eq!(office.known.next_change(at(0)), Some(at(100)));
    assert_eq!(office.known.next_change(at(100)), None);
    let route = route::approvers(&office.concerned, &office.known, at(50));
    assert_eq!(route[0].until, Some(at(100)), "it says when it ends");
}

/// Already asked | what is known | whom an escalation asks beside them.
const ESCALATIONS: &str = "
mona            | ana>mona mona>nora nora>vera fallback:fay operator:olga  | nora
mona nora       | ana>mona mona>nora nora>vera fallback:fay operator:olga  | vera
mona nora vera  | ana>mona mona>nora nora>vera fallback:fay operator:olga  | fay
mona            | says:mona owner:otto owner:oda fallback:fay              | otto oda
mona fay        | says:mona fallback:fay operator:olga                     | olga
mona fay olga   | says:mona fallback:fay operator:olga                     |
mona            | ana>mona mona>nora nora-left nora>vera                   | vera
mona            | ana>mona mona>nora nora=dan                              | dan/nora
dan/mona        | ana>mona mona=dan mona>nora                              | nora
mona            | ana>mona mona>ana fallback:fay                           | ana
mona            | ana>mona mona>nora nora>mona operator:olga               | nora
mona nora       | ana>mona mona>nora nora>mona operator:olga               | olga
any             | operator:olga                                            | olga
";

#[test]
fn an_escalation_asks_the_next_who_were_not_asked() {
    for rule in rules(ESCALATIONS, 3) {
        let office = Office::of(rule.cells[1]);
        let asked: Vec<&str> = rule.cells[0].split_whitespace().filter(|name| *name != "any").collect();
        let route = route::escalation(&office.asking(&asked), &office.known, at(50));
        assert_eq!(office.names(&route), rule.cells[2], "{}", rule.line);
    }
}

/// Asked | what is known | how they are reached now.
const REACHES: &str = "
mona       | ana>mona                       | same
mona       | ana>mona mona=dan              | dan/mona
mona       | ana>mona mona-away             | same
mona       | ana>mona mona-left             | gone
mona       | ana>mona mona-bot              | gone
mona       | ana>mona mona=dan dan-left     | same
mona       | ana>mona mona=ana              | same
dan/mona   | ana>mona mona=dan              | same
dan/mona   | ana>mona                       | mona
dan/mona   | ana>mona mona-away             | mona
dan/mona   | ana>mona mona=eve              | eve/mona
dan/mona   | ana>mona mona=dan dan-left     | mona
dan/mona   | ana>mona mona=dan mona-left    | gone
mona dan   | ana>mona mona=dan              | same
";

#[test]
fn who_is_asked_stays_moves_or_goes() {
    for rule in rules(REACHES, 3) {
        let office = Office::of(rule.cells[1]);
        let request = office.asking(&rule.cells[0].split_whitespace().collect::<Vec<_>>());
        let found = match route::reach(&request, &request.approval.asked[0], &office.known, at(50)) {
            Reach::Same => "same".to_owned(),
            Reach::Gone => "gone".to_owned(),
            Reach::Through(routed) => office.names(&[routed]),
        };
        assert_eq!(found, rule.cells[2], "{}", rule.line);
    }
}

/// To whom it is handed | what is known | who is asked.
const HANDED: &str = "
ivan  | any                  | ivan
ivan  | ivan=dan             | dan/ivan
ivan  | ivan-left            |
ivan  | ivan-bot             |
ivan  | ivan-away            |
ivan  | ivan=ana             | ivan
ana   | any                  |
";

#[test]
fn it_is_handed_only_to_somebody_who_can_be_asked_and_does_not_hold_the_seat() {
    for rule in rules(HANDED, 3) {
        let office = Office::of(rule.cells[1]);
        let routed = route::handed_to(office.person(rule.cells[0]), &office.concerned, &office.known, at(50));
        assert_eq!(office.names(&routed.into_iter().collect::<Vec<_>>()), rule.cells[2], "{}", rule.line);
    }
}

/// A directory is asked for a few people at a time, and only for those who matter.
#[test]
fn what_is_missing_is_asked_for_until_the_answer_is_the_one_of_somebody_who_knows_everything() {
    for rule in rules(TABLE, 3).into_iter().chain(rules(FIRST, 2)) {
        let office = Office::of(rule.cells[0]);
        let mut known = Known::new(office.known.operators.iter().copied());
        let mut rounds = 0;
        loop {
            let Missing { people, owners, .. } = route::missing(&office.concerned, &[], None, &known, at(50));
            if people.is_empty() && owners.is_empty() {
                break;
            }
            rounds += 1;
            assert!(rounds < 10, "{}", rule.line);
            known.learn(people.iter().map(|person| office.known.entries[person].clone()));
            known.owners.extend(owners.into_iter().map(|app| (app.clone(), office.known.owners[&app].clone())));
        }
        let [few, all] = [&known, &office.known].map(|known| route::first_asked(&office.concerned, known, at(50)));
        assert_eq!(few, all, "{}", rule.line);
    }
}

#[test]
fn a_circle_of_any_length_comes_to_an_end() {
    let mut office = Office::of("ana>mona operator:olga");
    let ring: Vec<PersonRef> = (0..50).map(|_| PersonRef::generate(at(0), &office.world.entropy)).collect();
    for (index, person) in ring.iter().enumerate() {
        let mut entry = DirectoryEntry::unknown(*person);
        (entry.manager, entry.disabled) = (Some(ring[(index + 1) % ring.len()]), true);
        office.known.learn([entry]);
    }
    let mona = office.entry("mona");
    (mona.manager, mona.disabled) = (Some(ring[0]), true);
    let route = route::approvers(&office.concerned, &office.known, at(50));
    assert_eq!(office.names(&route), "olga");
}
