//! Offboardings: how a run goes, what a second operator is asked, and the modals.

use seatgate_core::agenda::News;
use seatgate_core::id::TaskId;
use seatgate_core::message::{Content, DecisionLine, OffboardingLine, OffboardingStanding, Row, StopLine, TaskLine};
use seatgate_core::person::PersonDetails;
use seatgate_core::request::{Decision, Outcome, PauseReason, RemovalKind, StateLabel, TaskStatus, Why};
use seatgate_slack::card::{Addressee, AnswerAsk, AnswerKind, Notice, OffboardAsk, OffboardTask, Renderer};
use serde_json::Value;

use super::judges::refusal;
use super::samples::{Sample, asking, at, body, card, open, request, telling};

fn task(number: u32, name: &str, status: TaskStatus) -> TaskLine {
    let mut line = TaskLine::new(format!("tsk_{number:032x}").parse::<TaskId>().unwrap(), name, status);
    line.changed_at = Some(at("2026-11-20T06:05:00Z"));
    line
}

fn paused(number: u32, name: &str, why: PauseReason, may_have_happened: bool) -> TaskLine {
    let mut line = task(number, name, TaskStatus::Paused);
    (line.pause, line.may_have_happened) = (Some((1, why)), may_have_happened);
    line.detail = Some("Their token expired".to_owned());
    line
}

fn by_hand(number: u32, status: TaskStatus) -> TaskLine {
    let mut line = task(number, "wipe-laptop", status);
    let ben = "prs_00000000000000000000000000000002".parse().unwrap();
    line.assignee = Some(PersonDetails::new(ben, Some("Ben Okafor".to_owned()), Vec::new()));
    line
}

fn run(state: StateLabel, tasks: Vec<TaskLine>) -> OffboardingStanding {
    let mut run = OffboardingStanding::new(request(1), card(), "Ana Ruiz", "leaver");
    (run.state, run.tasks) = (state, tasks);
    run.asked_by = "Mona Li".to_owned();
    run.reason = Some("She moves to Lisbon".to_owned());
    run.decision = Some(DecisionLine::new(Decision::Approve, "Cy Twombly".to_owned(), at("2026-11-20T06:01:00Z")));
    run
}

fn running() -> OffboardingStanding {
    let tasks = vec![
        task(1, "lock-okta", TaskStatus::Done),
        paused(2, "revoke-figma", PauseReason::Rejected, false),
        paused(3, "github", PauseReason::Unknown, true),
        by_hand(4, TaskStatus::Ready),
        task(5, "vpn", TaskStatus::InFlight),
        task(6, "jira", TaskStatus::Waiting),
    ];
    run(StateLabel::NeedsAttention, tasks)
}

const PAUSES: [PauseReason; 9] = [
    PauseReason::Rejected,
    PauseReason::GaveUp,
    PauseReason::Unknown,
    PauseReason::StillHeld,
    PauseReason::Excepted,
    PauseReason::UsedAgain,
    PauseReason::Erased,
    PauseReason::NoTarget,
    PauseReason::Incomplete,
];

fn every_pause() -> OffboardingStanding {
    let pause = |(number, why): (u32, &PauseReason)| paused(number, "revoke-figma", *why, number % 2 == 0);
    let mut tasks: Vec<TaskLine> = (1..).zip(&PAUSES).map(pause).collect();
    tasks.extend((20..).zip(TaskStatus::ALL).map(|(number, status)| task(number, "vpn", *status)));
    let mut run = run(StateLabel::NeedsAttention, tasks);
    (run.test, run.may_have_happened) = (true, true);
    run
}

fn over() -> OffboardingStanding {
    let mut skipped = task(2, "revoke-figma", TaskStatus::Skipped);
    skipped.reason = Some("The plan is full".to_owned());
    let mut doubtful = task(4, "github", TaskStatus::Cancelled);
    doubtful.may_have_happened = true;
    let tasks = vec![
        task(1, "lock-okta", TaskStatus::Done),
        skipped,
        task(3, "vpn", TaskStatus::Skipped),
        doubtful,
        by_hand(5, TaskStatus::Cancelled),
    ];
    let mut run = run(StateLabel::Closed, tasks);
    run.outcome = Some(Outcome::PartlyReclaimed);
    run
}

fn stopped() -> OffboardingStanding {
    let mut run = over();
    run.outcome = Some(Outcome::Stopped);
    run.stopped = Some(StopLine::new("Mona Li", Some("She stays".to_owned())));
    run
}

/// One of each thing that can come of a task.
fn told_tasks() -> OffboardingStanding {
    let mut tasks = vec![];
    for (number, removal) in (1..).zip([
        RemovalKind::Removed,
        RemovalKind::AlreadyAbsent,
        RemovalKind::StillBilled,
        RemovalKind::Scheduled { effective_at: at("2026-12-01T00:00:00Z") },
    ]) {
        let mut line = task(number, "lock-okta", TaskStatus::Done);
        (line.attempts, line.removal) = (number, Some(removal));
        line.receipt = (number == 1).then(|| "Their token expired".to_owned());
        tasks.push(line);
    }
    let mut done = by_hand(5, TaskStatus::Done);
    (done.ended_by, done.receipt) = (Some("Ben Okafor".to_owned()), Some("She moves to Lisbon".to_owned()));
    let mut skipped = task(6, "revoke-figma", TaskStatus::Skipped);
    (skipped.ended_by, skipped.reason) = (Some("Mona Li".to_owned()), Some("The plan is full".to_owned()));
    let mut passed = task(7, "vpn", TaskStatus::Skipped);
    passed.reason = Some("The plan is full".to_owned());
    let mut cancelled = task(8, "github", TaskStatus::Cancelled);
    (cancelled.may_have_happened, cancelled.attempts) = (true, 2);
    tasks.extend([done, skipped, passed, cancelled, paused(9, "github", PauseReason::Unknown, true)]);
    run(StateLabel::NeedsAttention, tasks)
}

fn one_errand(line: TaskLine) -> OffboardingStanding {
    let over = line.status != TaskStatus::Ready;
    let mut run = if over { stopped() } else { running() };
    (run.tasks, run.reason) = (vec![line], None);
    run.stopped.iter_mut().for_each(|stop| stop.reason = None);
    run
}

/// More tasks, more of them paused, and longer names than any message holds.
fn long() -> OffboardingStanding {
    let name = |number: u32| format!("{number} {}", "long".repeat(15));
    let line = |number: u32| match number % 3 {
        0 => task(number, &name(number), TaskStatus::Done),
        1 => paused(number, &name(number), PauseReason::GaveUp, true),
        _ => task(number, &name(number), TaskStatus::Waiting),
    };
    run(StateLabel::NeedsAttention, (1..=150).map(line).collect())
}

fn second() -> Row {
    let mut row = open(1, "Offboarding", "Ana Ruiz");
    (row.entitlement, row.activity, row.monthly_cost, row.why) = (String::new(), None, None, Some(Why::FourEyes));
    let mut line = OffboardingLine::new("leaver", "Mona Li");
    line.reason = Some("She moves to Lisbon".to_owned());
    line.tasks = ["lock-okta", "revoke-figma"].map(str::to_owned).to_vec();
    row.offboarding = Some(Box::new(line));
    row
}

fn declined() -> Row {
    let mut row = second();
    (row.state, row.outcome, row.until) = (StateLabel::Closed, Some(Outcome::Kept), None);
    row.decision = Some(DecisionLine::new(Decision::Keep, "Cy Twombly".to_owned(), at("2026-11-20T06:01:00Z")));
    row
}

fn plan() -> OffboardAsk {
    let mut tasks = ["lock-okta", "revoke-figma", "wipe-laptop"].map(OffboardTask::new);
    (tasks[0].reversible, tasks[1].optional) = (true, true);
    tasks[2].assignee = Some("Ben Okafor".to_owned());
    let mut ask = OffboardAsk::new("Ana Ruiz", "leaver", tasks.to_vec(), "x");
    ask.reason = Some("She moves to Lisbon".to_owned());
    ask
}

fn long_plan() -> OffboardAsk {
    let task = |number: usize| {
        let mut task = OffboardTask::new(format!("vpn {number}"));
        task.optional = true;
        task
    };
    let mut ask = OffboardAsk::new("Ana Ruiz", "leaver", (1..=25).map(task).collect(), "x");
    (ask.four_eyes, ask.test) = (true, true);
    ask
}

/// One of each thing that is shown.
pub(super) fn samples(renderer: &Renderer) -> Vec<Sample> {
    let told = |run| {
        let message = telling(Content::Offboarding(Box::new(run)));
        body(renderer.message(&message, &Addressee::Channel { mention: None }))
    };
    let news = |news, run| {
        let message = telling(Content::Progress { news, run: Box::new(run) });
        body(renderer.message(&message, &Addressee::Channel { mention: None }))
    };
    let errand = |line| {
        let content = Content::Errand(Box::new(one_errand(line)));
        body(renderer.message(&telling(content), &Addressee::Direct))
    };
    let why = |kind, about: &str| renderer.answer_modal(&AnswerAsk::new(kind, about, "x"));
    let one = |row| body(renderer.message(&asking(vec![row], 0), &Addressee::Direct));
    vec![
        Sample { name: "offboarding", body: told(running()) },
        Sample { name: "offboarding-test", body: told(every_pause()) },
        Sample { name: "offboarding-over", body: told(over()) },
        Sample { name: "ask-four-eyes", body: one(second()) },
        Sample { name: "four-eyes-declined", body: one(declined()) },
        Sample { name: "offboard", body: renderer.offboard_modal(&plan()) },
        Sample { name: "offboard-long", body: renderer.offboard_modal(&long_plan()) },
        Sample { name: "offboarding-stopped", body: told(stopped()) },
        Sample { name: "progress", body: news(News::Task, told_tasks()) },
        Sample { name: "progress-over", body: news(News::Standing, stopped()) },
        Sample { name: "errand", body: errand(by_hand(4, TaskStatus::Ready)) },
        Sample { name: "errand-over", body: errand(by_hand(4, TaskStatus::Cancelled)) },
        Sample { name: "errand-reminder", body: news(News::Reminder, one_errand(by_hand(4, TaskStatus::Ready))) },
        Sample { name: "skip", body: why(AnswerKind::Skip, "revoke-figma") },
        Sample { name: "confirm", body: why(AnswerKind::Confirm, "revoke-figma") },
        Sample { name: "done", body: why(AnswerKind::Done, "wipe-laptop") },
        Sample { name: "stop", body: why(AnswerKind::Stop, "Ana Ruiz") },
        Sample { name: "decline", body: why(AnswerKind::Decline, "Ana Ruiz") },
    ]
}

/// Every short answer about them.
pub(super) fn notices() -> Vec<Notice> {
    let decided = |decision| {
        let line = DecisionLine::new(decision, "Mona Li".to_owned(), at("2026-11-21T09:30:00Z"));
        Notice::OffboardingDecided(Box::new(line))
    };
    let playbooks = || vec!["leaver".to_owned()];
    vec![
        decided(Decision::Approve),
        decided(Decision::Keep),
        Notice::OwnOffboarding,
        Notice::OwnAsking,
        Notice::NotAssignee,
        Notice::TaskMovedOn,
        Notice::NothingToConfirm,
        Notice::NothingToStop,
        Notice::AlreadyLeaving,
        Notice::NoPlaybook { playbooks: playbooks() },
        Notice::WhichPlaybook { playbooks: playbooks() },
        Notice::PlaybookChanged,
        Notice::NothingLeft,
        Notice::NoSuchPerson,
        Notice::OffboardUsage { command: "/offboard".to_owned() },
        Notice::OffboardBegun,
        Notice::OffboardWaits,
    ]
}

/// The ids of everything that can be pressed.
fn pressed(run: OffboardingStanding) -> Vec<String> {
    let message = telling(Content::Offboarding(Box::new(run)));
    let drawn = body(Renderer::default().message(&message, &Addressee::Channel { mention: None }));
    let blocks = drawn["blocks"].as_array().unwrap().iter();
    let elements = blocks.flat_map(|block| block["elements"].as_array().into_iter().flatten());
    elements.filter_map(|element| element["action_id"].as_str()).map(str::to_owned).collect()
}

#[test]
fn only_what_waits_for_somebody_has_buttons() {
    let task = |number: u32| format!("tsk_{number:032x}");
    let (figma, github, laptop) = (task(2), task(3), task(4));
    let expected = [
        format!("retry/{figma}"),
        format!("skip/{figma}"),
        format!("retry/{github}"),
        format!("skip/{github}"),
        format!("confirm/{github}"),
        format!("done/{laptop}"),
        format!("stop/{}", request(1)),
    ];
    assert_eq!(pressed(running()), expected);
    assert_eq!(pressed(over()), [""; 0]);
    let mut stopping = running();
    stopping.state = StateLabel::Stopping;
    assert_eq!(pressed(stopping), expected[..6], "what is under way still needs an answer");
    let waiting = run(StateLabel::AwaitingDecision, vec![super::offboarding::task(1, "vpn", TaskStatus::Waiting)]);
    assert_eq!(pressed(waiting), [""; 0], "nothing runs that could be stopped");
}

#[test]
fn only_what_somebody_can_still_do_by_hand_has_a_button() {
    let pressed = |run| {
        let drawn = Renderer::default().message(&telling(Content::Errand(Box::new(run))), &Addressee::Direct);
        drawn.blocks.iter().filter(|block| block["type"] == "actions").count()
    };
    assert_eq!(pressed(one_errand(by_hand(4, TaskStatus::Ready))), 1);
    for status in TaskStatus::ALL.iter().filter(|status| **status != TaskStatus::Ready) {
        assert_eq!(pressed(one_errand(by_hand(4, *status))), 0, "{status}");
    }
    let mut over = one_errand(by_hand(4, TaskStatus::Ready));
    over.outcome = Some(Outcome::Stopped);
    assert_eq!(pressed(over), 0);
}

#[test]
fn what_is_told_of_tasks_at_once_fits_whatever_was_said_of_them() {
    let long = "long ".repeat(400);
    let line = |number: u32| {
        let mut line = paused(number, &long, PauseReason::Incomplete, true);
        (line.detail, line.attempts) = (Some(long.clone()), u32::MAX);
        line
    };
    let run = run(StateLabel::NeedsAttention, (1..=4).map(line).collect());
    let message = telling(Content::Progress { news: News::Task, run: Box::new(run) });
    let drawn = body(Renderer::default().message(&message, &Addressee::Channel { mention: None }));
    assert_eq!(refusal(&drawn), None);
    assert_eq!(drawn["text"].as_str().unwrap().matches("Attempts").count(), 4, "nothing is cut off: {drawn}");
}

#[test]
fn a_plan_of_any_length_fits_into_a_message_and_keeps_its_buttons() {
    let message = telling(Content::Offboarding(Box::new(long())));
    let drawn = body(Renderer::default().message(&message, &Addressee::Channel { mention: None }));
    assert_eq!(refusal(&drawn), None);
    let text = drawn["text"].as_str().unwrap();
    assert!(text.contains("more wait: they show here") && text.contains("And "), "{text}");
    let pressed = pressed(long());
    assert!(pressed.len() >= 4 && pressed.last() == Some(&format!("stop/{}", request(1))), "{pressed:?}");
    let cut = |value: &Value| value.to_string().contains('…');
    assert!(!cut(&drawn["text"]), "what does not fit is counted, not cut: {text}");
}
