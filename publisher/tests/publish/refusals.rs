//! What `publish v1.1.0` says against a checkout that is not ready.

use std::fs;
use std::os::unix::fs::symlink;

use crate::checkout::{Checkout, refused};

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
    refused(&checkout, "v1.0.0", 6, &["there is no tag v1.0.0: run `git tag v1.0.0`"]);
}

#[test]
fn a_tag_on_another_commit() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.write("app/new.py", "");
    checkout.commit();
    refused(&checkout, &tag, 6, &["the tag v1.0.0 names commit", "git checkout v1.0.0"]);
}

#[test]
fn a_tree_that_is_not_clean() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.write("app/main.py", "print('changed')\n");
    checkout.write("forgotten.py", "");
    refused(&checkout, &tag, 6, &["not clean", "app/main.py", "?? forgotten.py"]);
}

#[test]
fn a_version_file_that_is_missing_or_says_something_else() {
    let checkout = Checkout::new();
    checkout.release("1.0.0");
    checkout.write("VERSION", "0.9.0\n");
    checkout.commit();
    checkout.git(&["tag", "--force", "v1.0.0"]);
    refused(&checkout, "v1.0.0", 6, &["VERSION says \"0.9.0\", but 1.0.0"]);
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
    refused(&checkout, &tag, 6, &["no section for 1.1.0", "## [1.1.0] - YYYY-MM-DD"]);
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
        &["app/link.py is a symbolic link", "control character", "differ only in upper and lower case", "too long"],
    );
}

#[test]
fn a_pointer_of_git_lfs() {
    let checkout = Checkout::new();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "a".repeat(64));
    checkout.write("app/model.bin", &pointer);
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 6, &["app/model.bin is a pointer of Git LFS"]);
}

#[test]
fn a_file_that_belongs_to_the_client() {
    let checkout = Checkout::new();
    checkout.configure("[[application.keep]]\npath = \"uploads\"\ntype = \"directory\"\n");
    checkout.write("uploads/a.png", "");
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 6, &["uploads/a.png lies in the surviving path uploads"]);
}

#[test]
fn nothing_left_to_release() {
    let checkout = Checkout::new();
    checkout.write(".releaseignore", "*\n");
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 6, &["no file is left to release"]);
}

#[test]
fn everything_that_is_wrong_is_said_in_one_run() {
    let checkout = Checkout::new();
    checkout.write("VERSION", "0.1.0\n");
    symlink("main.py", checkout.app().join("app/link.py")).unwrap();
    checkout.commit();
    fs::remove_file(checkout.app().join("keys/targets.pem")).unwrap();
    checkout.write("app/main.py", "changed\n");
    let said = ["no tag v1.1.0", "not clean", "VERSION says", "no section for 1.1.0", "symbolic link", "is missing"];
    refused(&checkout, "v1.1.0", 6, &said);
}
