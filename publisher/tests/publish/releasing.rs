//! `publish v1.1.0` when nothing is wrong.

use std::fs;
use std::process::Command;

use manifest_schema::manifest::{Manifest, Severity};

use crate::checkout::{Checkout, contents};

fn manifest(checkout: &Checkout, tag: &str) -> Manifest {
    let bytes = fs::read(checkout.dist().join("targets").join(tag).join("manifest.json")).unwrap();
    Manifest::read(&bytes).unwrap()
}

#[test]
fn a_release_holds_what_is_committed_and_nothing_else() {
    let checkout = Checkout::new();
    checkout.configure(
        "[[application.databases]]\ntype = \"postgresql\"\nurl = { file = \".env\", key = \"DATABASE_URL\" }\n\
         [[migrations]]\nversion = \"1.0.0\"\ntype = \"sql\"\nfile = \"migrations/001.sql\"\ndescription = \"x\"\n",
    );
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    checkout.verify().ok();
    let manifest = manifest(&checkout, &tag);
    let paths: Vec<_> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["CHANGELOG.md", "VERSION", "app/main.py", "migrations/001.sql", "run.sh"]);
    assert_eq!(manifest.release_date.to_string(), "2026-01-10T12:00:00Z");
    assert!(manifest.database_migration);
    assert!(checkout.dist().join("targets/v1.0.0/migration-scripts.tar.gz").exists());
    assert_eq!(manifest.changelog.added, ["What 1.0.0 brings"]);
}

#[test]
fn people_check_and_unpack_it_with_their_own_tools() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let targets = checkout.dist().join("targets").join(&tag);
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(&targets).output();
        let output = output.unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let checked = run("sha256sum", &["--strict", "-c", "checksums.txt"]);
    assert_eq!(checked.lines().count(), 4, "{checked}");
    for archive in ["kkt-v1.0.0.tar.gz", "kkt-v1.0.0.tar.zst"] {
        let listed = run("tar", &["--numeric-owner", "-tvf", archive]);
        assert!(listed.contains("-rwxr-xr-x 0/0"), "{listed}");
        assert!(!listed.contains("tests/") && !listed.contains("publish.toml"), "{listed}");
    }
}

#[test]
fn severity_follows_the_version_unless_it_is_given() {
    let checkout = Checkout::new();
    for (version, given, expected) in [
        ("1.0.0", None, Severity::Major),
        ("1.1.0", None, Severity::Minor),
        ("1.1.1", None, Severity::Patch),
        ("1.1.2", Some("critical"), Severity::Critical),
    ] {
        let tag = checkout.release(version);
        let more: Vec<&str> = given.iter().flat_map(|word| ["--severity", *word]).collect();
        checkout.to_dist(&tag, &more).ok();
        assert_eq!(manifest(&checkout, &tag).severity, expected, "{version}");
    }
    checkout.verify().ok();
}

#[test]
fn a_run_that_is_repeated_says_that_all_is_there() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let before = contents(&checkout.dist());
    let run = checkout.to_dist(&tag, &[]).ok();
    assert!(run.out.contains("already published"), "{run:#?}");
    assert_eq!(contents(&checkout.dist()), before);
}

#[test]
fn a_repeated_run_brings_a_lost_file_back() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let before = contents(&checkout.dist());
    fs::remove_file(checkout.dist().join("targets/v1.0.0/manifest.json")).unwrap();
    checkout.to_dist(&tag, &[]).ok();
    assert_eq!(contents(&checkout.dist()), before);
}

#[test]
fn a_dry_run_shows_everything_and_writes_nothing() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let run = checkout.to_dist(&tag, &["--dry-run"]).ok();
    for part in ["5 files", "app/", "kkt-v1.0.0.tar.zst", "\"severity\": \"major\"", "timestamp.json"] {
        assert!(run.out.contains(part), "{part}: {run:#?}");
    }
    assert!(!checkout.dist().exists());
}

#[test]
fn a_draft_is_invisible_until_the_same_command_publishes_it() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let run = checkout.to_dist(&tag, &["--draft"]).ok();
    assert!(run.out.contains("draft"), "{run:#?}");
    checkout.verify().refused(4, &["nothing is published"]);
    checkout.to_dist(&tag, &[]).ok();
    checkout.verify().ok();
}

#[test]
fn two_places_get_the_same_metadata_even_when_one_was_left_out() {
    let checkout = Checkout::new();
    let second = checkout.room().join("mirror");
    let second = second.to_str().unwrap();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &["--to", second]).ok();
    let tag = checkout.release("1.1.0");
    checkout.to_dist(&tag, &[]).ok();
    checkout.to_dist(&tag, &["--to", second]).ok();
    assert_eq!(contents(&checkout.dist()), contents(second.as_ref()));
}

#[test]
fn a_directory_inside_the_checkout_does_not_make_it_unclean() {
    let checkout = Checkout::new();
    let text = fs::read_to_string(checkout.app().join("publish.toml")).unwrap();
    checkout.write("publish.toml", &text.replace("# to = [\"../releases\", \"github:acme/kkt\"]", "to = [\"dist\"]"));
    let tag = checkout.release("1.0.0");
    checkout.publish(&[&tag]).ok();
    let run = checkout.publish(&[&tag]).ok();
    assert!(run.out.contains("already published"), "{run:#?}");
    checkout.publish(&["verify"]).ok();
}

#[test]
fn a_directory_beside_the_checkout_is_named_as_in_the_template() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.publish(&[&tag, "--to", "../releases"]).ok();
    assert!(checkout.app().join("../releases/metadata/timestamp.json").exists());
}

#[test]
fn a_repository_whose_metadata_has_expired_is_made_fresh_by_the_next_release() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let dist = checkout.dist();
    let arguments = [tag.as_str(), "--to", dist.to_str().unwrap()];
    let long_ago = (jiff::Timestamp::now().as_second() - 300 * 86_400).to_string();
    checkout.publish_with(&arguments, &[("SOURCE_DATE_EPOCH", &long_ago)]).ok();
    checkout.verify().refused(12, &["has expired"]);
    let tag = checkout.release("1.1.0");
    checkout.to_dist(&tag, &[]).ok();
    checkout.verify().ok();
}

#[test]
fn a_directory_of_a_larger_repository_is_released_by_itself() {
    let checkout = Checkout::new();
    checkout.write("server/main.py", "print('server')\n");
    checkout.write("server/VERSION", "1.0.0\n");
    checkout.write("server/CHANGELOG.md", "# Changelog\n\n## [1.0.0]\n\n- First\n");
    checkout.publish(&["init", "-C", "server", "--no-passphrase"]).ok();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &["-C", "server"]).ok();
    let paths: Vec<_> = manifest(&checkout, &tag).files.iter().map(|file| file.path.to_string()).collect();
    assert_eq!(paths, ["CHANGELOG.md", "VERSION", "main.py"]);
}

#[test]
fn a_release_is_published_with_its_decisions() {
    let checkout = Checkout::new();
    checkout.release("1.0.0");
    let waves = ["--wave", "10%@2026-12-01T03:00:00Z", "--wave", "100%@2026-12-02T03:00:00Z"];
    let others = ["--security-floor", "1.0.0", "--platform", "linux-x86_64"];
    checkout.to_dist("v1.0.0", &["--security-floor", "1.0.1"]).refused(2, &["nobody could install it"]);
    checkout.to_dist("v1.0.0", &["--platform", ""]).refused(2, &["not a platform"]);
    checkout.to_dist("v1.0.0", &[waves[2], waves[3], waves[0], waves[1]]).refused(2, &["not after the one before"]);
    let both: Vec<&str> = waves.into_iter().chain(others).collect();
    checkout.to_dist("v1.0.0", &both).ok();
    let custom = checkout.published("1.targets.json")["signed"]["targets"]["v1.0.0/manifest.json"]["custom"].clone();
    assert_eq!(custom["rollout"]["waves"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&custom["security_floor"], &custom["platforms"]),
        (&serde_json::json!("1.0.0"), &serde_json::json!(["linux-x86_64"]))
    );
    checkout.verify().ok();
}
