//! That each test which `SECURITY.md` and `tests/BAD_INPUT.md` name is there: a table that names none proves nothing, and one that
//! names a test that has gone proves less.
//!
//! Read are the tables' columns headed `Test` or `tests`; what stands there in backticks is the name of a test, with its modules
//! or without, and may be cut with `…`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::test::workspace;

/// The documents whose tables are read.
const DOCUMENTS: [&str; 2] = ["SECURITY.md", "tests/BAD_INPUT.md"];

pub(super) fn check() -> Result<()> {
    let mut code = String::new();
    read(workspace(), &mut code)?;
    DOCUMENTS.iter().try_for_each(|document| {
        let text = std::fs::read_to_string(workspace().join(document)).with_context(|| (*document).to_owned())?;
        let names = names(&text);
        ensure!(!names.is_empty(), "{document} names no test");
        let absent: Vec<&String> = names.iter().filter(|name| !is_there(name, &code)).collect();
        ensure!(absent.is_empty(), "{document} names tests that do not exist: {absent:?}");
        Ok(())
    })
}

/// The names in the columns of tests.
fn names(text: &str) -> Vec<String> {
    let mut column = None;
    let mut names = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            column = None;
        } else if let Some(cell) = column.and_then(|column: usize| cells.get(column)) {
            names.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
        } else {
            column = cells.iter().position(|cell| ["test", "tests"].contains(&cell.to_lowercase().as_str()));
        }
    }
    names
}

/// Whether a function has this name, or a module of tests, or a case of a table of them.
fn is_there(name: &str, code: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name);
    match name.strip_suffix('…') {
        Some(beginning) => code.contains(&format!("fn {beginning}")),
        None => [format!("fn {name}("), format!("mod {name} {{"), format!(" {name}: \"")]
            .iter()
            .any(|text| code.contains(text)),
    }
}

/// All Rust below a directory, but what was built.
fn read(directory: &Path, code: &mut String) -> Result<()> {
    for entry in std::fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                read(&path, code)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&std::fs::read_to_string(&path).with_context(|| path.display().to_string())?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_tests_that_exist() {
        check().unwrap();
    }

    #[test]
    fn names_stand_in_the_column_of_tests_only() {
        let text = "`no`\n| what | Test |\n|---|---|\n| `no` | `a::one`, `two_…` |\n\n| `no` | `no` |\n|---|---|\n";
        assert_eq!(names(text), ["a::one", "two_…"]);
        let code = "fn one() {}\nfn two_and_three() {}\n    four: \"words\" =>";
        assert!(["a::one", "two_…", "four"].iter().all(|name| is_there(name, code)));
        assert!(["on", "two_", "three", "five"].iter().all(|name| !is_there(name, code)));
    }
}
