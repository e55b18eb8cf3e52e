//! What is hashed has one form, and it is the one that the tree of the same value has in the plainest words of the RFC.

use std::collections::BTreeMap;

use proptest::prelude::*;
use seatgate_core::canonical::{CanonicalError, Digest, to_canonical};
use seatgate_core::id::ChangeId;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::Terms;
use seatgate_core::request::{Event, Fact};
use seatgate_core::trail::{Chain, Entry, Stream};
use serde::Serialize;
use serde_json::{Value, json};

use crate::history::{History, any_start, any_steps};
use crate::world::{World, at};

/// RFC 8785 in its plainest words: no blanks, members by the UTF-16 units of their names.
pub(crate) fn plain(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Array(items) => format!("[{}]", list(items.iter().map(plain).collect())),
        Value::Object(members) => {
            let mut members: Vec<(Vec<u16>, String)> = members
                .iter()
                .map(|(name, value)| {
                    (name.encode_utf16().collect(), format!("{}:{}", plain(&name.as_str().into()), plain(value)))
                })
                .collect();
            members.sort();
            format!("{{{}}}", list(members.into_iter().map(|(_, text)| text).collect()))
        }
        leaf => leaf.to_string(),
    }
}

/// A text in which UTF-8 and UTF-16 differ about the order, and in which much is escaped.
fn any_text() -> impl Strategy<Value = String> {
    let special = "abz!\"\\/#[]{}:,\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \u{7f}\u{80}é\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fb33}\u{ffff}\u{10000}😀\u{10ffff}";
    let special = prop::sample::select(special.chars().collect::<Vec<_>>());
    let special = prop::collection::vec(special, 0..4).prop_map(String::from_iter);
    prop_oneof![3 => special, 1 => any::<String>()]
}

/// Whatever JSON an entry can hold.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53) + 1..1_i64 << 53).prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        let members = prop::collection::btree_map(any_text(), inner.clone(), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every form that serde knows, but numbers that have no canonical form and maps whose keys are no texts.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Unit,
    Nothing(()),
    Truth(bool),
    Signed(i8, i16, i32),
    Unsigned(u8, u16, u32),
    Large { signed: i64, unsigned: u64 },
    Letter(char),
    Text(String),
    Wrapped(Wrapper),
    Optional(Option<Box<Shape>>),
    Many(Vec<Shape>),
    Named(BTreeMap<String, Shape>),
    Fields { zebra: Box<Shape>, apple: Option<String>, mango: (u8, Box<Shape>), absent: Absent },
    Tagged(Tagged),
    Adjacent(Adjacent),
    Doubled(Doubled),
    Json(Value),
}

#[derive(Debug, Clone, Serialize)]
struct Wrapper(String);

#[derive(Debug, Clone, Serialize)]
struct Absent;

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Empty,
    Full { zone: u8, area: Box<Shape> },
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", content = "data")]
enum Adjacent {
    Empty,
    Single(Box<Shape>),
    Full { zone: u8, area: Box<Shape> },
}

/// What is flattened into it may have a member of the same name.
#[derive(Debug, Clone, Serialize)]
struct Doubled {
    b: u8,
    a: u8,
    #[serde(flatten)]
    first: BTreeMap<String, Shape>,
    #[serde(flatten)]
    last: BTreeMap<String, Value>,
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Unit),
        Just(Shape::Nothing(())),
        any::<bool>().prop_map(Shape::Truth),
        any::<(i8, i16, i32)>().prop_map(|(one, two, three)| Shape::Signed(one, two, three)),
        any::<(u8, u16, u32)>().prop_map(|(one, two, three)| Shape::Unsigned(one, two, three)),
        (-(1_i64 << 53) + 1..1_i64 << 53, 0..1_u64 << 53)
            .prop_map(|(signed, unsigned)| Shape::Large { signed, unsigned }),
        any::<char>().prop_map(Shape::Letter),
        any_text().prop_map(Shape::Text),
        any_text().prop_map(|text| Shape::Wrapped(Wrapper(text))),
        Just(Shape::Optional(None)),
        Just(Shape::Tagged(Tagged::Empty)),
        Just(Shape::Adjacent(Adjacent::Empty)),
        any_json().prop_map(Shape::Json),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let named = prop::collection::btree_map(any_text(), inner.clone(), 0..6);
        let short = || prop::sample::select(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        let first = prop::collection::btree_map(short(), inner.clone(), 0..3);
        let last = prop::collection::btree_map(short(), (0..9_u8).prop_map(Value::from), 0..3);
        prop_oneof![
            boxed.clone().prop_map(|shape| Shape::Optional(Some(shape))),
            prop::collection::vec(inner, 0..6).prop_map(Shape::Many),
            named.prop_map(Shape::Named),
            (boxed.clone(), prop::option::of(any_text()), any::<u8>(), boxed.clone()).prop_map(
                |(zebra, apple, number, shape)| Shape::Fields { zebra, apple, mango: (number, shape), absent: Absent }
            ),
            (any::<u8>(), boxed.clone()).prop_map(|(zone, area)| Shape::Tagged(Tagged::Full { zone, area })),
            boxed.clone().prop_map(|shape| Shape::Adjacent(Adjacent::Single(shape))),
            (any::<u8>(), boxed).prop_map(|(zone, area)| Shape::Adjacent(Adjacent::Full { zone, area })),
            (first, last).prop_map(|(first, last)| Shape::Doubled(Doubled { b: 1, a: 2, first, last })),
        ]
    })
}

/// The tree of what `entry` must say, made from the fact that it records.
fn tree(entry: &Entry, fact: &Fact, prev: Digest) -> Value {
    let mut tree = serde_json::to_value(fact).unwrap();
    let data = tree.get("data").cloned();
    for (name, value) in [
        ("v", json!(1)),
        ("stream", json!(entry.stream)),
        ("seq", json!(entry.seq)),
        ("change", json!(entry.change)),
        ("prev", json!(prev)),
        ("data", json!(data)),
    ] {
        tree[name] = value;
    }
    tree
}

#[test]
fn what_has_no_canonical_form_is_refused() {
    for fraction in [1.0, 0.5, f64::NAN, f64::INFINITY] {
        assert_eq!(to_canonical(&[fraction]), Err(CanonicalError::Fraction), "{fraction}");
    }
    assert_eq!(to_canonical(&1.5_f32), Err(CanonicalError::Fraction));
    for integer in [i64::MIN, -(1 << 53), 1 << 53, i64::MAX] {
        assert_eq!(to_canonical(&integer), Err(CanonicalError::OutOfRange), "{integer}");
    }
    assert_eq!(to_canonical(&Some(u64::MAX)), Err(CanonicalError::OutOfRange));
    assert_eq!(to_canonical(&BTreeMap::from([(1, 2)])), Err(CanonicalError::Malformed));
    assert_eq!(to_canonical(&BTreeMap::from([(None::<String>, 2)])), Err(CanonicalError::Malformed));
    assert_eq!(to_canonical(&BTreeMap::from([(vec!["a"], 2)])), Err(CanonicalError::Malformed));
}

#[test]
fn an_event_without_data_says_so() {
    let world = World::new();
    let request = world.request(Terms::default());
    let (mut chain, change) = (Chain::empty(Stream::Request(request.id)), ChangeId::generate(at(0), &world.entropy));
    let fact = Fact::new(at(0), Actor::Policy, None, Surface::Library, Event::GraceEnded);
    let entry = chain.record(change, &fact).unwrap();
    let expected = format!(
        r#"{{"actor":"policy","at":"{}","change":"{change}","data":null,"kind":"grace_ended","prev":"{}","seq":1,"stream":"{}","submitted_by":null,"surface":"library","v":1}}"#,
        at(0),
        Digest::ZERO,
        request.id,
    );
    assert_eq!(entry.body, expected);
    assert_eq!(entry.fact(), Some(fact));
}

proptest! {
    #[test]
    fn a_tree_is_written_as_in_the_rfc(value in any_json()) {
        prop_assert_eq!(to_canonical(&value).unwrap(), plain(&value));
    }

    #[test]
    fn whatever_serializes_is_written_as_its_tree(shape in any_shape()) {
        let tree = serde_json::to_value(&shape).unwrap();
        prop_assert_eq!(to_canonical(&shape).unwrap(), plain(&tree));
    }

    #[test]
    fn an_entry_says_what_its_fact_says(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let mut prev = Digest::ZERO;
        for (entry, fact) in history.trail().0.iter().zip(&history.facts) {
            prop_assert_eq!(&entry.body, &plain(&tree(entry, fact, prev)));
            prop_assert_eq!(entry.hash, Digest::of(entry.body.as_bytes()));
            prev = entry.hash;
        }
    }
}
