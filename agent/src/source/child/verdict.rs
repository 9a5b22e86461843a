//! What the head of an HTTP answer means for the request: pure.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, RETRY_AFTER, TRANSFER_ENCODING,
};

use crate::source::wire::{Body, Failure, Get};

/// An answer whose body is to be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Readable {
    /// What the engine is told.
    pub(crate) body: Body,
    /// Bytes to be dropped at the beginning: the source ignored the range.
    pub(crate) skip: u64,
    /// Bytes that must come after that, where it is known.
    pub(crate) rest: Option<u64>,
    /// Whether HTTP itself marks the end, so that reading on after the last byte cannot stall.
    pub(crate) delimited: bool,
}

/// Whether, and how, the body of an answer is read. `now` turns the date in a `Retry-After` into a pause.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, get: &Get, now: Timestamp) -> Result<Readable, Failure> {
    let readable = match status {
        StatusCode::OK => from_start(headers, get)?,
        StatusCode::PARTIAL_CONTENT => from_range(headers, get)?,
        StatusCode::NOT_MODIFIED if get.if_none_match.is_some() => unchanged(get),
        StatusCode::RANGE_NOT_SATISFIABLE => return already_whole(headers, get),
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Failure::NotFound),
        other => return Err(refused(other, headers, now)),
    };
    refuse_encoded(headers)?;
    fits(readable, get)
}

/// The file that is here already under its tag.
fn unchanged(get: &Get) -> Readable {
    let body = Body { status: 304, total: None, etag: get.if_none_match.clone() };
    Readable { body, skip: 0, rest: Some(0), delimited: false }
}

fn from_start(headers: &HeaderMap, get: &Get) -> Result<Readable, Failure> {
    let length = number(headers, CONTENT_LENGTH.as_str());
    let total = length.or(get.expect_length);
    if let Some(total) = total.filter(|total| *total < get.from) {
        return Err(shorter(total, get));
    }
    Ok(Readable {
        body: Body { status: 200, total: length, etag: etag(headers) },
        skip: get.from,
        rest: total.map(|total| total - get.from),
        delimited: length.is_some(),
    })
}

fn from_range(headers: &HeaderMap, get: &Get) -> Result<Readable, Failure> {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).and_then(parse_range);
    let Some((first, last, total)) = range.filter(|(first, last, _)| *first == get.from && last >= first) else {
        let reason = format!("bytes from {} on were asked for, and others came", get.from);
        return Err(Failure::Unusable { reason });
    };
    let total = total.or(get.expect_length);
    Ok(Readable {
        body: Body { status: 206, total, etag: etag(headers) },
        skip: 0,
        // A server may send less than asked for; then the file goes on and the engine asks again.
        rest: Some(total.map_or((last - first).saturating_add(1), |total| total.saturating_sub(first))),
        delimited: headers.contains_key(CONTENT_LENGTH),
    })
}

/// 416 to a range that begins at the very end: there is no more, which is what was to be known.
fn already_whole(headers: &HeaderMap, get: &Get) -> Result<Readable, Failure> {
    let told = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let total = told.and_then(|text| text.strip_prefix("bytes */")).and_then(|text| text.parse::<u64>().ok());
    match total {
        Some(total) if total == get.from && get.from > 0 => {
            let body = Body { status: 416, total: Some(total), etag: None };
            fits(Readable { body, skip: 0, rest: Some(0), delimited: false }, get)
        }
        Some(total) => Err(shorter(total, get)),
        None => Err(Failure::Unusable { reason: format!("it has nothing from byte {} on", get.from) }),
    }
}

fn fits(readable: Readable, get: &Get) -> Result<Readable, Failure> {
    if let (Some(total), Some(expected)) = (readable.body.total, get.expect_length)
        && total != expected
    {
        return Err(Failure::Unusable { reason: format!("it has {total} bytes and should have {expected}") });
    }
    match readable.rest {
        Some(rest) if rest > get.cap => Err(Failure::TooLarge { cap: get.cap }),
        Some(_) | None => Ok(readable),
    }
}

fn refuse_encoded(headers: &HeaderMap) -> Result<(), Failure> {
    let encoded = |name: HeaderName, harmless: &[u8]| {
        let plain = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(harmless);
        headers.get_all(name).iter().find(|value| !plain(value.as_bytes()))
    };
    match encoded(CONTENT_ENCODING, b"identity").or_else(|| encoded(TRANSFER_ENCODING, b"chunked")) {
        Some(encoding) => Err(Failure::Unusable { reason: format!("it came encoded as {encoding:?}") }),
        None => Ok(()),
    }
}

/// 403 and 503 are a limit only where the answer says until when (GitHub's "Rate limits for the REST API").
fn refused(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Failure {
    let retry_after_s = retry_after(headers, now);
    let says_when = retry_after_s.is_some();
    match status {
        StatusCode::TOO_MANY_REQUESTS => Failure::RateLimited { retry_after_s },
        StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE if says_when => Failure::RateLimited { retry_after_s },
        other => Failure::Refused { status: other.as_u16() },
    }
}

/// Seconds to wait: `Retry-After` in seconds or as a date (RFC 9110, §10.2.3), else GitHub's `x-ratelimit-reset`
/// where nothing remains.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let until = |then: i64| u64::try_from(then - now.as_second()).unwrap_or(0);
    if let Some(text) = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()) {
        let date = || rfc2822::parse(text).ok().map(|date| until(date.timestamp().as_second()));
        return text.trim().parse().ok().or_else(date);
    }
    let exhausted = number(headers, "x-ratelimit-remaining") == Some(0);
    let reset = number(headers, "x-ratelimit-reset").and_then(|reset| i64::try_from(reset).ok());
    reset.filter(|_| exhausted).map(until)
}

fn shorter(total: u64, get: &Get) -> Failure {
    Failure::Unusable { reason: format!("it has {total} bytes, and {} were read before", get.from) }
}

/// `bytes 5-9/10` or `bytes 5-9/*` (RFC 9110, §14.4).
fn parse_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn etag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    (tag.len() <= 256).then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;
    use crate::source::wire::{Location, Timeouts};

    fn headers(text: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), value.parse().expect("a value"))
        };
        text.iter().map(pair).collect()
    }

    fn verdict(
        status: u16,
        text: &[(&'static str, &'static str)],
        from: u64,
        cap: u64,
        expect_length: Option<u64>,
    ) -> Result<(u64, Option<u64>), Failure> {
        let location = Location::Url("https://get.example/".to_owned());
        let timeouts = Timeouts::for_length(cap);
        let get = Get { location, from, cap, expect_length, if_none_match: None, api: None, timeouts };
        let status = StatusCode::from_u16(status).expect("a status");
        let now = "2026-11-21T10:00:00Z".parse().expect("a time");
        judge(status, &headers(text), &get, now).map(|readable| (readable.skip, readable.rest))
    }

    #[test]
    fn what_must_still_come_is_known_from_whoever_tells() {
        let ten = [("content-length", "10")];
        assert_eq!(verdict(200, &ten, 0, 10, None), Ok((0, Some(10))));
        assert_eq!(verdict(200, &ten, 4, 6, Some(10)), Ok((4, Some(6))));
        assert_eq!(verdict(200, &[], 4, 6, Some(10)), Ok((4, Some(6))));
        assert_eq!(verdict(200, &[], 0, 10, None), Ok((0, None)));
        let ranged = [("content-range", "bytes 4-9/10")];
        assert_eq!(verdict(206, &ranged, 4, 6, Some(10)), Ok((0, Some(6))));
        assert_eq!(verdict(206, &[("content-range", "bytes 4-5/*")], 4, 6, Some(10)), Ok((0, Some(6))));
        assert_eq!(verdict(416, &[("content-range", "bytes */10")], 10, 6, None), Ok((0, Some(0))));
    }

    #[test]
    fn a_cap_holds_for_what_is_given_and_not_for_what_is_skipped() {
        assert_eq!(verdict(200, &[("content-length", "10")], 5, 5, None), Ok((5, Some(5))));
        assert_eq!(verdict(200, &[("content-length", "11")], 5, 5, None), Err(Failure::TooLarge { cap: 5 }));
    }

    #[test]
    fn contradictions_cannot_be_used() {
        let unusable = |status, text, from, expect| {
            let failed = verdict(status, text, from, 100, expect);
            assert!(matches!(failed, Err(Failure::Unusable { .. })), "{status} {text:?}: {failed:?}");
        };
        unusable(200, &[("content-length", "3")], 5, None);
        unusable(200, &[("content-length", "9")], 0, Some(10));
        unusable(200, &[("content-encoding", "br")], 0, None);
        unusable(200, &[("transfer-encoding", "gzip, chunked")], 0, None);
        unusable(206, &[], 5, None);
        unusable(206, &[("content-range", "bytes 4-9/10")], 5, None);
        unusable(206, &[("content-range", "bytes 5-9/11")], 5, Some(10));
        unusable(416, &[("content-range", "bytes */4")], 5, None);
        unusable(416, &[], 5, None);
    }

    #[test]
    fn a_pause_is_understood_in_each_of_its_forms() {
        let pause = |status, text| match verdict(status, text, 0, 1, None) {
            Err(Failure::RateLimited { retry_after_s }) => retry_after_s,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(pause(429, &[("retry-after", "120")]), Some(120));
        assert_eq!(pause(503, &[("retry-after", "Sat, 21 Nov 2026 10:01:00 GMT")]), Some(60));
        assert_eq!(pause(503, &[("retry-after", "Fri, 20 Nov 2026 10:01:00 GMT")]), Some(0));
        let github = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795255230")];
        assert_eq!(pause(403, &github), Some(30));
        assert_eq!(pause(429, &[("retry-after", "soon")]), None);
        let left = [("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1795255230")];
        assert_eq!(verdict(403, &left, 0, 1, None), Err(Failure::Refused { status: 403 }));
    }
}
