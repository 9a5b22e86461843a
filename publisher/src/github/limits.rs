//! What GitHub would refuse or change, found before anything is sent.

use crate::publication::{Asset, Publication};

/// Each file must be smaller ("About releases"; a file of exactly this size gets an internal error).
const FILE: u64 = 2 << 30;

/// At most so many assets to a release.
const ASSETS: usize = 1000;

/// Why the publication cannot go to GitHub as it is, if it cannot.
pub(super) fn check(publication: &Publication) -> Result<(), String> {
    let assets = || publication.targets.iter().chain(&publication.metadata);
    let count = assets().count();
    if count > ASSETS {
        return Err(format!("a release has at most {ASSETS} assets, and this one has {count}"));
    }
    assets().try_for_each(file)
}

fn file(asset: &Asset) -> Result<(), String> {
    let name = &asset.name;
    if asset.length >= FILE {
        return Err(format!("{name} has {} B, and GitHub takes files below 2 GiB", asset.length));
    }
    if asset.length == 0 {
        return Err(format!("{name} is empty, and GitHub takes no empty files"));
    }
    if !is_kept(name) {
        return Err(format!(
            "GitHub would silently change the name {name:?}: begin with a letter or digit, go on with these and . _ + -"
        ));
    }
    Ok(())
}

/// Whether GitHub leaves a name as it is.
fn is_kept(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(legal)
        && !name.contains("..")
        && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_github_changes_are_refused() {
        for kept in ["manifest.json", "a+b_c-1.0.0.tar.gz", "1.root.json"] {
            assert!(is_kept(kept), "{kept}");
        }
        for changed in ["", ".env", "a b", "a..b", "a.", "a~b", "ü.txt"] {
            assert!(!is_kept(changed), "{changed}");
        }
    }
}
