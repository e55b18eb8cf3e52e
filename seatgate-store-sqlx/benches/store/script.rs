//! A decision as plain SQL.

use seatgate_core::agenda::{AgendaChange, Item};
use seatgate_core::port::Change;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column, Row, SqliteConnection};

/// Statements that are run in one call, and their values.
#[derive(Default)]
pub(crate) struct Script {
    sql: String,
    values: Vec<Value>,
}

enum Value {
    Text(Option<String>),
    Number(Option<i64>),
}

impl Script {
    /// What a decision does to the tables, with the values that `after`, where it was made, holds now.
    pub(crate) async fn of_decision(change: &Change, after: &mut SqliteConnection) -> Self {
        let mut script = Self::default();
        let stream = change.stream.to_string();
        script.update("streams", "stream", &["version", "head"], &stream, after).await;
        script.update("requests", "id", &["state", "decider", "body"], &stream, after).await;
        script.update("request_asked", "request", &["state"], &stream, after).await;
        let written =
            rows("SELECT * FROM events WHERE stream = $1 AND seq > $2", &stream, change.expected, after).await;
        script.insert("events", &written);
        for table in ["tasks", "savings"] {
            let select = format!("SELECT * FROM {table} WHERE request = $1");
            script.insert(table, &rows(&select, &stream, 0, after).await);
        }
        for edit in &change.agenda {
            match edit {
                AgendaChange::Schedule { item, .. } => script.schedule(item, after).await,
                AgendaChange::Remove(item) => script.add("DELETE FROM agenda WHERE key = ?", [text(item.key())]),
                other => panic!("a decision does not {other:?}"),
            }
        }
        script
    }

    pub(crate) async fn run(&self, connection: &mut SqliteConnection) {
        let mut query = sqlx::query(AssertSqlSafe(self.sql.as_str()));
        for value in &self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        query.execute(connection).await.unwrap();
    }

    /// Adds a statement, whose `?` become numbers.
    fn add(&mut self, statement: &str, values: impl IntoIterator<Item = Value>) {
        for value in values {
            self.values.push(value);
        }
        let mut number = self.values.len() - statement.matches('?').count();
        for (place, part) in statement.split('?').enumerate() {
            if place > 0 {
                number += 1;
                self.sql.push_str(&format!("${number}"));
            }
            self.sql.push_str(part);
        }
        self.sql.push(';');
    }

    async fn update(&mut self, table: &str, key: &str, columns: &[&str], id: &str, after: &mut SqliteConnection) {
        let select = format!("SELECT {} FROM {table} WHERE {key} = $1", columns.join(", "));
        let row = rows(&select, id, 0, after).await.remove(0);
        let sets = columns.iter().map(|column| format!("{column} = ?")).collect::<Vec<_>>().join(", ");
        let mut values = values(&row);
        values.push(text(id.to_owned()));
        self.add(&format!("UPDATE {table} SET {sets} WHERE {key} = ?"), values);
    }

    fn insert(&mut self, table: &str, rows: &[SqliteRow]) {
        for row in rows {
            let places = vec!["?"; row.len()].join(", ");
            self.add(&format!("INSERT INTO {table} VALUES ({places})"), values(row));
        }
    }

    async fn schedule(&mut self, item: &Item, after: &mut SqliteConnection) {
        let select = "SELECT key, item, due, lane, gated FROM agenda WHERE key = $1";
        let row = rows(select, &item.key(), 0, after).await.remove(0);
        let insert = "INSERT INTO agenda (key, item, due, lane, gated) VALUES (?, ?, ?, ?, ?)";
        let wanted = " ON CONFLICT DO UPDATE SET wanted = wanted + 1";
        self.add(&format!("{insert}{}", if item.coalesces() { wanted } else { "" }), values(&row));
    }
}

fn text(text: String) -> Value {
    Value::Text(Some(text))
}

async fn rows(select: &str, id: &str, number: u64, connection: &mut SqliteConnection) -> Vec<SqliteRow> {
    let mut query = sqlx::query(AssertSqlSafe(select)).bind(id);
    if select.contains("$2") {
        query = query.bind(i64::try_from(number).unwrap());
    }
    query.fetch_all(connection).await.unwrap()
}

fn values(row: &SqliteRow) -> Vec<Value> {
    let value = |column: &sqlx::sqlite::SqliteColumn| match row.try_get(column.ordinal()) {
        Ok(text) => Value::Text(text),
        Err(_) => Value::Number(row.get(column.ordinal())),
    };
    row.columns().iter().map(value).collect()
}
