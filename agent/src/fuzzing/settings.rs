//! What people write into files: the agent's configuration, the application's settings, a database's URL; and that none of the
//! secrets in them gets out.

use std::path::PathBuf;

use jiff::Timestamp;
use manifest_schema::profile::Profile;

use super::lines;
use crate::config;
use crate::redact::{Redactor, in_settings};
use crate::schedule;
use crate::store::env_file;
use crate::store::postgres::url::Target;

/// Shorter secrets are not looked for in texts.
const SHORTEST: usize = 6;
/// A value that is longer than all that it was made of was blown up.
const LONGEST_VALUE: usize = 64 << 10;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

/// `NAME.toml`.
pub fn config(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let path = PathBuf::from("/etc/surefoot/kkt.toml");
    let name = "kkt".parse().expect("a name");
    let settings = config::understand(&path, text).and_then(|table| config::resolve(&name, path, table));
    let Ok(settings) = settings else { return false };
    let _ = settings.localise(Profile::default());
    let _ = settings.schedule.due(None, now(), 0.5);
    let _ = (settings.app(), settings.source.metadata_url("timestamp.json"));
    true
}

/// When to look: the schedule, the time zone, and the last look, a line each.
pub fn schedule(bytes: &[u8]) -> bool {
    let Some(lines) = lines(bytes) else { return false };
    let zone = lines.get(1).copied().filter(|zone| !zone.is_empty());
    let Ok(schedule) = schedule::parse(lines[0], zone.or(Some("UTC"))) else { return false };
    let last = lines.get(2).and_then(|last| last.parse::<Timestamp>().ok());
    if let Ok(due) = schedule.due(last, now(), 1.0) {
        assert!(due >= now(), "due in the past");
    }
    schedule.next(now(), 0.5).is_ok_and(|next| next > now())
}

/// The application's settings: a key, then the file.
pub fn env(bytes: &[u8]) -> bool {
    let Some((key, text)) = std::str::from_utf8(bytes).ok().and_then(|text| text.split_once('\n')) else {
        return false;
    };
    let Ok(Some(value)) = env_file::value(text, key) else { return false };
    assert!(text.contains(key), "a value of a key that is not there");
    assert!(value.len() <= LONGEST_VALUE, "{} bytes came of {}", value.len(), text.len());
    true
}

/// The URL of a database: libpq reads what it was, and its password is nowhere.
pub fn postgres(bytes: &[u8]) -> bool {
    let Ok(Ok(target)) = std::str::from_utf8(bytes).map(str::parse::<Target>) else { return false };
    let told = target.conninfo(&target.database);
    let pairs = libpq(&told).expect("libpq can read it");
    let value = |key: &str| pairs.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str()).next_back();
    assert_eq!(value("dbname"), Some(target.database.as_str()));
    assert_eq!(value("user"), target.user.as_deref());
    assert_eq!(value("password"), None, "everybody can read an argument");
    let hosts = value("host").map_or(0, |hosts| hosts.split(',').count());
    assert_eq!(hosts, target.hosts.len(), "libpq would connect elsewhere");
    for (name, set) in &target.parameters {
        assert_eq!(value(name), Some(set.as_str()));
    }
    let _ = (target.server(), target.local_port(), format!("{target:?}"));
    true
}

/// Reads `key='value' …` as libpq does (`conninfo_parse`, fe-connect.c); `None` where it is an error.
fn libpq(text: &str) -> Option<Vec<(String, String)>> {
    let (mut pairs, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (key, value) = rest.split_once("='")?;
        let (mut read, mut characters) = (String::new(), value.chars());
        loop {
            match characters.next()? {
                '\'' => break,
                '\\' => read.push(characters.next()?),
                plain => read.push(plain),
            }
        }
        pairs.push((key.trim_start().to_owned(), read));
        rest = characters.as_str().trim_start();
    }
    Some(pairs)
}

/// Settings, a line `---`, and what somebody said. Each secret of the settings is said as well, and is nowhere afterwards.
pub fn redact(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (settings, said) = text.split_once("\n---\n").unwrap_or((text, ""));
    let secrets = in_settings(settings);
    let redactor = Redactor::new(secrets.clone());
    let mut said = said.to_owned();
    for secret in &secrets {
        said = format!("{said}\nit said {} and\t{}", secret.value, secret.value.replace(' ', "%20"));
    }
    let clean = without_marks(&redactor.apply(&said), &secrets.iter().map(|it| it.name.as_str()).collect::<Vec<_>>());
    for secret in secrets.iter().filter(|secret| secret.value.len() >= SHORTEST) {
        assert!(!clean.contains(&secret.value), "the secret of {} is still there: {clean:?}", secret.name);
    }
    let mut value = serde_json::json!({ "said": said, "more": [said] });
    redactor.apply_to(&mut value);
    !secrets.is_empty()
}

/// What stands where secrets stood may itself look like one.
fn without_marks(text: &str, names: &[&str]) -> String {
    let of_shapes = ["private key", "password", "token", "header", "JWT", "AWS key"];
    let mut names: Vec<&str> = names.iter().copied().chain(of_shapes).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, name| text.replace(&format!("[redacted: {name}]"), "\u{1}"))
}
