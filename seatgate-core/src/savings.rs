//! What was saved: by proof, app, month and currency, with what is only hoped for kept apart.
//!
//! [`Saving::of`] says what one request adds; a store keeps that beside the request and [`Savings`] adds it up. Amounts
//! are what the seats cost *a month*, as their sweeps reported it, and sums never mix currencies.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::label::labels;
use crate::money::{Currency, Money, Totals};
use crate::policy::Mode;
use crate::request::{ApprovalState, Phase, ProbeFinding, Proof, RemovalKind, Request, Task, TaskAction, TaskState};
use crate::seat::AppId;
use crate::time::Timestamp;
use crate::trail::csv_cell;

/// The first row of [`Savings::to_csv`].
const CSV_HEADER: &str = "month,app,standing,proof,requests,monthly_amount,currency\r\n";

labels! {
    /// How a decided request stands in the account.
    Standing {
        /// The seat is gone for a proven reason, and no longer paid for.
        Verified = "verified",
        /// Its removal is approved, and not done or not effective yet.
        Projected = "projected",
        /// It is kept.
        Kept = "kept",
        /// Its removal was approved and saved nothing: not done, still billed, gone before, or given again.
        Unsaved = "unsaved",
    }
}

/// What makes a line. Ordered by month, then app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LineKey {
    /// The month in which it counts, such as `2026-11`, in UTC: of the effect, else of the decision.
    pub month: String,
    /// Whose seats.
    pub app: AppId,
    /// How they stand.
    pub standing: Standing,
    /// Why we say that they are gone.
    pub proof: Option<Proof>,
    /// What their costs are in; nothing for those whose costs nobody has said.
    pub currency: Option<Currency>,
}

impl LineKey {
    /// The line of a month, an app, a standing and a currency.
    #[must_use]
    pub fn new(month: String, app: AppId, standing: Standing, currency: Option<Currency>) -> Self {
        Self { month, app, standing, proof: None, currency }
    }

    /// With this proof.
    #[must_use]
    pub fn proven_by(mut self, proof: Option<Proof>) -> Self {
        self.proof = proof;
        self
    }
}

/// What one request adds to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saving {
    /// To which line, once it is in effect.
    pub key: LineKey,
    /// A removal that the target scheduled is projected until then.
    pub effective_at: Option<Timestamp>,
    /// What the seat costs a month, in minor units of the line's currency; 0 without one.
    pub minor: i64,
}

impl Saving {
    /// A request's part; nothing while nobody has decided, once a decision was taken back, and in a dry run.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        let (seat, verdict) = (request.seat()?, request.approval.verdict.as_ref()?);
        let (standing, proof, at, effective_at) = match request.approval.state {
            _ if request.mode != Mode::Live => return None,
            ApprovalState::Kept => (Standing::Kept, None, verdict.at, None),
            ApprovalState::Approved => removal(request, verdict.at),
            ApprovalState::Open | ApprovalState::Lapsed | ApprovalState::Cancelled => return None,
        };
        let monthly = request.evidence.as_ref().and_then(|evidence| evidence.monthly_cost);
        let key = LineKey::new(month(at), seat.app.id.clone(), standing, monthly.map(Money::currency));
        Some(Self { key: key.proven_by(proof), effective_at, minor: monthly.map_or(0, Money::minor) })
    }
}

type Removal = (Standing, Option<Proof>, Timestamp, Option<Timestamp>);

/// What an approved removal came to, and when.
fn removal(request: &Request, approved_at: Timestamp) -> Removal {
    let Phase::Closed { at, .. } = request.phase else { return (Standing::Projected, None, approved_at, None) };
    let mut tasks = request.plan.tasks.iter().filter(|task| matches!(task.action, TaskAction::Remove { .. }));
    let unsaved = (Standing::Unsaved, None, at, None);
    let Some(task) = tasks.next() else { return unsaved };
    let TaskState::Done { removal: Some(removal), proof, .. } = &task.state else { return unsaved };
    let proof = match request.verified {
        Some(ProbeFinding::Regranted) => return unsaved,
        Some(ProbeFinding::Gone) => Proof::ReadBack,
        None => *proof,
    };
    match removal {
        RemovalKind::Removed => (Standing::Verified, Some(proof), at, None),
        RemovalKind::AlreadyAbsent if by_us(task) => (Standing::Verified, Some(proof), at, None),
        RemovalKind::Scheduled { effective_at } => {
            (Standing::Verified, Some(proof), at.max(*effective_at), Some(*effective_at))
        }
        RemovalKind::AlreadyAbsent | RemovalKind::StillBilled | RemovalKind::Pending { .. } => unsaved,
    }
}

/// What a repeated call no longer finds may be gone by an earlier one; what the first did not find was gone before.
fn by_us(task: &Task) -> bool {
    task.attempts > 1
}

fn month(at: Timestamp) -> String {
    let date = at.date();
    date.rsplit_once('-').map_or(date.clone(), |(month, _)| month.to_owned())
}

/// So many requests, and what their seats cost a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub requests: u64,
    /// What their seats cost a month.
    pub monthly: Totals,
}

/// The account: a tally a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Savings(BTreeMap<LineKey, Tally>);

impl Savings {
    /// Adds `requests` to a line, and what their seats cost together in minor units of its currency. At `now`, what takes
    /// effect later is projected.
    pub fn add(
        &mut self,
        mut key: LineKey,
        effective_at: Option<Timestamp>,
        requests: u64,
        minor: i128,
        now: Timestamp,
    ) {
        if effective_at.is_some_and(|at| at > now) {
            (key.standing, key.proof) = (Standing::Projected, None);
        }
        let currency = key.currency;
        let tally = self.0.entry(key).or_default();
        tally.requests = tally.requests.saturating_add(requests);
        if let Some(currency) = currency {
            tally.monthly.add_sum(currency, minor);
        }
    }

    /// The account of these parts at `now`.
    #[must_use]
    pub fn of(parts: impl IntoIterator<Item = Saving>, now: Timestamp) -> Self {
        let mut savings = Self::default();
        for Saving { key, effective_at, minor } in parts {
            savings.add(key, effective_at, 1, minor.into(), now);
        }
        savings
    }

    /// Every line, by month and app.
    pub fn lines(&self) -> impl Iterator<Item = (&LineKey, &Tally)> {
        self.0.iter()
    }

    /// Whether nothing was decided yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All lines that `fit` together.
    pub fn total(&self, fit: impl Fn(&LineKey) -> bool) -> Tally {
        let mut total = Tally::default();
        for (_, tally) in self.0.iter().filter(|(key, _)| fit(key)) {
            total.requests = total.requests.saturating_add(tally.requests);
            tally.monthly.iter().for_each(|(currency, minor)| total.monthly.add_sum(currency, minor));
        }
        total
    }

    /// The share of the decided requests that were kept, by people or by the policy on silence; nothing before the
    /// first decision. From 0 to 1.
    #[must_use]
    pub fn kept_rate(&self) -> Option<f64> {
        let (kept, all) = (self.total(|key| key.standing == Standing::Kept).requests, self.total(|_| true).requests);
        // Counts of requests are far below the 2^53 that a floating-point number holds exactly.
        (all > 0).then(|| kept as f64 / all as f64)
    }

    /// The lines as a table (RFC 4180) with a header. No cell is a formula to a spreadsheet.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut table = CSV_HEADER.to_owned();
        for (LineKey { month, app, standing, proof, .. }, tally) in self.lines() {
            let (amount, currency) = tally.monthly.amounts().next().unzip();
            let _ = write!(
                table,
                "{month},{},{standing},{},{},{},{}\r\n",
                csv_cell(app.as_str()),
                proof.map_or("", Proof::label),
                tally.requests,
                amount.unwrap_or_default(),
                currency.map_or("", Currency::code),
            );
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saving(month: &str, app: &str, standing: Standing, monthly: Option<&str>) -> Saving {
        let monthly = monthly.map(|text| {
            let (amount, currency) = text.split_once(' ').unwrap();
            Money::parse(amount, currency.parse().unwrap()).unwrap()
        });
        let key = LineKey::new(month.to_owned(), app.parse().unwrap(), standing, monthly.map(Money::currency));
        let proof = (standing == Standing::Verified).then_some(Proof::Receipt);
        Saving { key: key.proven_by(proof), effective_at: None, minor: monthly.map_or(0, Money::minor) }
    }

    fn now() -> Timestamp {
        "2026-11-20T06:00:00Z".parse().unwrap()
    }

    #[test]
    fn sums_never_mix_currencies_and_what_has_no_price_is_counted() {
        let parts = [
            saving("2026-11", "figma", Standing::Verified, Some("45.00 USD")),
            saving("2026-11", "figma", Standing::Verified, Some("5.50 USD")),
            saving("2026-11", "figma", Standing::Verified, Some("300 JPY")),
            saving("2026-10", "figma", Standing::Verified, None),
            saving("2026-11", "figma", Standing::Kept, Some("1.00 USD")),
        ];
        let savings = Savings::of(parts, now());
        let verified = savings.total(|key| key.standing == Standing::Verified);
        assert_eq!((verified.requests, verified.monthly.to_string().as_str()), (4, "300 JPY + 50.50 USD"));
        assert_eq!(savings.kept_rate(), Some(0.2));
        assert_eq!(
            savings.to_csv().split("\r\n").collect::<Vec<_>>(),
            [
                "month,app,standing,proof,requests,monthly_amount,currency",
                "2026-10,figma,verified,receipt,1,,",
                "2026-11,figma,verified,receipt,1,300,JPY",
                "2026-11,figma,verified,receipt,2,50.50,USD",
                "2026-11,figma,kept,,1,1.00,USD",
                "",
            ]
        );
    }

    #[test]
    fn what_is_scheduled_counts_when_it_is_effective() {
        let mut part = saving("2026-12", "figma", Standing::Verified, Some("45.00 USD"));
        part.effective_at = Some("2026-12-01T00:00:00Z".parse().unwrap());
        let standing = |at| Savings::of([part.clone()], at).lines().next().map(|(key, _)| (key.standing, key.proof));
        assert_eq!(standing(now()), Some((Standing::Projected, None)));
        assert_eq!(standing(part.effective_at.unwrap()), Some((Standing::Verified, Some(Proof::Receipt))));
        assert_eq!(Savings::default().kept_rate(), None);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let savings = Savings::of([saving("2026-11", "=cmd()", Standing::Kept, None)], now());
        assert!(savings.to_csv().contains("\r\n2026-11,'=cmd(),kept,,1,,\r\n"), "{}", savings.to_csv());
    }
}
