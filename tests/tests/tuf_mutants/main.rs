//! Our verdict on repositories that were changed in every way, and signed again, held against python-tuf's.
//!
//! What we accept python-tuf must accept too, with the same versions and targets. What only we refuse, we must refuse for the form
//! that our narrower profile asks for, and never for anything that both should judge alike: signatures, thresholds, versions, dates,
//! lengths and digests.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chance;
mod change;
mod ours;
mod vendor;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use surefoot_tests::oracle;

use chance::Chance;
use ours::Verdict;
use vendor::{Files, Vendor};

/// Repositories that are judged.
const CASES: usize = 2000;
/// What a client that remembers has stored, under the names of a repository.
const STORED: [&str; 2] = ["4.snapshot.json", "3.targets.json"];

/// A repository, and what its client has trusted before.
struct Case {
    state: Files,
    files: Files,
    told: String,
}

fn case(chance: &mut Chance) -> Case {
    let mut vendor = Vendor::new();
    let mut state: Files = [("root.json".to_owned(), vendor.publish().remove("1.root.json").unwrap())].into();
    if chance.one_in(2) {
        let mut before = vendor.publish();
        for (name, from) in
            [("root", "2.root"), ("timestamp", "timestamp"), ("snapshot", "4.snapshot"), ("targets", "3.targets")]
        {
            state.insert(format!("{name}.json"), before.remove(&format!("{from}.json")).unwrap());
        }
        vendor.advance();
    }
    let mut told = vec![if state.len() > 1 { "remembering".to_owned() } else { "new".to_owned() }];
    for _ in 0..=chance.below(2) {
        told.push(vendor.change(chance));
    }
    let mut files = vendor.publish();
    if chance.one_in(4) {
        told.push(change::bytes(&mut files, chance));
    }
    Case { state, files, told: told.join("; ") }
}

fn hexed(files: &Files) -> BTreeMap<&String, String> {
    files.iter().map(|(name, bytes)| (name, hex::encode(bytes))).collect()
}

#[test]
fn we_and_python_tuf_agree_on_thousands_of_changed_repositories() {
    let seed = chance::seed();
    println!("seed {seed} (again with SUREFOOT_SEED={seed})");
    let mut chance = Chance::new(seed);
    let cases: Vec<Case> = (0..CASES).map(|_| case(&mut chance)).collect();
    let asked: Vec<Value> =
        cases.iter().map(|case| json!({ "state": hexed(&case.state), "files": hexed(&case.files) })).collect();
    let theirs = oracle::judges(&asked).unwrap();
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for (number, (case, theirs)) in cases.iter().zip(&theirs).enumerate() {
        let ours = ours::judge(&case.state, &case.files);
        match disagreement(&ours, theirs) {
            Ok(kind) => *counts.entry(kind).or_default() += 1,
            Err(why) => wrong.push(format!("{number} ({}): {why}", case.told)),
        }
    }
    println!("{counts:?}");
    assert!(wrong.is_empty(), "{} of {CASES}, seed {seed}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    for (kind, enough) in [("both accept", 100), ("both refuse", 100), ("only we refuse, for its form", 1)] {
        assert!(counts.get(kind).is_some_and(|count| *count >= enough), "too few of {kind}: {counts:?}");
    }
}

fn disagreement(ours: &Verdict, theirs: &Value) -> Result<&'static str, String> {
    match (ours, theirs.get("refused")) {
        (Verdict::Trusted(ours), None) if ours == theirs => Ok("both accept"),
        (Verdict::Trusted(ours), None) => Err(format!("we trust {ours}, python-tuf trusts {theirs}")),
        (Verdict::Trusted(ours), Some(reason)) => Err(format!("we trust {ours}, python-tuf refuses: {reason}")),
        (Verdict::Refused(_) | Verdict::Missing(_) | Verdict::BadForm, Some(_)) => Ok("both refuse"),
        (Verdict::BadForm, None) => Ok("only we refuse, for its form"),
        // python-tuf goes on with a stored file of the listed version, also where another digest is listed.
        (Verdict::Missing(name), None) if STORED.contains(&name.as_str()) => Ok("only we refuse, for a digest"),
        (Verdict::Missing(name), None) => Err(format!("only we miss {name}")),
        (Verdict::Refused(reason), None) => Err(format!("only we refuse, and not for its form: {reason}")),
    }
}
