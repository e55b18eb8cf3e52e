//! Commands about people: what the directory knows of them, who stands in for whom, and who operates.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::{Form, items, segment, text};
use crate::client::{CallError, Client};
use crate::output::{plain, say, say_table};
use crate::sweep_file;
use crate::sweeps::{counts, told};

#[derive(Subcommand)]
pub(crate) enum PeopleCommand {
    /// Take a table in, row by row: whoever is not in it stays as they are.
    ///
    /// Columns: email, name, manager_email, disabled, bot, slack (T1/U1), owns (ids of apps), away_from, away_until. One that is
    /// there says all: where manager_email is empty, nobody manages them.
    Import {
        /// The table (.csv), at most 8 MiB.
        file: PathBuf,
        #[command(flatten)]
        form: Form,
    },
    /// List them, with what the directory knows.
    List(Form),
}

#[derive(Subcommand)]
pub(crate) enum OperatorsCommand {
    /// List them: those of the configuration, and those who were appointed.
    List(Form),
    /// Appoint somebody, at once and without a restart.
    Add {
        /// Whom: an e-mail address, or slack:T1/U1.
        person: String,
    },
    /// Dismiss somebody who was appointed.
    Remove {
        /// Whom, by the id that the list shows.
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum DelegationsCommand {
    /// List those that hold or will hold, oldest first.
    List(Form),
    /// Let somebody stand in for somebody else: what the one would be asked, the other is asked.
    Add(AddArguments),
    /// End one now.
    End {
        /// Which delegation.
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct AddArguments {
    /// Who is stood in for: an e-mail address, or slack:T1/U1.
    #[arg(long)]
    from: String,
    /// Who stands in.
    #[arg(long)]
    to: String,
    /// From when on: a date (its start, UTC) or a time; else from now on.
    #[arg(long)]
    starts: Option<String>,
    /// Until when: a date (its end, UTC) or a time; else until it is ended.
    #[arg(long)]
    ends: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Does what was asked about people. A row that was rejected is shown, and ends the command with 1.
pub(crate) async fn talk(client: &Client, command: PeopleCommand) -> Result<(), CallError> {
    match command {
        PeopleCommand::Import { file, form } => import(client, &file, &form).await,
        PeopleCommand::List(form) => list(client, &form).await,
    }
}

async fn import(client: &Client, file: &Path, form: &Form) -> Result<(), CallError> {
    let body = sweep_file::body(file).map_err(CallError::Local)?;
    let answer = client.put_table("/v1/people", body).await?;
    form.print(&answer, |answer| {
        let rejected = |result: &&Value| text(result, "/status") == "rejected";
        let mut table = vec![["ROW", "STATUS", "REASON"].map(str::to_owned).to_vec()];
        table.extend(items(answer, "results").iter().filter(rejected).map(|result| told(result).to_vec()));
        if table.len() > 1 {
            say_table(&table);
        }
        say(&plain(&format!("people: {}", counts(answer))));
    });
    match answer.pointer("/counts/rejected") {
        Some(_) => Err(CallError::Local("some rows were rejected; the others are saved".to_owned())),
        None => Ok(()),
    }
}

async fn list(client: &Client, form: &Form) -> Result<(), CallError> {
    let people = Value::Array(client.all("/v1/people", &[]).await?);
    form.print(&people, |people| {
        let columns = ["PERSON", "EMAIL", "NAME", "SLACK", "MANAGER", "STANDING", "OWNS"];
        let mut table = vec![columns.map(str::to_owned).to_vec()];
        table.extend(people.as_array().into_iter().flatten().map(row));
        say_table(&table);
    });
    Ok(())
}

fn row(person: &Value) -> Vec<String> {
    let is = |name: &str| person.get(name).and_then(Value::as_bool).unwrap_or_default();
    let away = items(person, "absences").first().map(|absence| format!("away from {}", text(absence, "/from")));
    let standing = [is("disabled").then(|| "disabled".to_owned()), is("bot").then(|| "bot".to_owned()), away];
    let owns = items(person, "owns").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let told = ["/id", "/email", "/name", "/slack"].map(|pointer| text(person, pointer));
    let standing = standing.into_iter().flatten().collect::<Vec<_>>().join(", ");
    [told.to_vec(), vec![named(person.get("manager")), standing, owns]].concat()
}

/// Does what was asked about operators.
pub(crate) async fn operators(client: &Client, command: OperatorsCommand) -> Result<(), CallError> {
    match command {
        OperatorsCommand::List(form) => {
            let operators = client.get("/v1/operators").await?;
            form.print(&operators, |operators| {
                let mut table = vec![["PERSON", "OPERATOR", "SINCE"].map(str::to_owned).to_vec()];
                table.extend(items(operators, "items").iter().map(|operator| {
                    let configured = operator.get("configured").and_then(Value::as_bool).unwrap_or_default();
                    let since = if configured { "(configured)".to_owned() } else { text(operator, "/since") };
                    vec![text(operator, "/id"), named(Some(operator)), since]
                }));
                say_table(&table);
            });
        }
        OperatorsCommand::Add { person } => {
            let operator = client.post("/v1/operators", &json!({ "person": who(&person) })).await?;
            say(&plain(&format!("{}: operates from now on", text(&operator, "/id"))));
        }
        OperatorsCommand::Remove { id } => {
            client.delete(&format!("/v1/operators/{}", segment(&id)?)).await?;
            say(&format!("{id}: operates no more"));
        }
    }
    Ok(())
}

/// Does what was asked about delegations.
pub(crate) async fn delegations(client: &Client, command: DelegationsCommand) -> Result<(), CallError> {
    match command {
        DelegationsCommand::List(form) => {
            let delegations = Value::Array(client.all("/v1/delegations", &[]).await?);
            form.print(&delegations, |delegations| {
                let mut table = vec![["DELEGATION", "FROM", "TO", "STARTS", "ENDS"].map(str::to_owned).to_vec()];
                table.extend(delegations.as_array().into_iter().flatten().map(|one| {
                    let [id, starts, ends] = ["/id", "/starts_at", "/ends_at"].map(|pointer| text(one, pointer));
                    vec![id, named(one.get("from")), named(one.get("to")), starts, ends]
                }));
                say_table(&table);
            });
        }
        DelegationsCommand::Add(arguments) => delegate(client, arguments).await?,
        DelegationsCommand::End { id } => {
            client.delete(&format!("/v1/delegations/{}", segment(&id)?)).await?;
            say(&format!("{id}: ended"));
        }
    }
    Ok(())
}

async fn delegate(client: &Client, arguments: AddArguments) -> Result<(), CallError> {
    let mut body = Map::from_iter([("from".to_owned(), who(&arguments.from)), ("to".to_owned(), who(&arguments.to))]);
    for (name, time) in [("starts_at", arguments.starts), ("ends_at", arguments.ends)] {
        body.extend(time.map(|time| (name.to_owned(), Value::String(time))));
    }
    let delegation = client.post("/v1/delegations", &Value::Object(body)).await?;
    arguments.form.print(&delegation, |delegation| {
        let [id, starts] = ["/id", "/starts_at"].map(|pointer| text(delegation, pointer));
        say(&plain(&format!("{id}: holds from {starts} on")));
    });
    Ok(())
}

/// Somebody, as the API names them.
fn who(person: &str) -> Value {
    match person.strip_prefix("slack:") {
        Some(slack) => json!({ "slack": slack }),
        None => json!({ "email": person }),
    }
}

/// What to call somebody: the name and the address, as far as they are known.
fn named(person: Option<&Value>) -> String {
    let said = |pointer: &str| person.map(|person| text(person, pointer)).unwrap_or_default();
    match (said("/name"), said("/email")) {
        (name, email) if name.is_empty() => email,
        (name, email) if email.is_empty() => name,
        (name, email) => format!("{name} <{email}>"),
    }
}
