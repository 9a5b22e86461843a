//! Writes the files of an archive that is exactly what a manifest lists.

use std::io::Read;
use std::path::{Path, PathBuf};

use manifest_schema::digest::Hasher;
use manifest_schema::manifest::FileEntry;
use tar::{Archive, Entry, EntryType};

use crate::durable::{self, TreeWriter};

/// What follows the last file: two empty blocks (POSIX.1-1988, `ustar`), and zeros up to the end of a record at most.
const END: u64 = 1024;
const RECORD: u64 = 10_240;

/// Why an artifact was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The artifact's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its bytes are not what was signed.
    #[error("{} is not what the vendor signed: it differs {offset} bytes before its end", path.display())]
    Damaged {
        /// The artifact's file.
        path: PathBuf,
        /// How far from the end.
        offset: u64,
    },
    /// It does not decompress, or is no archive.
    #[error("the archive cannot be read at {at}")]
    Archive {
        /// The file that was being read, or `its end`.
        at: String,
        /// What the reader said.
        source: std::io::Error,
    },
    /// It is not what the manifest lists.
    #[error("the archive is refused: {0}")]
    Refused(String),
    /// A file cannot be written.
    #[error("cannot write the release")]
    Write(#[source] durable::Error),
}

/// Writes every listed file, checked, and nothing else.
pub(crate) fn write(
    stream: impl Read,
    entries: &[FileEntry],
    tree: &mut TreeWriter,
    progress: &mut dyn FnMut(u64),
) -> Result<(), UnpackError> {
    let mut archive = Archive::new(Counted { stream, count: 0 });
    let mut listed = entries.iter();
    let mut length = END;
    let mut done = 0;
    // Raw: the tar crate then interprets no GNU or PAX extension; such an entry is just not the one that is listed.
    for entry in archive.entries().map_err(at_the_end)?.raw(true) {
        let wanted = listed.next();
        let at = wanted.map_or_else(|| "its end".to_owned(), |file| file.path.to_string());
        let entry = entry.map_err(|source| UnpackError::Archive { at, source })?;
        let wanted = wanted.ok_or_else(|| UnpackError::Refused(format!("{} is not in the manifest", name(&entry))))?;
        is_the_listed(&entry, wanted).map_err(UnpackError::Refused)?;
        write_one(entry, wanted, tree)?;
        length += 512 + wanted.size.next_multiple_of(512);
        done += wanted.size;
        progress(done);
    }
    if let Some(missing) = listed.next() {
        return Err(UnpackError::Refused(format!("it ends before {}", missing.path)));
    }
    end_is_clean(archive.into_inner(), length)
}

fn name<R: Read>(entry: &Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).escape_debug().take(100).collect()
}

fn is_the_listed<R: Read>(entry: &Entry<'_, R>, wanted: &FileEntry) -> Result<(), String> {
    let header = entry.header();
    let differs = |what: &str| Err(format!("{} where {} is listed: {what}", name(entry), wanted.path));
    if header.as_ustar().is_none() {
        return differs("it is no ustar entry");
    }
    if *entry.path_bytes() != *wanted.path.as_str().as_bytes() {
        return differs("another name");
    }
    if header.entry_type() != EntryType::Regular {
        return differs("it is no regular file");
    }
    if header.entry_size().ok() != Some(wanted.size) {
        return differs("another size");
    }
    if header.mode().ok() != Some(wanted.mode.bits()) {
        return differs("another mode");
    }
    Ok(())
}

fn write_one<R: Read>(mut entry: Entry<'_, R>, wanted: &FileEntry, tree: &mut TreeWriter) -> Result<(), UnpackError> {
    let path: &Path = wanted.path.as_ref();
    let mut file = tree.create_file(path, wanted.mode.bits()).map_err(UnpackError::Write)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; super::CHUNK];
    let mut left = wanted.size;
    while left > 0 {
        let read =
            entry.read(&mut buffer).map_err(|source| UnpackError::Archive { at: wanted.path.to_string(), source })?;
        if read == 0 {
            return Err(UnpackError::Refused(format!("it ends within {}", wanted.path)));
        }
        hasher.update(&buffer[..read]);
        file.write(&buffer[..read]).map_err(UnpackError::Write)?;
        left = left.saturating_sub(read as u64);
    }
    if hasher.finish() == wanted.sha256 {
        Ok(())
    } else {
        Err(UnpackError::Refused(format!("the content of {} is not what is listed", wanted.path)))
    }
}

/// The archive must end as archives end: a cut that falls between two files is a cut all the same, and what hides
/// behind the end is not there for us.
fn end_is_clean(mut rest: Counted<impl Read>, length: u64) -> Result<(), UnpackError> {
    let mut buffer = [0; 4096];
    loop {
        let read = rest.read(&mut buffer).map_err(at_the_end)?;
        if read == 0 {
            break;
        }
        if buffer[..read].iter().any(|byte| *byte != 0) || rest.count > length + RECORD {
            return Err(UnpackError::Refused("something follows its end".to_owned()));
        }
    }
    if rest.count < length {
        return Err(UnpackError::Refused("its end is missing".to_owned()));
    }
    Ok(())
}

fn at_the_end(source: std::io::Error) -> UnpackError {
    UnpackError::Archive { at: "its end".to_owned(), source }
}

struct Counted<R> {
    stream: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}
