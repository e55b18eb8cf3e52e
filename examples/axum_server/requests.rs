//! Requests: listed, shown one by one, and handed to somebody else.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::{Form, account, items, segment, text};
use crate::client::{CallError, Client};
use crate::output::{plain, say, say_table};

#[derive(Subcommand)]
pub(crate) enum RequestsCommand {
    /// Show one request: how it stands, who is asked and why, and what happens if nobody answers.
    Show {
        /// Which request.
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// Ask somebody else in place of those who are asked.
    Reassign {
        /// Which request.
        id: String,
        /// Whom to ask.
        #[arg(long, value_name = "EMAIL")]
        to: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who hands it on, where that is not whoever holds the token: in place of this person alone, if they are asked.
        #[arg(long = "as", value_name = "EMAIL")]
        person: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

pub(crate) async fn talk(client: &Client, command: RequestsCommand) -> Result<(), CallError> {
    match command {
        RequestsCommand::Show { id, form } => {
            let request = client.get(&format!("/v1/requests/{}", segment(&id)?)).await?;
            form.print(&request, show);
        }
        RequestsCommand::Reassign { id, to, reason, person, form } => {
            let mut body = json!({ "to": { "email": to }, "reason": reason });
            if let Some(person) = person {
                body["as"] = json!({ "email": person });
            }
            let request = client.post(&format!("/v1/requests/{}/reassign", segment(&id)?), &body).await?;
            form.print(&request, show);
        }
    }
    Ok(())
}

pub(crate) async fn list(client: &Client, state: Option<&str>, form: &Form) -> Result<(), CallError> {
    let filter: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
    let requests = Value::Array(client.all("/v1/requests", &filter).await?);
    form.print(&requests, |requests| {
        let mut table = vec![["REQUEST", "STATE", "OUTCOME", "APP", "ACCOUNT"].map(str::to_owned).to_vec()];
        table.extend(requests.as_array().into_iter().flatten().map(|request| {
            let told = ["/id", "/state", "/outcome", "/app/id"].map(|pointer| text(request, pointer));
            [told.to_vec(), vec![account(request)]].concat()
        }));
        say_table(&table);
    });
    Ok(())
}

fn show(request: &Value) {
    lines(request).iter().for_each(|line| say(&plain(line)));
}

fn lines(request: &Value) -> Vec<String> {
    let (state, outcome) = (text(request, "/state"), text(request, "/outcome"));
    let state = if outcome.is_empty() { state } else { format!("{state}, {outcome}") };
    let mut lines = vec![format!("{}: {state}", text(request, "/id"))];
    let line = |name: &str, value: String| (!value.is_empty()).then(|| format!("{name}: {value}"));
    lines.push(format!("seat: {} of {}", text(request, "/app/id"), account(request)));
    lines.extend(items(request, "approvers").iter().map(approver));
    lines.extend(said(request, "the holder says", "/holder_answer", "/answer"));
    let votes = items(request, "votes");
    lines.extend(votes.iter().map(|vote| format!("approved by {} at {}", who(&vote["by"]), text(vote, "/at"))));
    if request["quorum"].as_u64().is_some_and(|quorum| quorum > 1) {
        lines.push(format!("approvals: {} of {}", votes.len(), request["quorum"]));
    }
    let reminders = items(&request["deadlines"], "reminders").iter().filter_map(Value::as_str);
    lines.extend(line("reminders", reminders.collect::<Vec<_>>().join(", ")));
    for (name, pointer) in [
        ("the approvers are asked", "/deadlines/holder_until"),
        ("others are asked", "/deadlines/escalate_at"),
        ("the time to answer ends", "/deadlines/expire_at"),
        ("withdrawn because", "/withdrawn"),
    ] {
        lines.extend(line(name, text(request, pointer)));
    }
    let by = who(&request["decision"]["by"]);
    lines.extend(said(request, "decided", "/decision", "/decision").map(|line| format!("{line}, by {by}")));
    lines
}

fn approver(approver: &Value) -> String {
    let for_whom = approver.get("on_behalf_of").map(|principal| format!(" for {}", who(principal)));
    let left = if approver["left"] == true { ", no longer asked" } else { "" };
    let path: Vec<String> = items(approver, "path")
        .iter()
        .map(|step| format!("{} ({}, {})", who(step), text(step, "/role"), text(step, "/turn")))
        .collect();
    let path = if path.is_empty() { String::new() } else { format!(", by way of {}", path.join(", ")) };
    let (why, at) = (text(approver, "/why"), text(approver, "/asked_at"));
    format!("asked: {}{} ({why}) at {at}{left}{path}", who(approver), for_whom.unwrap_or_default())
}

/// What somebody said, and when; nothing where they said nothing.
fn said(request: &Value, name: &str, pointer: &str, word: &str) -> Option<String> {
    let said = request.pointer(pointer).filter(|said| said.is_object())?;
    let reason = Some(text(said, "/reason")).filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("{name}: {} at {}{reason}", text(said, word), text(said, "/at")))
}

fn who(person: &Value) -> String {
    let names = ["/email", "/name"].map(|pointer| text(person, pointer));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "(erased)".to_owned())
}
