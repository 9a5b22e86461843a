//! Files of a commit into archives: one pass over the contents, all archives at once, the same bytes every time.
//!
//! Reproducible because nothing of the machine gets in: order by path, owner 0, the commit's time, two modes, plain
//! `ustar` headers, pinned levels. Small because nothing is held: contents go from git through the packers to disk.

use std::io::{self, Read, Write};
use std::path::Path;

use manifest_schema::digest::Hasher;
use manifest_schema::manifest::{FileEntry, Format};

use crate::block::Hashed;
use crate::contents::ReleaseFile;
use crate::disk::DiskError;
use crate::git::{Blobs, Git, GitError};
use crate::progress::{Amount, Progress};

mod fan;

use fan::Fan;

/// Why files could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// git does not give the contents.
    #[error("cannot read the files of the release")]
    Git(#[from] GitError),
    /// A content cannot be read or packed.
    #[error("cannot pack {path}")]
    File {
        /// The file in the release.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A packer failed.
    #[error("cannot write the archive {name}")]
    Archive {
        /// Its file name.
        name: String,
        /// The cause.
        source: io::Error,
    },
}

/// What packing made.
#[derive(Debug)]
pub struct Packed {
    /// The files, as the manifest lists them.
    pub files: Vec<FileEntry>,
    /// The archives, in the order of the formats asked for.
    pub archives: Vec<Hashed>,
}

/// Packs `files` into `directory/STEM.FORMAT` for each format. `mtime` is in seconds since 1970.
///
/// # Errors
/// When a content cannot be read or an archive cannot be written.
pub fn pack(
    git: &Git,
    files: &[ReleaseFile],
    mtime: u64,
    archives: &[(&Path, Format)],
    progress: &mut dyn Progress,
) -> Result<Packed, PackError> {
    let mut blobs = git.blobs()?;
    std::thread::scope(|scope| {
        let mut fan = Fan::start(scope, archives)?;
        let files = append_all(&mut fan, &mut blobs, files, mtime, progress);
        // A packer that died is the cause of the error above, so it is asked first.
        let archives = fan.finish()?;
        Ok(Packed { files: files?, archives })
    })
}

fn append_all(
    fan: &mut Fan<'_>,
    blobs: &mut Blobs,
    files: &[ReleaseFile],
    mtime: u64,
    progress: &mut dyn Progress,
) -> Result<Vec<FileEntry>, PackError> {
    let mut tar = tar::Builder::new(fan);
    let entries = files.iter().map(|file| append(&mut tar, blobs, file, mtime, progress)).collect::<Result<_, _>>()?;
    tar.finish().map_err(|source| PackError::File { path: "the end of the archive".to_owned(), source })?;
    Ok(entries)
}

/// How much work [`pack`] is, for its listener.
pub fn amount(files: &[ReleaseFile]) -> Amount {
    Amount::Bytes(files.iter().map(|file| file.size).sum())
}

fn append(
    tar: &mut tar::Builder<&mut Fan<'_>>,
    blobs: &mut Blobs,
    file: &ReleaseFile,
    mtime: u64,
    progress: &mut dyn Progress,
) -> Result<FileEntry, PackError> {
    let failed = |source| PackError::File { path: file.path.to_string(), source };
    let header = header(file, mtime).map_err(failed)?;
    let content = blobs.open(&file.object).map_err(failed)?;
    let mut content = Observed { content, hasher: Hasher::new(), progress };
    tar.append(&header, &mut content).map_err(failed)?;
    let sha256 = content.hasher.finish();
    Ok(FileEntry { path: file.path.clone(), size: file.size, sha256, mode: file.mode })
}

fn header(file: &ReleaseFile, mtime: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(&file.path)?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(file.mode.bits());
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(file.size);
    header.set_cksum();
    Ok(header)
}

/// A content that is hashed and counted while it is read.
struct Observed<'a, R> {
    content: R,
    hasher: Hasher,
    progress: &'a mut dyn Progress,
}

impl<R: Read> Read for Observed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.hasher.write_all(&buffer[..read])?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}
