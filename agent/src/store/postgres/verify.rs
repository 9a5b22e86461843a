//! Whether a backup has all that the original has: its tables, and their rows as far as they can be counted in the time there is.

use serde::Deserialize;

use super::super::record::{Contents, Counted};
use super::super::{Others, StoreError};
use super::Postgres;
use super::session::SHORT;

/// Tables of so many bytes in all, the smallest first, are counted row by row. That is downtime: a tenth of a second.
const COUNTED: u64 = 32 << 20;
/// A table that has so many rows is not empty in a dump that is taken a moment later; one that others are just emptying may be.
const MANY: u32 = 1000;

/// A table of the application's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    bytes: u64,
    /// As counted, up to the limit that was asked for; `None`: not counted.
    pub(super) rows: Option<u64>,
    /// The server's own estimate.
    estimate: u64,
}

/// What a look into a database finds.
#[derive(Deserialize)]
struct Look {
    /// Tables, indexes, views, sequences, all that there is.
    relations: u64,
    tables: Vec<Table>,
}

/// The tables of a database that a dump holds too, with their rows counted up to `limit` in each, as long as the tables'
/// sizes are within `budget`. What the role may not read, or sees only some rows of, is not counted.
fn look(store: &Postgres, database: &str, limit: &str, budget: u64) -> Result<Look, StoreError> {
    let sql = format!(
        "DO $$ DECLARE t record; n bigint; budget bigint := {budget}; found json[] := '{{}}'; BEGIN
            FOR t IN SELECT c.oid, s.nspname, c.relname, pg_relation_size(c.oid) AS bytes, greatest(c.reltuples, 0)::bigint AS estimate,
                    has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(s.oid, 'USAGE')
                        AND NOT row_security_active(c.oid) AS may
                FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
                WHERE c.relkind = 'r' AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema' AND c.relname !~ E'\\n'
                    AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
                ORDER BY bytes, s.nspname, c.relname
            LOOP
                n := NULL;
                IF t.may AND t.bytes <= budget THEN
                    EXECUTE format('SELECT count(*) FROM (SELECT FROM ONLY %I.%I LIMIT {limit}) r', t.nspname, t.relname) INTO n;
                    budget := budget - t.bytes;
                END IF;
                found := array_append(found, json_build_object('schema', t.nspname, 'name', t.relname, 'bytes', t.bytes,
                    'rows', n, 'estimate', t.estimate));
            END LOOP;
            PERFORM set_config('surefoot.tables', array_to_json(found)::text, false);
        END $$;
        SELECT json_build_object('relations', (SELECT count(*) FROM pg_class),
            'tables', current_setting('surefoot.tables')::json);"
    );
    let act = "count the rows of the tables";
    let answer = store.application.run(database, act, &sql, SHORT)?;
    serde_json::from_str(answer.trim()).map_err(|source| StoreError::Answer { act: act.to_owned(), source })
}

/// Looks whether the copy can be worked in by the application's role, and has what the original has. Nobody writes meanwhile.
pub(super) fn copy(store: &Postgres, name: &str) -> Result<Contents, StoreError> {
    let wrong = |reason: String| {
        Err(StoreError::NotPossible { database: store.live().to_owned(), reason: format!("the copy {name} {reason}") })
    };
    let (copy, original) = (look(store, name, "ALL", COUNTED)?, look(store, store.live(), "ALL", COUNTED)?);
    if copy.relations != original.relations {
        return wrong(format!("has {} relations instead of {}", copy.relations, original.relations));
    }
    let (copy, original) = (copy.tables, original.tables);
    let differs = copy.iter().zip(&original).find(|(copy, original)| !copy.is_like(original));
    if let Some((copy, original)) = differs {
        return wrong(format!("differs from the original: {copy:?} instead of {original:?}"));
    }
    if copy.len() != original.len() {
        return wrong(format!("has {} tables instead of {}", copy.len(), original.len()));
    }
    Ok(contents(&copy))
}

impl Table {
    /// The same rows where they were counted, else the same size. A size can change by itself after the copy: vacuum gives back
    /// what is empty at a table's end.
    fn is_like(&self, original: &Self) -> bool {
        let same = match (self.rows, original.rows) {
            (Some(copy), Some(original)) => copy == original,
            (_, _) => self.bytes == original.bytes,
        };
        (&self.schema, &self.name) == (&original.schema, &original.name) && same
    }
}

fn contents(tables: &[Table]) -> Contents {
    let all = tables.iter().all(|table| table.rows.is_some());
    Contents {
        tables: tables.len() as u64,
        rows: tables.iter().map(|table| table.rows.unwrap_or(table.estimate)).sum(),
        counted: if all { Counted::Exactly } else { Counted::InPart },
    }
}

/// The tables that a dump which is about to be made must hold; `rows`: whether there are so many that it cannot be empty.
pub(super) fn expected(store: &Postgres, others: &Others<'_>) -> Result<Vec<Table>, StoreError> {
    let enough = match others {
        Others::Stay => MANY,
        Others::Leave(_) => 1,
    };
    let mut tables = look(store, store.live(), &enough.to_string(), i64::MAX as u64)?.tables;
    for table in &mut tables {
        table.rows = table.rows.filter(|rows| *rows >= u64::from(enough));
    }
    Ok(tables)
}
