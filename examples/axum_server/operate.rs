//! Commands for whoever runs the server: policy, mode and savings.

use serde_json::{Value, json};

use crate::cli::{Form, items, text};
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

/// Shows what was saved, line by line, and the sums.
pub(crate) async fn savings(client: &Client, form: &Form) -> Result<(), CallError> {
    let savings = client.get("/v1/savings").await?;
    form.print(&savings, |savings| {
        let mut table = vec![["MONTH", "APP", "STANDING", "PROOF", "SEATS", "A MONTH"].map(str::to_owned).to_vec()];
        table.extend(items(savings, "items").iter().map(|line| {
            let told = ["/month", "/app", "/standing", "/proof"].map(|pointer| text(line, pointer));
            [told.to_vec(), tally(line).to_vec()].concat()
        }));
        say_table(&table);
        for standing in ["verified", "projected", "kept", "unsaved"] {
            let [seats, monthly] = tally(savings.get(standing).unwrap_or(&Value::Null));
            say(&plain(format!("{standing}: {seats} seats {monthly}").trim_end()));
        }
    });
    Ok(())
}

/// How many seats, and what they cost a month.
fn tally(tally: &Value) -> [String; 2] {
    let seats = tally.get("requests").map(shown).unwrap_or_default();
    let sums = items(tally, "monthly").iter().map(|sum| format!("{} {}", text(sum, "/amount"), text(sum, "/currency")));
    [seats, sums.collect::<Vec<_>>().join(" + ")]
}

fn terms(app: &str, terms: Option<&Value>) -> Vec<Vec<String>> {
    let terms = terms.and_then(Value::as_object).into_iter().flatten();
    terms.map(|(key, value)| vec![app.to_owned(), key.clone(), shown(value)]).collect()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
