//! A file in the making that knows its length, its hash, and the hash of each of its blocks.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use manifest_schema::digest::{Hasher, Sha256};
use manifest_schema::manifest::BLOCK_SIZE;

use crate::disk::{self, DiskError, failed};

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Where it lies.
    pub file: PathBuf,
    /// Its length in bytes.
    pub length: u64,
    /// The hash of the whole.
    pub sha256: Sha256,
    /// The hash of each block of [`BLOCK_SIZE`] bytes, the last one shorter.
    pub blocks: Vec<Sha256>,
}

/// Writes a file and hashes it on the way.
pub struct HashingWriter {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
    whole: Hasher,
    block: Hasher,
    blocks: Vec<Sha256>,
}

impl HashingWriter {
    /// Begins the file at `path`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self, DiskError> {
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 17, disk::create(path)?),
            length: 0,
            whole: Hasher::new(),
            block: Hasher::new(),
            blocks: Vec::new(),
        })
    }

    /// The complete file.
    ///
    /// # Errors
    /// When its last bytes cannot be written.
    pub fn finish(mut self) -> Result<Hashed, DiskError> {
        self.file.flush().map_err(failed("write", &self.path))?;
        if !self.length.is_multiple_of(BLOCK_SIZE) {
            self.blocks.push(self.block.finish());
        }
        Ok(Hashed { file: self.path, length: self.length, sha256: self.whole.finish(), blocks: self.blocks })
    }
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BLOCK_SIZE - self.length % BLOCK_SIZE;
        let most = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let written = self.file.write(&bytes[..most])?;
        self.whole.update(&bytes[..written]);
        self.block.update(&bytes[..written]);
        self.length += written as u64;
        if written > 0 && self.length.is_multiple_of(BLOCK_SIZE) {
            self.blocks.push(std::mem::take(&mut self.block).finish());
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(length: usize) -> (Vec<u8>, Hashed) {
        let directory = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let mut writer = HashingWriter::create(&directory.path().join("x")).unwrap();
        writer.write_all(&bytes).unwrap();
        (bytes, writer.finish().unwrap())
    }

    #[test]
    fn blocks_are_hashed_at_every_length() {
        let block = usize::try_from(BLOCK_SIZE).unwrap();
        for length in [0, 1, block - 1, block, block + 1, 2 * block] {
            let (bytes, hashed) = hashed(length);
            let expected: Vec<_> = bytes.chunks(block).map(Sha256::of).collect();
            assert_eq!(hashed.blocks, expected, "{length}");
            assert_eq!((hashed.length, hashed.sha256), (length as u64, Sha256::of(&bytes)));
        }
    }
}
