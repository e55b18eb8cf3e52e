//! A digest of hundreds of seats: a few clicks lead to any of them.

use std::collections::BTreeMap;

use seatgate_core::message::Row;
use seatgate_slack::card::{Addressee, Renderer};
use serde_json::Value;

use super::judges::refusal;
use super::samples::{asking, body, open};

/// Turning, and then one click to approve; or two to keep, where the modal asks why.
const TURNS: u32 = 3;

/// What a page has: the seats that can be decided there, and the pages to turn to.
fn page(rows: &[Row], page: u32) -> (Vec<String>, Vec<u32>) {
    let body = body(Renderer::default().message(&asking(rows.to_vec(), page), &Addressee::Direct));
    assert_eq!(refusal(&body), None);
    let blocks = body["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    let elements = blocks.iter().flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let actions: Vec<&str> = elements.filter_map(|element| element["action_id"].as_str()).collect();
    let after = |prefix| actions.iter().filter_map(move |action| action.strip_prefix(prefix));
    (after("approve/").map(str::to_owned).collect(), after("turn/").map(|page| page.parse().unwrap()).collect())
}

/// How many times the card is turned until each page is seen, from the one that is shown first.
fn turns(rows: &[Row], first: u32) -> BTreeMap<u32, (u32, Vec<String>)> {
    let (mut seen, mut ahead) = (BTreeMap::new(), vec![(first, 0)]);
    while !ahead.is_empty() {
        let mut next = Vec::new();
        for (number, turned) in std::mem::take(&mut ahead) {
            if seen.contains_key(&number) {
                continue;
            }
            let (seats, ways) = page(rows, number);
            next.extend(ways.into_iter().map(|to| (to, turned + 1)));
            seen.insert(number, (turned, seats));
        }
        ahead = next;
    }
    seen
}

fn within_reach(rows: &[Row]) {
    let last = *turns(rows, 0).last_key_value().unwrap().0;
    for first in [0, last / 2, last] {
        let pages = turns(rows, first);
        let mut seats: Vec<&String> = pages.values().flat_map(|(_, seats)| seats).collect();
        seats.sort();
        let mut wanted: Vec<String> = rows.iter().map(|row| row.request.to_string()).collect();
        wanted.sort();
        assert_eq!(seats, wanted.iter().collect::<Vec<_>>());
        let most = pages.values().map(|(turned, _)| *turned).max().unwrap();
        assert!(most <= TURNS, "{most} turns from page {first} of {}", pages.len());
    }
}

#[test]
fn five_clicks_decide_any_of_two_hundred_seats() {
    let long = "&".repeat(10_000);
    let usual: Vec<Row> = (1..=200).map(|n| open(n, &format!("App {}", n % 7), &format!("p{n}@example.com"))).collect();
    let long: Vec<Row> = (1..=200).map(|n| open(n, &format!("{n}{long}"), &long)).collect();
    within_reach(&usual);
    within_reach(&long);
}

#[test]
fn a_way_says_where_it_leads() {
    let rows: Vec<Row> = (1..=200).map(|n| open(n, "Figma", &format!("p{n}@example.com"))).collect();
    let body = body(Renderer::default().message(&asking(rows, 5), &Addressee::Direct));
    let blocks = body["blocks"].as_array().unwrap();
    let ways = blocks.iter().find(|block| block["block_id"].as_str().unwrap().ends_with("/pages")).unwrap();
    let said = |part: fn(&Value) -> &Value| {
        ways["elements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|way| part(way).as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let labels = said(|way| &way["text"]["text"]);
    assert_eq!(labels[..7], ["1", "2", "3", "4", "Previous page", "Next page", "8"]);
    assert_eq!(said(|way| &way["accessibility_label"])[0], "Page 1 of 14");
}
