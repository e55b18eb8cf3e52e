//! Commands about people who leave.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::{Form, items, segment, text};
use crate::client::{CallError, Client};
use crate::output::{plain, say, say_table};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct OffboardArguments {
    #[command(subcommand)]
    command: Option<OffboardCommand>,
    /// Who leaves, by e-mail address.
    #[arg(value_name = "EMAIL", required = true)]
    email: Option<String>,
    /// What they are called.
    #[arg(long)]
    name: Option<String>,
    /// By which playbook; else by the default one.
    #[arg(long)]
    playbook: Option<String>,
    /// Leave this optional task out. May be said several times.
    #[arg(long, value_name = "TASK")]
    without: Vec<String>,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// Who does it; else it is the doing of the token.
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Subcommand)]
enum OffboardCommand {
    /// The offboarding table: one row a task, oldest first.
    List(ListArguments),
    /// Begin nothing more: what is on its way comes to its end.
    Stop {
        /// Which offboarding.
        id: String,
        #[command(flatten)]
        said: Said,
    },
    /// Answer a task that waits.
    Answer {
        /// Of which offboarding.
        id: String,
        /// What the playbook calls it.
        task: String,
        /// retry, skip, confirm (it did happen) or done (by hand).
        resolution: String,
        #[command(flatten)]
        said: Said,
    },
}

#[derive(Args)]
struct Said {
    /// Why, or what there is to note.
    #[arg(long)]
    reason: Option<String>,
    /// Who does it; else it is the doing of the token.
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args)]
struct ListArguments {
    /// Only about this person, by e-mail address.
    #[arg(long, value_name = "EMAIL")]
    person: Option<String>,
    /// Only tasks that stand so, such as paused or done.
    #[arg(long, value_name = "STATUS")]
    result: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Does what was asked.
pub(crate) async fn talk(client: &Client, arguments: OffboardArguments) -> Result<(), CallError> {
    match arguments.command {
        Some(OffboardCommand::List(list)) => table(client, &list).await,
        Some(OffboardCommand::Stop { id, said }) => {
            let stopped = client.post(&format!("/v1/requests/{}/stop", segment(&id)?), &said.with(json!({}))).await?;
            said.print(&stopped);
            Ok(())
        }
        Some(OffboardCommand::Answer { id, task, resolution, said }) => {
            let request = format!("/v1/requests/{}", segment(&id)?);
            let task = task_id(&client.get(&request).await?, &task)?;
            let body = said.with(json!({ "resolution": resolution }));
            said.print(&client.post(&format!("{request}/tasks/{task}"), &body).await?);
            Ok(())
        }
        None => start(client, arguments).await,
    }
}

async fn start(client: &Client, arguments: OffboardArguments) -> Result<(), CallError> {
    let mut body = json!({ "person": { "email": arguments.email }, "without": arguments.without });
    if let Some(name) = arguments.name {
        body["person"]["name"] = Value::String(name);
    }
    for (name, value) in [("playbook", arguments.playbook), ("reason", arguments.reason)] {
        if let Some(value) = value {
            body[name] = Value::String(value);
        }
    }
    if let Some(person) = arguments.person {
        body["as"] = json!({ "email": person });
    }
    let started = client.post("/v1/offboardings", &body).await?;
    arguments.form.print(&started, |started| say(&plain(&format!("{}: started", text(started, "/request_id")))));
    Ok(())
}

impl Said {
    fn with(&self, mut body: Value) -> Value {
        if let Some(reason) = &self.reason {
            body["reason"] = Value::String(reason.clone());
        }
        if let Some(person) = &self.person {
            body["as"] = json!({ "email": person });
        }
        body
    }

    fn print(&self, request: &Value) {
        self.form.print(request, |request| {
            say(&plain(&format!("{}: {}", text(request, "/id"), text(request, "/state"))));
        });
    }
}

/// The id of the request's task of this name.
fn task_id(request: &Value, name: &str) -> Result<String, CallError> {
    let named = items(request, "tasks").iter().find(|task| text(task, "/name") == name);
    named.map(|task| text(task, "/id")).ok_or_else(|| CallError::Local("it has no task of this name".to_owned()))
}

async fn table(client: &Client, list: &ListArguments) -> Result<(), CallError> {
    let filter = [("person", list.person.as_deref()), ("result", list.result.as_deref())];
    let filter: Vec<_> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let rows = Value::Array(client.all("/v1/offboardings", &filter).await?);
    list.form.print(&rows, |rows| {
        let mut table = vec![["REQUEST", "PERSON", "TASK", "STATUS", "CHANGED"].map(str::to_owned).to_vec()];
        let told = ["/request_id", "/person/email", "/task", "/status", "/changed_at"];
        let rows = rows.as_array().into_iter().flatten();
        table.extend(rows.map(|row| told.map(|pointer| text(row, pointer)).to_vec()));
        say_table(&table);
    });
    Ok(())
}
