//! This program's own path, for the children that are this program again.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The running program, whatever happened to its file: while the package is being upgraded the path names a newer
/// program, or none, and parent and child must be of one version. The kernel still has the one that runs (proc(5)).
#[cfg(not(test))]
pub(crate) fn own() -> PathBuf {
    running()
}

/// In a test of this crate the running program is the test: the built program is beside it. It is held open for as long as
/// the test runs, and named by that: a build that goes on meanwhile takes it away from nobody.
#[cfg(test)]
pub(crate) fn own() -> PathBuf {
    use std::os::fd::AsRawFd;
    static BUILT: std::sync::OnceLock<std::fs::File> = std::sync::OnceLock::new();
    let file = BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("proc(5) is mounted");
        let built = test.parent().and_then(Path::parent).map(|target| target.join("surefoot"));
        let file = built.and_then(|path| std::fs::File::open(path).ok());
        file.unwrap_or_else(|| panic!("{} has no built surefoot above it: run cargo build -p surefoot", test.display()))
    });
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into()
}

fn running() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    match std::env::current_exe() {
        Ok(path) if is_same(&path, running) => path,
        Ok(_) | Err(_) => running.to_owned(),
    }
}

fn is_same(path: &Path, running: &Path) -> bool {
    let identity = |path: &Path| std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
    identity(path).is_some_and(|found| Some(found) == identity(running))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_names_another_program_is_not_taken() {
        assert!(is_same(&running(), Path::new("/proc/self/exe")));
        assert!(!is_same(Path::new("/bin/sh"), Path::new("/proc/self/exe")));
        assert!(!is_same(Path::new("/nowhere (deleted)"), Path::new("/proc/self/exe")));
    }
}
