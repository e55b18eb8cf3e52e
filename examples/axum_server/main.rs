//! A server made of seatgate's crates: intake, API and web inbox over SQLite or PostgreSQL, removals by webhook.
//!
//! `cargo run --example axum_server` with nothing configured starts a demo on this machine. Every capability lives in a
//! crate; here they are only put together: `config` says how, `wire` does it, `serve` runs it, `demo` makes up what is
//! not configured, and `cli` talks to a running server.

mod accept;
mod audit;
mod cli;
mod client;
mod config;
mod demo;
mod doctor;
mod drain;
mod exceptions;
#[cfg(feature = "failpoints")]
mod failpoint;
mod migrate;
mod offboard;
mod operate;
mod output;
mod people;
mod policy;
mod pretend;
mod progress;
mod requests;
mod serve;
mod simulate;
mod slack;
mod store;
mod sweep_file;
mod sweeps;
mod upload;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use audit::AuditCommand;
use cli::{Arguments, Command, ConfigCommand};
use config::{Config, Environment, Problems};

/// The configuration, the database or the address is not usable: nothing was started.
const START_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect();
    match run(arguments, &environment) {
        Ok(code) => code,
        Err(problems) => {
            output::complain(&format!("seatgate cannot start:\n{problems}"));
            ExitCode::from(START_ERROR)
        }
    }
}

fn run(arguments: Arguments, environment: &Environment) -> Result<ExitCode, Problems> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problems::of(format!("the runtime: {error}")))?;
    let file = arguments.config.as_deref();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let config = Config::load(file, environment)?;
            runtime.block_on(serve::serve(config)).map(|()| ExitCode::SUCCESS)
        }
        Command::Config { command: ConfigCommand::Check } => {
            Config::load(file, environment)?;
            output::say("the configuration is sound");
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(arguments) => {
            let config = Config::load(file, environment)?;
            runtime.block_on(doctor::run(&config, arguments))
        }
        Command::Audit { command: AuditCommand::Verify { file } } => Ok(audit::verify(&file)),
        Command::Audit { command: AuditCommand::Export(export) } => {
            let client = client::Client::new(arguments.config.as_deref(), environment, arguments.server.as_deref())?;
            Ok(runtime.block_on(audit::export(&client, &export)))
        }
        Command::MigrateStore(arguments) => Ok(runtime.block_on(migrate::run(arguments))),
        Command::Talk(talk) => {
            let client = client::Client::new(file, environment, arguments.server.as_deref())?;
            Ok(runtime.block_on(cli::talk(&client, talk)))
        }
    }
}

/// Logs name requests and tasks, never people.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
