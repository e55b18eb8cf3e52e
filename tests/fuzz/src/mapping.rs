//! Mappings and what is read by them: lines that say the mapping, and a delivery after an empty line.
//!
//! A line is a field, a letter (`c` for a column, `p` for a pointer, `v` for a value) and a text; `dates FORM`; `never`
//! where an empty cell says that the seat was never used; `json` or `ndjson` where the delivery is no table.

use std::collections::BTreeMap;

use seatgate_http::intake::mapping::{Dates, Field, Mapping, Source};

use super::is_a_sentence;
use super::world::{World, block_on};

#[derive(Default)]
struct Places<'a> {
    columns: Vec<&'a str>,
    pointers: Vec<&'a str>,
    value: Option<&'a str>,
}

pub(super) fn run(input: &[u8]) {
    let at = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let Ok(head) = std::str::from_utf8(&input[..at]) else { return };
    let body = input.get(at + 2..).unwrap_or_default();
    let Some((mapping, media_type)) = mapping(head) else { return };
    let lacks = |name: &str| mapping.problems().iter().any(|(_, problem)| problem.to_string().contains(name));
    mapping.problems().iter().for_each(|(_, problem)| assert!(is_a_sentence(&problem.to_string())));
    if !mapping.problems().is_empty() {
        assert!(!lacks("`app_id`"), "the app may come with the delivery");
        return;
    }
    block_on(async {
        for query in ["?mapping=own", "?mapping=own&app_id=figma"] {
            let world = World::new(Some(mapping.clone()));
            world.deliver(query, media_type, body).await;
            world.settle().await;
        }
    });
}

fn mapping(head: &str) -> Option<(Mapping, &'static str)> {
    let (mut mapping, mut media_type) = (Mapping::new(), "text/csv");
    let mut fields: BTreeMap<Field, Places<'_>> = BTreeMap::new();
    for line in head.lines() {
        match line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
            ["json"] => media_type = "application/json",
            ["ndjson"] => media_type = "application/x-ndjson",
            ["never"] => mapping.set_empty_is_never_used(true),
            ["dates", form] => mapping.set_dates(form.parse::<Dates>().ok()?),
            [name, kind, text] => {
                let places = fields.entry(name.parse().ok()?).or_default();
                match *kind {
                    "c" => places.columns.push(text),
                    "p" => places.pointers.push(text),
                    _ => places.value = Some(text),
                }
            }
            _ => return None,
        }
    }
    for (field, Places { columns, pointers, value }) in fields {
        let source = Source::default().columns(columns).pointers(pointers);
        let source = value.into_iter().fold(source, Source::value);
        if let Err(error) = mapping.set(field, source) {
            assert!(is_a_sentence(&error.to_string()), "{error:?}");
            return None;
        }
    }
    Some((mapping, media_type))
}
