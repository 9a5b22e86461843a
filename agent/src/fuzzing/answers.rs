//! What other programs say to the agent: a database server, which may be on somebody else's machine, and this machine itself,
//! where a process can have any name.

use crate::clock::steady;
use crate::evidence::{known, machine};
use crate::host::{process, systemd, transient};
use crate::store::postgres::properties::{statements, understand};
use crate::store::postgres::tally::Tally;
use crate::store::sqlite::holders;

/// What a PostgreSQL server says of a database, or what is in its dump. Nothing of the first leaves its quotes in the SQL
/// that is made of it: `psql` runs programs where it finds a backslash outside of quotes.
pub fn server(bytes: &[u8]) -> bool {
    let tally = |step| {
        let mut tally = Tally::default();
        bytes.chunks(step).for_each(|bytes| tally.feed(bytes));
        tally
    };
    assert_eq!(tally(1), tally(bytes.len().max(1)), "what is counted depends on how it comes");
    let Ok(answer) = std::str::from_utf8(bytes) else { return false };
    let Ok(properties) = understand(answer) else { return false };
    let sql = [statements("kkt\"\\", &properties), vec![properties.creation("kkt\"\\")]].concat();
    sql.iter().map(|statement| statement.trim_end_matches(';')).for_each(|statement| {
        let outside = outside_of_quotes(statement);
        assert!(!outside.contains(['\\', ';', ':', '$', '-', '/', '`']) || is_minus_one(&outside), "{statement}");
    });
    true
}

/// The only sign that SQL of ours has: `CONNECTION LIMIT -1`.
fn is_minus_one(outside: &str) -> bool {
    let digits = outside.rsplit_once(" LIMIT -").map(|(_, digits)| digits);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// SQL without what is in quotes (PostgreSQL's manual, "Lexical Structure"). In a plain literal a backslash may mean itself or not, as
/// the server says, so that there must be none.
fn outside_of_quotes(sql: &str) -> String {
    let (mut outside, mut rest) = (String::new(), sql);
    while let Some(at) = rest.find(['"', '\'']) {
        outside += &rest[..at];
        let quote = rest[at..].chars().next().expect("it was found");
        let is_escape = quote == '\'' && outside.ends_with('E');
        let end = end_of(&rest[at + 1..], quote, is_escape).unwrap_or_else(|| panic!("no end of quotes: {sql}"));
        rest = &rest[at + 1 + end..];
    }
    outside + rest
}

/// Where the quotes end, doubled ones within being a part.
fn end_of(text: &str, quote: char, is_escape: bool) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && is_escape {
            characters.next();
        } else if character == '\\' {
            assert!(quote == '"', "a backslash in a plain literal: {text}");
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

/// What systemd and the kernel say: of units, of processes, of locks and of memory.
pub fn system(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let seen = systemd::read(text);
    assert!(seen.pid != Some(0), "no process is number 0");
    let (variables, files) = known::read_environment(text);
    assert!(variables.len() <= 2 * text.len() && files.len() <= text.len(), "more than there was");
    let _ = transient::read(text);
    let locks = text.lines().filter_map(holders::read_line).count();
    let began = (steady::began(text).is_some(), process::read_stat(text).is_some());
    [seen.running, machine::memory(text).is_some(), locks > 0, began.0, began.1].contains(&true)
}
