//! What a release on GitHub has: the names of its assets, and under which number each is asked for.
//!
//! Pure. [`Listing::read`] is fed with what a stranger's server answers, in the fetch process; the engine gets only what it
//! came to. Nothing of it is believed: a wrong number brings wrong bytes, which are refused like any others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most bytes of GitHub's answer: a release has up to 1000 assets of about 2 KB each ("About releases"), and notes.
pub const ANSWER: u64 = 8 * 1024 * 1024;
/// Most assets of a release.
const MOST: usize = 1000;
/// Longest name of an asset, in bytes.
const LONGEST_NAME: usize = 255;

/// The assets of a release that are complete: name → number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    assets: BTreeMap<String, u64>,
}

/// A release in GitHub's words, as far as it matters here.
#[derive(Deserialize)]
struct Release {
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    id: u64,
    name: String,
    state: String,
}

impl Listing {
    /// Reads the answer to `GET /repos/{owner}/{repo}/releases/latest` or `…/tags/{tag}`. An asset whose name GitHub would have
    /// changed, or that is not uploaded to its end, is none.
    ///
    /// # Errors
    /// A sentence's end: what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let release: Release =
            serde_json::from_slice(bytes).map_err(|_| "it does not describe a release".to_owned())?;
        if release.assets.len() > MOST {
            return Err(format!("it lists {} assets, and a release has at most {MOST}", release.assets.len()));
        }
        let complete = release.assets.into_iter().filter(|asset| asset.state == "uploaded" && is_name(&asset.name));
        Ok(Self { assets: complete.map(|asset| (asset.name, asset.id)).collect() })
    }

    /// The number of the asset of this name.
    pub fn find(&self, name: &str) -> Option<u64> {
        self.assets.get(name).copied()
    }
}

fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= LONGEST_NAME && name.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_assets_are_found_by_their_names() {
        let said = br#"{"id": 7, "tag_name": "v1.0.0", "draft": false, "assets": [
            {"id": 11, "name": "timestamp.json", "state": "uploaded", "size": 3, "uploader": {"login": "octocat"}},
            {"id": 12, "name": "7.root.json", "state": "starter"},
            {"id": 13, "name": "../evil", "state": "uploaded"}]}"#;
        let listing = Listing::read(said).unwrap();
        assert_eq!(listing.find("timestamp.json"), Some(11));
        assert_eq!([listing.find("7.root.json"), listing.find("../evil"), listing.find("x")], [None; 3]);
        let written = serde_json::to_vec(&listing).unwrap();
        assert_eq!(serde_json::from_slice::<Listing>(&written).unwrap(), listing);
    }

    #[test]
    fn what_describes_no_release_is_refused() {
        for said in ["", "[]", "{}", "null", r#"{"assets": [{"id": -1, "name": "a", "state": "uploaded"}]}"#] {
            assert!(Listing::read(said.as_bytes()).is_err(), "{said}");
        }
        let deep = format!(r#"{{"assets": {}"#, "[".repeat(100_000));
        assert!(Listing::read(deep.as_bytes()).is_err());
        let asset = r#"{"id": 1, "name": "a", "state": "uploaded"}"#;
        let many = |count: usize| format!(r#"{{"assets": [{}]}}"#, vec![asset; count].join(","));
        assert!(Listing::read(many(MOST).as_bytes()).is_ok());
        assert!(Listing::read(many(MOST + 1).as_bytes()).is_err());
    }
}
