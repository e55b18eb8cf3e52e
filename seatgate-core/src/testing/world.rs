#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test kit, and the texts in here are constants")]

use std::collections::BTreeMap;

use serde_json::json;

use crate::agenda::{Fence, Item};
use crate::card::Card;
use crate::id::{AccountId, CardId, ChangeId, ExceptionId, InstanceId, PersonRef, RequestId, SweepId, TaskId, TextId};
use crate::person::{Actor, Surface, Text};
use crate::policy::{Mode, Terms};
use crate::port::{Change, SeatChange, SeededEntropy};
use crate::request::{
    Asked, Command, Context, Event, Fact, Offboarding, Opening, Origin, Relation, Request, Subject, Task, TaskAction,
    Why,
};
use crate::seat::{Activity, App, Candidate, CandidateDraft, Entitlement, Evidence, Seat};
use crate::time::Timestamp;
use crate::trail::{Chain, EntryDraft, Stream};

/// Samples of everything, with ids that differ from each other and from those of another seed.
#[derive(Debug)]
pub struct World {
    /// Where ids and salts come from.
    pub entropy: SeededEntropy,
    /// When it is.
    pub now: Timestamp,
}

macro_rules! new_ids {
    ($($name:ident: $id:ident;)*) => {
        /// New ids.
        impl World {$(
            #[doc = concat!("A new [`", stringify!($id), "`].")]
            #[must_use]
            pub fn $name(&self) -> $id {
                $id::generate(self.now, &self.entropy)
            }
        )*}
    };
}

new_ids! {
    account_id: AccountId;
    card_id: CardId;
    change_id: ChangeId;
    exception_id: ExceptionId;
    instance_id: InstanceId;
    person_ref: PersonRef;
    request_id: RequestId;
    sweep_id: SweepId;
    task_id: TaskId;
    text_id: TextId;
}

impl World {
    /// The world of `seed`, on the morning of 20 November 2026.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let now = "2026-11-20T06:00:00Z".parse().expect("a timestamp");
        Self { entropy: SeededEntropy::new(seed), now }
    }

    /// An app.
    #[must_use]
    pub fn app(&self) -> App {
        App::new("figma".parse().expect("an app"), Some("Figma".to_owned()))
    }

    /// A dormant seat of Ana Ruiz, whose manager is Mona Li, as a sweep reports it.
    #[must_use]
    pub fn candidate(&self) -> Candidate {
        let draft: CandidateDraft = serde_json::from_value(json!({
            "app": {"id": "figma", "name": "Figma"},
            "account": {"id": "00u1", "email": "ana@example.com", "name": "Ana Ruiz"},
            "entitlement": "pro",
            "manager": {"email": "mona@example.com", "name": "Mona Li"},
            "last_activity_at": "2026-06-01T00:00:00Z",
            "monthly_cost": {"amount": "45.00", "currency": "USD"},
            "requesting_channel": "C0SWEEP",
        }))
        .expect("a draft");
        draft.parse().expect("a candidate")
    }

    /// The seat that `account` has in [`Self::app`].
    #[must_use]
    pub fn seat(&self, account: AccountId) -> Seat {
        Seat::new(self.app(), account, Entitlement::default(), None)
    }

    /// A text about (or by) somebody.
    #[must_use]
    pub fn text(&self, body: &str, about: impl IntoIterator<Item = PersonRef>) -> Text {
        Text::new(body, about, self.now, &self.entropy)
    }

    /// A chain of nobody else's: one of denied attempts at a server.
    #[must_use]
    pub fn new_chain(&self) -> Chain {
        Chain::empty(Stream::Access(self.instance_id()))
    }

    /// A change that appends one entry to `chain`, which moves on, and does nothing else.
    #[must_use]
    pub fn change(&self, chain: &mut Chain) -> Change {
        let draft = EntryDraft::new(self.now, "denied", Actor::worker(), Surface::Library, json!({}));
        let mut change = Change::new(self.change_id(), chain);
        change.entries.push(chain.append(change.id, draft).expect("a canonical form"));
        change
    }

    /// A request about `seat`, asking one approver.
    #[must_use]
    pub fn request(&self, seat: Seat, asked: PersonRef) -> (Request, Fact) {
        let received = self.text("{}", seat.holder).reference;
        let evidence = Evidence::new(Activity::NeverUsed, self.now, None, received);
        let origin = Origin::new(self.sweep_id(), 0, Actor::worker());
        let terms = Terms::default();
        let opening = Opening::new(Subject::Seat(seat), origin, Mode::Live, "0".repeat(16), terms)
            .with_evidence(evidence)
            .asking(vec![Asked::new(asked, Why::Manager, self.card_id())]);
        let event = Event::Opened(Box::new(opening.clone()));
        let fact = Fact::new(self.now, Actor::worker(), None, Surface::Webhook, event);
        (Request::open(self.request_id(), self.now, opening), fact)
    }

    /// The change that opens the offboarding of `person`, and decides it at once: a plan of these tasks, one after the
    /// other.
    #[must_use]
    pub fn offboarding_change(&self, person: PersonRef, tasks: &[&str]) -> Change {
        let request = self.offboarding(person, tasks);
        let mut change = self.change(&mut Chain::empty(Stream::Request(request.id)));
        change.seat = Some(SeatChange::TakePerson { person });
        change.request = Some(request);
        change
    }

    fn offboarding(&self, person: PersonRef, names: &[&str]) -> Request {
        let mut tasks: Vec<Task> = Vec::new();
        for name in names {
            let (target, parameters) = ("idp".to_owned(), BTreeMap::new());
            let mut task =
                Task::new(self.task_id(), *name, TaskAction::Call { target, app: self.app().id, parameters });
            task.needs = tasks.last().map(|before| before.id).into_iter().collect();
            tasks.push(task);
        }
        let origin = Origin::offboarding(Actor::Person(self.person_ref()));
        let opening = Opening::new(Subject::Person(person), origin, Mode::Live, "0".repeat(16), Terms::default())
            .offboarding(Offboarding::new("leaver", false, None), tasks);
        let opened = Request::open(self.request_id(), self.now, opening);
        let context = Context::new(self.now, &self.entropy, Actor::Person(self.person_ref()), Surface::Library);
        let approve = Command::Approve { reason: None };
        opened.handle(&approve, &context.by_right_of(Relation::Operator)).expect("an offboarding that can begin").after
    }

    /// The change that opens a request about `seat`, read at `generation`, and asks one approver on a card.
    #[must_use]
    pub fn opened_change(&self, seat: &Seat, generation: u64, asked: PersonRef) -> Change {
        let (request, fact) = self.request(seat.clone(), asked);
        let mut chain = Chain::empty(Stream::Request(request.id));
        let mut change = Change::new(self.change_id(), &chain);
        change.entries.push(chain.record(change.id, &fact).expect("a canonical form"));
        let card = |asked: &Asked| Card::asking(asked.card, asked.person, vec![request.id]);
        change.cards = request.approval.asked.iter().map(card).collect();
        change.seat = Some(SeatChange::Take { seat: seat.clone(), generation });
        change.request = Some(request);
        change
    }

    /// What becomes of `request` when the one it asks sends `command`.
    #[must_use]
    pub fn answered(&self, request: &Request, command: &Command) -> Request {
        let approver = Actor::Person(request.approval.asked.first().expect("somebody is asked").person);
        let mut context = Context::new(self.now, &self.entropy, approver, Surface::Library);
        context.relation = Some(Relation::Approver);
        request.handle(command, &context).expect("an answer to an open request").after
    }

    /// A fence that no store has given.
    #[must_use]
    pub fn stale_fence(&self) -> Fence {
        Fence { item: Item::Wake(self.request_id()), token: 1 }
    }
}
