//! Times, spans, sizes and lines as people read them. Pure.
//!
//! Errors, changelogs and the output of commands are other people's text: a control character in them must not reach the
//! terminal, where it could move the cursor or hide a line.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A moment in the machine's time zone: `2026-11-20 03:12`.
pub(super) fn moment(at: Timestamp) -> String {
    local(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The time of day with seconds: `03:12:05`.
pub(super) fn time_of_day(at: Timestamp) -> String {
    local(at).strftime("%H:%M:%S").to_string()
}

fn local(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::system())
}

/// A span with the two largest units that matter: `0.4 s`, `40 s`, `1 min 12 s`, `2 h 5 min`, `3 days`.
pub(super) fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    match seconds {
        0..10 => format!("{:.1} s", span.as_secs_f64().max(0.0)),
        10..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..172_800 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn pair(large: i64, unit: &str, small: i64, smaller: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {smaller}") }
}

/// A size: `12.34 MiB`.
pub(super) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// A count and its noun: `1 problem`, `2 problems`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The text without what a terminal would act on. Lines stay lines.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || !is_control(c) { c } else { ' ' }).collect()
}

/// C0 and C1 controls, and the invisible ones that turn the direction of what follows.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// One line of at most `width` columns, cut with `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    let line = clean(text).replace('\n', " ");
    if columns(&line) <= width {
        return line;
    }
    let mut kept = String::new();
    for c in line.chars() {
        if columns(&kept) + c.width().unwrap_or(0) + 1 > width {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

/// The text padded with spaces to `width` columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Stands for a space at which no line is broken; a private character, which no text of others means anything by.
const UNBROKEN: char = '\u{e000}';

/// A command to be typed: [`wrap`] keeps it in one line, so that it can be copied.
pub(super) fn command(text: &str) -> String {
    text.replace(' ', &UNBROKEN.to_string())
}

/// The text in lines of at most `width` columns: the first begins with `first`, the others with as many spaces. A word
/// that is longer than a line, such as a path, stays whole: it must survive being copied.
pub(super) fn wrap(first: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(columns(first));
    let mut lines = vec![first.to_owned()];
    for (number, paragraph) in clean(text).split('\n').enumerate() {
        if number > 0 {
            lines.push(indent.clone());
        }
        for word in paragraph.split_whitespace() {
            add_word(&mut lines, word, &indent, width);
        }
    }
    lines.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n").replace(UNBROKEN, " ")
}

fn add_word(lines: &mut Vec<String>, word: &str, indent: &str, width: usize) {
    let line = lines.last_mut().expect("a first line is always there");
    let is_empty = columns(line) == columns(indent);
    let gap = usize::from(!is_empty);
    if !is_empty && columns(line) + gap + columns(word) > width {
        lines.push(format!("{indent}{word}"));
        return;
    }
    if !is_empty {
        line.push(' ');
    }
    line.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units() {
        for (seconds, wanted) in
            [(0.4, "0.4 s"), (40.0, "40 s"), (72.0, "1 min 12 s"), (7500.0, "2 h 5 min"), (300_000.0, "3 days")]
        {
            assert_eq!(span(SignedDuration::from_secs_f64(seconds)), wanted);
        }
    }

    #[test]
    fn what_a_terminal_would_act_on_is_taken_out() {
        assert_eq!(clean("a\u{1b}[2Jb\rc\nd\u{202e}e"), "a [2Jb c\nd e");
    }

    #[test]
    fn lines_are_wrapped_by_columns_and_words_stay_whole() {
        let text = wrap("- ", "ein überaus langes Wort 更新完了 und /a/path/that/is/longer/than/the/line", 20);
        assert_eq!(text, "- ein überaus langes\n  Wort 更新完了 und\n  /a/path/that/is/longer/than/the/line\n");
    }

    #[test]
    fn a_command_is_never_broken() {
        let text = wrap("", &format!("type {} now", command("surefoot show 1.0.0")), 20);
        assert_eq!(text, "type\nsurefoot show 1.0.0\nnow\n");
    }

    #[test]
    fn a_cut_line_says_that_it_was_cut() {
        assert_eq!(cut("更新完了", 5), "更新…");
        assert_eq!(cut("one\ntwo", 20), "one two");
    }
}
