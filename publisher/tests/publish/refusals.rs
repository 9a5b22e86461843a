//! What `publish v1.1.0` refuses, and what it says then.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::checkout::{Checkout, contents};

#[track_caller]
fn refused(checkout: &Checkout, tag: &str, code: i32, said: &[&str]) {
    checkout.to_dist(tag, &[]).refused(code, said);
    assert!(!checkout.dist().exists(), "nothing may be written");
}

#[test]
fn without_publish_toml() {
    refused(
        &Checkout::bare(),
        "v1.0.0",
        3,
        &["publish.toml does not exist", "publish init"],
    );
}

#[test]
fn outside_of_git() {
    let checkout = Checkout::new();
    fs::remove_dir_all(checkout.app().join(".git")).unwrap();
    refused(&checkout, "v1.0.0", 6, &["not a git repository"]);
}

#[test]
fn a_text_that_is_no_tag() {
    let checkout = Checkout::new();
    for text in ["1.0.0", "v1.0", "v01.0.0", "v1.0.0+build", "latest"] {
        refused(&checkout, text, 2, &["For more information"]);
    }
}

#[test]
fn nothing_committed() {
    refused(&Checkout::new(), "v1.0.0", 6, &["nothing is committed yet"]);
}

#[test]
fn a_missing_tag() {
    let checkout = Checkout::new();
    checkout.commit();
    refused(
        &checkout,
        "v1.0.0",
        6,
        &["there is no tag v1.0.0: run `git tag v1.0.0`"],
    );
}

#[test]
fn a_tag_on_another_commit() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.write("app/new.py", "");
    checkout.commit();
    refused(
        &checkout,
        &tag,
        6,
        &["the tag v1.0.0 names commit", "git checkout v1.0.0"],
    );
}

#[test]
fn a_tree_that_is_not_clean() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.write("app/main.py", "print('changed')\n");
    checkout.write("forgotten.py", "");
    refused(
        &checkout,
        &tag,
        6,
        &["not clean", "app/main.py", "?? forgotten.py"],
    );
}

#[test]
fn a_version_file_that_is_missing_or_says_something_else() {
    let checkout = Checkout::new();
    checkout.release("1.0.0");
    checkout.write("VERSION", "0.9.0\n");
    checkout.commit();
    checkout.git(&["tag", "--force", "v1.0.0"]);
    refused(
        &checkout,
        "v1.0.0",
        6,
        &["VERSION says \"0.9.0\", but 1.0.0"],
    );
    fs::remove_file(checkout.app().join("VERSION")).unwrap();
    checkout.commit();
    checkout.git(&["tag", "--force", "v1.0.0"]);
    refused(&checkout, "v1.0.0", 6, &["no file VERSION"]);
}

#[test]
fn a_changelog_without_the_section() {
    let checkout = Checkout::new();
    checkout.write("VERSION", "1.1.0\n");
    checkout.commit();
    let tag = checkout.tag("v1.1.0");
    refused(
        &checkout,
        &tag,
        6,
        &["no section for 1.1.0", "## [1.1.0] - YYYY-MM-DD"],
    );
}

#[test]
fn no_changelog_at_all() {
    let checkout = Checkout::new();
    fs::remove_file(checkout.app().join("CHANGELOG.md")).unwrap();
    checkout.commit();
    let tag = checkout.tag("v1.0.0");
    refused(&checkout, &tag, 6, &["no file CHANGELOG.md"]);
}

#[test]
fn a_symbolic_link_and_names_that_cannot_be_released() {
    let checkout = Checkout::new();
    symlink("main.py", checkout.app().join("app/link.py")).unwrap();
    checkout.write("app/line\nfeed", "");
    checkout.write("app/Main.py", "");
    checkout.write(&format!("app/{}", "a".repeat(120)), "");
    let tag = checkout.release("1.0.0");
    refused(
        &checkout,
        &tag,
        6,
        &[
            "app/link.py is a symbolic link",
            "control character",
            "differ only in upper and lower case",
            "too long",
        ],
    );
}

#[test]
fn a_pointer_of_git_lfs() {
    let checkout = Checkout::new();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
        "a".repeat(64)
    );
    checkout.write("app/model.bin", &pointer);
    let tag = checkout.release("1.0.0");
    refused(
        &checkout,
        &tag,
        6,
        &["app/model.bin is a pointer of Git LFS"],
    );
}

#[test]
fn a_second_run_at_the_same_time() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let private = checkout.app().join(".git/surefoot");
    fs::create_dir_all(&private).unwrap();
    let lock = fs::File::create(private.join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    refused(
        &checkout,
        &tag,
        8,
        &["another `publish` is at work in this checkout"],
    );
    drop(lock);
    checkout.to_dist(&tag, &[]).ok();
}

#[test]
fn a_place_that_lacks_more_than_this_release() {
    let checkout = Checkout::new();
    for version in ["1.0.0", "1.1.0"] {
        let tag = checkout.release(version);
        checkout.to_dist(&tag, &[]).ok();
    }
    let empty = checkout.room().join("empty");
    let run = checkout.to_dist("v1.1.0", &["--to", empty.to_str().unwrap()]);
    run.refused(8, &["empty lacks earlier releases"]);
    assert!(!empty.exists());
}

#[test]
fn a_file_that_belongs_to_the_client() {
    let checkout = Checkout::new();
    checkout.configure("[[application.keep]]\npath = \"uploads\"\ntype = \"directory\"\n");
    checkout.write("uploads/a.png", "");
    let tag = checkout.release("1.0.0");
    refused(
        &checkout,
        &tag,
        6,
        &["uploads/a.png lies in the surviving path uploads"],
    );
}

#[test]
fn a_broken_rule_in_releaseignore() {
    let checkout = Checkout::new();
    checkout.write(".releaseignore", "tests\n{a\n");
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 6, &[".releaseignore, line 2"]);
}

#[test]
fn nothing_left_to_release() {
    let checkout = Checkout::new();
    checkout.write(".releaseignore", "*\n");
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 6, &["no file is left to release"]);
}

#[test]
fn an_unknown_key_and_a_wrong_type_in_publish_toml() {
    let checkout = Checkout::new();
    checkout.configure("[expiry]\nroot_dys = 3\n");
    refused(
        &checkout,
        "v1.0.0",
        3,
        &["publish.toml is not valid", "root_dys"],
    );
    let checkout = Checkout::new();
    checkout.configure("[expiry]\nroot_days = \"long\"\n");
    refused(
        &checkout,
        "v1.0.0",
        3,
        &["publish.toml is not valid", "root_days"],
    );
}

#[test]
fn a_profile_that_contradicts_itself() {
    let checkout = Checkout::new();
    checkout.configure(
        "[[application.services]]\nname = \"web\"\n[[application.services]]\nname = \"web\"\n",
    );
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 3, &["service web is named twice"]);
}

#[test]
fn migrations_that_cannot_be_applied() {
    let checkout = Checkout::new();
    let step = |version: &str, kind: &str, file: &str| {
        format!(
            "[[migrations]]\nversion = \"{version}\"\ntype = \"{kind}\"\nfile = \"{file}\"\ndescription = \"x\"\n"
        )
    };
    checkout.configure(&step("9.0.0", "sql", "migrations/001.sql"));
    checkout.configure(&step("1.0.0", "sql", "migrations/none.sql"));
    let tag = checkout.release("1.0.0");
    refused(
        &checkout,
        &tag,
        3,
        &[
            "migrations/001.sql has version 9.0.0, which comes after 1.0.0",
            "names migrations/none.sql, which is not in the release",
            "migrations/none.sql stands after one of a later version",
            "names the database \"main\"",
        ],
    );
}

#[test]
fn a_migration_without_a_version_or_of_an_unknown_type() {
    let checkout = Checkout::new();
    checkout.configure(
        "[[migrations]]\ntype = \"sql\"\nfile = \"migrations/001.sql\"\ndescription = \"x\"\n",
    );
    refused(&checkout, "v1.0.0", 3, &["missing field `version`"]);
    let checkout = Checkout::new();
    checkout.configure(
        "[[migrations]]\nversion = \"1.0.0\"\ntype = \"alembic\"\nfile = \"migrations/001.sql\"\ndescription = \"x\"\n",
    );
    refused(&checkout, "v1.0.0", 3, &["unknown variant `alembic`"]);
}

#[test]
fn a_command_that_is_not_executable() {
    let checkout = Checkout::new();
    checkout.configure(
        "[[application.databases]]\ntype = \"postgresql\"\nurl = { file = \".env\", key = \"DATABASE_URL\" }\n\
         [[migrations]]\nversion = \"1.0.0\"\ntype = \"command\"\nfile = \"app/main.py\"\ndescription = \"x\"\n",
    );
    let tag = checkout.release("1.0.0");
    refused(
        &checkout,
        &tag,
        6,
        &["app/main.py is a command but not executable"],
    );
}

#[test]
fn keys_that_are_missing_exposed_foreign_or_committed() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let key = |name: &str| checkout.app().join("keys").join(name);
    fs::set_permissions(key("targets.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    refused(
        &checkout,
        &tag,
        7,
        &["targets.pem has mode 0644", "chmod 600"],
    );
    fs::remove_file(key("targets.pem")).unwrap();
    fs::copy(key("root.pem"), key("targets.pem")).unwrap();
    fs::remove_file(key("snapshot.pem")).unwrap();
    refused(
        &checkout,
        &tag,
        7,
        &[
            "is not the one that the root names",
            "snapshot key",
            "is missing",
        ],
    );
    fs::write(
        key("targets.pem"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    refused(&checkout, &tag, 7, &["holds no Ed25519 key"]);
    checkout.git(&["add", "--force", "keys/timestamp.pem"]);
    checkout.git(&["commit", "--quiet", "--message", "oops"]);
    checkout.git(&["tag", "--force", &tag]);
    refused(
        &checkout,
        &tag,
        7,
        &["keys/timestamp.pem is committed to git"],
    );
}

#[test]
fn a_missing_or_expired_root() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let dist = checkout.dist();
    let arguments = [tag.as_str(), "--to", dist.to_str().unwrap()];
    let late = checkout.publish_with(&arguments, &[("SOURCE_DATE_EPOCH", "4000000000")]);
    late.refused(7, &["the root metadata has expired"]);
    checkout.git(&["rm", "--quiet", ".surefoot/1.root.json"]);
    checkout.commit();
    checkout.git(&["tag", "--force", &tag]);
    refused(
        &checkout,
        &tag,
        3,
        &["1.root.json does not exist", "publish init"],
    );
}

#[test]
fn nowhere_to_publish_to() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout
        .publish(&[&tag])
        .refused(3, &["nowhere to publish to"]);
    checkout
        .publish(&[&tag, "--to", "https://example.com/"])
        .refused(2, &["cannot publish to the URL"]);
    checkout
        .publish(&[&tag, "--to", "github:acme"])
        .refused(2, &["github:OWNER/REPO"]);
}

#[test]
fn a_minimum_version_above_the_release() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout
        .to_dist(&tag, &["--minimum-version", "2.0.0"])
        .refused(3, &["the minimum version 2.0.0 is above 1.0.0"]);
}

#[test]
fn a_version_that_is_not_higher_than_the_last() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.1.0");
    checkout.to_dist(&tag, &[]).ok();
    let before = contents(&checkout.dist());
    let tag = checkout.release("1.0.5");
    checkout
        .to_dist(&tag, &[])
        .refused(8, &["already has 1.1.0, and 1.0.5 is not higher"]);
    assert_eq!(contents(&checkout.dist()), before);
}

#[test]
fn a_hotfix_is_not_held_back_by_a_prerelease() {
    let checkout = Checkout::new();
    for version in ["1.1.0", "1.2.0-rc.1", "1.1.1"] {
        let tag = checkout.release(version);
        checkout.to_dist(&tag, &[]).ok();
    }
    let tag = checkout.release("1.2.0-rc.0");
    checkout
        .to_dist(&tag, &[])
        .refused(8, &["already has 1.2.0-rc.1"]);
}

#[test]
fn other_content_under_a_published_version() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let before = contents(&checkout.dist());
    checkout
        .to_dist(&tag, &["--severity", "critical"])
        .refused(8, &["with other content", "manifest.json"]);
    checkout
        .to_dist(&tag, &["--channel", "beta"])
        .refused(8, &["with other content"]);
    checkout.write("app/main.py", "print('other')\n");
    checkout.commit();
    checkout.git(&["tag", "--force", &tag]);
    checkout
        .to_dist(&tag, &[])
        .refused(8, &["a published release never changes"]);
    assert_eq!(contents(&checkout.dist()), before);
}

#[test]
fn a_repository_that_other_keys_have_signed() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let stranger = Checkout::new();
    let tag = stranger.release("2.0.0");
    let dist = checkout.dist();
    let run = stranger.publish(&[&tag, "--to", dist.to_str().unwrap()]);
    run.refused(
        5,
        &[
            "does not verify with the root of this checkout",
            "0 valid signatures",
        ],
    );
}

#[test]
fn a_repository_that_lost_a_metadata_file() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    fs::remove_file(checkout.dist().join("metadata/1.targets.json")).unwrap();
    let tag = checkout.release("1.1.0");
    checkout
        .to_dist(&tag, &[])
        .refused(5, &["is incomplete: 1.targets.json is missing"]);
}

#[test]
fn repositories_that_do_not_agree() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let tag = checkout.release("1.1.0");
    let other = checkout.room().join("other");
    checkout
        .to_dist(&tag, &["--to", other.to_str().unwrap()])
        .refused(8, &["do not have the same metadata"]);
    assert!(!other.exists());
}

#[test]
fn everything_that_is_wrong_is_said_in_one_run() {
    let checkout = Checkout::new();
    checkout.write("VERSION", "0.1.0\n");
    symlink("main.py", checkout.app().join("app/link.py")).unwrap();
    checkout.commit();
    fs::remove_file(checkout.app().join("keys/targets.pem")).unwrap();
    checkout.write("app/main.py", "changed\n");
    let said = [
        "no tag v1.1.0",
        "not clean",
        "VERSION says",
        "no section for 1.1.0",
        "symbolic link",
        "is missing",
    ];
    refused(&checkout, "v1.1.0", 6, &said);
}
