//! The releases that signed targets name: what is said of each, and what is said of some that cannot be right beside the rest.
//!
//! The vendor's keys have signed all of it, so a mistake here is the vendor's, or that of whoever has them. A release that is
//! wrongly described is refused by itself: nothing is installed on its account, while the others, the remedy perhaps among
//! them, are considered as ever.

use manifest_schema::manifest::ReleaseCustom;
use manifest_schema::tuf::{TargetDescription, TargetPath, Targets};
use manifest_schema::version::ReleaseVersion;

use super::releases::manifest_path;
use crate::decide::{Candidate, Refused, Releases};

/// Every release that `targets` name.
pub(crate) fn releases(targets: &Targets) -> Releases {
    let mut all = Releases::default();
    for (path, description) in targets.targets.iter().filter(|(path, _)| path.file_name() == "manifest.json") {
        match read(path, description) {
            Ok(custom) => all.sound.push(Candidate { custom, manifest: description.sha256 }),
            Err(reason) => all.refused.push(refuse(path, reason, None)),
        }
    }
    without_lost_recalls(all)
}

fn read(path: &TargetPath, description: &TargetDescription) -> Result<ReleaseCustom, String> {
    let custom = description.custom.as_ref().ok_or("the metadata says nothing of it")?;
    let custom: ReleaseCustom =
        custom.to().map_err(|error| format!("what the metadata says of it is not understood: {error}"))?;
    if *path == manifest_path(&custom.version) {
        return Ok(custom);
    }
    Err(format!("the metadata says that it is {}", custom.version))
}

fn refuse(path: &TargetPath, reason: String, custom: Option<ReleaseCustom>) -> Refused {
    let tag = path.as_str().strip_suffix("/manifest.json");
    let version = tag.and_then(|tag| ReleaseVersion::from_tag(tag).ok());
    let name = version.as_ref().map_or_else(|| path.to_string(), ReleaseVersion::to_string);
    Refused { name, version, reason, custom }
}

/// Refuses each release whose recall leads nowhere.
fn without_lost_recalls(all: Releases) -> Releases {
    let Releases { sound, mut refused } = all;
    let all = || sound.iter().map(|candidate| &candidate.custom);
    let reasons: Vec<Option<String>> = all().map(|custom| custom.lost_recall(all())).collect();
    let mut kept = Vec::new();
    for (candidate, reason) in sound.into_iter().zip(reasons) {
        match reason {
            None => kept.push(candidate),
            Some(reason) => {
                refused.push(refuse(&manifest_path(&candidate.custom.version), reason, Some(candidate.custom)));
            }
        }
    }
    Releases { sound: kept, refused }
}
