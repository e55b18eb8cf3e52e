//! What several callers bring, as lists of rows by table, to be landed with a statement a table.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::row::json;

/// Rows by list. A list that nobody has anything for is not there.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Rows in JSON, with commas between them, and how many.
    lists: BTreeMap<&'static str, (String, usize)>,
    /// Long texts that belong to the rows of a list, in their order. None where they stand in the rows.
    bodies: Option<BTreeMap<&'static str, Vec<String>>>,
    /// Agenda items that are edited: several may only be wanted, which is `true`.
    items: Vec<(String, bool)>,
    now: Option<i64>,
}

impl Batch {
    /// Nothing yet. Long texts will stand in their rows.
    #[cfg(feature = "sqlite")]
    pub(crate) fn whole() -> Self {
        Self::default()
    }

    /// Nothing yet. Long texts will stand beside their rows; `now` is the lease clock's time, if that is not the database's.
    #[cfg(feature = "postgres")]
    pub(crate) fn with_bodies(now: Option<i64>) -> Self {
        Self { bodies: Some(BTreeMap::new()), now, ..Self::default() }
    }

    /// Adds rows to a list.
    pub(crate) fn add<T: Serialize>(
        &mut self,
        list: &'static str,
        rows: impl IntoIterator<Item = T>,
    ) -> Result<(), sqlx::Error> {
        for row in rows {
            self.append(list, &json(&row)?, 1);
        }
        Ok(())
    }

    /// Adds a row with a long text.
    pub(crate) fn add_with_body<T: Serialize, B: Into<String>>(
        &mut self,
        list: &'static str,
        mut row: T,
        body: impl FnOnce(&mut T) -> &mut Option<B>,
    ) -> Result<(), sqlx::Error> {
        if let Some(bodies) = &mut self.bodies {
            let body = body(&mut row).take().map(Into::into);
            bodies.entry(list).or_default().push(body.unwrap_or_default());
        }
        self.add(list, [row])
    }

    /// Notes that an agenda item is edited; `wanted`, where others may want it as well.
    pub(crate) fn note_item(&mut self, key: &str, wanted: bool) {
        self.items.push((key.to_owned(), wanted));
    }

    fn append(&mut self, list: &'static str, rows: &str, count: usize) {
        let (known, counted) = self.lists.entry(list).or_default();
        known.push_str(if known.is_empty() { "" } else { "," });
        known.push_str(rows);
        *counted += count;
    }

    /// All of them in one, in their order; nothing where two edit the same item and it counts who does so first.
    pub(crate) fn of(parts: &[&Self]) -> Option<Self> {
        if Self::cross(parts) {
            return None;
        }
        let mut whole = Self::default();
        for part in parts {
            part.lists.iter().for_each(|(list, (rows, count))| whole.append(list, rows, *count));
            for (list, bodies) in part.bodies.iter().flatten() {
                whole.bodies.get_or_insert_default().entry(list).or_default().extend_from_slice(bodies);
            }
            whole.now = whole.now.max(part.now);
        }
        Some(whole)
    }

    fn cross(parts: &[&Self]) -> bool {
        let mut known: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        let items = parts.iter().enumerate().flat_map(|(place, part)| part.items.iter().map(move |item| (place, item)));
        items.into_iter().any(|(place, (key, wanted))| {
            let (first, all_wanted) = known.entry(key).or_insert((place, *wanted));
            *all_wanted &= *wanted;
            *first != place && !*all_wanted
        })
    }

    /// A list in JSON, if there is one.
    #[cfg(feature = "sqlite")]
    pub(crate) fn list(&self, list: &str) -> Option<String> {
        self.lists.get(list).map(|(rows, _)| format!("[{rows}]"))
    }

    /// How many rows a list has.
    #[cfg(feature = "sqlite")]
    pub(crate) fn count(&self, list: &str) -> usize {
        self.lists.get(list).map_or(0, |(_, count)| *count)
    }

    /// The lists as one object.
    #[cfg(feature = "postgres")]
    pub(crate) fn lists(&self) -> String {
        let mut object = format!("{{\"now\":{}", self.now.map_or_else(|| "null".to_owned(), |now| now.to_string()));
        for (list, (rows, _)) in &self.lists {
            object.extend([",\"", list, "\":[", rows, "]"]);
        }
        object.push('}');
        object
    }

    /// The long texts that belong to a list.
    #[cfg(feature = "postgres")]
    pub(crate) fn bodies(&self, list: &str) -> &[String] {
        self.bodies.as_ref().and_then(|bodies| bodies.get(list)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editing(key: &str, wanted: bool) -> Batch {
        let mut batch = Batch::default();
        batch.note_item(key, wanted);
        batch
    }

    #[test]
    fn wishes_for_one_item_go_together_and_an_edit_of_it_goes_with_nothing_else() {
        let (wish, edit, other) = (editing("wake/1", true), editing("wake/1", false), editing("task/1", false));
        assert!(Batch::of(&[&wish, &wish, &other]).is_some());
        for crossing in [[&wish, &edit], [&edit, &wish], [&edit, &edit]] {
            assert!(Batch::of(&crossing).is_none());
        }
        let mut twice = editing("task/2", false);
        twice.note_item("task/2", false);
        assert!(Batch::of(&[&twice]).is_some(), "its edits come in their order");
    }
}
