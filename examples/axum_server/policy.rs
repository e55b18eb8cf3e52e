//! The policy and the mode: showing them, switching, applying.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::text;
use crate::client::{CallError, Client};
use crate::operate::shown;
use crate::output::{plain, say, say_table};

#[derive(Args)]
pub(crate) struct PolicyArguments {
    /// Switch to this mode, at once and for good; with --app, `inherit` takes the mode of every app again.
    #[arg(long, value_name = "MODE", value_parser = ["off", "dry_run", "live", "inherit"])]
    mode: Option<String>,
    /// Switch the mode of this app alone.
    #[arg(long, requires = "mode")]
    app: Option<String>,
    #[command(subcommand)]
    command: Option<PolicyCommand>,
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Put open requests under the policy that is in force: deadlines, quorum and all else follow it from then on.
    Apply {
        /// Those of this app alone.
        #[arg(long)]
        app: Option<String>,
        /// The operator who asks for it.
        #[arg(long = "as", value_name = "EMAIL")]
        person: Option<String>,
    },
}

/// Shows what is in force; switches or applies first, if that was asked for.
pub(crate) async fn policy(client: &Client, arguments: PolicyArguments) -> Result<(), CallError> {
    match arguments {
        PolicyArguments { command: Some(PolicyCommand::Apply { app, person }), .. } => apply(client, app, person).await,
        PolicyArguments { mode: Some(mode), app, .. } => switch(client, &mode, app.as_deref()).await,
        PolicyArguments { .. } => show(client).await,
    }
}

async fn switch(client: &Client, mode: &str, app: Option<&str>) -> Result<(), CallError> {
    let body = match (app, mode) {
        (None, "inherit") => return Err(CallError::Local("--mode inherit needs --app".to_owned())),
        (None, mode) => json!({ "mode": mode }),
        (Some(app), "inherit") => json!({ "apps": { app: { "mode": null } } }),
        (Some(app), mode) => json!({ "apps": { app: { "mode": mode } } }),
    };
    in_force(&client.put("/v1/policy", &body).await?);
    Ok(())
}

async fn apply(client: &Client, app: Option<String>, person: Option<String>) -> Result<(), CallError> {
    let mut body = json!({});
    if let Some(app) = app {
        body["app"] = Value::String(app);
    }
    if let Some(person) = person {
        body["as"] = json!({ "email": person });
    }
    let done = client.post("/v1/policy/apply", &body).await?;
    let number = |name: &str| done.get(name).map(shown).unwrap_or_default();
    let [applied, unchanged, closed] = ["applied", "unchanged", "closed"].map(number);
    let version = text(&done, "/version");
    say(&plain(&format!(
        "policy {version}: applied to {applied}, {unchanged} were under it, {closed} ended meanwhile"
    )));
    Ok(())
}

fn in_force(policy: &Value) {
    say(&plain(&format!("mode {}, policy {}", text(policy, "/mode"), text(policy, "/version"))));
    for (app, mode) in policy.get("modes").and_then(Value::as_object).into_iter().flatten() {
        say(&plain(&format!("mode of {app}: {}", shown(mode))));
    }
}

async fn show(client: &Client) -> Result<(), CallError> {
    let policy = client.get("/v1/policy").await?;
    in_force(&policy);
    let mut table = vec![["APP", "KEY", "VALUE"].map(str::to_owned).to_vec()];
    table.extend(terms("(every app)", policy.get("default")));
    for (app, own) in policy.get("apps").and_then(Value::as_object).into_iter().flatten() {
        let differs =
            |row: &Vec<String>| policy.pointer(&format!("/default/{}", row[1])).map(shown).as_ref() != row.get(2);
        table.extend(terms(app, Some(own)).into_iter().filter(differs));
    }
    say_table(&table);
    Ok(())
}

fn terms(app: &str, terms: Option<&Value>) -> Vec<Vec<String>> {
    let terms = terms.and_then(Value::as_object).into_iter().flatten();
    terms.map(|(key, value)| vec![app.to_owned(), key.clone(), shown(value)]).collect()
}
