//! The bulk of the releases: made up source code, the same at every run, as compressible as code is.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// How many files a release has besides the application's own.
pub(super) const FILES: u64 = 3000;

/// On average; 60 MB in all.
const BYTES: u64 = 20_000;

const WORDS: [&str; 48] = [
    "account",
    "address",
    "amount",
    "balance",
    "batch",
    "branch",
    "buffer",
    "cache",
    "category",
    "channel",
    "client",
    "column",
    "commit",
    "config",
    "connection",
    "context",
    "counter",
    "country",
    "cursor",
    "customer",
    "delivery",
    "document",
    "endpoint",
    "entry",
    "export",
    "factory",
    "filter",
    "format",
    "handler",
    "header",
    "import",
    "index",
    "invoice",
    "ledger",
    "limit",
    "message",
    "number",
    "offset",
    "order",
    "payload",
    "payment",
    "product",
    "query",
    "record",
    "report",
    "request",
    "session",
    "token",
];

/// Which of the two contents the changing half of the files has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    Old,
    New,
}

/// Writes the files below `tree/library`. Every second one is the same in both editions.
pub(super) fn write(tree: &Path, edition: Edition) -> Result<()> {
    for number in 0..FILES {
        let folder = tree.join(format!("library/part{:02}", number / 60));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let seed = if edition == Edition::New && number % 2 == 1 { number + 1_000_000 } else { number };
        let file = folder.join(format!("module{number:04}.py"));
        fs::write(&file, module(seed)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// A file from a tenth of the average to nearly twice of it.
fn module(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let length = (BYTES / 10 + dice.below(BYTES * 9 / 5)) as usize;
    let mut text = String::with_capacity(length + 200);
    while text.len() < length {
        let (name, first, second, third) = (dice.word(), dice.word(), dice.word(), dice.word());
        let (constant, limit) = (dice.below(1_000_000), dice.below(500));
        let _ = write!(
            text,
            "def {name}_{first}_{constant}({second}, {third}=None):\n    \"\"\"The {first} of a {second}, unless its {third} is old.\"\"\"\n    \
             if {third} is None or len({third}) > {limit}:\n        return {name}.{second}({constant})\n    \
             return [{first}.{third}(one, {limit}) for one in {second}]\n\n\n"
        );
    }
    text
}

/// xorshift64*: no crate's next version may change what is measured.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn word(&mut self) -> &'static str {
        let number = self.below(WORDS.len() as u64) as usize;
        WORDS[number]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_always_the_same_and_no_two_are() {
        assert_eq!(module(7), module(7));
        assert_ne!(module(7), module(8));
        assert_ne!(module(7), module(1_000_007));
    }

    #[test]
    fn all_modules_together_are_about_sixty_megabytes() {
        let total: usize = (0..FILES).map(|number| module(number).len()).sum();
        assert!((55_000_000..65_000_000).contains(&total), "{total}");
    }
}
