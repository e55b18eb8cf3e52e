//! What a notifier is asked to show: typed content, joined with names at the last moment.

mod offboarding;
mod sweep;

use crate::agenda::News;
use crate::id::{CardId, RequestId};
use crate::money::Money;
use crate::person::PersonDetails;
use crate::policy::HolderRelease;
use crate::port::Posted;
use crate::request::{Decision, Outcome, StateLabel, Why, WithdrawReason};
use crate::route::Turn;
use crate::seat::{Activity, Channel};
use crate::time::Timestamp;

pub use offboarding::{OffboardingLine, OffboardingStanding, StopLine, TaskLine, offboarding_line};
pub use sweep::{StateTally, SweepStanding};

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipient {
    /// One person.
    Person(PersonDetails),
    /// A channel.
    Channel(Channel),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Who is told.
    pub to: Recipient,
    /// What.
    pub content: Content,
    /// Whether a copy may already be there: say so, do not look like news.
    pub repeated: bool,
    /// The message that this one belongs under, where the notifier knows threads.
    pub thread: Option<Posted>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Asks one approver about seats; live while any row is.
    Card {
        /// Which card.
        card: CardId,
        /// What it shows.
        rows: Vec<Row>,
        /// Which page of them is turned up, from 0, where a notifier cannot show all at once.
        page: u32,
    },
    /// Tells how requests stand or ended, each for the first time.
    Report(Vec<Row>),
    /// Tells somebody who is asked what their card alone would not: belongs under it.
    Note {
        /// What.
        news: News,
        /// About which requests.
        rows: Vec<Row>,
    },
    /// Tells how a sweep goes.
    Sweep(Box<SweepStanding>),
    /// Tells how an offboarding goes.
    Offboarding(Box<OffboardingStanding>),
    /// Tells what is new in an offboarding: belongs under the message that shows how it goes, or that asks for a task.
    Progress {
        /// What: how some tasks went, that the offboarding is over, or that a task is waited for.
        news: News,
        /// The offboarding, with the tasks that it is about.
        run: Box<OffboardingStanding>,
    },
    /// Asks somebody to do a task of an offboarding by hand, the only one in it; live while they can.
    Errand(Box<OffboardingStanding>),
}

/// One request, ready to be shown. Holds personal data: never log it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Which request.
    pub request: RequestId,
    /// Whether it is only a test: nothing will be done.
    pub test: bool,
    /// The app's name.
    pub app: String,
    /// The account's name, address or id.
    pub account: String,
    /// The kind of licence.
    pub entitlement: String,
    /// When it was last used, and when that was observed.
    pub activity: Option<(Activity, Timestamp)>,
    /// What it costs a month.
    pub monthly_cost: Option<Money>,
    /// Why the recipient was asked.
    pub why: Option<Why>,
    /// Who was met on the way to the recipient, they themselves last; empty where there was no detour.
    pub path: Vec<PathLine>,
    /// Whether the recipient can still answer.
    pub standing: Standing,
    /// Whether a removal can be undone at the target.
    pub reversible: bool,
    /// How it stands.
    pub state: StateLabel,
    /// Until when it stands so, if nobody acts: the time to answer, or the grace period.
    pub until: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it was withdrawn, if it was.
    pub withdrawn: Option<WithdrawReason>,
    /// Whether something may have happened although it is not done.
    pub may_have_happened: bool,
    /// What it is worth when the holder gives it up.
    pub holder_release: HolderRelease,
    /// What the holder said, where they were asked first.
    pub holder_said: Option<HolderLine>,
    /// Who handed it to the recipient, and why, if somebody did.
    pub handed_on: Option<HandedOnLine>,
    /// Who has approved so far, and when, where the policy wants several.
    pub votes: Vec<(String, Timestamp)>,
    /// How many must approve.
    pub quorum: u32,
    /// What was decided, by whom, when, why, and until when the seat is kept.
    pub decision: Option<DecisionLine>,
    /// What it is about where a whole person leaves, and no single seat.
    pub offboarding: Option<Box<OffboardingLine>>,
}

/// Whether the recipient of a row can still answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// They are asked, or nobody in particular is addressed.
    Asked,
    /// Their approval is in; others' are missing.
    Voted,
    /// Others are asked in their place.
    Moved {
        /// Who.
        to: Vec<String>,
    },
}

/// Somebody who was met on the way to whoever is asked, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathLine {
    /// Who.
    pub name: String,
    /// In what role.
    pub role: Why,
    /// What became of them.
    pub turn: Turn,
}

impl PathLine {
    /// Somebody who was met.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Why, turn: Turn) -> Self {
        Self { name: name.into(), role, turn }
    }

    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let role = match self.role {
            Why::Holder => "the holder",
            Why::Manager => "the manager",
            Why::NextManager => "the next manager above",
            Why::Delegate => "the stand-in",
            Why::Owner => "an owner of the app",
            Why::FourEyes => "a second operator",
            Why::Fallback => "a fallback approver",
            Why::Operator => "an operator",
            Why::Reassigned => "whom it was handed to",
        };
        let turn = match self.turn {
            Turn::Asked => "is asked",
            Turn::StoodInFor => "has a stand-in",
            Turn::Away => "is away",
            Turn::Disabled => "has left",
            Turn::Bot => "is no human",
            Turn::Holder => "holds the seat",
            Turn::Cycle => "was met before",
        };
        format!("{}, {role}, {turn}.", one_line(&self.name))
    }
}

/// What a holder said who was asked first, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HolderLine {
    /// *Keep*: they still need it. *Approve*: they release it.
    pub answer: Decision,
    /// Why.
    pub reason: Option<String>,
}

impl HolderLine {
    /// What a holder said.
    #[must_use]
    pub fn new(answer: Decision, reason: Option<String>) -> Self {
        Self { answer, reason }
    }

    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let said = match self.answer {
            Decision::Keep => "The holder still needs it",
            Decision::Approve => "The holder releases it",
        };
        let reason = self.reason.as_ref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
        format!("{said}{reason}.")
    }
}

/// Who handed it on, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandedOnLine {
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
}

impl HandedOnLine {
    /// It was handed on by `by`.
    #[must_use]
    pub fn new(by: impl Into<String>, note: Option<String>) -> Self {
        Self { by: by.into(), note }
    }

    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let note = self.note.as_ref().map(|note| format!(": {}", one_line(note))).unwrap_or_default();
        format!("Handed on by {}{note}.", one_line(&self.by))
    }
}

/// A decision, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecisionLine {
    /// What.
    pub decision: Decision,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// Until when the seat is kept.
    pub keep_until: Option<Timestamp>,
}

impl DecisionLine {
    /// A decision by `by`.
    #[must_use]
    pub fn new(decision: Decision, by: String, at: Timestamp) -> Self {
        Self { decision, by, at, reason: None, keep_until: None }
    }
}

impl Message {
    /// A message to `to`.
    #[must_use]
    pub fn new(to: Recipient, content: Content) -> Self {
        Self { to, content, repeated: false, thread: None }
    }

    /// Which card it is, if it is one.
    #[must_use]
    pub fn card(&self) -> Option<CardId> {
        match &self.content {
            Content::Card { card, .. } => Some(*card),
            Content::Sweep(standing) => Some(standing.card),
            Content::Offboarding(standing) | Content::Errand(standing) => Some(standing.card),
            Content::Report(_) | Content::Note { .. } | Content::Progress { .. } => None,
        }
    }

    /// Everything it says as plain text, which every renderer can fall back on.
    ///
    /// One line a fact; line breaks and control characters in outside texts are replaced by spaces, so that nothing can
    /// pose as another line.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let (rows, asks) = match &self.content {
            Content::Card { rows, .. } => (rows, true),
            Content::Report(rows) => (rows, false),
            Content::Note { news, rows } => return note_text(*news, rows),
            Content::Sweep(standing) => return standing.plain_text(),
            Content::Offboarding(standing) | Content::Errand(standing) => return standing.plain_text(),
            Content::Progress { news, run } => return format!("{}\n\n{}", note_line(*news), run.plain_text()),
        };
        rows.iter().map(|row| row.plain_text(asks)).collect::<Vec<_>>().join("\n\n")
    }
}

impl Row {
    /// A request about this account in this app that stands so, and of which nothing else is known.
    #[must_use]
    pub fn new(request: RequestId, app: impl Into<String>, account: impl Into<String>, state: StateLabel) -> Self {
        Self {
            request,
            test: false,
            app: app.into(),
            account: account.into(),
            entitlement: String::new(),
            activity: None,
            monthly_cost: None,
            why: None,
            path: Vec::new(),
            standing: Standing::Asked,
            reversible: false,
            state,
            until: None,
            outcome: None,
            withdrawn: None,
            may_have_happened: false,
            holder_release: HolderRelease::Informs,
            holder_said: None,
            handed_on: None,
            votes: Vec::new(),
            quorum: 1,
            decision: None,
            offboarding: None,
        }
    }

    /// Whether whoever sees it can still answer.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == StateLabel::AwaitingDecision && self.standing == Standing::Asked
    }

    /// Whether it asks the holder, whose word comes first and decides nothing by itself.
    #[must_use]
    pub fn asks_holder(&self) -> bool {
        self.why == Some(Why::Holder)
    }

    /// How it stands, as a sentence.
    #[must_use]
    pub fn status_line(&self) -> String {
        let line = match (self.state, self.outcome) {
            (_, Some(Outcome::Withdrawn)) if self.withdrawn == Some(WithdrawReason::UsedAgain) => {
                "Withdrawn: the seat was used again; nothing was done."
            }
            (_, Some(outcome)) => outcome_line(outcome),
            (StateLabel::AwaitingDecision, None) => return self.waiting_line(),
            (StateLabel::InGrace, None) => "Removal approved; it can still be undone.",
            (StateLabel::Executing, None) => "Removal approved; removing the seat.",
            (StateLabel::Keeping, None) => "Keeping the seat; filing the exception.",
            (StateLabel::Stopping, None) => "Stopping.",
            (StateLabel::NeedsAttention, None) => "Needs attention: the last step did not succeed.",
            (StateLabel::Closed, None) => "Closed.",
        };
        let keeps = self.decision.as_ref().is_some_and(|decision| decision.decision == Decision::Keep);
        let warning = match (self.may_have_happened, keeps) {
            (false, _) => "",
            (true, false) => " The removal may have happened all the same.",
            (true, true) => " The exception may be filed all the same.",
        };
        format!("{line}{warning}")
    }

    fn waiting_line(&self) -> String {
        let votes = self.votes.len();
        match &self.standing {
            Standing::Moved { to } if to.is_empty() => "Somebody else is asked now.".to_owned(),
            Standing::Moved { to } => {
                let names: Vec<String> = to.iter().map(|name| one_line(name)).collect();
                format!("Now asked in your place: {}.", names.join(", "))
            }
            Standing::Voted => format!("Your approval is in; {votes} of {} so far.", self.quorum),
            Standing::Asked if votes > 0 => {
                format!("Waiting for an answer; {votes} of {} approvals are in.", self.quorum)
            }
            Standing::Asked => "Waiting for an answer.".to_owned(),
        }
    }

    /// What an answer brings about.
    fn effect_line(&self) -> String {
        let undo = if self.reversible { "can be undone at the target" } else { "cannot be undone" };
        match (self.asks_holder(), self.holder_release) {
            (false, _) => format!("Approving removes the seat, which {undo}."),
            (true, HolderRelease::Suffices) => format!("Releasing it removes the seat, which {undo}."),
            (true, HolderRelease::Informs) => "Whatever you answer, the approver hears of it and decides.".to_owned(),
        }
    }

    fn plain_text(&self, asks: bool) -> String {
        let mut lines = Vec::new();
        if self.test {
            lines.push("TEST: nothing will be removed.".to_owned());
        }
        let kind = if self.entitlement.is_empty() { String::new() } else { format!(" ({})", self.entitlement) };
        lines.push(format!("{}{kind}: {}", one_line(&self.app), one_line(&self.account)));
        lines.extend(self.activity.map(|(activity, observed)| activity_line(activity, observed)));
        lines.extend(self.monthly_cost.as_ref().map(|cost| format!("Costs {cost} a month.")));
        if asks {
            lines.extend(self.why.map(|why| format!("You are asked because {}.", why.explanation())));
            lines.extend(self.handed_on.as_ref().map(HandedOnLine::sentence));
            lines.extend(self.path.iter().map(PathLine::sentence));
            lines.push(self.effect_line());
        }
        lines.extend(self.holder_said.as_ref().map(HolderLine::sentence));
        lines.push(self.status_line());
        lines.extend(self.decision.as_ref().map(DecisionLine::plain_text));
        lines.join("\n")
    }
}

impl DecisionLine {
    fn plain_text(&self) -> String {
        let what = match self.decision {
            Decision::Approve => "Removal approved",
            Decision::Keep => "Kept",
        };
        let until = self.keep_until.map(|until| format!(" until {}", until.last_date())).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
        format!("{what}{until} by {} at {}{reason}", one_line(&self.by), self.at)
    }
}

fn note_text(news: News, rows: &[Row]) -> String {
    let rows = rows.iter().map(|row| row.plain_text(false)).collect::<Vec<_>>().join("\n\n");
    format!("{}\n\n{rows}", note_line(news))
}

/// The first line of a note.
#[must_use]
pub fn note_line(news: News) -> &'static str {
    match news {
        News::Standing => "This has changed:",
        News::Reminder => "Your answer is still waited for:",
        News::Overruled => "An operator has decided in your place:",
        News::UsedAgain => "The seat was used again, so this is over:",
        News::Task => "This is new in an offboarding:",
    }
}

fn activity_line(activity: Activity, observed: Timestamp) -> String {
    match activity {
        Activity::NeverUsed => format!("Never used, as of {}.", observed.date()),
        Activity::LastAt(at) => {
            let days = observed.since(at).as_secs() / 86_400;
            format!("Last used on {} ({days} days idle, as of {}).", at.date(), observed.date())
        }
    }
}

fn outcome_line(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reclaimed => "The seat is reclaimed.",
        Outcome::PartlyReclaimed => "The seat is partly reclaimed.",
        Outcome::Kept => "The seat is kept.",
        Outcome::Expired => "Nobody answered in time; nothing was done.",
        Outcome::Withdrawn => "Withdrawn; nothing was done.",
        Outcome::Stopped => "Stopped.",
        Outcome::DryRun => "A test; nothing was done.",
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}
