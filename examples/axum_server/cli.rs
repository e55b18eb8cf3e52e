//! The commands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use seatgate_core::port::{Clock, SystemClock};
use seatgate_core::trail::{Stream, verify};
use serde_json::{Value, json};

use crate::audit::AuditCommand;
use crate::client::{CallError, Client};
use crate::demo;
use crate::operate;
use crate::output::{complain, plain, say, say_table};
use crate::sweep_file::SweepFile;

/// The human gate between "this SaaS seat looks dormant" and "the seat is gone".
#[derive(Parser)]
#[command(name = "axum_server", version)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, env = "SEATGATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The server that commands talk to, such as http://127.0.0.1:8080; else the configured one.
    #[arg(long, global = true)]
    pub(crate) server: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server. Does so without any command, too.
    Serve,
    /// The configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// The trail, as an auditor takes it away.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    #[command(flatten)]
    Talk(Talk),
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says what is wrong with the configuration, all at once.
    Check,
}

/// What is asked of a running server.
#[derive(Subcommand)]
pub(crate) enum Talk {
    /// Hand in candidates: JSON, JSON lines (.ndjson, .jsonl) or a table (.csv).
    Sweep(SweepArguments),
    /// List requests, oldest first.
    Requests {
        /// Only those that stand so, such as awaiting_decision or closed.
        #[arg(long)]
        state: Option<String>,
    },
    /// Decide for somebody who was asked.
    Decide(DecideArguments),
    /// List exceptions that hold, or revoke one.
    Exceptions {
        #[command(subcommand)]
        command: Option<ExceptionsCommand>,
    },
    /// Show what is in force, or switch the mode.
    Policy {
        /// Switch to this mode, at once and for good.
        #[arg(long, value_name = "MODE", value_parser = ["off", "dry_run", "live"])]
        mode: Option<String>,
    },
    /// Print a request's trail, and say whether its chain holds.
    Trail {
        /// Which request.
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// List those that hold, oldest first.
    List,
    /// From now on, the seat may be asked about again.
    Revoke {
        /// Which exception.
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct SweepArguments {
    /// The file.
    #[arg(required_unless_present = "sample", conflicts_with = "sample")]
    file: Option<PathBuf>,
    /// A few seats that do not exist, to try things out.
    #[arg(long)]
    sample: bool,
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
}

impl SweepArguments {
    fn query(&self) -> Vec<(&'static str, &str)> {
        let texts = [("mapping", &self.mapping), ("app_id", &self.app_id), ("sweep", &self.sweep)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        self.dry_run.then_some(("dry_run", "true")).into_iter().chain(texts).collect()
    }
}

#[derive(Args)]
pub(crate) struct DecideArguments {
    /// Which request.
    id: String,
    /// What.
    decision: DecisionWord,
    /// Whose decision it is.
    #[arg(long = "as", value_name = "EMAIL")]
    person: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// Until when a seat is kept: a date or a time.
    #[arg(long)]
    until: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DecisionWord {
    /// Remove the seat.
    Approve,
    /// Keep it.
    Keep,
}

/// Does what was asked; what the server refused is said on stderr and ends with 1.
pub(crate) async fn talk(client: &Client, talk: Talk) -> ExitCode {
    let said = match talk {
        Talk::Sweep(arguments) => sweep(client, arguments).await,
        Talk::Requests { state } => requests(client, state.as_deref()).await,
        Talk::Decide(arguments) => decide(client, arguments).await,
        Talk::Exceptions { command: None | Some(ExceptionsCommand::List) } => operate::exceptions(client).await,
        Talk::Exceptions { command: Some(ExceptionsCommand::Revoke { id }) } => operate::revoke(client, &id).await,
        Talk::Policy { mode } => operate::policy(client, mode.as_deref()).await,
        Talk::Trail { id } => trail(client, &id).await,
    };
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.to_string().lines().for_each(|line| complain(&plain(line)));
            ExitCode::FAILURE
        }
    }
}

async fn sweep(client: &Client, arguments: SweepArguments) -> Result<(), CallError> {
    let file = match &arguments.file {
        Some(path) => SweepFile::read(path),
        None => SweepFile::json(Value::from(demo::sample(SystemClock.now())).to_string().into_bytes()),
    };
    let SweepFile { body, content_type, rows } = file.map_err(CallError::Local)?;
    let answer = client.sweep(body, content_type, &arguments.query()).await?;
    let mut table = vec![["ROW", "STATUS", "APP", "ACCOUNT", "REQUEST OR REASON"].map(str::to_owned).to_vec()];
    table.extend(items(&answer, "results").iter().map(|result| sweep_row(result, &rows)));
    say_table(&table);
    let counts = answer.get("counts").and_then(Value::as_object).into_iter().flatten();
    let counts: Vec<String> = counts.map(|(status, count)| format!("{count} {status}")).collect();
    say(&plain(&format!("{}: {}", text(&answer, "/sweep_id"), counts.join(", "))));
    Ok(())
}

fn sweep_row(result: &Value, rows: &[Value]) -> Vec<String> {
    let number = result.get("row").and_then(Value::as_u64).unwrap_or_default();
    let row = usize::try_from(number).ok().and_then(|row| rows.get(row)).unwrap_or(&Value::Null);
    let (detail, pointer) = (text(result, "/problem/detail"), text(result, "/problem/pointer"));
    let reason = match (text(result, "/request_id"), detail.as_str(), pointer.as_str()) {
        (request, ..) if !request.is_empty() => request,
        (_, "", _) => String::new(),
        (_, detail, "") => detail.to_owned(),
        (_, detail, pointer) => format!("{detail} (at {pointer})"),
    };
    vec![number.to_string(), text(result, "/status"), text(row, "/app/id"), account(row), reason]
}

async fn requests(client: &Client, state: Option<&str>) -> Result<(), CallError> {
    let mut table = vec![["REQUEST", "STATE", "OUTCOME", "APP", "ACCOUNT"].map(str::to_owned).to_vec()];
    let filter: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
    for request in client.all("/v1/requests", &filter).await? {
        let told = ["/id", "/state", "/outcome", "/app/id"].map(|pointer| text(&request, pointer));
        table.push([told.to_vec(), vec![account(&request)]].concat());
    }
    say_table(&table);
    Ok(())
}

async fn decide(client: &Client, arguments: DecideArguments) -> Result<(), CallError> {
    let decision = match arguments.decision {
        DecisionWord::Approve => "approve",
        DecisionWord::Keep => "keep",
    };
    let mut body = json!({ "decision": decision, "as": { "email": arguments.person } });
    for (name, value) in [("reason", arguments.reason), ("keep_until", arguments.until)] {
        if let Some(value) = value {
            body[name] = Value::String(value);
        }
    }
    let request = client.post(&format!("/v1/requests/{}/decision", segment(&arguments.id)?), &body).await?;
    say(&plain(&format!("{}: {}", text(&request, "/id"), text(&request, "/state"))));
    Ok(())
}

async fn trail(client: &Client, id: &str) -> Result<(), CallError> {
    let page = client.get(&format!("/v1/requests/{}/trail", segment(id)?)).await?;
    let entries = items(&page, "items");
    let fields = ["/at", "/kind", "/actor", "/surface", "/hash"];
    say_table(&entries.iter().map(|entry| fields.map(|field| text(entry, field)).to_vec()).collect::<Vec<_>>());
    let stream: Stream = id.parse().map_err(|error| CallError::Local(format!("{error}")))?;
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    match verify(stream, lines.iter().map(String::as_str)) {
        Ok(chain) => say(&format!("chain verified: {} entries, head {}", chain.version, chain.head)),
        Err(broken) => return Err(CallError::Local(format!("the chain does NOT verify: {broken}"))),
    }
    Ok(())
}

/// An id as part of a path: nothing in it may lead elsewhere.
pub(crate) fn segment(id: &str) -> Result<&str, CallError> {
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { Ok(id) } else { Err(CallError::Local("expected an id such as req_…".to_owned())) }
}

pub(crate) fn items<'a>(page: &'a Value, name: &str) -> &'a [Value] {
    page.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn account(value: &Value) -> String {
    let names = ["/account/email", "/account/id"].map(|pointer| text(value, pointer));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}
