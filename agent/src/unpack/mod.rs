//! Unpacking: an artifact's bytes → the files of a release, or nothing.
//!
//! No byte reaches the decompressor before its block is verified. The archive must be exactly what the manifest lists, in
//! that order: regular files with these paths, sizes and modes, nothing before, between or after them. So there is no
//! rule here about links, devices, PAX headers or odd names: whatever is not the next listed file refuses the whole.
//!
//! Decompressing and writing files run on two threads; a bounded queue between them keeps memory small.

mod blocks;
pub(crate) mod files;

use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use manifest_schema::manifest::{Artifact, FileEntry, Format};

pub use blocks::{Blocks, open_spool};
pub use files::UnpackError;

use crate::durable::TreeWriter;

/// Bytes that one message between the threads holds.
const CHUNK: usize = 256 * 1024;
/// Messages that may wait.
const WAITING: usize = 8;

/// Unpacks the artifact in `file` into `tree`.
///
/// # Errors
/// When a block is not what was signed, the archive is not what the manifest lists, or a file cannot be written. What was
/// written so far is the caller's to remove.
pub fn unpack(
    file: &Path,
    artifact: &Artifact,
    entries: &[FileEntry],
    tree: &mut TreeWriter,
    progress: &mut dyn FnMut(u64),
) -> Result<(), UnpackError> {
    let blocks = Blocks::open(file, artifact)?;
    let format = artifact.format;
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(WAITING);
        let decompressor = scope.spawn(move || decompress(blocks, format, &send));
        let written = files::write(Queue::new(receive), entries, tree, progress);
        let decompressed = decompressor.join().expect("the decompressor does not panic");
        // A wrong block is the cause of whatever the writer met.
        decompressed.and(written)
    })
}

type Chunk = std::io::Result<Vec<u8>>;

fn decompress(blocks: Blocks, format: Format, send: &SyncSender<Chunk>) -> Result<(), UnpackError> {
    let damage = blocks.damage();
    let outcome = match format {
        Format::TarZst => zstd::Decoder::new(blocks).and_then(|reader| pass_on(reader, send)),
        // Every member of the file (RFC 1952, 2.2): the reader of a single one would leave unread what hides behind it.
        Format::TarGz => pass_on(flate2::read::MultiGzDecoder::new(blocks), send),
    };
    if let Some(error) = damage.take() {
        return Err(error);
    }
    if let Err(error) = outcome {
        // The writer says it better, with the file that it was in.
        let _ = send.send(Err(error));
    }
    Ok(())
}

fn pass_on(mut reader: impl Read, send: &SyncSender<Chunk>) -> std::io::Result<()> {
    loop {
        let mut chunk = vec![0; CHUNK];
        let mut filled = 0;
        while filled < CHUNK {
            match reader.read(&mut chunk[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        chunk.truncate(filled);
        // The writer has gone when it refused the archive: nothing is left to do.
        if filled == 0 || send.send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}

/// The writer's end of the queue.
struct Queue {
    receive: Receiver<Chunk>,
    chunk: Vec<u8>,
    at: usize,
}

impl Queue {
    fn new(receive: Receiver<Chunk>) -> Self {
        Self { receive, chunk: Vec::new(), at: 0 }
    }
}

impl Read for Queue {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.chunk.len() {
            match self.receive.recv() {
                Ok(chunk) => (self.chunk, self.at) = (chunk?, 0),
                Err(_) => return Ok(0),
            }
        }
        let length = buffer.len().min(self.chunk.len() - self.at);
        buffer[..length].copy_from_slice(&self.chunk[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
