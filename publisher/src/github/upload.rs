//! One file on its way up: streamed, watched, and compared with what GitHub says it got.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, RequestBuilder, Response};
use url::Url;

use super::client::{Client, Kind, SILENCE};
use super::shape::{RemoteAsset, RemoteRelease};
use crate::disk;
use crate::progress::Progress;
use crate::publication::{Asset, RepositoryError};

/// What need not be encoded in a query. `+` must be: GitHub reads it as a space, and makes that a period.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// How much is read from the disk at once.
const PIECE: usize = 256 << 10;

/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);

/// Uploads `asset` to `release`. After [`RepositoryError::Unreachable`] it is not known whether it arrived.
pub(super) async fn upload(
    client: &Client,
    release: &RemoteRelease,
    asset: &Asset,
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    let url = address(client, release, asset)?;
    let what = format!("POST {url}");
    let attempt = async || {
        let sent = Arc::new(AtomicU64::new(0));
        let request = request(client, &url, asset, sent.clone())?;
        watched(client, &what, request, &sent, progress).await
    };
    let response = client.persist(&what, Kind::OnceOnlyChange, attempt).await?;
    let got: RemoteAsset = client.understood(&what, response).await?;
    if got.name != asset.name {
        let reason = format!("it calls {} {}: use another file name", asset.name, got.name);
        return Err(client.refused(reason));
    }
    if !got.is(asset) {
        return Err(not_what_was_sent(client, asset, &got));
    }
    Ok(())
}

/// The release's own upload address with the file's name, if it is where the token may go.
fn address(client: &Client, release: &RemoteRelease, asset: &Asset) -> Result<String, RepositoryError> {
    let base = release.upload_url.split('{').next().unwrap_or_default();
    let allowed = &client.settings.hosts.uploads;
    let there = Url::parse(base).is_ok_and(|url| url.origin() == allowed.origin());
    if !there {
        let reason = format!("it wants uploads at {base}, which is not below {allowed}: nothing was sent there");
        return Err(client.refused(reason));
    }
    Ok(format!("{base}?name={}", utf8_percent_encode(&asset.name, ENCODED)))
}

fn request(client: &Client, url: &str, asset: &Asset, sent: Arc<AtomicU64>) -> Result<RequestBuilder, RepositoryError> {
    let pieces = Pieces { file: disk::open(&asset.file)?, sent };
    let request = client
        .request(Method::POST, url)?
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, asset.length)
        .body(Body::wrap_stream(futures_util::stream::iter(pieces)));
    Ok(request)
}

/// A file in pieces. Reading blocks the thread, which has nothing else to do.
struct Pieces {
    file: File,
    sent: Arc<AtomicU64>,
}

impl Iterator for Pieces {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = vec![0; PIECE];
        match self.file.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                self.sent.fetch_add(read as u64, Ordering::Relaxed);
                Some(Ok(piece))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Sends the request, tells how it goes, and gives up when nothing moves any more.
async fn watched(
    client: &Client,
    what: &str,
    request: RequestBuilder,
    sent: &AtomicU64,
    progress: &mut dyn Progress,
) -> Result<Response, RepositoryError> {
    let answer = client.answer(what, request);
    tokio::pin!(answer);
    let mut ticks = tokio::time::interval(TICK);
    let (mut told, mut moved) = (0, Instant::now());
    loop {
        tokio::select! {
            answer = &mut answer => {
                progress.advance(sent.load(Ordering::Relaxed) - told);
                return answer;
            }
            _ = ticks.tick() => {}
        }
        let now = sent.load(Ordering::Relaxed);
        if now > told {
            progress.advance(now - told);
            (told, moved) = (now, Instant::now());
        } else if moved.elapsed() > SILENCE {
            let silence = format!("nothing moved for {} s", SILENCE.as_secs());
            return Err(client.unreachable(what, silence));
        }
    }
}

fn not_what_was_sent(client: &Client, asset: &Asset, got: &RemoteAsset) -> RepositoryError {
    RepositoryError::NotVerified {
        repository: client.name(),
        what: format!(
            "{} has {} B and {} there, {} B and sha256:{} here",
            asset.name,
            got.size,
            got.digest.as_deref().unwrap_or("no digest"),
            asset.length,
            asset.sha256
        ),
    }
}
