//! Reads one key of a file of `KEY=value` lines, as the application itself would read it.
//!
//! Quotes, `export`, comments and `${NAME}` are dotenv's. A `$` without a brace stands for itself, as it does for systemd's
//! `EnvironmentFile=` and python-dotenv: passwords contain it.

use std::io::Read;
use std::path::{Path, PathBuf};

use manifest_schema::path::Name;
use manifest_schema::profile::Setting;

use super::{Place, StoreError, locate};

/// More than any such file has; one that a mistake filled with something else is not read whole.
const LONGEST: u64 = 1 << 20;
/// The longest value in bytes, and the most `${NAME}` in a file. The application's user writes it, the agent reads it as root, and
/// twenty lines that each name the one before twice are a million times as long as the first.
const LONGEST_VALUE: usize = 64 << 10;
const MOST_REFERENCES: usize = 100;

/// A setting that was found.
pub(super) struct Found {
    /// The file it is in.
    pub(super) path: PathBuf,
    /// Its value.
    pub(super) value: String,
}

/// Finds a database's setting in the surviving file, or in the release's.
pub(super) fn find(database: &Name, setting: &Setting, place: &Place<'_>) -> Result<Found, StoreError> {
    let path = locate(place, &setting.file);
    let text = read(&path).map_err(|source| StoreError::Settings {
        database: database.clone(),
        path: path.clone(),
        source,
    })?;
    match value(&text, &setting.key) {
        Ok(Some(value)) => Ok(Found { path, value }),
        Ok(None) => Err(StoreError::NoSetting { database: database.clone(), path, key: setting.key.clone() }),
        Err(NotDotenv) => {
            Err(StoreError::SettingsSyntax { database: database.clone(), path, key: setting.key.clone() })
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    // The file is the application's: it could be a pipe, which would keep us waiting.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// The text sets the key in a way that is none of a `.env` file.
#[derive(Debug)]
pub(crate) struct NotDotenv;

/// The last value that the text gives to `key`. Other lines need not be to dotenvy's taste: systemd and python-dotenv take
/// `TITLE=two words`, it does not. Its error quotes the line, which may hold a secret: it goes no further.
pub(crate) fn value(text: &str, key: &str) -> Result<Option<String>, NotDotenv> {
    let mut found = None;
    let mut all_read = true;
    if text.matches("${").count() > MOST_REFERENCES {
        return Err(NotDotenv);
    }
    for line in dotenvy::from_read_iter(keep_dollars(text).as_bytes()) {
        match line {
            Ok((_, value)) if value.len() > LONGEST_VALUE => return Err(NotDotenv),
            Ok((name, value)) if name == key => found = Some(value),
            Ok(_) => {}
            Err(dotenvy::Error::LineParse(line, _)) if sets(&line, key) => return Err(NotDotenv),
            Err(_) => all_read = false,
        }
    }
    if found.is_none() && !all_read { Err(NotDotenv) } else { Ok(found) }
}

fn sets(line: &str, key: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Escapes each `$` that dotenvy would take for a variable without braces.
fn keep_dollars(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut in_single_quotes = false;
    let mut before = '\n';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' if before != '\\' => in_single_quotes = !in_single_quotes,
            '\n' => in_single_quotes = false,
            '$' if !in_single_quotes && before != '\\' && characters.peek() != Some(&'{') => kept.push('\\'),
            _ => {}
        }
        kept.push(character);
        before = character;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_application_reads_them() {
        for (line, wanted) in [
            ("URL=postgresql://a:b@h/d", "postgresql://a:b@h/d"),
            ("export URL=x", "x"),
            ("URL=\"a b\"", "a b"),
            ("URL='a $b ${c}'", "a $b ${c}"),
            ("URL=postgresql://a:p%23w@h/d # note", "postgresql://a:p%23w@h/d"),
            ("URL=a#b", "a#b"),
            ("URL=pa$word", "pa$word"),
            ("URL=\"pa$word\"", "pa$word"),
            ("HOST=h\nURL=http://${HOST}/", "http://h/"),
            ("URL=first\nURL=last", "last"),
            ("# it's a comment\nURL=pa$$word", "pa$$word"),
            ("TITLE=two words\nURL=x\nMOTTO=it's fine", "x"),
        ] {
            let found = value(line, "URL").unwrap_or_else(|NotDotenv| panic!("{line}"));
            assert_eq!(found.as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_nothing() {
        assert!(matches!(value("URL2=x\n", "URL"), Ok(None)));
    }

    #[test]
    fn values_that_name_others_do_not_grow_without_bounds() {
        let doubled = |n: u32| format!("A{}=${{A{n}}}${{A{n}}}\n", n + 1);
        let text = format!("A0=0123456789abcdef\n{}URL=x\n", (0..40).map(doubled).collect::<String>());
        assert!(value(&text, "URL").is_err());
        assert!(value(&"A=${B}\n".repeat(100_000), "A").is_err());
    }

    #[test]
    fn what_is_no_env_file_is_an_error() {
        assert!(value("{\"URL\": 1}\n", "URL").is_err());
        assert!(value("URL=two words\n", "URL").is_err());
    }
}
