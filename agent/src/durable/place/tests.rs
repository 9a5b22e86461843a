//! Parents that the application's user owns, and swaps for links.

use std::os::unix::fs::{MetadataExt, lchown};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::RenameFlags;

use super::super::*;
use super::*;

const USER: u32 = 65534;

/// `home` belongs to the user, and so does the link `home/way` that leads out of it; `outside` is root's.
fn world() -> (tempfile::TempDir, PathBuf, PathBuf) {
    assert!(rustix::process::geteuid().is_root(), "this test gives directories away, which only root can");
    let dir = tempfile::tempdir().unwrap();
    let (home, outside) = (dir.path().join("home"), dir.path().join("outside"));
    make_dirs(&home.join("own"), 0o755).unwrap();
    make_dirs(&outside.join("tree"), 0o755).unwrap();
    write_atomic(&outside.join("file"), b"root's", 0o600).unwrap();
    replace_link(&home.join("way"), Path::new("../outside")).unwrap();
    for path in [&home, &home.join("own"), &home.join("way")] {
        lchown(path, Some(USER), Some(USER)).unwrap();
    }
    (dir, home, outside)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let is = entry.metadata().unwrap();
            format!("{} {:o} {}", entry.file_name().display(), is.mode(), is.uid())
        })
        .collect();
    names.sort();
    names
}

/// Everything that the agent does to names, done below `place`.
fn acts(place: &Path, beside: &Path) -> Vec<(&'static str, Result<()>)> {
    let owner = Owner { uid: USER, gid: USER };
    vec![
        ("make_dir", make_dir(&place.join("made"), 0o777)),
        ("make_dirs", make_dirs(&place.join("some/more"), 0o777)),
        ("replace_link", replace_link(&place.join("link"), Path::new("/"))),
        ("rename to", rename(&beside.join("a"), &place.join("file"))),
        ("rename from", rename(&place.join("file"), &beside.join("b"))),
        ("exchange", exchange(&place.join("tree"), &beside.join("tree"))),
        ("write_atomic", write_atomic(&place.join("file"), b"evil", 0o666)),
        ("write_once", write_once(&place.join("once"), b"evil", 0o666)),
        ("append_line", append_line(&place.join("file"), "evil")),
        ("truncate", truncate(&place.join("file"), 0)),
        ("remove_file", remove_file(&place.join("file"))),
        ("remove_tree", remove_tree(&place.join("tree"))),
        ("give_tree", give_tree(&place.join("tree"), owner)),
        ("copy_tree", copy_tree(&place.join("file"), &beside.join("copied"))),
        ("TreeWriter", TreeWriter::create(&place.join("new"), Some(owner)).map(drop)),
    ]
}

#[test]
fn nothing_is_done_beyond_a_link_of_somebody_elses() {
    let (dir, home, outside) = world();
    let beside = dir.path().join("beside");
    make_dirs(&beside.join("tree"), 0o755).unwrap();
    write_atomic(&beside.join("a"), b"x", 0o644).unwrap();
    let before = names(&outside);
    for (act, outcome) in acts(&home.join("way"), &beside) {
        let error = outcome.expect_err(act);
        assert!(error.is_foreign(), "{act}: {}", crate::exit::chain(&error));
        assert_eq!(names(&outside), before, "{act}");
    }
    assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"root's");
}

#[test]
fn a_link_of_roots_own_is_gone_through() {
    let (dir, _home, outside) = world();
    let way = dir.path().join("way");
    replace_link(&way, Path::new("outside")).unwrap();
    make_dir(&way.join("made"), 0o755).unwrap();
    write_atomic(&way.join("file"), b"new", 0o644).unwrap();
    remove_tree(&way.join("tree")).unwrap();
    assert!(outside.join("made").is_dir() && !outside.join("tree").exists());
    assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"new");
}

/// `mv logs data`, where an admin had made `logs`; `ln -P /some/link data`, where `fs.protected_hardlinks` is off.
#[test]
fn a_link_of_roots_that_the_user_can_have_put_there_is_not_gone_through() {
    let (dir, home, outside) = world();
    let beside = dir.path().join("beside");
    make_dirs(&beside.join("tree"), 0o755).unwrap();
    let before = names(&outside);
    lchown(home.join("way"), Some(0), Some(0)).unwrap();
    for (act, outcome) in acts(&home.join("way"), &beside) {
        assert!(outcome.expect_err(act).is_foreign(), "{act}");
    }
    let (open, link) = (dir.path().join("open"), dir.path().join("link"));
    make_dir(&open, 0o1777).unwrap();
    replace_link(&link, Path::new("../outside")).unwrap();
    rustix::fs::link(&link, open.join("way")).unwrap();
    assert!(make_dir(&open.join("way/made"), 0o755).is_err_and(|error| error.is_foreign()));
    assert_eq!(names(&outside), before);
}

#[test]
fn a_link_of_roots_that_leads_further_down_is_gone_through_wherever_it_lies() {
    let (_dir, home, _outside) = world();
    replace_link(&home.join("current"), Path::new("own")).unwrap();
    make_dir(&home.join("current/made"), 0o755).unwrap();
    assert!(home.join("own/made").is_dir());
}

#[test]
fn links_in_a_circle_come_to_an_end() {
    let dir = tempfile::tempdir().unwrap();
    replace_link(&dir.path().join("one"), Path::new("other")).unwrap();
    replace_link(&dir.path().join("other"), Path::new("one")).unwrap();
    assert!(make_dir(&dir.path().join("one/made"), 0o755).is_err());
}

#[test]
fn a_parent_that_is_swapped_for_a_link_all_the_while_leads_nowhere() {
    let (dir, home, outside) = world();
    let beside = dir.path().join("beside");
    make_dirs(&beside.join("tree"), 0o755).unwrap();
    let before = names(&outside);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let (own, way) = (home.join("own"), home.join("way"));
                rustix::fs::renameat_with(CWD, &own, CWD, &way, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..150 {
            // Each may fail or do its work in the user's own directory.
            drop(acts(&home.join("own"), &beside));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(names(&outside), before);
    assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"root's");
}
