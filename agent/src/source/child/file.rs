//! Reads a file of a directory source.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::output::Output;
use crate::source::wire::{Body, CHUNK, Failure, Get, Tail};

/// Answers `get` from the regular file at `path`.
pub(super) fn answer<W: Write>(path: &Path, get: &Get, output: &mut Output<W>) -> io::Result<()> {
    let (mut file, length) = match open(path, get) {
        Ok(opened) => opened,
        Err(failure) => return output.failed(failure),
    };
    output.head(Body { status: 200, total: Some(length), etag: None })?;
    let tail = pour(&mut file, length - get.from, output)?;
    output.tail(&tail)
}

fn open(path: &Path, get: &Get) -> Result<(File, u64), Failure> {
    let mut file = open_regular(path)?;
    let length = file.metadata().map_err(local)?.len();
    if let Some(expected) = get.expect_length.filter(|expected| *expected != length) {
        let reason = format!("it has {length} bytes and should have {expected}");
        return Err(Failure::Unusable { reason });
    }
    let Some(wanted) = length.checked_sub(get.from) else {
        let reason = format!("it has {length} bytes, and {} were read before", get.from);
        return Err(Failure::Unusable { reason });
    };
    if wanted > get.cap {
        return Err(Failure::TooLarge { cap: get.cap });
    }
    file.seek(SeekFrom::Start(get.from)).map_err(local)?;
    Ok((file, length))
}

/// Does not follow a link at the end of the path, and does not wait for the writer of a FIFO.
fn open_regular(path: &Path) -> Result<File, Failure> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let irregular = || Failure::Local { reason: "it is not a regular file".to_owned() };
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => missing(path),
        Some(Errno::LOOP) => irregular(),
        Some(_) | None => local(error),
    })?;
    match file.metadata().map_err(local)?.is_file() {
        true => Ok(file),
        false => Err(irregular()),
    }
}

/// A missing file says something about the release; a missing directory (a disk that is not mounted) says nothing.
fn missing(path: &Path) -> Failure {
    match path.parent().filter(|directory| !directory.is_dir()) {
        Some(directory) => Failure::Local { reason: format!("the directory {} does not exist", directory.display()) },
        None => Failure::NotFound,
    }
}

fn pour<W: Write>(file: &mut File, mut left: u64, output: &mut Output<W>) -> io::Result<Tail> {
    let mut buffer = vec![0; CHUNK];
    while left > 0 {
        let room = left.min(CHUNK as u64) as usize;
        match file.read(&mut buffer[..room]) {
            Ok(0) => {
                let reason = format!("the file became shorter, {left} bytes are missing");
                return Ok(Tail::Failed(Failure::Broken { reason }));
            }
            Ok(count) => {
                output.bytes(&buffer[..count])?;
                left -= count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Ok(Tail::Failed(local(error))),
        }
    }
    Ok(Tail::Complete)
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn local(error: io::Error) -> Failure {
    Failure::Local { reason: error.to_string() }
}
