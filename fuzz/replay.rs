//! Feeds the functions that are fuzzed from a normal test: with every file of their corpus, and with a few thousand mutations
//! of these, the same ones for the same seed. Included by the tests of each crate that has such functions.
//!
//! A file whose name begins with `good-` must be accepted: a seed that only leads to the first check is worth nothing, and
//! a change of a format must not turn all of them into such.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The name of a target, and the function: whether the bytes were accepted.
pub(crate) type Target = (&'static str, fn(&[u8]) -> bool);

/// Chooses the mutations; `SUREFOOT_SEED` another one.
const SEED: u64 = 20_261_121;

/// Passes every file of the corpus through its target's function.
pub(crate) fn corpus(targets: &[Target]) {
    let problems: Vec<String> = targets.iter().flat_map(|(name, run)| of_corpus(name, *run)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn of_corpus(name: &str, run: fn(&[u8]) -> bool) -> Vec<String> {
    let files = files(name);
    let mut problems = Vec::new();
    if !files.iter().any(|(path, _)| is_good(path)) {
        problems.push(format!("the corpus of {name} has no file that must be accepted"));
    }
    for (path, bytes) in files {
        match catch_unwind(AssertUnwindSafe(|| run(&bytes))) {
            Err(_) => problems.push(format!("{} breaks its target", path.display())),
            Ok(false) if is_good(&path) => problems.push(format!("{} is not accepted any more", path.display())),
            Ok(_) => {}
        }
    }
    problems
}

/// Passes so many mutations of each target's corpus through its function.
pub(crate) fn mutations(targets: &[Target], count: u32) {
    let seed = std::env::var("SUREFOOT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let problems: Vec<String> = targets.iter().filter_map(|target| of_mutations(target, count, seed)).collect();
    assert!(problems.is_empty(), "SUREFOOT_SEED={seed}\n{}", problems.join("\n"));
}

fn of_mutations((name, run): &Target, count: u32, seed: u64) -> Option<String> {
    let seeds: Vec<Vec<u8>> = files(name).into_iter().map(|(_, bytes)| bytes).collect();
    let mut chance = Chance(seed ^ name.bytes().fold(7, |sum, byte| sum * 31 + u64::from(byte)) | 1);
    let mut all = (0..count).map(|number| (number, mutated(&seeds, &mut chance)));
    let (number, bytes) = all.find(|(_, bytes)| catch_unwind(AssertUnwindSafe(|| run(bytes))).is_err())?;
    Some(format!("mutation {number} breaks {name}: {:?}", bytes.escape_ascii().to_string()))
}

fn files(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a readable file"))).collect()
}

fn is_good(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("good-"))
}

/// One seed with up to four changes: bytes that are flipped, set, cut out, doubled, or come from another seed.
fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = at + chance.below((bytes.len() - at).min(64) + 1);
        match chance.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = b"\0\n\"\\{}[]0:/-@'%\xff"[chance.below(16)],
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            _ => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len() + 1);
                let to = from + chance.below((other.len() - from).min(64) + 1);
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
        }
    }
    bytes
}

/// Numbers that look like chance (xorshift64, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).expect("below a usize")
    }
}
