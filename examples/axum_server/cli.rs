//! The commands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use seatgate_core::trail::{Stream, verify};
use serde_json::{Value, json};

use crate::audit::AuditCommand;
use crate::client::{CallError, Client};
use crate::doctor::DoctorArguments;
use crate::exceptions::{self, ExceptionsCommand};
use crate::migrate::MigrateArguments;
use crate::offboard::{self, OffboardArguments};
use crate::operate;
use crate::output::{complain, plain, say, say_table};
use crate::people::{self, DelegationsCommand, OperatorsCommand, PeopleCommand};
use crate::policy::{self, PolicyArguments};
use crate::requests::{self, RequestsCommand};
use crate::simulate::{self, SimulateArguments};
use crate::sweeps::{self, SweepArguments, SweepsCommand};

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
    /// Look at everything a server needs, change nothing, and say what to do; ends with 1 if something is missing.
    Doctor(DoctorArguments),
    /// The trail, as an auditor takes it away.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Move everything from a SQLite file to an empty PostgreSQL database, all of it or nothing.
    MigrateStore(MigrateArguments),
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
    /// Hand in candidates: JSON, JSON lines (.ndjson, .jsonl) or a table (.csv), of any length. What was cut
    /// off goes on when the same command is run again.
    Sweep(SweepArguments),
    /// Look a sweep up, or release what a limit held.
    Sweeps {
        #[command(subcommand)]
        command: SweepsCommand,
    },
    /// List requests, oldest first; show one, or ask somebody else about it.
    #[command(args_conflicts_with_subcommands = true)]
    Requests {
        #[command(subcommand)]
        command: Option<RequestsCommand>,
        /// Only those that stand so, such as awaiting_decision or closed.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Decide for somebody who was asked.
    Decide(DecideArguments),
    /// List exceptions that hold, add or revoke one, or ask which seats they cover.
    Exceptions {
        #[command(subcommand)]
        command: Option<ExceptionsCommand>,
    },
    /// Take somebody who leaves through a playbook; list how the tasks of all went; answer one, or stop them.
    Offboard(Box<OffboardArguments>),
    /// List people, or take a table of them in: managers, who has left, who is away, who owns what.
    People {
        #[command(subcommand)]
        command: PeopleCommand,
    },
    /// List operators, appoint or dismiss one.
    Operators {
        #[command(subcommand)]
        command: OperatorsCommand,
    },
    /// List delegations, add or end one.
    Delegations {
        #[command(subcommand)]
        command: DelegationsCommand,
    },
    /// Show what is in force, switch the mode, or apply the policy to what is open.
    Policy(PolicyArguments),
    /// Try candidates, or a past sweep, under a policy: who would be asked, and who would not, without asking anybody.
    Simulate(SimulateArguments),
    /// Show what was saved, by proof, month, app and currency.
    Savings(Form),
    /// Print a request's trail, and say whether its chain holds.
    Trail {
        /// Which request.
        id: String,
    },
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
    #[command(flatten)]
    form: Form,
}

/// In which form an answer is printed.
#[derive(Args, Default)]
pub(crate) struct Form {
    /// Print the answer as JSON, for scripts.
    #[arg(long)]
    json: bool,
}

impl Form {
    /// Prints the answer as JSON if that was asked for, else as `people` read it.
    pub(crate) fn print(&self, answer: &Value, people: impl FnOnce(&Value)) {
        if self.json { say(&format!("{answer:#}")) } else { people(answer) }
    }
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
        Talk::Sweep(arguments) => sweeps::sweep(client, arguments).await,
        Talk::Sweeps { command } => sweeps::talk(client, command).await,
        Talk::Requests { command: Some(command), .. } => requests::talk(client, command).await,
        Talk::Requests { state, form, .. } => requests::list(client, state.as_deref(), &form).await,
        Talk::Decide(arguments) => decide(client, arguments).await,
        Talk::Exceptions { command } => exceptions::talk(client, command.unwrap_or_default()).await,
        Talk::Offboard(arguments) => offboard::talk(client, *arguments).await,
        Talk::People { command } => people::talk(client, command).await,
        Talk::Operators { command } => people::operators(client, command).await,
        Talk::Delegations { command } => people::delegations(client, command).await,
        Talk::Policy(arguments) => policy::policy(client, arguments).await,
        Talk::Simulate(arguments) => simulate::simulate(client, &arguments).await,
        Talk::Savings(form) => operate::savings(client, &form).await,
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
    arguments.form.print(&request, |request| {
        say(&plain(&format!("{}: {}", text(request, "/id"), text(request, "/state"))));
    });
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
