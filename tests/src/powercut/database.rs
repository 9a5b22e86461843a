//! The databases on the server that are the application's, live or kept, as they are found.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{self, DATABASE};

/// A database as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Data {
    /// The columns of the table of entries, in alphabetical order; empty when there is no such table.
    pub(super) columns: Vec<String>,
    /// Whether the table that the second migration of 1.1.0 makes is there.
    pub(super) has_tags: bool,
    /// Whether all texts are in capitals, which is the same migration's work.
    pub(super) is_upper: bool,
    /// The numbers of its rows.
    pub(super) rows: BTreeSet<u32>,
}

const SHAPE: &str = "select coalesce(string_agg(attname, ' ' order by attname), ''), to_regclass('tags') is not null
from pg_attribute where attrelid = to_regclass('entries') and attnum > 0 and not attisdropped;";

impl Data {
    fn read(database: &str) -> anyhow::Result<Self> {
        let shape = cluster::query(database, SHAPE)?;
        let (columns, has_tags) = shape.trim().split_once('|').unwrap_or_default();
        let columns: Vec<String> = columns.split_whitespace().map(str::to_owned).collect();
        let text = match columns.is_empty() {
            true => String::new(),
            false => cluster::query(database, "select entries::text from entries;")?,
        };
        // `(7,ROW-3,1.1.0,)`, in whatever order of columns.
        let rows =
            text.split(['(', ')', ',', '\n']).filter_map(|word| word.to_lowercase().strip_prefix("row-")?.parse().ok());
        Ok(Self { has_tags: has_tags == "t", is_upper: !text.contains("row-"), rows: rows.collect(), columns })
    }

    /// Whether this release can work with it. Nothing of it may be half migrated.
    pub(super) fn goes_with(&self, version: &str) -> bool {
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let is_migrated = self.has_tags && self.is_upper;
        match version {
            "1.0.0" => {
                columns == ["author", "id", "text"] && !self.has_tags && (!self.is_upper || self.rows.is_empty())
            }
            // The migration of 1.2.0 is compatible.
            "1.1.0" | "1.1.1" => {
                is_migrated && (columns == ["author", "body", "id"] || columns == ["author", "body", "id", "note"])
            }
            "1.2.0" => is_migrated && columns == ["author", "body", "id", "note"],
            "1.3.0" | "1.3.1" => is_migrated && columns == ["author", "id", "line", "note"],
            _ => false,
        }
    }
}

/// The application's databases by name: the live one, and those of the agent beside it.
pub(super) fn all() -> anyhow::Result<BTreeMap<String, Data>> {
    names()?.into_keys().map(|name| Ok((name.clone(), Data::read(&name)?))).collect()
}

/// Their names and object ids.
pub(super) fn names() -> anyhow::Result<BTreeMap<String, u32>> {
    let sql = format!("select datname, oid from pg_database where datname like '{DATABASE}%' order by 1;");
    let lines = cluster::query("postgres", &sql)?;
    let pair = |line: &str| Some((line.split_once('|')?.0.to_owned(), line.split_once('|')?.1.parse().ok()?));
    Ok(lines.lines().filter_map(pair).collect())
}

/// The live one.
pub(super) fn live() -> anyhow::Result<Data> {
    Data::read(DATABASE)
}
