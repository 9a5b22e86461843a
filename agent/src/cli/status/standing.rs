//! What is held against releases that could still go in.

use jiff::Timestamp;
use manifest_schema::digest::Sha256;
use manifest_schema::version::ReleaseVersion;
use serde::Serialize;

use crate::decide::{self, Rest, Setback, Until, Why};
use crate::journal::{Journal, history};
use crate::layout::InstanceLayout;

/// A release that failed here or was taken back.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    pub(super) version: ReleaseVersion,
    pub(super) manifest: Sha256,
    pub(super) why: Why,
    pub(super) times: usize,
    pub(super) last: Timestamp,
    /// Whether it is left alone now.
    pub(super) rests: bool,
    /// Until when; where there is no time, until an admin says otherwise.
    pub(super) until: Option<Timestamp>,
    #[serde(skip)]
    pub(super) rest: Rest,
}

/// Of releases newer than what is installed. What was not their fault is told only while it keeps them waiting.
pub(super) fn standings(here: &InstanceLayout, journals: &[Journal], now: Timestamp) -> Vec<Standing> {
    // Where they cannot be read, that is said loudly elsewhere.
    let approvals = decide::read_approvals(&here.approvals()).unwrap_or_default();
    let installed = history::installed(journals).map(|side| side.version);
    let is_newer = |setback: &Setback| installed.as_ref().is_none_or(|installed| setback.version > *installed);
    let matters = |standing: &Standing| standing.rests || standing.why == Why::Failed;
    let all = decide::setbacks(journals, &approvals).into_iter().filter(is_newer);
    all.map(|setback| standing(setback, now)).filter(matters).collect()
}

fn standing(setback: Setback, now: Timestamp) -> Standing {
    let rest = setback.rest(now);
    Standing {
        version: setback.version,
        manifest: setback.manifest,
        why: rest.why,
        times: rest.times,
        last: rest.last,
        rests: rest.holds(),
        until: match rest.until {
            Until::Then(at) => Some(at),
            Until::AnAdmin | Until::Over => None,
        },
        rest,
    }
}
