//! This program among its processes: its own path, for the children that are this program again, and where those that nobody
//! watches say what they have to say.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Lets what the daemon and its workers have to say go to standard error, which is the machine's journal. Where nobody listens
/// any more, as when the journal was stopped, nothing is said and the work goes on.
pub(crate) fn speak() {
    let words =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).without_time().with_target(false);
    // Complaining about what cannot be written would be written to the same place, and end the process.
    let _ = words.log_internal_errors(false).try_init();
}

/// The running program, whatever happened to its file: while the package is being upgraded the path names a newer
/// program, or none, and parent and child must be of one version. The kernel still has the one that runs (proc(5)).
#[cfg(not(test))]
pub(crate) fn own() -> PathBuf {
    running()
}

/// In a test of this crate the running program is the test: the built program is beside it. It is held open for as long as
/// the test runs, and named by that: a build that goes on meanwhile takes it away from nobody. A child has the descriptor too, until
/// it is the program: it finds it among its own, whoever's rights it has.
#[cfg(test)]
pub(crate) fn own() -> PathBuf {
    format!("/proc/self/fd/{}", built()).into()
}

/// The same for those who are not children of this process.
#[cfg(test)]
pub(crate) fn own_for_others() -> PathBuf {
    format!("/proc/{}/fd/{}", std::process::id(), built()).into()
}

#[cfg(test)]
fn built() -> std::os::fd::RawFd {
    use std::os::fd::AsRawFd;
    static BUILT: std::sync::OnceLock<std::fs::File> = std::sync::OnceLock::new();
    let file = BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("proc(5) is mounted");
        let built = test.parent().and_then(Path::parent).map(|target| target.join("surefoot"));
        let file = built.and_then(|path| std::fs::File::open(path).ok());
        file.unwrap_or_else(|| panic!("{} has no built surefoot above it: run cargo build -p surefoot", test.display()))
    });
    file.as_raw_fd()
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
