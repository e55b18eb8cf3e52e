//! Figures, each beside its goal: lines that `.ci/figures` gathers into a table.
//!
//! Only ratios of one run count, for machines differ: so what is measured and its baseline take turns, round by round, and
//! the ratio is the median of the rounds' ratios.

#![allow(dead_code, clippy::print_stdout, reason = "each benchmark uses a part of this, and prints its figures")]

use std::time::Duration;

/// What a figure is to reach.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// It is there to be looked at.
    Nothing,
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Nothing => true,
        }
    }

    /// The goal, and whether it is met.
    fn judge(self, value: f64, unit: &str) -> String {
        let verdict = if self.is_met(value) { "met" } else { "**not met**" };
        match self {
            Self::AtLeast(least) => format!("at least {} | {verdict}", shown(least, unit)),
            Self::AtMost(most) => format!("at most {} | {verdict}", shown(most, unit)),
            Self::Nothing => "| ".to_owned(),
        }
    }
}

/// Whether this is a measurement (`cargo bench`), or a tiny round to see that it still runs (`cargo test`).
pub(crate) fn is_measured() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Whether whoever started this has time.
pub(crate) fn is_long() -> bool {
    std::env::var_os("SEATGATE_LONG").is_some()
}

/// `measured` in a measurement, else `tiny`.
pub(crate) fn sized<T>(measured: T, tiny: T) -> T {
    if is_measured() { measured } else { tiny }
}

/// Whether the part of this name was asked for: all of them are, unless some are named.
pub(crate) fn wants(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|argument| argument == part)
}

/// Something measured in turns with its baseline, both in `unit` and the more the better.
pub(crate) struct Duel {
    name: String,
    unit: &'static str,
    rounds: Vec<(f64, f64)>,
}

impl Duel {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str) -> Self {
        Self { name: name.into(), unit, rounds: Vec::new() }
    }

    /// One round: ours, and the baseline's.
    pub(crate) fn round(&mut self, ours: f64, baseline: f64) {
        self.rounds.push((ours, baseline));
    }

    /// Prints the medians and their ratio, with its spread.
    pub(crate) fn tell(&self, goal: Goal) {
        let ratios: Vec<f64> = self.rounds.iter().map(|(ours, baseline)| ours / baseline).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let ratio = median(ratios);
        let ours = shown(median(self.rounds.iter().map(|round| round.0).collect()), self.unit);
        let baseline = shown(median(self.rounds.iter().map(|round| round.1).collect()), self.unit);
        let spread = format!("{ratio:.2} ({least:.2} to {most:.2})");
        line(&format!("{} | {ours} | {baseline} | {spread} | {}", self.name, goal.judge(ratio, "")));
    }
}

/// Prints a figure that has no baseline.
pub(crate) fn tell(name: &str, value: f64, unit: &str, goal: Goal) {
    line(&format!("{name} | {} | | | {}", shown(value, unit), goal.judge(value, unit)));
}

fn line(cells: &str) {
    if is_measured() {
        println!("figure | {cells} |");
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How many a second.
pub(crate) fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Three digits, or all of those before the point.
fn shown(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}
