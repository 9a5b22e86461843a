//! How secrets look where nobody knows them: what stands before them gives them away, or their own first letters.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::mark;

/// What a member or variable is called whose value nobody may read.
const NAMES: &str =
    "(?:passw(?:or)?d|passphrase|pwd|secret|token|api_?-?key|access_?-?key|private_?-?key|credential|pgpass)";

/// What is kept in front (group 1), what goes, and what stands in its place.
struct Shape {
    pattern: LazyLock<Regex>,
    name: &'static str,
}

macro_rules! shape {
    ($name:literal, $pattern:expr) => {
        Shape { pattern: LazyLock::new(|| Regex::new(&$pattern).expect("a pattern of our own")), name: $name }
    };
}

static SHAPES: [Shape; 9] = [
    shape!("private key", "()-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\\z)"),
    shape!("password", "([A-Za-z][A-Za-z0-9+.-]*://[^/ \\t\\r\\n:@\"'<>]*:)[^/ \\t\\r\\n\"'<>]+@"),
    shape!("token", "([A-Za-z][A-Za-z0-9+.-]*://)[^/ \\t\\r\\n:@\"'<>]{16,}@"),
    shape!(
        "header",
        "((?i-u:(?:proxy-)?authorization|x-api-key|x-auth-token|set-cookie|cookie)[\"']? *[:=] *[\"']?)[^ \\r\\n\"'][^\\r\\n\"']*"
    ),
    shape!("token", "((?i-u:bearer) +)[A-Za-z0-9._~+/=-]{8,}"),
    shape!("password", "((?i-u:password|identified by) +)'[^'\\r\\n]+'"),
    shape!("JWT", "()eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*"),
    shape!("AWS key", "()(?:AKIA|ASIA)[0-9A-Z]{16}"),
    shape!(
        "token",
        "()(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}\
         |[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|sk-[A-Za-z0-9_-]{20,}|AIza[0-9A-Za-z_-]{30,})"
    ),
];

/// `DB_PASSWORD=…`, `--token …`, `"secret": "…"`. After a colon a bare word must look like more than a word: sentences
/// have colons, too.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!(
        "(?i-u:([A-Z0-9_.-]*{NAMES}[A-Z0-9_.-]*)[\"']?)( *= *| *: *| +)(\"(?:[^\"\\\\\\r\\n]|\\\\.)*\"|'[^'\\r\\n]*'|[^ \\t\\r\\n,;&\"'}})]+)"
    );
    Regex::new(&pattern).expect("a pattern of our own")
});

/// The text without them.
pub(super) fn apply(text: &str) -> String {
    let mut clean = Cow::Borrowed(text);
    for shape in &SHAPES {
        let replaced = shape.pattern.replace_all(&clean, |found: &Captures<'_>| shape.replacement(found)).into_owned();
        clean = Cow::Owned(replaced);
    }
    ASSIGNED.replace_all(&clean, assigned).into_owned()
}

impl Shape {
    fn replacement(&self, found: &Captures<'_>) -> String {
        let (whole, before) = (&found[0], &found[1]);
        if whole[before.len()..].starts_with("[redacted:") {
            return whole.to_owned();
        }
        let after = if whole.ends_with('@') { "@" } else { "" };
        format!("{before}{}{after}", mark(self.name))
    }
}

fn assigned(found: &Captures<'_>) -> String {
    let (whole, name, between, value) = (&found[0], &found[1], &found[2], &found[3]);
    let bare = value.trim_matches(['"', '\'']);
    let is_quoted = bare.len() != value.len();
    let is_said = match between.trim() {
        "=" => true,
        ":" => is_quoted || is_more_than_a_word(bare),
        // Only an option's value stands behind a space.
        _ => name.starts_with("--"),
    };
    let is_nothing = ["", "true", "false", "null", "none", "yes", "no"].contains(&bare.to_ascii_lowercase().as_str());
    if !is_said || is_nothing || bare.starts_with("[redacted:") {
        return whole.to_owned();
    }
    let quote = if is_quoted { &value[..1] } else { "" };
    let before = &whole[..whole.len() - value.len()];
    format!("{before}{quote}{}{quote}", mark(name.trim_start_matches('-')))
}

fn is_more_than_a_word(text: &str) -> bool {
    text.len() >= super::SHORTEST && text.chars().any(|c| c.is_ascii_digit())
}

/// Whether what is called so is not for everybody.
pub(super) fn names_a_secret(name: &str) -> bool {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("(?i-u:{NAMES})")).expect("a pattern of our own"));
    NAME.is_match(name)
}
