//! The fetch process.
use std::io::{self, Read, Write};

/// Answers requests until `stdin` ends.
pub fn serve(_stdin: impl Read, _stdout: impl Write) -> io::Result<()> {
    Ok(())
}
