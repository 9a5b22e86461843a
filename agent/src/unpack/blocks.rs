//! Reads an artifact block by block and gives on only what is verified.
//!
//! A block is read into memory once, verified there, and given from there: whoever changes the file meanwhile, by its name or
//! through a descriptor of his own, changes nothing of that. The file is opened once and never looked up again.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, BLOCK_SIZE};
use rustix::fs::OFlags;

use super::UnpackError;

/// An artifact whose bytes are checked before anyone sees them.
pub struct Blocks {
    file: File,
    path: PathBuf,
    hashes: std::vec::IntoIter<Sha256>,
    length: u64,
    left: u64,
    broken: bool,
    block: Vec<u8>,
    at: usize,
    damage: Damage,
}

/// Opens a file of the spool. A link or a FIFO in its place is not the agent's own.
///
/// # Errors
/// When there is no regular file at `path` that can be read.
pub fn open_spool(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("it is not a regular file")),
    }
}

/// Where a wrong block leaves word of itself, since a decompressor passes on only I/O errors.
#[derive(Clone, Default)]
pub struct Damage(Arc<Mutex<Option<UnpackError>>>);

impl Damage {
    /// What was found, if anything.
    pub fn take(&self) -> Option<UnpackError> {
        self.0.lock().map_or(None, |mut found| found.take())
    }

    fn leave(&self, error: UnpackError) {
        if let Ok(mut found) = self.0.lock() {
            *found = Some(error);
        }
    }
}

impl Blocks {
    /// Opens the artifact's file.
    ///
    /// # Errors
    /// When it cannot be opened, is no regular file, or has another length.
    pub fn open(path: &Path, artifact: &Artifact) -> Result<Self, UnpackError> {
        let read = |source| UnpackError::Read { path: path.to_owned(), source };
        let file = open_spool(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        if length != artifact.length {
            return Err(UnpackError::Damaged { path: path.to_owned(), offset: length.min(artifact.length) });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            hashes: artifact.blocks.clone().into_iter(),
            length,
            left: length,
            broken: false,
            block: Vec::new(),
            at: 0,
            damage: Damage::default(),
        })
    }

    /// Where to look for a wrong block after reading has failed.
    pub fn damage(&self) -> Damage {
        self.damage.clone()
    }

    fn next_block(&mut self, offset: u64) -> Result<(), UnpackError> {
        let length = usize::try_from(self.left.min(BLOCK_SIZE)).expect("a block fits into memory");
        self.block.resize(length, 0);
        self.file.read_exact(&mut self.block).map_err(|source| {
            let path = self.path.clone();
            // It was as long as it must be when it was opened.
            let was_cut = source.kind() == ErrorKind::UnexpectedEof;
            if was_cut { UnpackError::Damaged { path, offset } } else { UnpackError::Read { path, source } }
        })?;
        self.left -= length as u64;
        self.at = 0;
        if self.hashes.next() == Some(Sha256::of(&self.block)) {
            Ok(())
        } else {
            self.block.clear();
            Err(UnpackError::Damaged { path: self.path.clone(), offset })
        }
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.block.len() && self.left > 0 && !self.broken {
            let offset = self.length - self.left;
            if let Err(error) = self.next_block(offset) {
                self.damage.leave(error);
                self.broken = true;
            }
        }
        if self.broken {
            // For good: what follows a damaged block would be taken for what belongs in its place.
            return Err(std::io::Error::other("a block is damaged"));
        }
        let length = buffer.len().min(self.block.len() - self.at);
        buffer[..length].copy_from_slice(&self.block[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
