//! Which values of a file of settings are secrets: those whose key says so, passwords within URLs, and long values that look random.
//!
//! The file is read more leniently than its application would read it (`.env`, INI, TOML, YAML and JSON with one setting a
//! line, comments too): a value too many is looked for in vain, one too few is shown.

use percent_encoding::percent_decode_str;

/// Parts of a key that say that its value is a secret.
const TELLING: [&str; 14] = [
    "PASS",
    "PWD",
    "SECRET",
    "TOKEN",
    "KEY",
    "DSN",
    "CREDENTIAL",
    "PRIVATE",
    "SALT",
    "AUTH",
    "COOKIE",
    "WEBHOOK",
    "SIGNATURE",
    "PEPPER",
];
/// Values that say nothing and stand in many texts.
const COMMON: [&str; 34] = [
    "true",
    "false",
    "none",
    "null",
    "default",
    "enabled",
    "disabled",
    "required",
    "optional",
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "production",
    "development",
    "staging",
    "testing",
    "postgres",
    "postgresql",
    "sqlite",
    "mariadb",
    "mongodb",
    "rabbitmq",
    "memcached",
    "password",
    "secret",
    "changeme",
    "change-me",
    "example",
    "example.com",
    "example.org",
    "sha256",
    "strict",
    "service",
    "database",
];
/// A run of letters and digits that is this long is nobody's word.
const RANDOM_RUN: usize = 16;
/// Lines of one quoted value.
const LONGEST_VALUE: usize = 200;

/// A value that nobody may read, and the setting that it is of.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The setting's key.
    pub name: String,
    /// The value.
    pub value: String,
}

/// All that a file of settings holds.
pub fn in_settings(text: &str) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (key, values) in settings(text) {
        for value in values.iter().flat_map(|value| secret_parts(&key, value)) {
            secrets.push(Secret { name: key.clone(), value });
        }
    }
    secrets
}

/// Keys with their values, each in all the ways in which it could be meant.
fn settings(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((key, rest)) = split(line) else { continue };
        let quote = rest.chars().next().filter(|c| "\"'`".contains(*c));
        let values = match quote {
            Some(quote) => quoted(rest, quote, &mut lines),
            None => unquoted(rest),
        };
        found.push((key, values));
    }
    found
}

/// `export KEY=value`, `"key": "value",`, `# key = value`: the key, and all that follows.
fn split(line: &str) -> Option<(String, &str)> {
    let line = line.trim().trim_start_matches(['#', ';', '/', '-', ' ', '{']);
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (key, rest) = line.split_at(line.find(['=', ':'])?);
    let key = key.trim().trim_matches(['"', '\'']);
    let legal = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
    let is_key = !key.is_empty() && key.len() <= 100 && key.chars().all(legal);
    is_key.then(|| (key.to_owned(), rest[1..].trim()))
}

/// A quoted value ends at its quote, maybe on a later line.
fn quoted(first: &str, quote: char, lines: &mut std::str::Lines<'_>) -> Vec<String> {
    let mut text = first[quote.len_utf8()..].to_owned();
    let later = lines.clone();
    let mut read = 0;
    while end_of(&text, quote).is_none() && read < LONGEST_VALUE {
        let Some(line) = lines.next() else { break };
        text = format!("{text}\n{line}");
        read += 1;
    }
    let Some(end) = end_of(&text, quote) else {
        // It was no quote after all: the lines that follow are settings again.
        *lines = later;
        return vec![first.to_owned(), first[quote.len_utf8()..].to_owned()];
    };
    text.truncate(end);
    vec![unescape(&text), text]
}

fn end_of(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped && quote != '\'';
    }
    None
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, if c == '\\' { characters.next() } else { None }) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some(escaped)) => plain.push(escaped),
            (c, _) => plain.push(c),
        }
    }
    plain
}

/// What stands behind ` #` can be a comment, or not; a comma at the end is JSON's.
fn unquoted(text: &str) -> Vec<String> {
    let before = text.split(" #").next().unwrap_or(text).trim_end();
    [text, before, before.trim_end_matches([',', ';'])].map(str::to_owned).into()
}

/// The value itself, or parts of it, if any of that is secret.
fn secret_parts(key: &str, value: &str) -> Vec<String> {
    // Of a package's description, and nobody's secret.
    let key = key.to_uppercase().replace("AUTHOR", "");
    let mut parts = match value.split_once("://") {
        Some((_, rest)) => parts_of_url(&key, value, rest),
        None if is_telling(&key) && !is_path(value) => vec![value.to_owned()],
        None if looks_random(value) => vec![value.to_owned()],
        None => parts_of_conninfo(value),
    };
    parts.retain(|part| !is_common(part));
    parts
}

fn is_telling(key: &str) -> bool {
    TELLING.iter().any(|part| key.contains(part))
}

fn is_path(value: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "/._-@".contains(c);
    (value.starts_with('/') || value.starts_with("./")) && value.chars().all(legal)
}

fn is_common(value: &str) -> bool {
    let digits_only = value.chars().all(|c| c.is_ascii_digit());
    let lower = value.to_lowercase();
    value.len() < super::SHORTEST || (digits_only && value.len() < 8) || COMMON.contains(&lower.as_str())
}

/// A URL is a secret by what it carries: a password, a token as its user, or a path that nobody can guess (a webhook's).
fn parts_of_url(key: &str, url: &str, rest: &str) -> Vec<String> {
    let ends = rest.find([' ', '"', '\'']).unwrap_or(rest.len());
    let rest = &rest[..ends];
    let mut parts = Vec::new();
    if let Some(login) = login(rest) {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        // Of a DSN the user is the key; a path that is random is no secret of its own.
        parts.extend([password.to_owned(), percent_decode_str(password).decode_utf8_lossy().into_owned()]);
        parts.extend((password.is_empty() || key.contains("DSN")).then(|| user.to_owned()));
    }
    let after = rest.split_once(['/', '?']).map_or("", |(_, after)| after);
    parts.extend(after.split(['/', '?', '&', '=', '#']).filter(|part| looks_random(part)).map(str::to_owned));
    if parts.iter().any(|part| !part.is_empty()) {
        parts.push(url.to_owned());
    }
    parts
}

/// What stands before the host. A password that nobody encoded may hold anything, so the last `@` counts.
fn login(rest: &str) -> Option<&str> {
    let first = rest.find([':', '/', '@', '?']).map(|at| &rest[at..=at]);
    let (login, _) = rest.rsplit_once('@')?;
    (first != Some("/") && first != Some("?")).then_some(login)
}

/// `host=… password=…`, and the `Server=…;Password=…;` of others.
fn parts_of_conninfo(value: &str) -> Vec<String> {
    let lower = value.to_ascii_lowercase();
    let Some(at) = ["password=", "pwd="].iter().find_map(|word| Some(lower.find(word)? + word.len())) else {
        return Vec::new();
    };
    let password = value[at..].split([' ', ';', '&']).next().unwrap_or_default();
    vec![password.trim_matches(['\'', '"']).to_owned(), value.to_owned()]
}

fn looks_random(value: &str) -> bool {
    let longest = value.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|run| run.len()).unwrap_or_default();
    let has = |wanted: fn(char) -> bool| longest.chars().any(wanted);
    longest.len() >= RANDOM_RUN && has(|c| c.is_ascii_digit()) && has(char::is_alphabetic) && distinct(longest) >= 8
}

fn distinct(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}
