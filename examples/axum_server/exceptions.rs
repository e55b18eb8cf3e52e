//! Commands about exceptions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::{Form, account, segment, text};
use crate::client::{CallError, Client};
use crate::output::{say, say_table};
use crate::sweep_file::SweepFile;

#[derive(Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// List those that hold, oldest first.
    List(Form),
    /// From now on, nobody is asked about the seat.
    Add(AddArguments),
    /// From now on, the seat may be asked about again.
    Revoke {
        /// Which exception.
        id: String,
    },
    /// Say which seats of a file are covered, and need not be reported. Hands nothing in.
    Check {
        /// A file as `sweep` takes it; of a row, only app, account and entitlement count.
        file: PathBuf,
        #[command(flatten)]
        form: Form,
    },
}

impl Default for ExceptionsCommand {
    fn default() -> Self {
        Self::List(Form::default())
    }
}

#[derive(Args)]
pub(crate) struct AddArguments {
    /// Which app.
    #[arg(long)]
    app: String,
    /// Whose seat, by e-mail address.
    #[arg(long, required_unless_present = "account_id")]
    email: Option<String>,
    /// Whose seat, by the app's own id.
    #[arg(long)]
    account_id: Option<String>,
    /// The kind of licence, if the app has several.
    #[arg(long)]
    entitlement: Option<String>,
    /// Until when: a date (its end, UTC) or a time.
    #[arg(long)]
    until: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// Who does it; else it is the doing of the token.
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Does what was asked.
pub(crate) async fn talk(client: &Client, command: ExceptionsCommand) -> Result<(), CallError> {
    match command {
        ExceptionsCommand::List(form) => list(client, &form).await,
        ExceptionsCommand::Add(arguments) => add(client, arguments).await,
        ExceptionsCommand::Revoke { id } => revoke(client, &id).await,
        ExceptionsCommand::Check { file, form } => {
            check(client, &SweepFile::read(&file).map_err(CallError::Local)?.rows, &form).await
        }
    }
}

async fn list(client: &Client, form: &Form) -> Result<(), CallError> {
    let exceptions = Value::Array(client.all("/v1/exceptions", &[]).await?);
    form.print(&exceptions, |exceptions| {
        let mut table =
            vec![["EXCEPTION", "APP", "ACCOUNT", "UNTIL", "FILED BY", "REASON"].map(str::to_owned).to_vec()];
        table.extend(exceptions.as_array().into_iter().flatten().map(row));
        say_table(&table);
    });
    Ok(())
}

fn row(exception: &Value) -> Vec<String> {
    let by = ["/filed_by/name", "/filed_by/email"].map(|pointer| text(exception, pointer));
    let by = by.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let [id, app, until, reason] = ["/id", "/app/id", "/until", "/reason"].map(|pointer| text(exception, pointer));
    vec![id, app, account(exception), until, by, reason]
}

async fn add(client: &Client, arguments: AddArguments) -> Result<(), CallError> {
    let account = said([("email", arguments.email), ("id", arguments.account_id)]);
    let mut body = said([("entitlement", arguments.entitlement), ("reason", arguments.reason)]);
    body.insert("app".to_owned(), json!({ "id": arguments.app }));
    body.insert("account".to_owned(), Value::Object(account));
    body.insert("until".to_owned(), Value::String(arguments.until));
    if let Some(person) = arguments.person {
        body.insert("as".to_owned(), json!({ "email": person }));
    }
    let exception = client.post("/v1/exceptions", &Value::Object(body)).await?;
    arguments.form.print(&exception, |exception| {
        say(&format!("{}: nobody is asked before {}", text(exception, "/id"), text(exception, "/until")));
    });
    Ok(())
}

/// The members that were said.
fn said<const N: usize>(members: [(&str, Option<String>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?)))).collect()
}

async fn revoke(client: &Client, id: &str) -> Result<(), CallError> {
    client.delete(&format!("/v1/exceptions/{}", segment(id)?)).await?;
    say(&format!("{id}: revoked; the next sweep may ask about the seat again"));
    Ok(())
}

async fn check(client: &Client, rows: &[Value], form: &Form) -> Result<(), CallError> {
    let answers = client.post("/v1/exceptions/check", &rows.iter().map(seat).collect()).await?;
    form.print(&answers, |answers| {
        let mut table = vec![["ROW", "EXCEPTED", "APP", "ACCOUNT", "UNTIL", "EXCEPTION"].map(str::to_owned).to_vec()];
        let answers = answers.as_array().map(Vec::as_slice).unwrap_or_default();
        table.extend(rows.iter().zip(answers).enumerate().map(|(number, (row, answer))| {
            let excepted = answer.get("excepted").and_then(Value::as_bool).unwrap_or_default();
            let [until, id] = ["/until", "/exception_id"].map(|pointer| text(answer, pointer));
            let word = if excepted { "yes" } else { "no" }.to_owned();
            vec![number.to_string(), word, text(row, "/app/id"), account(row), until, id]
        }));
        say_table(&table);
    });
    Ok(())
}

/// What the question is about, of a whole candidate.
fn seat(row: &Value) -> Value {
    let part = |name: &str| Some((name.to_owned(), row.get(name)?.clone()));
    ["app", "account", "entitlement"].into_iter().filter_map(part).collect()
}
