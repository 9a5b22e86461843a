//! The artifact is changed under the reader: by its name, and through a descriptor that somebody holds open.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use manifest_schema::manifest::Format;

use super::*;
use crate::durable;
use crate::unpack::files::UnpackError;

const BLOCK: usize = BLOCK_SIZE as usize;

/// An artifact of three blocks on the disk, and a descriptor to it that can write.
struct Spool {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
    artifact: Artifact,
    held: File,
}

impl Spool {
    fn new() -> Self {
        let bytes: Vec<u8> = (0..2 * BLOCK + BLOCK / 2).map(|at| (at % 251) as u8).collect();
        let artifact = Artifact {
            name: "x.tar.zst".to_owned(),
            format: Format::TarZst,
            length: bytes.len() as u64,
            sha256: Sha256::of(&bytes),
            blocks: bytes.chunks(BLOCK).map(Sha256::of).collect(),
        };
        let dir = tempfile::tempdir().unwrap();
        durable::write_atomic(&dir.path().join("spool"), &bytes, 0o600).unwrap();
        let held = writable(&dir.path().join("spool"));
        Self { dir, bytes, artifact, held }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn open(&self) -> Blocks {
        Blocks::open(&self.path(), &self.artifact).unwrap()
    }

    /// Writes evil over all that is left from `at` on, behind the reader's back.
    fn spoil(&self, at: usize) {
        self.held.write_all_at(&vec![0xee; self.bytes.len() - at], at as u64).unwrap();
    }
}

fn writable(path: &Path) -> File {
    std::fs::OpenOptions::new().write(true).open(path).unwrap()
}

/// What is given before the end or the refusal, and the refusal.
fn drain(blocks: &mut Blocks) -> (Vec<u8>, Option<UnpackError>) {
    let mut given = Vec::new();
    let outcome = blocks.read_to_end(&mut given);
    assert_eq!(blocks.read(&mut [0; 10]).is_err(), outcome.is_err(), "a refusal is for good");
    let error = blocks.damage().take();
    assert_eq!(outcome.is_err(), error.is_some());
    (given, error)
}

#[test]
fn what_is_written_into_it_behind_the_reader_is_refused_and_never_given() {
    let spool = Spool::new();
    let mut blocks = spool.open();
    let mut first = vec![0; 10];
    blocks.read_exact(&mut first).unwrap();
    // The first block is in memory by now, where it was verified; the second is on the disk.
    spool.spoil(0);
    let (rest, error) = drain(&mut blocks);
    assert!([first, rest].concat() == spool.bytes[..BLOCK], "only what was verified is given");
    assert!(matches!(error, Some(UnpackError::Damaged { .. })), "{error:?}");
}

#[test]
fn another_file_under_its_name_is_not_what_is_read_on() {
    let spool = Spool::new();
    let mut blocks = spool.open();
    let mut first = vec![0; 10];
    blocks.read_exact(&mut first).unwrap();
    durable::write_atomic(&spool.path(), &vec![0xee; spool.bytes.len()], 0o600).unwrap();
    let (rest, error) = drain(&mut blocks);
    assert!(error.is_none(), "{error:?}");
    assert!([first, rest].concat() == spool.bytes);
}

#[test]
fn another_file_under_its_name_before_it_is_opened_is_refused_at_its_first_block() {
    let spool = Spool::new();
    durable::write_atomic(&spool.path(), &vec![0xee; spool.bytes.len()], 0o600).unwrap();
    let (given, error) = drain(&mut spool.open());
    assert_eq!(given, b"");
    assert!(matches!(error, Some(UnpackError::Damaged { offset: 0, .. })), "{error:?}");
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_damaged() {
    let spool = Spool::new();
    let mut blocks = spool.open();
    blocks.read_exact(&mut [0; 10]).unwrap();
    rustix::fs::ftruncate(&spool.held, BLOCK as u64 + 100).unwrap();
    let (given, error) = drain(&mut blocks);
    assert!(given == spool.bytes[10..BLOCK]);
    assert!(matches!(error, Some(UnpackError::Damaged { offset, .. }) if offset == BLOCK_SIZE), "{error:?}");
}

#[test]
fn what_grows_behind_its_end_is_not_read() {
    let spool = Spool::new();
    let mut blocks = spool.open();
    spool.held.write_all_at(&[0xee; 4096], spool.bytes.len() as u64).unwrap();
    let (given, error) = drain(&mut blocks);
    assert!(error.is_none() && given == spool.bytes);
}

#[test]
fn a_link_or_a_fifo_in_its_place_is_not_followed_and_not_waited_for() {
    let spool = Spool::new();
    let (link, fifo) = (spool.dir.path().join("link"), spool.dir.path().join("fifo"));
    rustix::fs::symlinkat(spool.path(), rustix::fs::CWD, &link).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    for path in [link, fifo] {
        assert!(Blocks::open(&path, &spool.artifact).is_err(), "{}", path.display());
    }
}

#[test]
fn whoever_writes_into_it_all_the_time_gets_no_byte_of_his_own_through() {
    let spool = Spool::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                spool.spoil(BLOCK);
                spool.held.write_all_at(&spool.bytes[BLOCK..], BLOCK as u64).unwrap();
            }
        });
        let rounds: Vec<_> = (0..100).map(|_| drain(&mut spool.open()).0).collect();
        done.store(true, Ordering::SeqCst);
        // Whole blocks of the vendor's, and nothing else.
        assert!(rounds.iter().all(|given| spool.bytes.starts_with(given)));
    });
}
