//! How other people's exports are read: `[intake.mappings.NAME]`.

use seatgate_http::intake::mapping::{Dates, Field, Mapping, Source};

use super::Problems;
use super::settings::Settings;
use super::table::Table;

/// Every mapping of the file, by its name.
pub(super) fn read(settings: &mut Settings, problems: &mut Problems) -> Vec<(String, Mapping)> {
    let mut intake = settings.file.table("intake", problems);
    let mut tables = intake.table("mappings", problems);
    intake.finish(problems);
    let mut mappings = Vec::new();
    for name in tables.names() {
        let table = tables.table(&name, problems);
        if !is_name(&name) {
            problems.add(table.name("").trim_end_matches('.'), "expected a name of letters, digits, - and _");
        }
        mappings.push((name, mapping(table, problems)));
    }
    mappings
}

/// It stands in a query.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=60).contains(&name.len()) && name.bytes().all(fits)
}

fn mapping(mut table: Table, problems: &mut Problems) -> Mapping {
    let before = problems.0.len();
    let mut mapping = match table.text("preset", problems) {
        None => Mapping::new(),
        Some(preset) => Mapping::preset(&preset).unwrap_or_else(|| {
            let known = Mapping::presets().join("\", \"");
            problems.add(&table.name("preset"), format!("expected \"{known}\""));
            Mapping::new()
        }),
    };
    if let Some(dates) = table.text("dates", problems) {
        problems
            .keep(&table.name("dates"), dates.parse::<Dates>())
            .into_iter()
            .for_each(|dates| mapping.set_dates(dates));
    }
    mapping.set_empty_is_never_used(table.flag("empty_is_never_used", false, problems));
    for field in Field::all().filter(|field| table.has(field.name())).collect::<Vec<_>>() {
        let source = source(table.table(field.name(), problems), problems);
        problems.keep(&table.name(field.name()), mapping.set(field, source));
    }
    let path = table.name("");
    table.finish(problems);
    // What is lacking may be what could not be read.
    if problems.0.len() == before {
        for (field, problem) in mapping.problems() {
            problems.add(format!("{path}{}", field.map_or("", Field::name)).trim_end_matches('.'), problem);
        }
    }
    mapping
}

/// `{ column = "Email" }`, `{ pointer = "/mail" }` (or both, for either form), `{ value = "figma" }`.
fn source(mut table: Table, problems: &mut Problems) -> Source {
    let source = Source::default().columns(table.texts("column", problems)).pointers(table.texts("pointer", problems));
    let source = table.text("value", problems).into_iter().fold(source, Source::value);
    table.finish(problems);
    source
}
