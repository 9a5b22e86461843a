//! The rows that the application has confirmed, and by which release.

use std::collections::BTreeSet;

use super::releases::is_older;

/// A row that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number.
    pub(super) number: u32,
    /// The release that confirmed it.
    pub(super) by: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    /// Rows that a base image holds.
    pub(super) fn of(rows: &[(u32, &str)]) -> Self {
        Self(rows.iter().map(|(number, by)| Row { number: *number, by: (*by).to_owned() }).collect())
    }

    pub(super) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// What a database that goes with `version` must hold: what this release and older ones have confirmed.
    pub(super) fn up_to(&self, version: &str) -> BTreeSet<u32> {
        self.numbers(|row| row.by == version || is_older(&row.by, version))
    }

    /// What this release alone has confirmed.
    pub(super) fn by(&self, version: &str) -> Self {
        Self(self.0.iter().filter(|row| row.by == version).cloned().collect())
    }

    /// Every one.
    pub(super) fn all(&self) -> BTreeSet<u32> {
        self.numbers(|_| true)
    }

    fn numbers(&self, is_meant: impl Fn(&Row) -> bool) -> BTreeSet<u32> {
        self.0.iter().filter(|row| is_meant(row)).map(|row| row.number).collect()
    }
}
