//! The table at the end, as Markdown.

use std::fmt::Write;

use crate::peer::Peer;

/// What an engine lacks that lacks nothing.
pub(crate) const NOTHING: &str = "-";

pub(crate) struct Row {
    name: &'static str,
    settings: String,
    lacks: &'static str,
    pub(crate) rates: Vec<f64>,
    pub(crate) rests: Vec<f64>,
}

impl Row {
    pub(crate) fn of(peer: &dyn Peer) -> Self {
        Self { name: peer.name(), settings: peer.settings(), lacks: peer.lacks(), rates: Vec::new(), rests: Vec::new() }
    }

    /// How many times as fast as `other` in the same round: the median, so that what slows down a whole round counts for
    /// neither.
    fn ratio(&self, other: &Self) -> Option<f64> {
        let ratios = self.rates.iter().zip(&other.rates).map(|(rate, other)| rate / other);
        median(&sorted(ratios))
    }
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

pub(crate) fn print(rows: &[Row]) -> String {
    let seatgate = |name: &str| rows.iter().find(|row| row.name.starts_with("seatgate") && row.name.ends_with(name));
    let mut text = "| Engine | cycles/s (median) | lowest to highest | seatgate in process is | seatgate over HTTP is | all cards show it | settings |\n\
                    | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
        .to_owned();
    for row in rows {
        let rates = sorted(row.rates.iter().copied());
        let (Some(middle), Some(lowest), Some(highest)) = (median(&rates), rates.first(), rates.last()) else {
            continue;
        };
        let rest = median(&sorted(row.rests.iter().copied())).unwrap_or_default();
        let rest = if row.lacks == NOTHING { format!("{rest:.1} s after the round") } else { "no cards".to_owned() };
        let times = |seatgate: Option<&Row>| {
            let ratio = seatgate.and_then(|seatgate| seatgate.ratio(row));
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2} times as fast"))
        };
        let (in_process, over_http) = (times(seatgate("process")), times(seatgate("HTTP")));
        let (name, settings) = (row.name, &row.settings);
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "| {name} | {middle:.0} | {lowest:.0} to {highest:.0} | {in_process} | {over_http} | {rest} | {settings} |"
        );
    }
    text.push_str("\n| Engine | what it does not do in this cycle |\n| --- | --- |\n");
    for row in rows {
        let _ = writeln!(text, "| {} | {} |", row.name, row.lacks);
    }
    text
}
