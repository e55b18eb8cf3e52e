//! `migrate-store`: from a file to a database that several servers share.

use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use seatgate_store_sqlx::migrate::{MigrateError, Moved, Progress, Step, sqlite_to_postgres};
use serde_json::{Map, Value, json};

use crate::cli::Form;
use crate::client::chain;
use crate::config::Database;
use crate::output::{complain, plain, say, say_table};
use crate::progress;

#[derive(Args)]
pub(crate) struct MigrateArguments {
    /// The file, as sqlite://seatgate.db. No server may have it open, and it stays as it is.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The empty database, as postgres://user:password@host/database.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    to: String,
    #[command(flatten)]
    form: Form,
}

/// Moves everything, or says why nothing was moved and ends with 1.
pub(crate) async fn run(arguments: MigrateArguments) -> ExitCode {
    match migrate(&arguments).await {
        Ok(moved) => {
            arguments.form.print(&told(&moved), |_| show(&moved, &arguments.from));
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&plain(&why));
            ExitCode::FAILURE
        }
    }
}

/// Neither address is repeated: the second one often holds a password.
async fn migrate(arguments: &MigrateArguments) -> Result<Moved, String> {
    let file = match Database::parse(&arguments.from) {
        Ok(Database::Sqlite(path)) => path,
        _ => return Err("--from: expected a file, such as sqlite://seatgate.db".to_owned()),
    };
    let url = match Database::parse(&arguments.to) {
        Ok(Database::Postgres(url)) => url,
        _ => return Err("--to: expected a server, such as postgres://user:password@host/database".to_owned()),
    };
    let bar = progress::bar(0, "{wide_bar} {human_pos} of {human_len} {msg}");
    let moved = sqlite_to_postgres(&file, url, |progress| advance(&bar, progress)).await;
    bar.finish_and_clear();
    moved.map_err(|error| refusal(&error))
}

fn advance(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.of);
    bar.set_position(progress.done);
    bar.set_message(match progress.step {
        Step::Copying => "rows copied",
        _ => "entries checked",
    });
}

fn refusal(error: &MigrateError) -> String {
    let advice = match error {
        MigrateError::NoFile => ". Name the one that the server has used",
        MigrateError::Foreign => ". Move it with the release that wrote it",
        MigrateError::NotEmpty { .. } => ". Name a database that no server has used yet",
        _ => "",
    };
    format!("nothing was moved: {}{advice}", chain(error))
}

fn told(moved: &Moved) -> Value {
    let tables: Map<String, Value> =
        moved.tables.iter().map(|(table, rows)| ((*table).to_owned(), Value::from(*rows))).collect();
    json!({ "tables": tables, "rows": moved.rows(), "streams": moved.streams, "entries_verified": moved.entries })
}

fn show(moved: &Moved, from: &str) {
    let mut table = vec![["TABLE", "ROWS"].map(str::to_owned).to_vec()];
    table.extend(moved.tables.iter().map(|(table, rows)| vec![(*table).to_owned(), rows.to_string()]));
    say_table(&table);
    say(&format!("moved {} rows; {} entries in {} streams verified", moved.rows(), moved.entries, moved.streams));
    say(&plain(&format!("Start servers with the new DATABASE_URL. Start none on {from} again: it would act as well.")));
}
