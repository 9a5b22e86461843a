//! The vendor's side: the token of GitHub, the passphrase of the keys, and the files that they lie in.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use surefoot_tests::execs;
use surefoot_tests::notes::{Change, Vendor, program};

use super::{Outcome, not_in_arguments};

const TOKEN: &str = "ghp_canaryOfTheToken4711";
const PASSPHRASE: &str = "canary of the keys";

/// A vendor whose keys have a passphrase, and its file.
fn with_passphrase() -> anyhow::Result<(tempfile::TempDir, Vendor, PathBuf)> {
    let directory = tempfile::tempdir()?;
    let mut vendor = Vendor::new(directory.path())?;
    fs::remove_dir_all(vendor.checkout().join("keys"))?;
    fs::remove_dir_all(vendor.checkout().join(".surefoot"))?;
    let file = directory.path().join("passphrase");
    secret(&file, PASSPHRASE)?;
    vendor.publish(&["init", "--passphrase-file", file.to_str().unwrap()])?;
    vendor.commit("1.0.0", "Notes can be kept", Change::default())?;
    Ok((directory, vendor, file))
}

fn secret(path: &Path, text: &str) -> Outcome {
    fs::write(path, format!("{text}\n"))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

/// `publish v1.0.0` with a signer that holds no key, so that one is run.
fn publish(vendor: &Vendor) -> anyhow::Result<Command> {
    let mut command = Command::new(program("publish")?);
    let signer = "exec:sh -c 'env > /dev/null; exit 3'";
    command.args(["v1.0.0", "--signer", signer, "--to"]).arg(vendor.releases()).current_dir(vendor.checkout());
    Ok(command)
}

#[test]
fn nothing_that_publish_starts_learns_the_token_or_the_passphrase() -> Outcome {
    let (directory, vendor, file) = with_passphrase()?;
    let record = directory.path().join("record");
    let mut command = publish(&vendor)?;
    command.env("GITHUB_TOKEN", TOKEN).env("GH_TOKEN", TOKEN).env("SUREFOOT_PASSPHRASE_FILE", &file);
    // First without a key, so that the signer is asked.
    let (key, away) = (vendor.checkout().join("keys/targets.pem"), directory.path().join("targets.pem"));
    fs::rename(&key, &away)?;
    let refused = execs::traced(&command, &record).output()?;
    fs::rename(&away, &key)?;
    assert!(!refused.status.success(), "nobody has the targets key");
    let mut execs = execs::read(&record)?;

    let output = execs::traced(&command, &record).output()?;
    let said = format!("{output:?} {refused:?}");
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(super::CANARY), "{said}");

    execs.extend(execs::read(&record)?);
    not_in_arguments(&execs);
    let children: Vec<_> = execs.iter().filter(|exec| exec.name() != "publish").collect();
    assert!(["git", "sh"].iter().all(|name| children.iter().any(|exec| exec.name() == *name)), "{children:#?}");
    let file = file.to_str().unwrap();
    let told: Vec<_> = children
        .iter()
        .filter(|exec| exec.environment.contains(super::CANARY) || exec.environment.contains(file))
        .collect();
    assert!(told.is_empty(), "{told:#?}");
    Ok(())
}

/// What `publish` says of a file of a secret, with the secret in it.
fn refused(vendor: &Vendor, variable: &str, file: &Path) -> anyhow::Result<String> {
    let mut command = publish(vendor)?;
    if variable == "GITHUB_TOKEN_FILE" {
        command = Command::new(program("publish")?);
        command.args(["v1.0.0", "--to", "github:acme/notes"]).current_dir(vendor.checkout());
    }
    let output = command.env(variable, file).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{} was taken: {said}", file.display());
    assert!(!said.contains(super::CANARY), "{said}");
    Ok(said)
}

#[test]
fn a_secret_that_is_0644_a_link_or_hard_linked_is_refused() -> Outcome {
    let (directory, vendor, passphrase) = with_passphrase()?;
    let token = directory.path().join("token");
    secret(&token, TOKEN)?;
    let key = vendor.checkout().join("keys/targets.pem");
    let there = directory.path().join("elsewhere");
    for (variable, file) in
        [("SUREFOOT_PASSPHRASE_FILE", &passphrase), ("GITHUB_TOKEN_FILE", &token), ("SUREFOOT_PASSPHRASE_FILE", &key)]
    {
        // Of a key it is the key's own file that is spoilt.
        let asked = if *file == key { &passphrase } else { file };
        let says = |words: &str| -> Outcome {
            let said = refused(&vendor, variable, asked)?;
            assert!(
                said.contains(words) && said.contains(file.file_name().unwrap().to_str().unwrap()),
                "{words}: {said}"
            );
            Ok(())
        };
        fs::set_permissions(file, fs::Permissions::from_mode(0o644))?;
        says("has mode 0644, others can read it: run `chmod 600")?;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
        fs::hard_link(file, &there)?;
        says("has 2 names (hard links)")?;
        fs::remove_file(file)?;
        symlink(&there, file)?;
        says("secrets are not read through links")?;
        fs::remove_file(file)?;
        fs::rename(&there, file)?;
    }
    // Nothing is left of all that: it is taken again.
    let output = publish(&vendor)?.env("SUREFOOT_PASSPHRASE_FILE", &passphrase).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A descriptor is a link by its nature.
#[test]
fn a_passphrase_may_come_through_a_descriptor() -> Outcome {
    let (_directory, vendor, file) = with_passphrase()?;
    let script = "exec 3< \"$1\"; shift; SUREFOOT_PASSPHRASE_FILE=/dev/fd/3 \"$@\" 3<&3 && \
                  cat /dev/null | true; printf 'canary of the keys\\n' | SUREFOOT_PASSPHRASE_FILE=/dev/stdin \"$@\"";
    let command = publish(&vendor)?;
    let mut shell = Command::new("bash");
    shell.args(["-ec", script, "bash"]).arg(&file).arg(command.get_program()).args(command.get_args());
    let output = shell.current_dir(vendor.checkout()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Addresses with a password are refused, and the sentence that refuses them does not repeat it.
#[test]
fn a_password_in_an_address_is_not_repeated() -> Outcome {
    let (_directory, vendor, _) = with_passphrase()?;
    for arguments in [
        ["verify", "--from", "https://someone:canary-word@releases.example.com/notes"],
        ["verify", "--from", "https://canary-word-of-a-token@releases.example.com/notes"],
    ] {
        let output = Command::new(program("publish")?).args(arguments).current_dir(vendor.checkout()).output()?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && !said.contains(super::CANARY), "{said}");
    }
    Ok(())
}
