//! What shall go wrong, in the order it was asked for.
//!
//! Each fault is used up by the request it befalls. Knows nothing of releases.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::sync::Notify;

/// What befalls an upload. In each case the asset is left in the state `starter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadFault {
    /// The body is read and the answer is 502.
    BadGateway,
    /// Nothing happens after the first bytes, until the client goes away.
    Park,
}

/// What befalls a download's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownloadFault {
    /// The connection breaks after so many bytes.
    Cut(u64),
    /// Nothing more comes after so many bytes.
    Stall(u64),
    /// So many bytes come each tenth of a second.
    Slow(usize),
    /// The first byte is another one.
    Tamper,
}

/// A refusal for asking too often ("Rate limits for the REST API").
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimit {
    /// 403 or 429; GitHub uses both.
    pub status: u16,
    /// The header `retry-after`, in seconds.
    pub retry_after: Option<u64>,
    /// `x-ratelimit-remaining: 0` and `x-ratelimit-reset` so many seconds from now.
    pub reset_in: Option<u64>,
}

/// The faults that are still to come.
#[derive(Default)]
pub(crate) struct Faults {
    uploads: Mutex<VecDeque<Option<UploadFault>>>,
    downloads: Mutex<VecDeque<DownloadFault>>,
    limits: Mutex<VecDeque<RateLimit>>,
    parked: Mutex<usize>,
    released: Notify,
}

impl Faults {
    /// Lets `passing` uploads pass, then makes one fail.
    pub(crate) fn fail_upload(&self, passing: usize, fault: UploadFault) {
        let mut uploads = lock(&self.uploads);
        uploads.extend(std::iter::repeat_n(None, passing));
        uploads.push_back(Some(fault));
    }

    pub(crate) fn fail_download(&self, fault: DownloadFault) {
        lock(&self.downloads).push_back(fault);
    }

    pub(crate) fn limit(&self, limit: RateLimit) {
        lock(&self.limits).push_back(limit);
    }

    pub(crate) fn next_upload(&self) -> Option<UploadFault> {
        lock(&self.uploads).pop_front().flatten()
    }

    pub(crate) fn next_limit(&self) -> Option<RateLimit> {
        lock(&self.limits).pop_front()
    }

    /// How many uploads have been parked so far.
    pub(crate) fn parked(&self) -> usize {
        *lock(&self.parked)
    }

    /// Never returns: the client has to go.
    pub(crate) async fn park(&self) {
        *lock(&self.parked) += 1;
        self.released.notified().await;
    }

    /// The body with the next download's fault in it, or the body as it is.
    pub(crate) fn befall(&self, body: Body) -> Body {
        let Some(fault) = lock(&self.downloads).pop_front() else {
            return body;
        };
        let bytes = body.into_data_stream().map_err(std::io::Error::other);
        match fault {
            DownloadFault::Cut(after) => Body::from_stream(first(bytes, after).chain(broken())),
            DownloadFault::Stall(after) => {
                let silence = futures_util::stream::pending();
                Body::from_stream(first(bytes, after).chain(silence))
            }
            DownloadFault::Slow(each) => Body::from_stream(trickle(bytes, each)),
            DownloadFault::Tamper => Body::from_stream(tampered(bytes)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

type Piece = std::io::Result<Bytes>;

fn broken() -> impl Stream<Item = Piece> {
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "injected");
    futures_util::stream::iter([Err(broken)])
}

/// The first `count` bytes of a stream.
fn first(bytes: impl Stream<Item = Piece>, count: u64) -> impl Stream<Item = Piece> {
    bytes.scan(count, |left, piece| {
        let piece = piece.map(|piece| {
            let take = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
            *left -= take as u64;
            piece.slice(..take)
        });
        let ended = matches!(&piece, Ok(piece) if piece.is_empty());
        std::future::ready((!ended).then_some(piece))
    })
}

fn tampered(bytes: impl Stream<Item = Piece>) -> impl Stream<Item = Piece> {
    bytes.enumerate().map(|(number, piece)| {
        let mut piece = piece?.to_vec();
        if let (0, Some(first)) = (number, piece.first_mut()) {
            *first ^= 1;
        }
        Ok(piece.into())
    })
}

fn trickle(bytes: impl Stream<Item = Piece>, each: usize) -> impl Stream<Item = Piece> {
    let drops = bytes.map_ok(move |piece| {
        let cuts = (0..piece.len()).step_by(each.max(1));
        let drops: Vec<Piece> = cuts.map(|from| Ok(piece.slice(from..piece.len().min(from + each)))).collect();
        futures_util::stream::iter(drops)
    });
    drops.try_flatten().then(|drop| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop
    })
}
