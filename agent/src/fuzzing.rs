//! What reads bytes that others wrote, as functions to be fed with damaged ones: by the programs in `fuzz/`, and by the tests here
//! with what those have found. Only under the feature `fuzzing`, which nothing that is shipped has.
//!
//! Each function says whether the bytes were accepted, and panics where something holds not that must hold: not only that
//! nothing breaks, but that what was read is the same when it is written and read again, and that nothing is believed that
//! was not signed.

mod answers;
mod archive;
mod metadata;
mod network;
mod records;
mod settings;
mod texts;

pub use answers::{server, system};
pub use archive::{archive, tar};
pub use metadata::{json, manifest, metadata, signed};
pub use network::{answer, health, listing, request, wire};
pub use records::{audit, journal, state};
pub use settings::{config, env, postgres, redact, schedule};
pub use texts::texts;

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

/// A file of these bytes that is on no disk, and a path that leads to it as long as it is open.
fn memory(bytes: &[u8]) -> (File, PathBuf) {
    let descriptor = rustix::fs::memfd_create("fuzzing", rustix::fs::MemfdFlags::CLOEXEC).expect("a file in memory");
    let mut file = File::from(descriptor);
    file.write_all(bytes).and_then(|()| file.rewind()).expect("it can be written");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    (file, path.into())
}

/// An empty directory, in memory where there is one: nothing of this need survive anything.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

/// Bytes as lines of text, where they are text.
fn lines(bytes: &[u8]) -> Option<Vec<&str>> {
    std::str::from_utf8(bytes).ok().map(|text| text.split('\n').collect())
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: [replay::Target; 21] = [
        ("answer", answer),
        ("archive", archive),
        ("audit", audit),
        ("config", config),
        ("env", env),
        ("health", health),
        ("journal", journal),
        ("json", json),
        ("listing", listing),
        ("manifest", manifest),
        ("metadata", metadata),
        ("postgres", postgres),
        ("redact", redact),
        ("request", request),
        ("schedule", schedule),
        ("server", server),
        ("signed", signed),
        ("state", state),
        ("system", system),
        ("tar", tar),
        ("texts", texts),
    ];

    /// The seeds that are made and not written by hand. `UPDATE_GOLDEN=1` renews them.
    #[test]
    fn seeds_are_what_is_written_today() {
        let seeds = [metadata::seeds(), archive::seeds(), records::seeds()].concat();
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
        for (target, name, bytes) in seeds {
            let path = corpus.join(target).join(name);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                crate::durable::make_dirs(path.parent().unwrap(), 0o755).unwrap();
                crate::durable::write_over(&path, &bytes, 0o644).unwrap();
            }
            assert!(path.exists(), "{}: make it with UPDATE_GOLDEN=1", path.display());
        }
    }

    #[test]
    fn every_file_of_the_corpus_is_survived_and_the_good_ones_are_accepted() {
        replay::corpus(&TARGETS);
        replay::corpus(&[("wire", wire)]);
    }

    #[test]
    fn a_few_thousand_mutations_of_the_corpus_are_survived() {
        replay::mutations(&TARGETS, 1000);
        replay::mutations(&[("wire", wire)], 1000);
    }
}
