//! What a notifier is asked to show: typed content, joined with names at the last moment.

mod offboarding;

use std::collections::BTreeMap;

pub use offboarding::{OffboardingStanding, TaskLine};

use crate::id::{CardId, RequestId, SweepId};
use crate::money::{Money, Totals};
use crate::person::PersonDetails;
use crate::port::{Posted, RowStatus};
use crate::request::{Decision, Outcome, StateLabel, Why};
use crate::seat::{Activity, Channel};
use crate::time::Timestamp;

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
    /// Tells how a sweep goes.
    Sweep(Box<SweepStanding>),
    /// Tells how an offboarding goes.
    Offboarding(Box<OffboardingStanding>),
}

/// How a sweep goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepStanding {
    /// Which.
    pub sweep: SweepId,
    /// Which card shows it.
    pub card: CardId,
    /// When it came in.
    pub received_at: Timestamp,
    /// Whether it is only a test: nothing will be done.
    pub test: bool,
    /// What became of its rows.
    pub rows: BTreeMap<RowStatus, u64>,
    /// How its requests stand, those that the message's channel hears about.
    pub standings: Vec<StateTally>,
}

/// How many requests stand or ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateTally {
    /// How they stand.
    pub state: StateLabel,
    /// How they ended.
    pub outcome: Option<Outcome>,
    /// How many.
    pub count: u64,
    /// What they cost a month together.
    pub monthly_cost: Totals,
}

impl StateTally {
    /// So many that stand so.
    #[must_use]
    pub fn new(state: StateLabel, outcome: Option<Outcome>, count: u64, monthly_cost: Totals) -> Self {
        Self { state, outcome, count, monthly_cost }
    }
}

impl SweepStanding {
    /// A sweep of which nothing is known but that it came in.
    #[must_use]
    pub fn new(sweep: SweepId, card: CardId, received_at: Timestamp) -> Self {
        Self { sweep, card, received_at, test: false, rows: BTreeMap::new(), standings: Vec::new() }
    }

    /// How many requests there are.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.standings.iter().map(|standing| standing.count).sum()
    }

    /// What the seats of all its requests cost a month: the money at stake.
    #[must_use]
    pub fn at_stake(&self) -> Totals {
        Totals::sum(self.standings.iter().map(|standing| &standing.monthly_cost))
    }

    /// What the seats that are reclaimed cost a month.
    #[must_use]
    pub fn reclaimed(&self) -> Totals {
        let reclaimed = self.standings.iter().filter(|standing| standing.outcome == Some(Outcome::Reclaimed));
        Totals::sum(reclaimed.map(|standing| &standing.monthly_cost))
    }

    fn plain_text(&self) -> String {
        let count = |(status, count): (&RowStatus, &u64)| format!("{count} {status}");
        let rows = self.rows.iter().map(count).collect::<Vec<_>>().join(", ");
        let test = if self.test { "TEST: " } else { "" };
        let mut lines = vec![format!("{test}Sweep of {}: {rows}.", self.received_at.date())];
        let at_stake = self.at_stake();
        if !at_stake.is_empty() {
            lines.push(format!("At stake: {at_stake} a month. Reclaimed: {} a month.", self.reclaimed()));
        }
        lines.extend(self.standings.iter().map(|standing| {
            let label = standing.outcome.map_or_else(|| standing.state.label(), Outcome::label);
            format!("{}: {label}", standing.count)
        }));
        lines.join("\n")
    }
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
    /// Whether a removal can be undone at the target.
    pub reversible: bool,
    /// How it stands.
    pub state: StateLabel,
    /// Until when it stands so, if nobody acts: the time to answer, or the grace period.
    pub until: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether something may have happened although it is not done.
    pub may_have_happened: bool,
    /// What was decided, by whom, when, why, and until when the seat is kept.
    pub decision: Option<DecisionLine>,
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
            Content::Offboarding(standing) => Some(standing.card),
            Content::Report(_) => None,
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
            Content::Sweep(standing) => return standing.plain_text(),
            Content::Offboarding(standing) => return standing.plain_text(),
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
            reversible: false,
            state,
            until: None,
            outcome: None,
            may_have_happened: false,
            decision: None,
        }
    }

    /// Whether somebody can still decide.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == StateLabel::AwaitingDecision
    }

    /// How it stands, as a sentence.
    #[must_use]
    pub fn status_line(&self) -> String {
        let line = match (self.state, self.outcome) {
            (_, Some(outcome)) => outcome_line(outcome),
            (StateLabel::AwaitingDecision, None) => "Waiting for an answer.",
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
            let undo = if self.reversible { "can be undone at the target" } else { "cannot be undone" };
            lines.push(format!("Approving removes the seat, which {undo}."));
        }
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
