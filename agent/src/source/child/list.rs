//! Reads GitHub's description of a release, here, where a stranger's JSON can do no harm; the engine gets the names and numbers.

use std::io::{self, Write};

use super::http::{Opened, drain};
use super::output::Output;
use crate::source::listing::Listing;
use crate::source::wire::{Body, Failure, Get, Tail};

/// Answers with the [`Listing`] that the body of `opened` comes to.
pub(super) async fn answer<W: Write>(opened: Opened, get: &Get, output: &mut Output<W>) -> io::Result<()> {
    let Body { status, etag, .. } = opened.readable.body.clone();
    let body = Body { status, total: None, etag };
    let mut said = Vec::new();
    let tail = drain(opened, get, |bytes| {
        said.extend_from_slice(bytes);
        Ok(())
    });
    match tail.await? {
        Tail::Failed(failure) => return output.failed(failure),
        Tail::Complete | Tail::Truncated => {}
    }
    if status == 304 {
        output.head(body)?;
        return output.tail(&Tail::Complete);
    }
    match Listing::read(&said) {
        Ok(listing) => {
            output.head(body)?;
            output.bytes(&serde_json::to_vec(&listing)?)?;
            output.tail(&Tail::Complete)
        }
        Err(reason) => output.failed(Failure::Unusable { reason }),
    }
}
