//! Commands for whoever runs the server: policy and mode.

use serde_json::{Value, json};

use crate::cli::text;
use crate::client::{CallError, Client};
use crate::output::{plain, say, say_table};

/// Shows what is in force; switches the mode first, if there is one to switch to.
pub(crate) async fn policy(client: &Client, mode: Option<&str>) -> Result<(), CallError> {
    let policy = match mode {
        Some(mode) => client.put("/v1/policy", &json!({ "mode": mode })).await?,
        None => client.get("/v1/policy").await?,
    };
    say(&plain(&format!("mode {}, policy {}", text(&policy, "/mode"), text(&policy, "/version"))));
    if mode.is_none() {
        let mut table = vec![["APP", "KEY", "VALUE"].map(str::to_owned).to_vec()];
        table.extend(terms("(every app)", policy.get("default")));
        for (app, own) in policy.get("apps").and_then(Value::as_object).into_iter().flatten() {
            let differs =
                |row: &Vec<String>| policy.pointer(&format!("/default/{}", row[1])).map(shown).as_ref() != row.get(2);
            table.extend(terms(app, Some(own)).into_iter().filter(differs));
        }
        say_table(&table);
    }
    Ok(())
}

fn terms(app: &str, terms: Option<&Value>) -> Vec<Vec<String>> {
    let terms = terms.and_then(Value::as_object).into_iter().flatten();
    terms.map(|(key, value)| vec![app.to_owned(), key.clone(), shown(value)]).collect()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
