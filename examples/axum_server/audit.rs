//! Taking the trail away, and checking what was taken.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use seatgate_core::trail::ExportCheck;

use crate::client::{CallError, Client};
use crate::output::{complain, plain, say};

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Write the whole trail of the running server.
    Export(ExportArguments),
    /// Check an exported file: every chain, and that nothing is missing. Needs no server.
    Verify {
        /// The file, as NDJSON.
        file: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct ExportArguments {
    /// Where to; else to the standard output.
    file: Option<PathBuf>,
    /// As what. Only NDJSON can be verified.
    #[arg(long, default_value = "ndjson")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
}

/// Writes the export, and leaves no half of one behind under the name that was asked for.
pub(crate) async fn export(client: &Client, arguments: &ExportArguments) -> ExitCode {
    let exported = match &arguments.file {
        None => copy(client, arguments.format, &mut stdout()).await,
        Some(path) => to_file(client, arguments.format, path).await,
    };
    match exported {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&plain(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

async fn copy(client: &Client, format: Format, out: &mut impl Write) -> Result<(), CallError> {
    let path = match format {
        Format::Ndjson => "/v1/audit?format=ndjson",
        Format::Csv => "/v1/audit?format=csv",
    };
    client.download(path, |part| out.write_all(part)).await?;
    out.flush().map_err(|error| CallError::Local(error.to_string()))
}

async fn to_file(client: &Client, format: Format, path: &Path) -> Result<(), CallError> {
    let local = |error: std::io::Error| CallError::Local(format!("{}: {error}", path.display()));
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let mut out = BufWriter::new(File::create(&beside).map_err(local)?);
    copy(client, format, &mut out).await?;
    out.get_ref().sync_all().map_err(local)?;
    std::fs::rename(&beside, path).map_err(local)
}

/// Ends with 1 when something is wrong, and says what.
pub(crate) fn verify(path: &Path) -> ExitCode {
    let check = match read(path) {
        Ok(check) => check,
        Err(error) => {
            complain(&format!("{}: {error}", path.display()));
            return ExitCode::FAILURE;
        }
    };
    match check.finish() {
        Ok(verified) => {
            say(&format!(
                "verified: {} entries in {} streams, as many as the last line counts",
                verified.entries, verified.streams
            ));
            say("The file is not sealed: a sealed checkpoint is needed to show that nobody rewrote all of it.");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            wrong.iter().for_each(|wrong| complain(&plain(&wrong.to_string())));
            complain(&format!("does NOT verify: {} things are wrong", wrong.len()));
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> std::io::Result<ExportCheck> {
    let mut check = ExportCheck::new();
    for line in BufReader::new(File::open(path)?).lines() {
        check.line(&line?);
    }
    Ok(check)
}
