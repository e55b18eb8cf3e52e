//! The real core, asked. Whatever it answers to the same question about the same request is remembered: the histories of a
//! world come by the same few questions again and again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use seatgate_core::agenda::{AgendaChange, Item, changes};
use seatgate_core::authorize::{Action as Right, Caller, authorize};
use seatgate_core::id::PersonRef;
use seatgate_core::person::Surface;
use seatgate_core::request::{Command, CommandKind, Context, Event, Fact, ProbeFinding, Relation, Request, Transition};
use seatgate_core::schedule::next_wake;

use super::mutants::Mutant;
use super::scene::{Names, Scene, Who, Wish, day, delivered, no_chance, target_facts};
use super::state::{Case, Report};

/// What the core can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// This person wants this, and saw this pause.
    Wish(Who, Wish, Option<u32>),
    Wake {
        /// Whether an older request turned out to be about the same seat.
        seat_lost: bool,
    },
    Begin,
    Report(Report),
    Verify(ProbeFinding),
}

impl Question {
    fn command(self, request: &Request, names: &Names) -> Option<Command> {
        Some(match self {
            Self::Wish(_, wish, pause) => wish.command(request, pause, names)?,
            Self::Wake { .. } => Command::Wake,
            Self::Begin => Command::Begin { task: request.plan.tasks.first()?.id },
            Self::Report(report) => report.command(request.plan.tasks.first()?),
            Self::Verify(finding) => Command::Verify { finding },
        })
    }
}

/// What the core, or what is in its place, makes of a command.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) command: CommandKind,
    /// What is to be recorded, each with the state after it.
    pub(crate) facts: Vec<(Fact, Arc<Case>)>,
    pub(crate) after: Arc<Case>,
    pub(crate) agenda: Vec<AgendaChange>,
}

type Answers = HashMap<(u64, u8, Question), Option<Arc<Judged>>>;

/// The core, with a mistake around it or without.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) names: Names,
    scene: Scene,
    mutant: Option<Mutant>,
    operators: BTreeSet<PersonRef>,
    answers: Mutex<Answers>,
}

impl Judge {
    pub(crate) fn new(scene: &Scene, mutant: Option<Mutant>) -> Self {
        let names = Names::new();
        let operators = BTreeSet::from([names.person(Who::Olga)]);
        Self { names, scene: scene.clone(), mutant, operators, answers: Mutex::default() }
    }

    /// What comes of the question on this day; nothing, if whoever asks may not, or is refused.
    pub(crate) fn ask(&self, case: &Arc<Case>, today: u8, question: Question) -> Option<Arc<Judged>> {
        let key = (case.digest, today, question);
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers().get(&key) {
            return known.clone();
        }
        let answer = self.judge(case, today, question).map(Arc::new);
        answers().insert(key, answer.clone());
        answer
    }

    fn judge(&self, case: &Arc<Case>, today: u8, question: Question) -> Option<Judged> {
        let request = &case.request;
        let command = question.command(request, &self.names)?;
        let entropy = no_chance(request);
        assert_eq!(is_a_persons(command.kind()), matches!(question, Question::Wish(..)), "{command:?}");
        let context = match question {
            // The look is taken where the approval itself would be kept.
            Question::Wish(who, Wish::ApproveUsed, _) => {
                self.judge(case, today, Question::Wish(who, Wish::Approve, None))?;
                Context::worker(day(today), &entropy)
            }
            Question::Wish(who, ..) => {
                let relation = self.relation(who, request, &command, today)?;
                let context = Context::new(day(today), &entropy, self.names.actor(who), Surface::Inbox);
                context.by_right_of(relation)
            }
            _ => Context::worker(day(today), &entropy),
        };
        let mut context = context.delivered_at(delivered(request)).with_target(target_facts(self.scene.target));
        context.known = self.scene.known(&self.names, today);
        context.seat_lost = question == Question::Wake { seat_lost: true };
        let (facts, after) = self.handle(request, command.clone(), context)?;
        let mut agenda = changes(Some(request), &after, delivered(request), "*", day(today), &entropy);
        if after.approval.asked.len() > request.approval.asked.len() {
            agenda.extend(self.arrival(&after));
        }
        let after = Case::new(after);
        Some(Judged { command: command.kind(), facts: self.folded(request, facts), after, agenda })
    }

    /// The cards of those who are asked now arrive, and wake the request when something is due.
    fn arrival(&self, request: &Request) -> Option<AgendaChange> {
        let due = next_wake(request, delivered(request))?;
        Some(AgendaChange::Schedule { item: Item::Wake(request.id), due, lane: None, gated: false })
    }

    fn relation(&self, who: Who, request: &Request, command: &Command, today: u8) -> Option<Relation> {
        let caller = Caller::new(self.names.actor(who), true);
        let shown = self.mutant.and_then(|mutant| mutant.misread(request));
        let request = shown.as_ref().unwrap_or(request);
        let granted = authorize(&caller, Right::of(command)?, request, &self.operators, day(today));
        let lets_pass = self.mutant.is_some_and(|mutant| mutant.lets_pass(command));
        granted.ok().or(lets_pass.then_some(Relation::Approver))
    }

    fn handle(&self, request: &Request, command: Command, context: Context<'_>) -> Option<(Vec<Fact>, Request)> {
        let Some(mutant) = self.mutant else {
            let Transition { facts, after, .. } = request.handle(&command, &context).ok()?;
            return Some((facts, after));
        };
        let (mut shown, mut command, mut context) = (request.clone(), command, context);
        mutant.mislead(&mut shown, &mut command, &mut context);
        let mut facts = shown.handle(&command, &context).ok()?.facts;
        let mut after = request.clone();
        for fact in &mut facts {
            self.fold(&mut after, fact);
            // The core would say so of the state that it has.
            if let Event::Closed { may_have_happened, .. } = &mut fact.event {
                *may_have_happened = after.plan.may_have_happened();
            }
        }
        Some((facts, after))
    }

    fn folded(&self, request: &Request, facts: Vec<Fact>) -> Vec<(Fact, Arc<Case>)> {
        let mut state = request.clone();
        let fold = |fact: Fact| {
            self.fold(&mut state, &fact);
            (fact, Case::new(state.clone()))
        };
        facts.into_iter().map(fold).collect()
    }

    /// The real fold, and what a mistake makes of it.
    pub(crate) fn fold(&self, request: &mut Request, fact: &Fact) {
        let before = self.mutant.map(|mutant| (mutant, request.clone()));
        request.apply(fact);
        if let Some((mutant, before)) = before {
            mutant.misfold(request, fact, &before);
        }
    }
}

/// Whether a person gives such a command; else a worker does. A new command does not compile before it has its place in the
/// model: here, among the questions, and in a scene.
fn is_a_persons(kind: CommandKind) -> bool {
    match kind {
        CommandKind::Approve
        | CommandKind::Keep
        | CommandKind::Undo
        | CommandKind::Withdraw
        | CommandKind::Reassign
        | CommandKind::ApplyPolicy
        // What an approval becomes, if the target says that the seat was used again.
        | CommandKind::ComeBack
        | CommandKind::Stop
        | CommandKind::Resolve => true,
        CommandKind::Wake
        | CommandKind::Begin
        | CommandKind::Settle
        | CommandKind::LoseLease
        | CommandKind::Probed
        | CommandKind::Observe
        | CommandKind::Block
        | CommandKind::Verify => false,
    }
}
