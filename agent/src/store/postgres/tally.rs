//! Counts tables and rows in what `pg_restore` makes of a dump's data: `COPY name (columns) FROM stdin;`, a line for each row, `\.`.

use std::collections::BTreeMap;

use super::super::record::{Contents, Counted};
use super::verify::Table;

/// So much of a line is looked at. A row may be far longer, the name of a table is not.
const LOOKED_AT: usize = 1024;

/// What has been counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    line: Vec<u8>,
    /// The table whose rows come now.
    table: Option<(String, String)>,
    rows: BTreeMap<(String, String), u64>,
}

impl Tally {
    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LOOKED_AT.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") {
                self.end_of_line();
                self.line.clear();
            }
        }
    }

    fn end_of_line(&mut self) {
        match &self.table {
            Some(_) if self.line == b"\\.\n" => self.table = None,
            Some(table) => *self.rows.entry(table.clone()).or_default() += 1,
            None => {
                self.table = table_of(&String::from_utf8_lossy(&self.line));
                if let Some(table) = &self.table {
                    self.rows.entry(table.clone()).or_default();
                }
            }
        }
    }

    /// Why the dump does not hold what it should, or how much it holds.
    pub(super) fn judge(self, expected: &[Table]) -> Result<Contents, String> {
        for table in expected {
            let name = format!("{}.{}", table.schema, table.name);
            match self.rows.get(&(table.schema.clone(), table.name.clone())) {
                None => return Err(format!("table {name} is not in it")),
                Some(0) if table.rows.is_some() => return Err(format!("table {name} has rows, and none in it")),
                Some(_) => {}
            }
        }
        let rows = self.rows.values().sum();
        Ok(Contents { tables: self.rows.len() as u64, rows, counted: Counted::Exactly })
    }
}

/// Reads `COPY public."two words" (id) FROM stdin;`.
fn table_of(line: &str) -> Option<(String, String)> {
    let (schema, rest) = identifier(line.strip_prefix("COPY ")?)?;
    let (name, _) = identifier(rest.strip_prefix('.')?)?;
    Some((schema, name))
}

/// Reads a name, in quotes or without, and answers what comes after it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(['.', ' '])?;
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "-- Data for Name: people\n\nCOPY public.people (id, name) FROM stdin;\n1\tCOPY a.b FROM stdin;\n\
        2\t\\\\.\n\\.\n\n\nCOPY \"Two \"\"words\"\"\".\"or der\" (id) FROM stdin;\n\\.\n\nSELECT pg_catalog.setval('x', 1);\n";

    fn key(schema: &str, name: &str) -> (String, String) {
        (schema.to_owned(), name.to_owned())
    }

    fn tally(data: &str, step: usize) -> Tally {
        let mut tally = Tally::default();
        data.as_bytes().chunks(step).for_each(|bytes| tally.feed(bytes));
        tally
    }

    #[test]
    fn rows_are_counted_whatever_they_hold_and_wherever_they_are_cut() {
        for step in [1, 2, 7, 1000] {
            let rows = tally(DATA, step).rows;
            let wanted = [(key("Two \"words\"", "or der"), 0), (key("public", "people"), 2)];
            assert_eq!(rows, BTreeMap::from(wanted), "{step}");
        }
    }

    #[test]
    fn a_long_row_is_one_row() {
        let data = format!("COPY a.b (c) FROM stdin;\n{}\n\\.\n", "x".repeat(100_000));
        assert_eq!(tally(&data, 4096).rows, BTreeMap::from([(key("a", "b"), 1)]));
    }

    #[test]
    fn a_table_that_is_missing_or_empty_is_told() {
        let expected = |name: &str, rows: Option<u64>| -> Vec<Table> {
            let table = serde_json::json!({
                "schema": "public", "name": name, "bytes": 8192, "rows": rows, "estimate": 0
            });
            vec![serde_json::from_value(table).unwrap()]
        };
        let contents = tally(DATA, 100).judge(&expected("people", Some(1))).unwrap();
        assert_eq!((contents.tables, contents.rows), (2, 2));
        let missing = tally(DATA, 100).judge(&expected("orders", None)).unwrap_err();
        assert_eq!(missing, "table public.orders is not in it");
        let empty = "COPY public.people (id) FROM stdin;\n\\.\n";
        let empty = tally(empty, 100).judge(&expected("people", Some(1))).unwrap_err();
        assert_eq!(empty, "table public.people has rows, and none in it");
    }
}
