//! One of each thing that is ever shown.

use seatgate_core::agenda::News;
use seatgate_core::id::{CardId, PersonRef, RequestId};
use seatgate_core::message::{Content, DecisionLine, Message, Recipient, Row, StateTally, SweepStanding};
use seatgate_core::money::{Money, Totals};
use seatgate_core::person::PersonDetails;
use seatgate_core::policy::{HolderRelease, KeepReason, OnExpiry};
use seatgate_core::port::RowStatus;
use seatgate_core::request::{Decision, Outcome, StateLabel, Why};
use seatgate_core::schedule::Outlook;
use seatgate_core::seat::Activity;
use seatgate_core::time::Timestamp;
use seatgate_slack::card::{
    Addressee, KeepAsk, KeepProblem, NeedAsk, Notice, Reasons, ReassignAsk, ReassignProblem, Rendered, Renderer,
};
use serde_json::{Value, json};

use super::{offboarding, routed};

/// A sample, as Slack's method takes it.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) body: Value,
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn request(number: u32) -> RequestId {
    format!("req_{number:032x}").parse().unwrap()
}

pub(super) fn card() -> CardId {
    "crd_00000000000000000000000000000001".parse().unwrap()
}

pub(super) fn money(amount: &str, currency: &str) -> Money {
    Money::parse(amount, currency.parse().unwrap()).unwrap()
}

/// A seat that somebody is asked about.
pub(super) fn open(number: u32, app: &str, account: &str) -> Row {
    let mut row = Row::new(request(number), app, account, StateLabel::AwaitingDecision);
    row.entitlement = "pro".to_owned();
    row.activity = Some((Activity::LastAt(at("2026-06-01T00:00:00Z")), at("2026-11-20T06:00:00Z")));
    row.monthly_cost = Some(money("45.00", "USD"));
    row.why = Some(Why::Manager);
    row.until = Some(at("2026-12-04T06:00:00Z"));
    row
}

pub(super) fn figma() -> Row {
    open(1, "Figma", "Ana Ruiz")
}

pub(super) fn decided(mut row: Row, decision: Decision, state: StateLabel, outcome: Option<Outcome>) -> Row {
    let mut line = DecisionLine::new(decision, "Mona Li".to_owned(), at("2026-11-21T09:30:00Z"));
    if decision == Decision::Keep {
        line.reason = Some("Back from leave in spring".to_owned());
        line.keep_until = Some(at("2027-04-01T00:00:00Z"));
    }
    (row.state, row.outcome, row.decision, row.until) = (state, outcome, Some(line), None);
    row
}

fn ended(row: Row, decision: Decision, outcome: Outcome) -> Row {
    decided(row, decision, StateLabel::Closed, Some(outcome))
}

pub(super) fn asking(rows: Vec<Row>, page: u32) -> Message {
    let mona =
        PersonDetails::new("prs_00000000000000000000000000000001".parse::<PersonRef>().unwrap(), None, Vec::new());
    Message::new(Recipient::Person(mona), Content::Card { card: card(), rows, page })
}

pub(super) fn telling(content: Content) -> Message {
    Message::new(Recipient::Channel("C0SWEEP".parse().unwrap()), content)
}

pub(super) fn body(rendered: Rendered) -> Value {
    json!({ "channel": "C1", "text": rendered.text, "blocks": rendered.blocks })
}

fn in_grace() -> Row {
    let mut row = decided(figma(), Decision::Approve, StateLabel::InGrace, None);
    row.until = Some(at("2026-11-22T09:30:00Z"));
    row
}

fn doubtful() -> Row {
    let mut row = decided(figma(), Decision::Approve, StateLabel::NeedsAttention, None);
    row.may_have_happened = true;
    row
}

fn never_used() -> Row {
    let mut row = figma();
    row.activity = Some((Activity::NeverUsed, at("2026-11-20T06:00:00Z")));
    (row.entitlement, row.monthly_cost, row.reversible, row.why, row.test) =
        (String::new(), None, true, Some(Why::Fallback), true);
    row
}

/// A card about several seats of three apps, in every state that rows are found in.
pub(super) fn several() -> Vec<Row> {
    let zoom = |number, account| {
        let mut row = open(number, "Zoom", account);
        (row.monthly_cost, row.entitlement, row.reversible) = (Some(money("16.00", "EUR")), String::new(), true);
        row
    };
    let mut idle = open(6, "Linear", "Eve Moor");
    idle.activity = Some((Activity::LastAt(at("2026-11-19T05:00:00Z")), at("2026-11-20T06:00:00Z")));
    idle.why = Some(Why::Operator);
    let mut closed = zoom(5, "dora@example.com");
    (closed.state, closed.outcome) = (StateLabel::Closed, Some(Outcome::Expired));
    vec![
        figma(),
        zoom(2, "Ben Okafor"),
        ended(open(3, "Figma", "Cy Twombly"), Decision::Keep, Outcome::Kept),
        decided(zoom(4, "Dan Brown"), Decision::Approve, StateLabel::Executing, None),
        closed,
        idle,
    ]
}

/// Names that would be more than names, if they could.
pub(super) fn hostile() -> Row {
    let account = format!("<https://evil.example|Login> {}{}", "👩‍👩‍👧".repeat(300), "x".repeat(5_000));
    let mut row = open(9, "<!channel>\nMona said yes\r\n\u{202e}evomer עומר", &account);
    row.entitlement = "<@U2> &lt;x&gt; pro".to_owned();
    row
}

fn many() -> Vec<Row> {
    (1..=40).map(|n| open(n, ["Figma", "Zoom", "Linear"][n as usize % 3], &format!("person-{n}@example.com"))).collect()
}

fn standing() -> SweepStanding {
    let mut sweep =
        SweepStanding::new("swp_00000000000000000000000000000001".parse().unwrap(), card(), at("2026-11-20T06:00:00Z"));
    let counts = (7..).zip(RowStatus::ALL);
    sweep.rows = counts.map(|(count, status)| (*status, count)).collect();
    let costs = |amount: &str| [money(amount, "USD"), money("16.00", "EUR")].into_iter().collect::<Totals>();
    sweep.standings = vec![
        StateTally::new(StateLabel::AwaitingDecision, None, 4, costs("180.00")),
        StateTally::new(StateLabel::NeedsAttention, None, 1, Totals::default()),
        StateTally::new(StateLabel::Closed, Some(Outcome::Reclaimed), 2, costs("90.00")),
        StateTally::new(StateLabel::Closed, Some(Outcome::Kept), 1, costs("45.00")),
    ];
    sweep
}

fn every_standing() -> SweepStanding {
    let mut sweep = standing();
    sweep.test = true;
    let state = |state: &StateLabel| StateTally::new(*state, None, 2, Totals::default());
    let outcome = |outcome: &Outcome| StateTally::new(StateLabel::Closed, Some(*outcome), 1, Totals::default());
    sweep.standings = StateLabel::ALL.iter().map(state).chain(Outcome::ALL.iter().map(outcome)).collect();
    sweep
}

/// Every ending, and every state before it.
pub(super) fn endings() -> Vec<Row> {
    let ending = |(number, outcome): (u32, &Outcome)| {
        let decision = if *outcome == Outcome::Kept { Decision::Keep } else { Decision::Approve };
        ended(open(number, "Figma", "Ana Ruiz"), decision, *outcome)
    };
    let mut rows: Vec<Row> = (1..).zip(Outcome::ALL).map(ending).collect();
    rows[5].may_have_happened = true;
    let mut filing = decided(figma(), Decision::Keep, StateLabel::NeedsAttention, None);
    (filing.request, filing.may_have_happened) = (request(20), true);
    let mut bare = ended(open(21, "Zoom", "Ben"), Decision::Keep, Outcome::Kept);
    bare.decision.as_mut().unwrap().keep_until = None;
    rows.extend([filing, bare]);
    let state =
        |(number, state): (u32, &StateLabel)| decided(open(number, "Zoom", "Ben"), Decision::Approve, *state, None);
    rows.extend((30..).zip(StateLabel::ALL).skip(1).map(state));
    rows
}

fn cards(renderer: &Renderer) -> Vec<Sample> {
    let direct = |message: &Message| body(renderer.message(message, &Addressee::Direct));
    let mention = Addressee::Channel { mention: Some("U1".parse().unwrap()) };
    let channel = Addressee::Channel { mention: None };
    let mut again = asking(vec![figma()], 0);
    again.repeated = true;
    let told = |content| body(renderer.message(&telling(content), &channel));
    let one = |row| direct(&asking(vec![row], 0));
    vec![
        Sample { name: "ask", body: one(figma()) },
        Sample { name: "ask-test", body: one(never_used()) },
        Sample { name: "ask-in-channel-again", body: body(renderer.message(&again, &mention)) },
        Sample { name: "ask-hostile", body: one(hostile()) },
        Sample { name: "grace", body: one(in_grace()) },
        Sample { name: "attention", body: one(doubtful()) },
        Sample { name: "decided", body: one(ended(figma(), Decision::Keep, Outcome::Kept)) },
        Sample { name: "reclaimed", body: one(ended(figma(), Decision::Approve, Outcome::Reclaimed)) },
        Sample { name: "digest", body: direct(&asking(several(), 0)) },
        Sample { name: "digest-over", body: direct(&asking(endings().into_iter().take(4).collect(), 0)) },
        Sample { name: "digest-page", body: direct(&asking(many(), 1)) },
        Sample { name: "sweep", body: told(Content::Sweep(Box::new(standing()))) },
        Sample { name: "sweep-test", body: told(Content::Sweep(Box::new(every_standing()))) },
        Sample { name: "report", body: told(Content::Report(endings())) },
        Sample { name: "ask-holder", body: one(routed::holder(HolderRelease::Informs)) },
        Sample { name: "ask-holder-suffices", body: one(routed::holder(HolderRelease::Suffices)) },
        Sample { name: "holder-answered", body: one(routed::answered()) },
        Sample { name: "ask-after-detours", body: one(routed::detour()) },
        Sample { name: "ask-handed-on", body: one(routed::handed_on()) },
        Sample { name: "voted", body: one(routed::voted()) },
        Sample { name: "moved", body: one(routed::moved(&["Ben Okafor"])) },
        Sample { name: "digest-routed", body: direct(&asking(routed::all(), 0)) },
    ]
}

fn notes(renderer: &Renderer) -> Vec<Sample> {
    let direct = |message: &Message| body(renderer.message(message, &Addressee::Direct));
    let mut again = routed::noting(News::Overruled, vec![ended(figma(), Decision::Keep, Outcome::Kept)]);
    again.repeated = true;
    let used = || vec![routed::used_again()];
    let mention = Addressee::Channel { mention: Some("U1".parse().unwrap()) };
    let absent = Addressee::Channel { mention: None };
    let changed = routed::noting(News::Standing, vec![doubtful()]);
    vec![
        Sample { name: "note-reminder", body: direct(&routed::noting(News::Reminder, many())) },
        Sample { name: "note-overruled-again", body: direct(&again) },
        Sample {
            name: "note-used-again-in-channel",
            body: body(renderer.message(&routed::noting(News::UsedAgain, used()), &mention)),
        },
        Sample { name: "note-to-absent", body: body(renderer.message(&changed, &absent)) },
    ]
}

fn others(renderer: &Renderer) -> Vec<Sample> {
    let dates = |rows, reason| {
        let ask = KeepAsk::new(rows, reason, "1:req_00000000000000000000000000000001");
        let (first, last) = (at("2026-11-22T00:00:00Z"), at("2027-11-21T23:59:59Z"));
        renderer.keep_modal(&ask.within(first, at("2027-02-20T00:00:00Z"), last))
    };
    let decided: Vec<Row> = endings().into_iter().take(3).collect();
    let waiting: Vec<Row> = several().into_iter().take(2).collect();
    vec![
        Sample { name: "keep", body: dates(vec![figma()], KeepReason::Required) },
        Sample { name: "keep-many", body: dates(many(), KeepReason::Optional) },
        Sample { name: "keep-without-reason", body: dates(vec![figma()], KeepReason::Off) },
        Sample {
            name: "need",
            body: renderer.need_modal(&NeedAsk::new(routed::holder(HolderRelease::Informs), KeepReason::Required, "x")),
        },
        Sample { name: "reassign", body: renderer.reassign_modal(&ReassignAsk::new(figma(), "x")) },
        Sample { name: "home", body: renderer.home(&waiting, &decided, 3) },
        Sample { name: "home-empty", body: renderer.home(&[], &[], 0) },
        Sample { name: "list", body: body(renderer.list(&waiting, &decided, 1)) },
        Sample { name: "help", body: body(renderer.help("/seatgate")) },
    ]
}

/// Every card, modal and answer with blocks.
pub(super) fn samples(renderer: &Renderer) -> Vec<Sample> {
    let all = cards(renderer).into_iter().chain(notes(renderer)).chain(others(renderer));
    all.chain(offboarding::samples(renderer)).collect()
}

/// Every short answer.
pub(super) fn answers(renderer: &Renderer) -> Vec<String> {
    let line = |decision| decided(figma(), decision, StateLabel::Closed, None).decision.unwrap();
    let answered = |decision| Notice::Answered { decision, recorded: 2, refused: 1 };
    let latest = at("2027-11-21T23:59:59Z");
    let notices = [
        Notice::AlreadyDecided(Box::new(line(Decision::Approve))),
        Notice::AlreadyDecided(Box::new(line(Decision::Keep))),
        Notice::Decided,
        Notice::NotAsked,
        Notice::Moved,
        Notice::AlreadyVoted,
        Notice::UsedAgain,
        Notice::AlreadyAsked,
        Notice::CannotBeAsked,
        Notice::HandedOn { to: vec!["Ben Okafor".to_owned(), "<!here>".to_owned()] },
        Notice::HandedOn { to: Vec::new() },
        Notice::OwnSeat,
        Notice::HolderInforms,
        Notice::Sender,
        Notice::NotOperator,
        Notice::ReasonRequired,
        Notice::Nobody,
        Notice::WeakIdentity,
        Notice::NoOffboarding,
        Notice::Outsider,
        Notice::Closed,
        Notice::NothingToUndo,
        Notice::TooLate,
        Notice::Stopping,
        Notice::KeepEndsInPast,
        Notice::KeepTooLong { latest: None },
        Notice::KeepTooLong { latest: Some(latest) },
        Notice::Superseded,
        Notice::Unknown,
        Notice::TryAgain,
        Notice::ClickAgain,
        Notice::Off,
        Notice::NotNow,
        Notice::Undone,
        answered(Decision::Approve),
        answered(Decision::Keep),
    ];
    let problems = [
        KeepProblem::ReasonRequired,
        KeepProblem::ReasonTooLong,
        KeepProblem::NoDate,
        KeepProblem::EndsInPast,
        KeepProblem::TooLong { latest },
        KeepProblem::Refused(Notice::NotAsked),
    ];
    let errors = problems.iter().map(|problem| {
        let (block, text) = renderer.keep_error(problem);
        format!("{block}: {text}")
    });
    let offboarding = offboarding::notices();
    let said = notices.iter().chain(&offboarding).map(|notice| renderer.say(notice));
    said.chain(errors).chain(routed_errors(renderer)).chain(reasons(renderer)).collect()
}

fn routed_errors(renderer: &Renderer) -> Vec<String> {
    let problems = [
        ReassignProblem::NobodyChosen,
        ReassignProblem::NoteRequired,
        ReassignProblem::NoteTooLong,
        ReassignProblem::Refused(Notice::CannotBeAsked),
    ];
    let required = &KeepProblem::ReasonRequired;
    let others = [renderer.need_error(required), renderer.answer_error(required)];
    let all = problems.iter().map(|problem| renderer.reassign_error(problem)).chain(others);
    all.map(|(block, text)| format!("{block}: {text}")).collect()
}

/// Why somebody is asked: an approver by each policy, a holder, and somebody who is asked no more.
fn reasons(renderer: &Renderer) -> Vec<String> {
    let mut outlook = Outlook::default();
    outlook.reminders = vec![at("2026-11-22T06:00:00Z"), at("2026-11-24T06:00:00Z")];
    outlook.escalates_at = Some(at("2026-11-25T06:00:00Z"));
    outlook.ends_at = Some(at("2026-12-04T06:00:00Z"));
    let why = |row, on_expiry| renderer.why(&Reasons::new(row, "1a2b<3c>", outlook.clone(), on_expiry));
    let policies = OnExpiry::ALL.iter().map(|policy| why(routed::detour(), *policy));
    let holder = why(routed::holder(HolderRelease::Informs), OnExpiry::Keep);
    policies.chain([holder, why(routed::moved(&["Ben Okafor"]), OnExpiry::Keep)]).collect()
}
