//! When to ask again, from an answer's status and headers. Pure: the time is an argument.
//!
//! GitHub's rules ("Rate limits for the REST API"): a limit is 403 or 429; `retry-after` says how long to wait, else
//! `x-ratelimit-reset` where nothing remains, else at least a minute, longer each time.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// What an answer means for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was answered: with what was wanted, or with a refusal that stays one.
    Answered,
    /// It was not done, since GitHub is asked too often; after this long it may be asked again.
    Limited(Duration),
    /// GitHub has trouble of its own, and it is not known whether the request was done.
    Troubled,
}

/// Judges an answer that came at `now`, in seconds since 1970, to the try number `tried`, counted from 0.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, now: i64, tried: u32) -> Verdict {
    if status.is_server_error() {
        return Verdict::Troubled;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let limiting = matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    if !limiting {
        return Verdict::Answered;
    }
    if let Some(wait) = number(RETRY_AFTER.as_str()) {
        return Verdict::Limited(seconds(wait));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        // One second more: the two clocks need not agree to the second.
        let reset = number("x-ratelimit-reset").unwrap_or(now.saturating_add(60));
        return Verdict::Limited(seconds(reset.saturating_sub(now).saturating_add(1)));
    }
    match status {
        StatusCode::TOO_MANY_REQUESTS => Verdict::Limited(seconds(60) * 2u32.saturating_pow(tried)),
        // A 403 without a limit's headers is a matter of permission.
        _ => Verdict::Answered,
    }
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, headers: &[(&'static str, &'static str)], tried: u32) -> Verdict {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        judge(StatusCode::from_u16(status).unwrap(), &headers.collect(), 1000, tried)
    }

    fn limited(seconds: u64) -> Verdict {
        Verdict::Limited(Duration::from_secs(seconds))
    }

    #[test]
    fn a_limit_is_told_from_a_refusal() {
        let spent = ("x-ratelimit-remaining", "0");
        assert_eq!(judged(201, &[spent], 0), Verdict::Answered);
        assert_eq!(judged(403, &[("x-ratelimit-remaining", "57")], 0), Verdict::Answered);
        assert_eq!(judged(404, &[], 0), Verdict::Answered);
        assert_eq!(judged(502, &[], 0), Verdict::Troubled);
    }

    #[test]
    fn a_limit_says_how_long_to_wait() {
        let spent = ("x-ratelimit-remaining", "0");
        assert_eq!(judged(403, &[("retry-after", "7")], 0), limited(7));
        assert_eq!(judged(429, &[spent, ("x-ratelimit-reset", "1030")], 0), limited(31));
        assert_eq!(judged(403, &[spent, ("x-ratelimit-reset", "900")], 0), limited(0));
        assert_eq!(judged(429, &[], 0), limited(60));
        assert_eq!(judged(429, &[], 2), limited(240));
    }
}
