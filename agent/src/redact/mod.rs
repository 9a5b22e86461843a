//! Takes secrets out of text that is kept or shown: what a release's commands, services and health answers said.
//!
//! Two nets. The first knows the secrets of this machine, from the application's own settings, and finds each in whatever
//! way it may be written (the room `forms`). The second knows nothing and goes by how secrets look (`shapes`): a password in a URL, an
//! `Authorization:`, a private key. Pure: text in, text out. A replacement names what stood there, `[redacted: DATABASE_URL]`.

mod forms;
mod secrets;
mod shapes;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

pub use secrets::{Secret, in_settings};

/// Shorter ones are not looked for: every text would be full of them. In their place, as in `PASSWORD=abc`, they are found by shape.
const SHORTEST: usize = 6;
/// The line that stands for what was too long to keep, as [`crate::host::child::Said`] writes it, begins and ends so.
const CUT: (&str, &str) = ("\n[… ", " bytes left out …]\n");

/// Knows the secrets of one application. Without any it still goes by shape.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Option<Known>,
}

#[derive(Clone)]
struct Known {
    search: AhoCorasick,
    /// The text of each pattern, and the setting that it comes from.
    patterns: Vec<(String, String)>,
}

impl std::fmt::Debug for Redactor {
    /// What it knows is what nobody may read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.known.as_ref().map_or(0, |known| known.patterns.len());
        f.debug_struct("Redactor").field("patterns", &known).finish()
    }
}

impl Redactor {
    /// Looks for these, and for shapes.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut patterns: Vec<(String, String)> = secrets
            .into_iter()
            .flat_map(|secret| forms::of(&secret.value).into_iter().map(move |form| (form, secret.name.clone())))
            .filter(|(form, _)| form.len() >= SHORTEST)
            .collect();
        patterns.sort();
        patterns.dedup_by(|one, other| one.0 == other.0);
        if patterns.is_empty() {
            return Self::default();
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            // Left to itself it takes half a kilobyte for each letter of a few secrets: gigabytes for a long one.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns.iter().map(|(form, _)| form))
            .expect("the settings that patterns come from are bounded, far below its limit of four billion states");
        Self { known: Some(Known { search, patterns }) }
    }

    /// The text without its secrets.
    pub fn apply(&self, text: &str) -> String {
        match &self.known {
            Some(known) => shapes::apply(&known.mend_cuts(&known.replace(text))),
            None => shapes::apply(text),
        }
    }

    /// The same for every text in a value; the text of a member that is called `password` and the like goes as a whole.
    pub fn apply_to(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.apply(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply_to(item)),
            Value::Object(members) => members.iter_mut().for_each(|(key, value)| self.apply_to_member(key, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn apply_to_member(&self, key: &str, value: &mut serde_json::Value) {
        if value.is_string() && shapes::names_a_secret(key) {
            *value = mark(key).into();
        } else {
            self.apply_to(value);
        }
    }
}

impl Known {
    fn replace(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        self.search.replace_all_with(text, &mut clean, |found, _, clean| {
            clean.push_str(&mark(&self.patterns[found.pattern()].1));
            true
        });
        clean
    }

    /// Where the middle of a long text was left out, half a secret can stand on either side.
    fn mend_cuts(&self, text: &str) -> String {
        let mut parts: Vec<String> = Vec::new();
        for part in text.split_inclusive(CUT.1) {
            let part = if parts.is_empty() { part.to_owned() } else { self.mend_start(part) };
            parts.push(match part.strip_suffix(CUT.1).and_then(|part| part.rsplit_once(CUT.0)) {
                Some((before, number)) => format!("{}{}{number}{}", self.mend_end(before), CUT.0, CUT.1),
                None => part,
            });
        }
        parts.concat()
    }

    fn mend_end(&self, text: &str) -> String {
        let halves = self.patterns.iter().filter_map(|(form, name)| {
            let length =
                (SHORTEST..form.len()).rev().find(|length| text.as_bytes().ends_with(&form.as_bytes()[..*length]));
            Some((length?, name))
        });
        match halves.max() {
            Some((length, name)) => format!("{}{}", keep(text, ..text.len() - length), mark(name)),
            None => text.to_owned(),
        }
    }

    fn mend_start(&self, text: &str) -> String {
        let halves = self.patterns.iter().filter_map(|(form, name)| {
            let bytes = form.as_bytes();
            let length = (SHORTEST..bytes.len())
                .rev()
                .find(|length| text.as_bytes().starts_with(&bytes[bytes.len() - length..]));
            Some((length?, name))
        });
        match halves.max() {
            Some((length, name)) => format!("{}{}", mark(name), keep(text, length..)),
            None => text.to_owned(),
        }
    }
}

/// A part of a text, where a cut may have gone through a letter.
fn keep(text: &str, range: impl std::slice::SliceIndex<[u8], Output = [u8]>) -> String {
    String::from_utf8_lossy(&text.as_bytes()[range]).into_owned()
}

/// What stands where a secret stood.
fn mark(name: &str) -> String {
    format!("[redacted: {name}]")
}

#[cfg(test)]
mod tests;
