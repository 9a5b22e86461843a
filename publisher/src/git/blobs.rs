//! The contents of a commit's files, streamed from one `git cat-file --batch`: memory stays small whatever their size.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::GitError;

/// Reads contents one after the other.
pub struct Blobs {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    pub(super) fn start(mut command: Command) -> Result<Self, GitError> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(GitError::NotRun)?;
        let requests = child.stdin.take().expect("it was just piped");
        let answers = BufReader::with_capacity(1 << 17, child.stdout.take().expect("it was just piped"));
        Ok(Self { child, requests, answers })
    }

    /// The content of `object`. It must be read to its end before the next one is opened.
    ///
    /// # Errors
    /// When git ends, or does not have the object.
    pub fn open(&mut self, object: &str) -> io::Result<Blob<'_>> {
        writeln!(self.requests, "{object}")?;
        self.requests.flush()?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        let size = head
            .trim_end()
            .rsplit_once(' ')
            .and_then(|(_, size)| size.parse().ok())
            .ok_or_else(|| io::Error::other(format!("git cat-file answered {:?}", head.trim_end())))?;
        Ok(Blob { left: size, answers: &mut self.answers })
    }

    /// The whole content of a small object.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(&mut self, object: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(object)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // Its input closes only after this, so it would wait for ever; there is nothing that it could lose.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One content. The line feed that git puts behind it is taken with its last byte.
pub struct Blob<'a> {
    left: u64,
    answers: &'a mut BufReader<ChildStdout>,
}

impl Blob<'_> {
    /// Bytes that are still to be read.
    pub fn size(&self) -> u64 {
        self.left
    }
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.left == u64::MAX {
            return Ok(0);
        }
        if self.left == 0 {
            self.answers.read_exact(&mut [0])?;
            self.left = u64::MAX;
            return Ok(0);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.answers.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}
