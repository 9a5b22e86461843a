//! A bounded memory of what a program said: its beginning, where the cause is named, and its end, where it gave up.

use std::collections::VecDeque;

/// Bytes kept of the beginning, and as many of the end.
const KEPT: usize = 32 * 1024;

/// The beginning and the end of a stream of bytes; at most 64 KiB.
#[derive(Debug, Default)]
pub struct Said {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    lost: u64,
}

impl Said {
    /// Takes the next bytes.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..excess);
        self.lost += excess as u64;
    }

    /// Bytes that were said and not kept.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The whole as text, with a line in the middle where something is missing. What is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.lost > 0 {
            bytes.extend_from_slice(format!("\n[… {} bytes left out …]\n", self.lost).as_bytes());
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last few lines, joined to one, for an error message.
    #[must_use]
    pub fn last_words(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(4)..].join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut said = Said::default();
        for piece in 0..40_000 {
            said.hear(format!("{piece:06}\n").as_bytes());
        }
        let text = said.text();
        assert!(text.starts_with("000000\n") && text.ends_with("039999\n"));
        assert_eq!(said.lost(), 7 * 40_000 - 2 * KEPT as u64);
        assert!(text.len() < 2 * KEPT + 100);
    }

    #[test]
    fn last_words_are_one_line() {
        let mut said = Said::default();
        said.hear(b"a\n\nb\r\n  c\nd\ne\n");
        assert_eq!(said.last_words(), "b; c; d; e");
    }
}
