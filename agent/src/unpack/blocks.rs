//! Reads an artifact block by block and gives on only what is verified.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, BLOCK_SIZE};

use super::UnpackError;

/// An artifact whose bytes are checked before anyone sees them.
pub struct Blocks {
    file: File,
    path: PathBuf,
    hashes: std::vec::IntoIter<Sha256>,
    left: u64,
    block: Vec<u8>,
    at: usize,
    damage: Damage,
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
    /// When it cannot be opened or has another length.
    pub fn open(path: &Path, artifact: &Artifact) -> Result<Self, UnpackError> {
        let read = |source| UnpackError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        if length != artifact.length {
            return Err(UnpackError::Damaged { path: path.to_owned(), offset: length.min(artifact.length) });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            hashes: artifact.blocks.clone().into_iter(),
            left: length,
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
        self.file
            .read_exact(&mut self.block)
            .map_err(|source| UnpackError::Read { path: self.path.clone(), source })?;
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
        if self.at == self.block.len() && self.left > 0 {
            let offset = self.left;
            if let Err(error) = self.next_block(offset) {
                self.damage.leave(error);
                return Err(std::io::Error::other("a block is damaged"));
            }
        }
        let length = buffer.len().min(self.block.len() - self.at);
        buffer[..length].copy_from_slice(&self.block[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
