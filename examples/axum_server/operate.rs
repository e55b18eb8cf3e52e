//! What was saved, for whoever runs the server.

use serde_json::Value;

use crate::cli::{Form, items, text};
use crate::client::{CallError, Client};
use crate::output::{plain, say, say_table};

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

pub(crate) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
