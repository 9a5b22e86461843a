//! Fetch: what was checked is kept, what was not is fetched again, and nothing else is ever written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use manifest_schema::manifest::BLOCK_SIZE;

use super::machine::Machine;
use super::release::Release;
use super::repository::Shelf;
use crate::plan::Step;
use crate::update::{Walk, step};

/// An artifact of three blocks, the last one short.
struct Bench {
    machine: Machine,
    artifact: Vec<u8>,
    hashed: String,
    step: Step,
    journal: crate::journal::Journal,
}

/// What an earlier attempt left of an artifact.
type Left = fn(&[u8]) -> Vec<u8>;

const BLOCK: usize = BLOCK_SIZE as usize;

fn bench() -> Bench {
    // A linear congruential generator (Numerical Recipes): what does not compress.
    let noise = std::iter::successors(Some(1_u32), |x| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    let noise = noise.map(|x| x.to_be_bytes()[0]).take(2 * BLOCK + BLOCK / 2).collect();
    let build = b"#!/bin/sh\n".to_vec();
    let files = BTreeMap::from([
        ("VERSION".to_owned(), b"1.1.0\n".to_vec()),
        ("bin/build".to_owned(), build),
        ("noise".to_owned(), noise),
    ]);
    let release = Release::of("1.1.0", files, Vec::new());
    let (artifact, listed) = (release.artifact.clone(), release.manifest.artifacts[0].clone());
    assert_eq!(listed.blocks.len(), 3);
    let machine = Machine::with_first(vec![Release::new("1.0.0", &[]), release]);
    let plan = machine.plan_update(Some("1.0.0"), "1.1.0");
    let step = plan.steps[0].clone();
    assert!(matches!(step, Step::Fetch { .. }));
    let journal = machine.begin(plan).unwrap();
    Bench { hashed: format!("v1.1.0/{}.{}", listed.sha256, listed.name), machine, artifact, step, journal }
}

impl Bench {
    fn fetch(&mut self) -> Result<(), String> {
        let step = self.step.clone();
        let outcome = self
            .machine
            .with_world(&mut self.journal, |journal, world| step::apply(&mut Walk::new(journal, world), &step));
        outcome.map_err(|error| crate::exit::chain(&error))
    }

    fn stage(&mut self) -> Result<(), String> {
        let step = self.journal.plan().steps[1].clone();
        assert!(matches!(step, Step::Stage { .. }));
        let outcome = self
            .machine
            .with_world(&mut self.journal, |journal, world| step::apply(&mut Walk::new(journal, world), &step));
        outcome.map_err(|error| crate::exit::chain(&error))
    }

    fn file(&self, suffix: &str) -> PathBuf {
        let Step::Fetch { artifact } = &self.step else { unreachable!("it is the first step") };
        self.machine.here().fetch().join(format!("{}.{suffix}", artifact.sha256))
    }

    fn there(&self, suffix: &str) -> Option<Vec<u8>> {
        std::fs::read(self.file(suffix)).ok()
    }

    /// Where each request began.
    fn asked(&self) -> Vec<u64> {
        self.machine.repository.shelf.asked.iter().map(|(_, from)| *from).collect()
    }

    fn at_source(&mut self) -> &mut Vec<u8> {
        self.machine.repository.shelf.targets.get_mut(&self.hashed).unwrap()
    }

    fn is_whole(&self) {
        assert!(self.there("pending").as_deref() == Some(&self.artifact[..]));
        assert!(self.there("partial").is_none());
    }
}

#[test]
fn a_partial_is_gone_on_with_after_its_last_good_block() {
    let cases: [(&str, Left, u64); 7] = [
        ("nothing", |_| Vec::new(), 0),
        ("half a block", |all| all[..BLOCK / 2].to_vec(), 0),
        ("a block", |all| all[..BLOCK].to_vec(), 1),
        ("a block and a half", |all| all[..BLOCK + BLOCK / 2].to_vec(), 1),
        ("a block and a bad one", |all| flipped(&all[..2 * BLOCK], BLOCK + 5), 1),
        ("a bad block and a good one", |all| flipped(&all[..2 * BLOCK], 5), 0),
        ("all, and more", |all| [all, b"more"].concat(), 3),
    ];
    for (name, left, blocks) in cases {
        let mut bench = bench();
        bench.machine.put(&bench.file("partial"), &left(&bench.artifact));
        bench.fetch().unwrap_or_else(|error| panic!("{name}: {error}"));
        bench.is_whole();
        let from = (blocks * BLOCK_SIZE).min(bench.artifact.len() as u64);
        assert_eq!(bench.asked(), [from], "{name}");
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn what_is_here_already_is_not_asked_for() {
    let mut bench = bench();
    bench.fetch().unwrap();
    bench.fetch().unwrap();
    assert_eq!(bench.asked(), [0]);
    bench.is_whole();
}

#[test]
fn a_dead_line_costs_no_more_than_the_block_it_died_in() {
    let mut bench = bench();
    bench.machine.repository.shelf.breaks_after = Some(BLOCK + 300_000);
    assert!(bench.fetch().unwrap_err().contains("the line is dead"));
    assert!(bench.there("partial").unwrap() == bench.artifact[..BLOCK]);
    assert!(bench.there("pending").is_none());
    bench.machine.repository.shelf.breaks_after = None;
    bench.fetch().unwrap();
    assert_eq!(bench.asked(), [0, BLOCK_SIZE]);
    bench.is_whole();
}

#[test]
fn a_source_that_gives_too_little_gives_nothing() {
    let mut bench = bench();
    bench.at_source().truncate(2 * BLOCK + 1000);
    assert!(bench.fetch().unwrap_err().contains("only 2 of 3 blocks"));
    assert!(bench.there("pending").is_none());
}

#[test]
fn a_source_that_gives_too_much_is_refused() {
    let mut bench = bench();
    bench.machine.repository.shelf.excess = 1;
    assert!(bench.fetch().unwrap_err().contains("not what the vendor signed"));
    assert!(bench.there("pending").is_none());
}

#[test]
fn a_wrong_byte_is_never_written() {
    let mut bench = bench();
    bench.at_source()[BLOCK + 7] ^= 1;
    let error = bench.fetch().unwrap_err();
    assert!(error.contains("the block at byte 1048576 is not what the vendor signed"), "{error}");
    assert!(bench.there("partial").unwrap() == bench.artifact[..BLOCK]);
    bench.at_source()[BLOCK + 7] ^= 1;
    bench.fetch().unwrap();
    bench.is_whole();
}

#[test]
fn a_tampered_artifact_fails_the_update_and_the_next_attempt_is_good() {
    let mut bench = bench();
    let before = super::faults::Before::of(&bench.machine);
    bench.at_source()[3] ^= 1;
    let plan = bench.journal.plan().clone();
    let outcome = bench.machine.run(plan.clone()).unwrap();
    assert!(matches!(&outcome, crate::update::Outcome::RolledBack { touched: false, .. }), "{outcome:?}");
    before.compare(&bench.machine).unwrap();
    bench.at_source()[3] ^= 1;
    let outcome = bench.machine.run(crate::plan::Plan { id: 2, ..plan }).unwrap();
    assert_eq!(outcome, crate::update::Outcome::Completed);
}

/// What somebody does to the artifact after it was verified and before it is unpacked.
type Swap = fn(&mut Bench);

#[test]
fn an_artifact_that_is_swapped_after_it_was_verified_is_not_unpacked() {
    let cases: [(&str, Swap); 5] = [
        ("another file of its name", |bench| {
            let evil = flipped(&bench.artifact, BLOCK + 5);
            bench.machine.put(&bench.file("pending"), &evil);
        }),
        ("written into through a descriptor", |bench| {
            let file = std::fs::OpenOptions::new().write(true).open(bench.file("pending")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"evil", BLOCK_SIZE + 5).unwrap();
        }),
        ("shorter", |bench| {
            let half = bench.artifact[..BLOCK].to_vec();
            bench.machine.put(&bench.file("pending"), &half);
        }),
        ("a link to another file", |bench| {
            let (elsewhere, pending) = (bench.file("elsewhere"), bench.file("pending"));
            let artifact = bench.artifact.clone();
            bench.machine.put(&elsewhere, &artifact);
            crate::durable::replace_link(&pending, &elsewhere).unwrap();
        }),
        ("gone", |bench| crate::durable::remove_file(&bench.file("pending")).unwrap()),
    ];
    for (name, swap) in cases {
        let mut bench = bench();
        bench.fetch().unwrap();
        swap(&mut bench);
        let error = bench.stage().expect_err(name);
        assert!(error.contains("pending"), "{name}: {error}");
        assert!(!bench.machine.app.releases().join("1.1.0").exists(), "{name}");

        // What the next attempt finds is checked, too, and fetched again.
        bench.fetch().unwrap_or_else(|error| panic!("{name}: {error}"));
        bench.is_whole();
        bench.stage().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(bench.machine.app.releases().join("1.1.0/VERSION").exists(), "{name}");
    }
}

#[test]
fn where_one_source_ends_or_lies_the_next_goes_on_after_the_last_good_block() {
    let cases: [(&str, Swap, u64); 4] = [
        ("has no such file", |bench| bench.machine.repository.shelf.targets.clear(), 0),
        ("breaks off", |bench| bench.machine.repository.shelf.breaks_after = Some(BLOCK + 300_000), 1),
        ("lies", |bench| bench.at_source()[BLOCK + 7] ^= 1, 1),
        ("gives too little", |bench| bench.at_source().truncate(2 * BLOCK + 1000), 2),
    ];
    for (name, wrong, blocks) in cases {
        let mut bench = bench();
        let good = bench.machine.repository.shelf.clone();
        bench.machine.mirrors = vec![Shelf::default(), good, Shelf::default()];
        wrong(&mut bench);
        bench.fetch().unwrap_or_else(|error| panic!("{name}: {error}"));
        bench.is_whole();
        let mirrors = bench.machine.mirrors.iter();
        let asked: Vec<u64> = mirrors.flat_map(|mirror| mirror.asked.iter().map(|(_, from)| *from)).collect();
        assert_eq!(asked, [blocks * BLOCK_SIZE; 2], "{name}: the third source is not needed");
    }
}

#[test]
fn where_no_source_has_it_the_first_ones_reason_counts() {
    let mut bench = bench();
    bench.at_source()[3] ^= 1;
    bench.machine.mirrors = vec![Shelf::default()];
    let error = bench.fetch().unwrap_err();
    assert!(error.contains("the block at byte 0 is not what the vendor signed"), "{error}");
    assert!(bench.there("pending").is_none());
}
