//! Files that the application's user has put where the agent reads.

use std::os::unix::fs::lchown;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, RenameFlags};

use super::super::*;
use super::*;

const USER: u32 = 65534;

/// `home` is the user's; `secret/file` is root's, and so is the directory.
fn world() -> (tempfile::TempDir, PathBuf, PathBuf) {
    assert!(rustix::process::geteuid().is_root(), "this test gives directories away, which only root can");
    let dir = tempfile::tempdir().unwrap();
    let (home, secret) = (dir.path().join("home"), dir.path().join("secret"));
    for made in [&home, &secret] {
        make_dir(made, 0o755).unwrap();
    }
    write_atomic(&secret.join("file"), b"secret", 0o600).unwrap();
    write_atomic(&home.join("file"), b"mine", 0o644).unwrap();
    lchown(&home, Some(USER), Some(USER)).unwrap();
    (dir, home, secret)
}

fn link_of_the_user(link: &Path, target: &Path) {
    replace_link(link, target).unwrap();
    lchown(link, Some(USER), Some(USER)).unwrap();
}

#[test]
fn a_link_of_the_users_is_not_read_through_and_one_where_only_root_can_write_is() {
    let (_dir, home, secret) = world();
    link_of_the_user(&home.join("link"), &secret.join("file"));
    link_of_the_user(&home.join("way"), &secret);
    for path in [home.join("link"), home.join("way/file")] {
        let error = read_file(&path, 100).unwrap_err();
        assert!(error.to_string().contains("belongs to somebody else"), "{}: {error}", path.display());
    }
    replace_link(&secret.join("link"), Path::new("../home/file")).unwrap();
    assert_eq!(read_file(&secret.join("link"), 100).unwrap(), b"mine");
}

#[test]
fn a_pipe_and_a_device_are_not_opened_and_a_file_without_end_is_not_read() {
    let (_dir, home, _secret) = world();
    let (pipe, zero) = (home.join("pipe"), home.join("zero"));
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    replace_link(&zero, Path::new("/dev/zero")).unwrap();
    for (path, wanted) in [(&pipe, "not a regular file"), (&zero, "belongs to somebody else"), (&home, "directory")] {
        let error = read_file(path, 100).unwrap_err();
        assert!(error.to_string().contains(wanted), "{}: {error}", path.display());
    }
    assert!(read_file(Path::new("/dev/zero"), 100).is_err());
    assert_eq!(read_file(&home.join("file"), 4).unwrap(), b"mine");
    assert!(read_file(&home.join("file"), 3).unwrap_err().to_string().contains("longer than 3 bytes"));
}

#[test]
fn a_walk_follows_no_link_and_waits_for_no_pipe() {
    let (dir, home, secret) = world();
    make_dir(&home.join("below"), 0o755).unwrap();
    write_atomic(&home.join("below/more"), b"more", 0o644).unwrap();
    link_of_the_user(&home.join("way"), &secret);
    rustix::fs::mknodat(CWD, home.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let mut seen = Vec::new();
    walk(&home, &mut |found| {
        let hash = if found.is_file() { Some(found.hash()?) } else { None };
        seen.push((found.below().display().to_string(), hash));
        Ok(true)
    })
    .unwrap();
    let file = |text: &[u8]| Some((Sha256::of(text), text.len() as u64));
    let wanted = [
        ("", None),
        ("below", None),
        ("below/more", file(b"more")),
        ("file", file(b"mine")),
        ("pipe", None),
        ("way", None),
    ];
    assert_eq!(seen, wanted.map(|(path, hash)| (path.to_owned(), hash)));
    assert!(walk(&home.join("way/file"), &mut |_| Ok(true)).unwrap_err().is_foreign());
    assert!(walk(&dir.path().join("absent"), &mut |_| Ok(true)).is_err());
}

#[test]
fn names_that_are_swapped_all_the_while_are_never_read_as_another_file() {
    let (_dir, home, secret) = world();
    link_of_the_user(&home.join("link"), &secret.join("file"));
    rustix::fs::mknodat(CWD, home.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    make_dir(&home.join("below"), 0o755).unwrap();
    write_atomic(&home.join("below/file"), b"mine", 0o644).unwrap();
    link_of_the_user(&home.join("way"), &secret);
    let is_over = AtomicBool::new(false);
    let read: std::collections::BTreeSet<Vec<u8>> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let pairs = [("file", "link"), ("below", "way"), ("file", "pipe")];
            for (one, other) in pairs.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                let (one, other) = (home.join(one), home.join(other));
                rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let names = ["file", "below/file"].into_iter().cycle().take(20_000);
        let found = names.filter_map(|name| read_file(&home.join(name), 100).ok()).collect();
        is_over.store(true, Ordering::Relaxed);
        found
    });
    assert_eq!(read, [b"mine".to_vec()].into());
}
