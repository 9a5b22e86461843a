//! Frames out of a pipe or a socket whose other end is not trusted: bounded in size, bounded in time.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::source::wire::CHUNK;

/// Why no frame came.
#[derive(Debug, Error)]
pub(crate) enum PipeError {
    /// The other end is closed.
    #[error("it ended in the middle of an answer")]
    Ended,
    /// Nothing came in time.
    #[error("it does not answer")]
    Silent,
    /// Something came that is no frame.
    #[error("it answered with nonsense: {0}")]
    Nonsense(&'static str),
}

/// How long an answer may take.
#[derive(Debug)]
pub(crate) struct Patience {
    silence: Duration,
    end: Option<Instant>,
}

impl Patience {
    /// At most `silence` without a byte, at most `total` from now on; a sum beyond the clock's range is no limit.
    pub(crate) fn new(silence: Duration, total: Duration) -> Self {
        Self { silence, end: Instant::now().checked_add(total) }
    }

    fn left(&self, since: Instant) -> Option<Duration> {
        let now = Instant::now();
        let silence = self.silence.checked_sub(now.duration_since(since))?;
        match self.end {
            Some(end) => Some(silence.min(end.checked_duration_since(now)?)),
            None => Some(silence),
        }
    }
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct Frames {
    pipe: File,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not yet taken.
    filled: std::ops::Range<usize>,
}

impl Frames {
    pub(crate) fn new(pipe: File) -> Self {
        Self { pipe, buffer: vec![0; 2 * CHUNK], filled: 0..0 }
    }

    /// The next line, of at most `cap` bytes, parsed.
    pub(crate) fn line<T: DeserializeOwned>(&mut self, cap: usize, patience: &Patience) -> Result<T, PipeError> {
        let mut searched = 0;
        let end = loop {
            if let Some(found) = self.unread()[searched..].iter().position(|byte| *byte == b'\n') {
                break searched + found;
            }
            searched = self.filled.len();
            if searched >= cap {
                return Err(PipeError::Nonsense("a line without an end"));
            }
            self.more(patience)?;
        };
        let parsed = serde_json::from_slice(&self.unread()[..end]);
        self.filled.start += end + 1;
        parsed.map_err(|_| PipeError::Nonsense("a line that is not of the protocol"))
    }

    /// The next chunk, or nothing where the chunks end.
    pub(crate) fn chunk(&mut self, patience: &Patience) -> Result<Option<&[u8]>, PipeError> {
        let length = self.take(4, patience)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        match length {
            0 => Ok(None),
            1..=CHUNK => self.take(length, patience).map(Some),
            _ => Err(PipeError::Nonsense("a chunk that is too long")),
        }
    }

    fn take(&mut self, length: usize, patience: &Patience) -> Result<&[u8], PipeError> {
        while self.filled.len() < length {
            self.more(patience)?;
        }
        let begin = self.filled.start;
        self.filled.start += length;
        Ok(&self.buffer[begin..begin + length])
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.filled.clone()]
    }

    /// Waits for at least one more byte, even where one is there already: a deadline holds for a chatterer too. Callers ask for no more than [`CHUNK`] at once, so there is room.
    fn more(&mut self, patience: &Patience) -> Result<(), PipeError> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        self.wait(patience)?;
        match self.pipe.read(&mut self.buffer[self.filled.end..]) {
            Ok(0) | Err(_) => Err(PipeError::Ended),
            Ok(count) => {
                self.filled.end += count;
                Ok(())
            }
        }
    }

    fn wait(&self, patience: &Patience) -> Result<(), PipeError> {
        let since = Instant::now();
        loop {
            let left = patience.left(since).ok_or(PipeError::Silent)?;
            let limit = Timespec { tv_sec: left.as_secs().min(3600) as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&limit)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(_) => return Err(PipeError::Ended),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// The output of a shell script that first reads a line, which never comes where nobody writes one.
    fn output(script: &str) -> (Child, Frames) {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let frames = Frames::new(OwnedFd::from(child.stdout.take().expect("a pipe")).into());
        (child, frames)
    }

    fn patience(silence_ms: u64, total_ms: u64) -> Patience {
        Patience::new(Duration::from_millis(silence_ms), Duration::from_millis(total_ms))
    }

    fn end(mut child: Child) {
        drop(child.stdin.take());
        child.wait().expect("it ends");
    }

    #[test]
    fn silence_has_an_end() {
        let (child, mut frames) = output("read line");
        assert!(matches!(frames.chunk(&patience(50, 60_000)), Err(PipeError::Silent)));
        assert!(matches!(frames.chunk(&patience(60_000, 50)), Err(PipeError::Silent)));
        end(child);
    }

    #[test]
    fn a_stream_of_small_chunks_has_an_end_too() {
        let (mut child, mut frames) = output("while printf '\\0\\0\\0\\001x'; do :; done");
        let patience = patience(60_000, 200);
        let error = loop {
            match frames.chunk(&patience) {
                Ok(chunk) => assert_eq!(chunk, Some(&b"x"[..])),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, PipeError::Silent), "{error:?}");
        child.kill().expect("killed");
        child.wait().expect("it ends");
    }

    #[test]
    fn lines_and_chunks_follow_each_other() {
        let (child, mut frames) = output("echo 7; printf '\\0\\0\\0\\003abc\\0\\0\\0\\0'; echo 8");
        let patience = patience(10_000, 10_000);
        assert_eq!(frames.line::<u8>(100, &patience).expect("a line"), 7);
        assert_eq!(frames.chunk(&patience).expect("a chunk"), Some(&b"abc"[..]));
        assert_eq!(frames.chunk(&patience).expect("the end of the chunks"), None);
        assert_eq!(frames.line::<u8>(100, &patience).expect("a line"), 8);
        assert!(matches!(frames.line::<u8>(100, &patience), Err(PipeError::Ended)));
        end(child);
    }
}
