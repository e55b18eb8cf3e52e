//! Trying a policy without asking anybody.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{Form, items, segment, text};
use crate::client::{CallError, Client};
use crate::operate::shown;
use crate::output::{plain, say, say_table};
use crate::sweep_file::SweepFile;

#[derive(Args)]
pub(crate) struct SimulateArguments {
    /// The candidates, as for `sweep`.
    #[arg(required_unless_present = "sweep")]
    file: Option<PathBuf>,
    /// A past sweep to replay, in place of a file.
    #[arg(long, value_name = "SWEEP", conflicts_with = "file")]
    sweep: Option<String>,
    /// A TOML file with the [policy] to try; without it, the policy in force.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn simulate(client: &Client, arguments: &SimulateArguments) -> Result<(), CallError> {
    let mut body = match &arguments.file {
        Some(file) => candidates(file).map_err(CallError::Local)?,
        None => json!({}),
    };
    if let Some(file) = &arguments.policy {
        body["policy"] = policy(file).map_err(CallError::Local)?;
    }
    let path = match &arguments.sweep {
        Some(sweep) => format!("/v1/simulate?sweep={}", segment(sweep)?),
        None => "/v1/simulate".to_owned(),
    };
    let simulation = client.post(&path, &body).await?;
    arguments.form.print(&simulation, print);
    Ok(())
}

fn candidates(file: &Path) -> Result<Value, String> {
    let read = SweepFile::read(file)?;
    match read.content_type {
        "text/csv" => {
            let table = String::from_utf8(read.body).map_err(|_| format!("{}: expected UTF-8", file.display()))?;
            Ok(json!({ "csv": table }))
        }
        _ => Ok(json!({ "candidates": read.rows })),
    }
}

fn policy(file: &Path) -> Result<Value, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| cannot(&error))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| cannot(&error.message()))?;
    let policy = table.get("policy").ok_or_else(|| cannot(&"expected a [policy] table"))?;
    serde_json::to_value(policy).map_err(|error| cannot(&error))
}

fn print(simulation: &Value) {
    let counts = simulation.get("counts").and_then(Value::as_object).into_iter().flatten();
    let counts: Vec<String> = counts.map(|(status, count)| format!("{} {status}", shown(count))).collect();
    say(&plain(&format!("policy {}: {}", text(simulation, "/policy_version"), counts.join(", "))));
    let sums = items(simulation, "at_stake").iter();
    let sums: Vec<String> = sums.map(|sum| format!("{} {}", text(sum, "/amount"), text(sum, "/currency"))).collect();
    if !sums.is_empty() {
        say(&plain(&format!("at stake: {} a month", sums.join(" + "))));
    }
    let mut people = vec![["PERSON", "SEATS", "MESSAGES", "REMINDERS"].map(str::to_owned).to_vec()];
    people.extend(items(simulation, "people").iter().map(|person| {
        let number = |name: &str| person.get(name).map(shown).unwrap_or_default();
        vec![text(person, "/person"), number("seats"), number("messages"), number("reminders")]
    }));
    say_table(&people);
    let mut rows = vec![["ROW", "STATUS", "ASKED", "WHY NOT", "TODAY"].map(str::to_owned).to_vec()];
    rows.extend(items(simulation, "rows").iter().map(|row| {
        let why = [text(row, "/problem/title"), text(row, "/problem/detail")].join(" ").trim().to_owned();
        let today = row.get("today").map(|today| format!("{} {}", text(today, "/status"), asked(today)));
        let number = row.get("row").map(shown).unwrap_or_default();
        vec![number, text(row, "/status"), asked(row), why, today.unwrap_or_default()]
    }));
    say_table(&rows);
    let number = |name: &str| simulation.get(name).and_then(Value::as_u64).unwrap_or_default();
    if number("differences") > 0 {
        say(&format!("{} rows differ from what the policy in force would do", number("differences")));
    }
    if number("not_kept") > 0 {
        say(&format!("{} rows of the sweep are not kept, and were not tried", number("not_kept")));
    }
}

fn asked(row: &Value) -> String {
    let asked = items(row, "asked").iter().map(|ask| format!("{} ({})", text(ask, "/person"), text(ask, "/why")));
    asked.collect::<Vec<_>>().join(", ")
}
