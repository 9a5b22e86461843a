//! Reads one key of a file of `KEY=value` lines, as the application itself would read it.
//!
//! Quotes, `export`, comments and `${NAME}` are dotenv's. A `$` without a brace stands for itself, as it does for systemd's
//! `EnvironmentFile=` and python-dotenv: passwords contain it.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use manifest_schema::path::Name;
use manifest_schema::profile::Setting;

use super::{Place, StoreError, User, locate};
use crate::durable;

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
    let text = read(&path, place.user).map_err(|source| StoreError::Settings {
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

/// What it says is given to the application's user: it must not be a file that only root could have read. The file is theirs, so
/// that it could be a link to one, or another name of one, or a pipe, which would keep us waiting.
fn read(path: &Path, user: Option<&User>) -> std::io::Result<String> {
    let file = durable::open_file(path)?;
    let is = file.metadata()?;
    if is.nlink() > 1 && user.is_some_and(|user| user.uid != is.uid()) {
        return Err(std::io::Error::other(format!(
            "it has {} names (hard links) and belongs to user {}: anybody may have given it this one",
            is.nlink(),
            is.uid()
        )));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
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

    const USER: u32 = 65534;

    fn user() -> User {
        User { name: "nobody".to_owned(), uid: USER, gid: USER }
    }

    /// A `.env` in a directory of the user's, and one that root alone can read.
    fn files() -> (tempfile::TempDir, PathBuf, PathBuf) {
        assert!(rustix::process::geteuid().is_root(), "this test gives files away, which only root can");
        let dir = tempfile::tempdir().unwrap();
        let (home, other) = (dir.path().join("home"), dir.path().join("other"));
        durable::make_dir(&home, 0o755).unwrap();
        durable::write_atomic(&other, b"URL=postgresql://other:secret@h/other\n", 0o600).unwrap();
        std::os::unix::fs::chown(&home, Some(USER), Some(USER)).unwrap();
        (dir, home.join(".env"), other)
    }

    #[test]
    fn settings_that_are_a_link_of_the_users_to_somebody_elses_are_not_read() {
        let (_dir, env, other) = files();
        durable::replace_link(&env, &other).unwrap();
        std::os::unix::fs::lchown(&env, Some(USER), Some(USER)).unwrap();
        assert!(read(&env, Some(&user())).unwrap_err().to_string().contains("belongs to somebody else"));
    }

    #[test]
    fn settings_that_are_another_name_of_somebody_elses_are_not_read() {
        let (_dir, env, other) = files();
        rustix::fs::link(&other, &env).unwrap();
        assert!(read(&env, Some(&user())).unwrap_err().to_string().contains("2 names (hard links)"));
        // His own he may call what he likes.
        std::os::unix::fs::chown(&other, Some(USER), Some(USER)).unwrap();
        assert!(read(&env, Some(&user())).unwrap().starts_with("URL="));
    }

    #[test]
    fn settings_that_are_a_pipe_keep_nobody_waiting() {
        let (_dir, env, _other) = files();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &env, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(read(&env, Some(&user())).unwrap_err().to_string().contains("not a regular file"));
    }
}
