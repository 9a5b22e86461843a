//! The audit log, as an admin reads it: who asked, what was decided, what was done; and what is seen of a hand that changes it.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::path::PathBuf;

use serde_json::Value;
use surefoot_tests::notes::refusal::audited as lines;
use surefoot_tests::notes::{Change, World};

type Outcome = anyhow::Result<()>;

fn log(world: &World) -> PathBuf {
    world.client.root().join("var/lib/surefoot/audit.jsonl")
}

/// The acts since line `from`, in order.
fn acts(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["did"].as_str()).collect()
}

#[test]
fn an_update_is_told_from_the_asking_to_the_end() -> Outcome {
    let mut world = World::installed()?;
    let before = lines(&world)?.len();
    world.vendor.release("1.1.0", "A small thing", Change::default())?;
    world.client.surefoot(&["approve", "1.1.0"])?.says(0, "1.1.0 is installed")?;

    let all = lines(&world)?;
    let new = &all[before..];
    assert_eq!(acts(new), ["asked", "approved", "decided", "began", "ended"], "{new:#?}");
    let manifest = new[1]["manifest"].as_str().unwrap();
    assert_eq!(manifest.len(), 64);
    assert_eq!(new[3]["manifest"], manifest, "what went in is what was approved");
    assert!(new.iter().all(|line| line["instance"] == "notes" || !line["instance"].is_null()), "{new:#?}");
    assert!(new[3]["says"].as_str().unwrap().contains("approved by"), "why: {new:#?}");
    assert_eq!(new[4]["exit"], "ok");
    world.client.surefoot(&["audit", "verify"])?.says(0, "are whole")?;
    let shown = world.client.surefoot(&["audit"])?.well()?.out;
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    Ok(())
}

#[test]
fn what_was_refused_is_told_too_and_what_only_reads_is_not() -> Outcome {
    let world = World::installed()?;
    let before = lines(&world)?.len();
    for reading in [&["status"][..], &["history"], &["rollback", "--dry-run"]] {
        world.client.surefoot(reading)?;
    }
    assert_eq!(lines(&world)?.len(), before);

    world.client.surefoot(&["update", "9.9.9"])?.says(10, "")?;
    let all = lines(&world)?;
    let last = all.last().unwrap();
    assert_eq!((last["did"].as_str(), last["exit"].as_str()), (Some("failed"), Some("not_found")), "{last}");
    assert_eq!(last["version"], "9.9.9");
    Ok(())
}

#[test]
fn a_check_that_says_the_same_again_is_told_once() -> Outcome {
    let world = World::installed()?;
    world.client.surefoot(&["check"])?.well()?;
    let before = lines(&world)?.len();
    for _ in 0..3 {
        world.client.surefoot(&["check"])?.well()?;
    }
    assert_eq!(lines(&world)?.len(), before);
    Ok(())
}

#[test]
fn a_changed_line_is_named_and_updates_go_on() -> Outcome {
    let mut world = World::installed()?;
    let text = std::fs::read_to_string(log(&world))?;
    let first = text.lines().next().unwrap();
    std::fs::write(log(&world), text.replace(first, &first.replace("\"by\":\"", "\"by\":\"not ")))?;
    world.client.surefoot(&["audit", "verify"])?.says(5, "line 1: it was")?;

    world.vendor.release("1.1.0", "A small thing", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    let verdict = world.client.surefoot(&["audit", "verify", "--json"])?;
    let verdict: Value = serde_json::from_str(&verdict.out)?;
    assert_eq!(verdict["breaks"].as_array().unwrap().len(), 1, "told once, and nothing after it: {verdict}");
    Ok(())
}

#[test]
fn a_log_that_cannot_be_written_fails_nothing_and_is_told() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A small thing", Change { ill: true, ..Change::default() })?;
    std::fs::remove_file(log(&world))?;
    std::fs::create_dir(log(&world))?;

    let answer = world.client.surefoot(&["update"])?;
    assert_eq!(answer.code, 7, "it is put back all the same: {}{}", answer.out, answer.err);
    let said = format!("{}{}", answer.out, answer.err);
    assert!(said.contains("not all of this is in the audit log"), "{said}");
    world.serves("1.0.0", 3)?;

    std::fs::remove_dir(log(&world))?;
    world.client.surefoot(&["update", "1.1.0", "--again"])?;
    assert!(log(&world).is_file());
    world.client.surefoot(&["audit", "verify"])?.says(0, "are whole")?;
    Ok(())
}
