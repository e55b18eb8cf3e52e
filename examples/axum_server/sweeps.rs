//! Commands about sweeps.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use seatgate_core::port::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::cli::{Form, account, items, segment, text};
use crate::client::{CallError, Client};
use crate::demo;
use crate::output::{plain, say, say_table};
use crate::progress::Progress;
use crate::sweep_file::SweepFile;
use crate::upload::{Uploaded, upload};

#[derive(Args)]
pub(crate) struct SweepArguments {
    /// The file.
    #[arg(required_unless_present = "sample", conflicts_with = "sample")]
    file: Option<PathBuf>,
    /// A few seats that do not exist, to try things out.
    #[arg(long)]
    sample: bool,
    /// Who is asked about every seat of the sample, in place of people who do not exist: yourself, to see how it looks.
    #[arg(long, value_name = "EMAIL", requires = "sample", conflicts_with = "file")]
    manager: Option<String>,
    /// Ask nobody: only say who would be asked about.
    #[arg(long)]
    dry_run: bool,
    /// Read the file by this mapping: torii, zylo, microsoft365, okta, or one of the server's configuration.
    #[arg(long, value_name = "NAME", conflicts_with = "sample")]
    mapping: Option<String>,
    /// Whose seats these are, where the mapping does not say it.
    #[arg(long, value_name = "APP", requires = "mapping")]
    app_id: Option<String>,
    /// Add the rows to this sweep.
    #[arg(long, value_name = "ID")]
    sweep: Option<String>,
    #[command(flatten)]
    form: Form,
}

impl SweepArguments {
    fn query(&self) -> Vec<(&'static str, &str)> {
        let texts = [("mapping", &self.mapping), ("app_id", &self.app_id), ("sweep", &self.sweep)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        self.dry_run.then_some(("dry_run", "true")).into_iter().chain(texts).collect()
    }
}

#[derive(Subcommand)]
pub(crate) enum SweepsCommand {
    /// Show what became of a sweep's rows.
    Show {
        /// Which sweep.
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// Ask about the rows that a limit held.
    Release {
        /// Which sweep.
        id: String,
        /// Who does it; else it is the doing of the token.
        #[arg(long = "as", value_name = "EMAIL")]
        person: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

/// Hands in a file, or the sample.
pub(crate) async fn sweep(client: &Client, arguments: SweepArguments) -> Result<(), CallError> {
    if let Some(path) = arguments.file.as_deref().filter(|path| SweepFile::is_large(path)) {
        return in_bulk(client, path, &arguments).await;
    }
    let file = match &arguments.file {
        Some(path) => SweepFile::read(path),
        None => SweepFile::json(sample(arguments.manager.as_deref()).to_string().into_bytes()),
    };
    let SweepFile { body, content_type, rows } = file.map_err(CallError::Local)?;
    let progress = Progress::new(body.len(), rows.len());
    let answer = client.sweep(body, content_type, &arguments.query(), &progress).await;
    progress.finish();
    arguments.form.print(&answer?, |answer| {
        let mut table = vec![["ROW", "STATUS", "APP", "ACCOUNT", "REQUEST OR REASON"].map(str::to_owned).to_vec()];
        table.extend(items(answer, "results").iter().map(|result| {
            let [number, status, reason] = told(result);
            let row = number.parse().ok().and_then(|row: usize| rows.get(row)).unwrap_or(&Value::Null);
            vec![number, status, text(row, "/app/id"), account(row), reason]
        }));
        say_table(&table);
        say(&plain(&format!("{}: {}", text(answer, "/sweep_id"), counts(answer))));
    });
    Ok(())
}

/// Hands in a file that is too large for one delivery.
async fn in_bulk(client: &Client, path: &Path, arguments: &SweepArguments) -> Result<(), CallError> {
    if arguments.sweep.is_some() {
        let why = "a file of more than 8 MiB is a sweep of its own, and joins none: leave out `--sweep`";
        return Err(CallError::Local(why.to_owned()));
    }
    let Uploaded { sweep, rejected } = upload(client, path, &arguments.query()).await?;
    arguments.form.print(&sweep, |sweep| {
        if !rejected.is_empty() {
            let mut table = vec![["ROW", "STATUS", "REASON"].map(str::to_owned).to_vec()];
            table.extend(rejected.iter().map(|result| told(result).to_vec()));
            say_table(&table);
        }
        say(&plain(&format!("{}: {}", text(sweep, "/sweep_id"), counts(sweep))));
    });
    Ok(())
}

fn sample(manager: Option<&str>) -> Value {
    let mut rows = demo::sample(SystemClock.now());
    if let Some(email) = manager {
        rows.iter_mut().for_each(|row| row["manager"] = json!({ "email": email }));
    }
    Value::from(rows)
}

/// Does what was asked about a sweep of earlier.
pub(crate) async fn talk(client: &Client, command: SweepsCommand) -> Result<(), CallError> {
    let (sweep, form) = match command {
        SweepsCommand::Show { id, form } => (whole(client, &format!("/v1/sweeps/{}", segment(&id)?)).await?, form),
        SweepsCommand::Release { id, person, form } => {
            let body = person.map_or_else(|| json!({}), |person| json!({ "as": { "email": person } }));
            (client.post(&format!("/v1/sweeps/{}/release", segment(&id)?), &body).await?, form)
        }
    };
    form.print(&sweep, show);
    Ok(())
}

/// A sweep with all of its rows, however many pages they are.
async fn whole(client: &Client, path: &str) -> Result<Value, CallError> {
    let mut sweep = client.get(path).await?;
    while let Some(next) = sweep.get("next").and_then(Value::as_u64) {
        let mut page = client.get(&format!("{path}?from={next}")).await?;
        let more = page.get_mut("results").map(Value::take);
        if let (Some(Value::Array(rows)), Some(Value::Array(more))) = (sweep.get_mut("results"), more) {
            rows.extend(more);
        }
        sweep["next"] = page.get_mut("next").map(Value::take).unwrap_or_default();
    }
    if let Some(members) = sweep.as_object_mut() {
        members.remove("next");
    }
    Ok(sweep)
}

fn show(sweep: &Value) {
    let mut table = vec![["ROW", "STATUS", "REQUEST OR REASON"].map(str::to_owned).to_vec()];
    table.extend(items(sweep, "results").iter().map(|result| told(result).to_vec()));
    say_table(&table);
    let [id, by, at] = ["/sweep_id", "/submitted_by", "/received_at"].map(|pointer| text(sweep, pointer));
    say(&plain(&format!("{id}, from {by} at {at}: {}", counts(sweep))));
}

/// How many rows there are of each status.
pub(crate) fn counts(answer: &Value) -> String {
    let counts = answer.get("counts").and_then(Value::as_object).into_iter().flatten();
    counts.map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>().join(", ")
}

/// A row's number, its status, and its request or what is wrong with it.
pub(crate) fn told(result: &Value) -> [String; 3] {
    let number = result.get("row").and_then(Value::as_u64).unwrap_or_default();
    let (detail, pointer) = (text(result, "/problem/detail"), text(result, "/problem/pointer"));
    let reason = match (text(result, "/request_id"), detail.as_str(), pointer.as_str()) {
        (request, ..) if !request.is_empty() => request,
        (_, "", _) => String::new(),
        (_, detail, "") => detail.to_owned(),
        (_, detail, pointer) => format!("{detail} (at {pointer})"),
    };
    [number.to_string(), text(result, "/status"), reason]
}
