//! One stream into several archives: each is compressed on a thread of its own.
//!
//! The chunks have one fixed size, so that what a compressor sees, and with it every byte of the archive, does not
//! depend on how the stream was written. The queues are short: the slowest packer sets the pace and memory stays small.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use flate2::{Compression, GzBuilder};
use manifest_schema::manifest::Format;

use super::PackError;
use crate::block::{Hashed, HashingWriter};

/// Bytes that a packer takes at once.
const CHUNK: usize = 1 << 18;

/// Chunks that wait for a packer.
const QUEUE: usize = 8;

/// gzip(1)'s own default: the archive for people and old tools.
const GZIP_LEVEL: u32 = 6;

/// Within 2 % of the smallest that still packs faster than gzip does; unpacking is equally fast at all levels.
const ZSTD_LEVEL: i32 = 12;

/// The writer in front of the packers.
pub(super) struct Fan<'scope> {
    chunk: Vec<u8>,
    packers: Vec<Packer<'scope>>,
}

struct Packer<'scope> {
    chunks: SyncSender<Arc<[u8]>>,
    thread: ScopedJoinHandle<'scope, Result<Hashed, PackError>>,
}

impl<'scope> Fan<'scope> {
    pub(super) fn start(scope: &'scope Scope<'scope, '_>, archives: &[(&Path, Format)]) -> Result<Self, PackError> {
        let packers = archives.iter().map(|(path, format)| {
            let file = HashingWriter::create(path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (chunks, queue) = sync_channel(QUEUE);
            let format = *format;
            let thread = scope.spawn(move || compress(file, format, name, &queue));
            Ok(Packer { chunks, thread })
        });
        Ok(Self { chunk: Vec::with_capacity(CHUNK), packers: packers.collect::<Result<_, PackError>>()? })
    }

    /// Ends the stream and waits for the archives.
    pub(super) fn finish(mut self) -> Result<Vec<Hashed>, PackError> {
        // A packer that is gone tells why when it is joined.
        self.send().ok();
        let archives: Vec<_> = self
            .packers
            .into_iter()
            .map(|packer| {
                drop(packer.chunks);
                packer.thread.join().expect("a packer does not panic")
            })
            .collect();
        archives.into_iter().collect()
    }

    fn send(&mut self) -> io::Result<()> {
        let chunk: Arc<[u8]> = self.chunk.as_slice().into();
        self.chunk.clear();
        for packer in &self.packers {
            packer.chunks.send(chunk.clone()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    }
}

impl Write for Fan<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn compress(
    file: HashingWriter,
    format: Format,
    name: String,
    chunks: &Receiver<Arc<[u8]>>,
) -> Result<Hashed, PackError> {
    let written = match format {
        Format::TarGz => gzip(file, chunks),
        Format::TarZst => zstd(file, chunks),
    };
    Ok(written.map_err(|source| PackError::Archive { name, source })?.finish()?)
}

fn gzip(file: HashingWriter, chunks: &Receiver<Arc<[u8]>>) -> io::Result<HashingWriter> {
    // No name and no time in the header: gzip -n.
    let mut encoder = GzBuilder::new().mtime(0).write(file, Compression::new(GZIP_LEVEL));
    chunks.iter().try_for_each(|chunk| encoder.write_all(&chunk))?;
    encoder.finish()
}

fn zstd(file: HashingWriter, chunks: &Receiver<Arc<[u8]>>) -> io::Result<HashingWriter> {
    let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    chunks.iter().try_for_each(|chunk| encoder.write_all(&chunk))?;
    encoder.finish()
}
