//! Tables as text: one rule a line, cells between `|`. Lines that are empty or start with `#` are left out.

use std::collections::BTreeSet;

/// One line: the words of each cell.
#[derive(Debug)]
pub(crate) struct Rule {
    /// As it was written, for messages.
    pub(crate) line: &'static str,
    /// Its cells.
    pub(crate) cells: Vec<&'static str>,
}

impl Rule {
    /// Whether a word of cell `index` stands for `word`: itself, a beginning such as `settle*`, or `any`.
    pub(crate) fn names(&self, index: usize, word: &str) -> bool {
        self.cells[index].split_whitespace().any(|pattern| stands_for(pattern, word))
    }

    /// Every word of cell `index` must stand for one of `known`: a misspelt word would never match.
    pub(crate) fn knows(&self, index: usize, known: &BTreeSet<&str>) {
        for pattern in self.cells[index].split_whitespace().map(|word| word.trim_start_matches('!')) {
            assert!(known.iter().any(|word| stands_for(pattern, word)), "`{pattern}` is unknown in: {}", self.line);
        }
    }
}

fn stands_for(pattern: &str, word: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => pattern == word || pattern == "any",
    }
}

/// The rules of `text`, each with `columns` cells.
pub(crate) fn rules(text: &'static str, columns: usize) -> Vec<Rule> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), columns, "cells in: {line}");
            Rule { line, cells }
        })
        .collect()
}
