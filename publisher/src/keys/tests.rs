use std::os::unix::fs::PermissionsExt;

use super::*;

fn written(passphrase: Option<&str>) -> (tempfile::TempDir, SigningKey) {
    let directory = tempfile::tempdir().unwrap();
    let key = generate().unwrap();
    write(&path(directory.path(), RoleName::Targets), &key, passphrase).unwrap();
    (directory, key)
}

#[test]
fn a_key_is_read_back_with_and_without_a_passphrase() {
    for passphrase in [None, Some("correct horse")] {
        let (directory, key) = written(passphrase);
        let mut passphrases = Passphrases::fixed(passphrase.unwrap_or(""));
        let read = read(&path(directory.path(), RoleName::Targets), &mut passphrases).unwrap();
        assert_eq!(read.public(), key.public());
    }
}

#[test]
fn a_wrong_passphrase_is_told() {
    let (directory, _) = written(Some("right"));
    let read = read(&path(directory.path(), RoleName::Targets), &mut Passphrases::fixed("wrong"));
    assert!(matches!(read, Err(KeyFileError::WrongPassphrase(_))));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test exposes the key on purpose")]
fn a_key_that_others_can_read_is_refused() {
    let (directory, _) = written(None);
    let file = path(directory.path(), RoleName::Targets);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let read = read(&path(directory.path(), RoleName::Targets), &mut Passphrases::fixed(""));
    assert!(matches!(read, Err(KeyFileError::Secret(SecretError::Exposed { mode: 0o640, .. }))));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test makes the link on purpose")]
fn a_key_behind_a_link_is_refused() {
    let (directory, _) = written(None);
    std::os::unix::fs::symlink("targets.pem", path(directory.path(), RoleName::Root)).unwrap();
    let read = read(&path(directory.path(), RoleName::Root), &mut Passphrases::fixed(""));
    assert!(matches!(read, Err(KeyFileError::Secret(SecretError::NotAFile(_)))));
}

#[test]
fn openssl_reads_a_key() {
    let (directory, key) = written(None);
    let output = std::process::Command::new("openssl")
        .args(["pkey", "-pubout", "-outform", "DER", "-in"])
        .arg(path(directory.path(), RoleName::Targets))
        .output()
        .expect("openssl is needed by this test: install it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.ends_with(key.public().as_bytes()));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test mixes the files up on purpose")]
fn a_key_that_is_not_its_public_half_is_refused() {
    let (directory, _) = written(None);
    let file = path(directory.path(), RoleName::Targets);
    write_public(&file.with_extension("pub"), &generate().unwrap().public()).unwrap();
    assert!(matches!(read(&file, &mut Passphrases::fixed("")), Err(KeyFileError::Mixed(_))));
    std::fs::remove_file(file.with_extension("pub")).unwrap();
    assert!(read(&file, &mut Passphrases::fixed("")).is_ok());
}
