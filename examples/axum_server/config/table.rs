//! One table of the file while it is read: every key once, every mistake noted.

use super::Problems;

/// Keys are taken out as they are read, so what is left at the end is unknown.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// What stands before a key of this table: empty, or a path that ends with a full stop.
    path: String,
    keys: toml::Table,
}

impl Table {
    pub(super) fn root(keys: toml::Table) -> Self {
        Self { path: String::new(), keys }
    }

    /// The full name of a key.
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<toml::Value> {
        self.keys.remove(key)
    }

    pub(super) fn put(&mut self, key: &str, text: &str) {
        self.keys.insert(key.to_owned(), toml::Value::String(text.to_owned()));
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.keys.keys().cloned().collect()
    }

    /// The keys of the table under `key`, which stays.
    pub(super) fn names_under(&self, key: &str) -> Vec<String> {
        let table = self.keys.get(key).and_then(toml::Value::as_table);
        table.into_iter().flat_map(toml::Table::keys).cloned().collect()
    }

    /// The text under `key`; a list of texts reads as one with commas between.
    pub(super) fn text(&mut self, key: &str, problems: &mut Problems) -> Option<String> {
        match self.take(key)? {
            toml::Value::String(text) => Some(text),
            toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                Some(items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(","))
            }
            _ => {
                problems.add(&self.name(key), "expected a text");
                None
            }
        }
    }

    /// The texts under `key`: one, or a list.
    pub(super) fn texts(&mut self, key: &str, problems: &mut Problems) -> Vec<String> {
        let items = match self.take(key) {
            None => return Vec::new(),
            Some(toml::Value::Array(items)) => items,
            Some(item) => vec![item],
        };
        let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        texts.unwrap_or_else(|| {
            problems.add(&self.name(key), "expected a text, or a list of texts");
            Vec::new()
        })
    }

    pub(super) fn flag(&mut self, key: &str, default: bool, problems: &mut Problems) -> bool {
        match self.take(key) {
            None => default,
            Some(toml::Value::Boolean(flag)) => flag,
            Some(_) => {
                problems.add(&self.name(key), "expected true or false");
                default
            }
        }
    }

    /// The table under `key`; an empty one if there is none.
    pub(super) fn table(&mut self, key: &str, problems: &mut Problems) -> Self {
        let path = format!("{}.", self.name(key));
        let keys = match self.take(key) {
            None => toml::Table::new(),
            Some(toml::Value::Table(keys)) => keys,
            Some(_) => {
                problems.add(&self.name(key), "expected a table of keys");
                toml::Table::new()
            }
        };
        Self { path, keys }
    }

    /// Notes what nobody has asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for key in self.keys.keys() {
            problems.add(&self.name(key), "unknown key");
        }
    }
}
