//! What the vendor says of what is installed: that it is recalled, that it has a known hole. Read from what was verified last,
//! expired or not: a warning does not end with the metadata that brought it.

use manifest_schema::version::ReleaseVersion;
use serde::Serialize;

use super::facts::Rollback;
use crate::config::Settings;
use crate::decide::{Recalled, recall, security_floor};
use crate::journal::{Journal, history};
use crate::layout::Layout;
use crate::trust::Trust;

/// What is said.
#[derive(Debug, Default, Serialize)]
pub(super) struct Said {
    /// That it must not stay.
    recalled: Option<Recalled>,
    /// The security floor, where what is installed lies below it.
    below_floor: Option<BelowFloor>,
}

#[derive(Debug, Serialize)]
struct BelowFloor {
    installed: ReleaseVersion,
    floor: ReleaseVersion,
}

/// What the vendor has said last.
pub(super) fn said(layout: &Layout, settings: &Settings, journals: &[Journal]) -> Said {
    let trust = layout.instance(&settings.instance.name).trust();
    let known = if trust.join("targets.json").exists() { Trust::load(settings, &trust).ok() } else { None };
    let (Some(known), Some(side)) = (known, history::installed(journals)) else { return Said::default() };
    let (releases, installed) = (known.releases_known(), side.version);
    let floor = security_floor(&releases, &settings.product, &settings.policy.channel);
    let below_floor = floor.filter(|floor| installed < **floor).cloned();
    Said {
        recalled: recall(&releases, &settings.product, &installed),
        below_floor: below_floor.map(|floor| BelowFloor { installed, floor }),
    }
}

impl Said {
    /// What shouts, with the commands that lead out of it.
    pub(super) fn sentences(&self, rollback: Option<&Rollback>, typed: impl Fn(&str) -> String) -> Vec<String> {
        let recalled = self.recalled.as_ref().map(|Recalled { from, to }| {
            let way = if to > from {
                "it goes in as a critical release does".to_owned()
            } else if rollback.is_some_and(|rollback| rollback.version == to.to_string()) {
                format!("{} goes back to it, and says first what that costs", typed("rollback"))
            } else {
                "it is not kept here, so no rollback leads to it: ask the vendor".to_owned()
            };
            format!("RECALLED: the vendor says that {from} must not stay, and to go to {to}: {way}")
        });
        let below = self.below_floor.as_ref().map(|BelowFloor { installed, floor }| {
            format!("INSECURE: {installed} has a known hole: the vendor says to run {floor} or newer")
        });
        recalled.into_iter().chain(below).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recalled(to: &str) -> Said {
        let recalled = Recalled { from: "1.1.0".parse().unwrap(), to: to.parse().unwrap() };
        Said { recalled: Some(recalled), below_floor: None }
    }

    fn sentences(said: &Said, kept: &str) -> String {
        let before = jiff::Timestamp::UNIX_EPOCH;
        let rollback = Rollback { version: kept.to_owned(), databases: Vec::new(), before };
        said.sentences(Some(&rollback), |verb| format!("'surefoot {verb}'")).concat()
    }

    #[test]
    fn a_recall_names_the_way_that_there_is() {
        assert!(sentences(&recalled("1.0.5"), "1.0.5").contains("'surefoot rollback' goes back to it"));
        assert!(sentences(&recalled("1.0.4"), "1.0.5").contains("not kept here"));
        assert!(sentences(&recalled("1.1.1"), "1.0.5").contains("as a critical release does"));
        assert_eq!(sentences(&Said::default(), "1.0.5"), "");
    }

    #[test]
    fn what_lies_below_the_floor_is_insecure() {
        let below = BelowFloor { installed: "1.0.0".parse().unwrap(), floor: "1.0.7".parse().unwrap() };
        let said = Said { recalled: None, below_floor: Some(below) };
        assert_eq!(sentences(&said, ""), "INSECURE: 1.0.0 has a known hole: the vendor says to run 1.0.7 or newer");
    }
}
