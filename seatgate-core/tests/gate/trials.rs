//! Trying a sweep: what is said of it is what then happens.

use seatgate_core::gate::{Ask, Trial};
use seatgate_core::port::{Period, RowResult, RowStatus};
use seatgate_core::request::Why;
use seatgate_core::seat::Candidate;
use seatgate_core::testing::{ScriptedDeprovisioner, block_on};
use serde_json::{Value, json};

use crate::house::{House, KEYED, candidate};

use RowStatus::{Asked, Duplicate, Excepted, Filtered, Held, Rejected};

fn seat(name: &str, changes: Value) -> Candidate {
    let mut row = json!({"account": {"email": format!("{name}@example.com")}});
    row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    candidate(row)
}

/// One seat is asked about, one excepted, and one cools down.
async fn before(house: &House) {
    let olga = house.appoint("olga@example.com").await;
    let report = house.sweep(["ana", "bo", "cy"].map(|name| seat(name, json!({}))).to_vec()).await;
    let [_, kept, undone] = [0, 1, 2].map(|row: usize| report.results[row].request_id.unwrap());
    for (id, ask) in [(kept, Ask::Keep { until: None }), (undone, Ask::Approve), (undone, Ask::Undo)] {
        house.gate.act(id, ask, Some("because"), &olga).await.unwrap();
    }
    house.idle().await;
    let (ed, mona) = (house.person("ed@example.com").await, house.person("mona@example.com").await);
    let nora = house.person("nora@example.com").await;
    house.world.directory.edit(ed, |entry| entry.absences = vec![Period::new(house.now(), None)]);
    house.world.directory.edit(mona, |entry| (entry.bot, entry.manager) = (true, Some(nora)));
}

/// The status of a row, and who is asked about it, why, after meeting how many.
type Seen = (RowStatus, Vec<(String, Why, usize)>);

async fn seen(house: &House, result: &RowResult) -> Seen {
    if result.status != Asked {
        return (result.status, Vec::new());
    }
    let mut asked = Vec::new();
    for one in house.request(result.request_id.unwrap()).await.approval.asked {
        let details = house.gate.people().details(&[one.person]).await.unwrap().remove(0).unwrap();
        asked.push((details.label(), one.why, one.path.len()));
    }
    (result.status, asked)
}

#[test]
fn a_trial_answers_each_row_as_the_sweep_then_does() {
    block_on(async {
        let keys = [("ask_holder_first", "true"), ("grace", "1d"), ("max_requests_per_sweep", "3")];
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[&keys[..], &[("exempt_tags", "hold")]].concat());
        before(&house).await;
        let mut rows = ["ana", "bo", "cy", "di", "ed", "di", "flo", "gil"].map(|name| seat(name, json!({}))).to_vec();
        rows.push(seat("hal", json!({"risk_tags": ["hold"]})));
        rows.push(seat("ida", json!({"observed_at": "2026-07-01T00:00:00Z"})));

        let trial = |(row, candidate): (usize, &Candidate)| Trial::new(row as u32, Ok(candidate.clone()), house.now());
        let trials = rows.iter().enumerate().map(trial).collect();
        let tried = house.gate.simulate(trials, &house.world.policy).await.unwrap().rows;
        let tried: Vec<Seen> = tried
            .into_iter()
            .map(|row| (row.status, row.asked.into_iter().map(|ask| (ask.person, ask.why, ask.path.len())).collect()))
            .collect();
        let mut swept = Vec::new();
        for result in &house.sweep(rows).await.results {
            swept.push(seen(&house, result).await);
        }

        assert_eq!(tried, swept);
        let statuses: Vec<RowStatus> = swept.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [Duplicate, Excepted, Filtered, Asked, Asked, Duplicate, Asked, Held, Filtered, Rejected]);
        let why = |row: usize| swept[row].1.iter().map(|(person, why, met)| (person.as_str(), *why, *met)).collect();
        let (holder, above): (Vec<_>, Vec<_>) = (why(3), why(4));
        assert_eq!((holder.len(), holder[0].1), (1, Why::Holder));
        assert_eq!(above, [("nora@example.com", Why::NextManager, 2)], "she is asked for a holder who is away");
    });
}
