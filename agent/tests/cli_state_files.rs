//! The agent's own files, damaged: what is only a note or a cache is made anew, what matters stops the instance and says so.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use std::path::{Path, PathBuf};

use cli_world::World;
use serde_json::json;

/// Contents that no version of the agent writes.
const NONSENSE: [&[u8]; 6] = [b"", b"{", b"garbage\n", b"\0\0\0\0\n", b"{\"format\":99}\n", b"\xff\xfe\n"];

fn world() -> World {
    let world = World::new();
    world.with_two_releases();
    world
}

fn state(world: &World, name: &str) -> PathBuf {
    world.layout.instance(&"kkt".parse().unwrap()).state().join(name)
}

fn directory_instead(path: &Path) {
    let _ = std::fs::remove_file(path);
    std::fs::create_dir_all(path.join("something")).unwrap();
}

/// How status ends, with which file there is a problem, and what is said of it.
fn problem(world: &World) -> (i32, String, String) {
    let run = world.run(&["status", "--json"]);
    let problem = run.json()["instances"][0]["problems"][0].clone();
    let word = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    (run.code, word("with"), word("says"))
}

fn check(world: &World) -> (String, String) {
    world.ask(&json!({ "verb": "check", "instance": null }))
}

#[test]
fn a_damaged_note_of_the_last_check_is_said_and_stops_nothing() {
    let world = world();
    let path = state(&world, "last-check.json");
    for bytes in NONSENSE {
        std::fs::write(&path, bytes).unwrap();
        let (code, with, says) = problem(&world);
        assert_eq!((code, with.as_str()), (0, "last_check"), "{bytes:?}");
        assert!(says.contains("last-check.json") && says.contains("the next check writes it anew"), "{says}");
    }
    directory_instead(&path);
    assert_eq!(problem(&world).1, "last_check");
    assert_eq!(world.run(&["status"]).code, 0);
    // The check has no root of trust here; how it went is written down all the same.
    assert_eq!(check(&world).0, "configuration");
    assert!(path.is_file());
    assert_eq!(problem(&world).1, "");
}

#[test]
fn a_damaged_approval_stops_the_instance_and_names_its_line() {
    let world = world();
    let path = state(&world, "approvals.jsonl");
    for bytes in NONSENSE.into_iter().filter(|bytes| bytes.ends_with(b"\n")) {
        std::fs::write(&path, bytes).unwrap();
        let (code, with, says) = problem(&world);
        assert_eq!((code, with.as_str()), (3, "approvals"), "{bytes:?}");
        assert!(says.contains("approvals.jsonl: line 1 is not an approval: remove that line"), "{says}");
        assert!(world.run(&["status"]).out.contains("!! NOTHING IS UPDATED:"), "{bytes:?}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is nobody's to mend but a person's");
    }
    directory_instead(&path);
    let (code, _, says) = problem(&world);
    assert!(code == 3 && says.contains("cannot read") && says.contains("approvals.jsonl"), "{says}");
}

#[test]
fn half_an_approval_at_the_end_never_happened() {
    let world = world();
    let path = state(&world, "approvals.jsonl");
    for tail in [&b""[..], br#"{"at":"2026-01-01T00:00:00Z","ver"#, b"\0\0\0\0"] {
        std::fs::write(&path, tail).unwrap();
        assert_eq!(problem(&world), (0, String::new(), String::new()), "{tail:?}");
    }
}

#[test]
fn a_damaged_root_of_trust_stops_the_instance_and_is_never_begun_anew() {
    let world = world();
    let path = state(&world, "trust/root.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for bytes in NONSENSE {
        std::fs::write(&path, bytes).unwrap();
        let (code, with, says) = problem(&world);
        assert_eq!((code, with.as_str()), (5, "trust"), "{bytes:?}");
        assert!(says.contains("trust/root.json"), "{says}");
        let (exit, message) = check(&world);
        assert!(exit == "not_trusted" && message.contains("root.json"), "{exit}: {message}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    directory_instead(&path);
    assert_eq!(problem(&world).0, 5);
}
