//! What `publish v1.1.0` says against publish.toml, what it names, and the keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::checkout::{Checkout, refused};

#[test]
fn without_publish_toml() {
    refused(&Checkout::bare(), "v1.0.0", 3, &["publish.toml does not exist", "publish init"]);
}

#[test]
fn a_broken_rule_in_releaseignore() {
    let checkout = Checkout::new();
    checkout.write(".releaseignore", "tests\n{a\n");
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 6, &[".releaseignore, line 2"]);
}

#[test]
fn an_unknown_key_and_a_wrong_type_in_publish_toml() {
    let checkout = Checkout::new();
    checkout.configure("[expiry]\nroot_dys = 3\n");
    refused(&checkout, "v1.0.0", 3, &["publish.toml is not valid", "root_dys"]);
    let checkout = Checkout::new();
    checkout.configure("[expiry]\nroot_days = \"long\"\n");
    refused(&checkout, "v1.0.0", 3, &["publish.toml is not valid", "root_days"]);
}

#[test]
fn a_profile_that_contradicts_itself() {
    let checkout = Checkout::new();
    checkout.configure("[[application.services]]\nname = \"web\"\n[[application.services]]\nname = \"web\"\n");
    let tag = checkout.release("1.0.0");
    refused(&checkout, &tag, 3, &["service web is named twice"]);
}

#[test]
fn migrations_that_cannot_be_applied() {
    let checkout = Checkout::new();
    let step = |version: &str, kind: &str, file: &str| {
        format!("[[migrations]]\nversion = \"{version}\"\ntype = \"{kind}\"\nfile = \"{file}\"\ndescription = \"x\"\n")
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
    checkout.configure("[[migrations]]\ntype = \"sql\"\nfile = \"migrations/001.sql\"\ndescription = \"x\"\n");
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
    refused(&checkout, &tag, 6, &["app/main.py is a command but not executable"]);
}

#[test]
fn keys_that_are_missing_exposed_foreign_or_committed() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let key = |name: &str| checkout.app().join("keys").join(name);
    fs::set_permissions(key("targets.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    refused(&checkout, &tag, 7, &["targets.pem has mode 0644", "chmod 600"]);
    fs::remove_file(key("targets.pem")).unwrap();
    fs::copy(key("root.pem"), key("targets.pem")).unwrap();
    refused(&checkout, &tag, 7, &["targets.pem holds another key than the public one beside it"]);
    fs::remove_file(key("targets.pub")).unwrap();
    fs::remove_file(key("snapshot.pem")).unwrap();
    refused(&checkout, &tag, 7, &["is not the one that the root names", "snapshot key", "is missing"]);
    fs::write(key("targets.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    refused(&checkout, &tag, 7, &["holds no Ed25519 key"]);
    checkout.git(&["add", "--force", "keys/timestamp.pem"]);
    checkout.git(&["commit", "--quiet", "--message", "oops"]);
    checkout.git(&["tag", "--force", &tag]);
    refused(&checkout, &tag, 7, &["keys/timestamp.pem is committed to git"]);
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
    refused(&checkout, &tag, 3, &["1.root.json does not exist", "publish init"]);
}

#[test]
fn nowhere_to_publish_to() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.publish(&[&tag]).refused(3, &["nowhere to publish to"]);
    checkout.publish(&[&tag, "--to", "https://example.com/"]).refused(2, &["cannot publish to the URL"]);
    checkout.publish(&[&tag, "--to", "github:acme"]).refused(2, &["github:OWNER/REPO"]);
}

#[test]
fn a_minimum_version_above_the_release() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &["--minimum-version", "2.0.0"]).refused(3, &["the minimum version 2.0.0 is above 1.0.0"]);
}
