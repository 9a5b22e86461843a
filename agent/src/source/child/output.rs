//! Writes answers in the shape of `wire`.

use std::io::{self, Write};

use serde::Serialize;

use crate::source::wire::{Body, CHUNK, Failure, Head, Tail};

/// Where answers go.
pub(super) struct Output<W> {
    pipe: W,
    frame: Vec<u8>,
}

impl<W: Write> Output<W> {
    pub(super) fn new(pipe: W) -> Self {
        Self { pipe, frame: Vec::new() }
    }

    /// An answer without bytes.
    pub(super) fn failed(&mut self, failure: Failure) -> io::Result<()> {
        self.line(&Head::Failed(failure))
    }

    /// Begins an answer with bytes.
    pub(super) fn head(&mut self, body: Body) -> io::Result<()> {
        self.line(&Head::Body(body))
    }

    /// Bytes of the answer, as many as there are. Each chunk is one write: the engine sees it at once, and a line
    /// that trickles is not mistaken for one that stands still.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK) {
            self.frame.clear();
            self.frame.extend_from_slice(&(chunk.len() as u32).to_be_bytes());
            self.frame.extend_from_slice(chunk);
            self.flush()?;
        }
        Ok(())
    }

    /// Ends an answer with bytes.
    pub(super) fn tail(&mut self, tail: &Tail) -> io::Result<()> {
        self.frame.clear();
        self.frame.extend_from_slice(&0_u32.to_be_bytes());
        self.append(tail)?;
        self.flush()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.frame.clear();
        self.append(value)?;
        self.flush()
    }

    fn append(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.frame, value)?;
        self.frame.push(b'\n');
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.write_all(&self.frame)?;
        self.pipe.flush()
    }
}
