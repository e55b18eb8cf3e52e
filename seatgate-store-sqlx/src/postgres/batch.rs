//! What several callers bring, as lists of rows by table, for the functions that land them with a statement a table.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::row::json;

/// Rows by list. A list that nobody has anything for is not there.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Rows in JSON, with commas between them.
    lists: BTreeMap<&'static str, String>,
    /// Long texts that belong to the rows of a list, in their order.
    bodies: BTreeMap<&'static str, Vec<String>>,
    /// Agenda items that are edited: several may only be wanted, which is `true`.
    items: Vec<(String, bool)>,
    now: Option<i64>,
}

/// A function that lands a batch and answers with a label.
pub(super) struct Landing<'a> {
    /// Its first parameter is the lists, and then come the bodies.
    pub(super) sql: &'a str,
    /// Whose bodies, in the order of the parameters.
    pub(super) bodies: &'static [&'static str],
    /// What it answers when everything has landed. At any other answer nothing has.
    pub(super) landed: &'static str,
}

impl Batch {
    /// Nothing yet; `now` is the lease clock's time, if that is not the database's.
    pub(super) fn at(now: Option<i64>) -> Self {
        Self { now, ..Self::default() }
    }

    /// Adds rows to a list.
    pub(super) fn add<T: Serialize>(
        &mut self,
        list: &'static str,
        rows: impl IntoIterator<Item = T>,
    ) -> Result<(), sqlx::Error> {
        for row in rows {
            self.append(list, &json(&row)?);
        }
        Ok(())
    }

    /// Adds the long text of a row of a list.
    pub(super) fn add_body(&mut self, list: &'static str, body: impl Into<String>) {
        self.bodies.entry(list).or_default().push(body.into());
    }

    /// Notes that an agenda item is edited; `wanted`, where others may want it as well.
    pub(super) fn note_item(&mut self, key: &str, wanted: bool) {
        self.items.push((key.to_owned(), wanted));
    }

    fn append(&mut self, list: &'static str, rows: &str) {
        let known = self.lists.entry(list).or_default();
        known.push_str(if known.is_empty() { "" } else { "," });
        known.push_str(rows);
    }

    /// All of them in one, in their order; nothing where two edit the same item and it counts who does so first.
    fn of(parts: &[&Self]) -> Option<Self> {
        if Self::cross(parts) {
            return None;
        }
        let mut whole = Self::default();
        for part in parts {
            part.lists.iter().for_each(|(list, rows)| whole.append(list, rows));
            for (list, bodies) in &part.bodies {
                whole.bodies.entry(list).or_default().extend_from_slice(bodies);
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

    /// The lists as one object.
    fn lists(&self) -> String {
        let mut object = format!("{{\"now\":{}", self.now.map_or_else(|| "null".to_owned(), |now| now.to_string()));
        for (list, rows) in &self.lists {
            object.extend([",\"", list, "\":[", rows, "]"]);
        }
        object.push('}');
        object
    }

    fn bodies(&self, list: &str) -> &[String] {
        self.bodies.get(list).map_or(&[], Vec::as_slice)
    }
}

impl Landing<'_> {
    /// Lands batches, each answered on its own: all at once, or else, in one transaction still, the halves of what does
    /// not land together.
    pub(super) async fn land(
        &self,
        batches: &[&Batch],
        connection: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        if let Some(label) = self.call(batches, connection).await? {
            return Ok(vec![label; batches.len()]);
        }
        let mut transaction = connection.begin().await?;
        let labels = self.land_halves(batches, &mut transaction).await?;
        transaction.commit().await?;
        Ok(labels)
    }

    /// Lands batches within a transaction, each answered on its own.
    pub(super) async fn land_in(
        &self,
        batches: &[&Batch],
        transaction: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        match self.call(batches, transaction).await? {
            Some(label) => Ok(vec![label; batches.len()]),
            None => self.land_halves(batches, transaction).await,
        }
    }

    async fn land_halves(
        &self,
        batches: &[&Batch],
        transaction: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        let mut labels = Vec::with_capacity(batches.len());
        let (first, second) = batches.split_at(batches.len() / 2);
        let mut parts = vec![second, first];
        while let Some(part) = parts.pop() {
            match self.call(part, transaction).await? {
                Some(label) => labels.extend(vec![label; part.len()]),
                None => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(labels)
    }

    /// What became of all of them; nothing, where one of several is in the way.
    async fn call(&self, batches: &[&Batch], connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
        let Some(whole) = Batch::of(batches) else { return Ok(None) };
        let mut call = sqlx::query_scalar(AssertSqlSafe(self.sql)).bind(whole.lists());
        for list in self.bodies {
            call = call.bind(whole.bodies(list));
        }
        let label: String = call.fetch_one(connection).await?;
        Ok((batches.len() <= 1 || label == self.landed).then_some(label))
    }
}
