//! Releases and assets in GitHub's JSON, as far as they are used here.

use serde::{Deserialize, Serialize};

use crate::publication::Asset;

/// A release.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RemoteRelease {
    pub(crate) id: u64,
    pub(crate) tag_name: String,
    pub(crate) html_url: String,
    /// With `{?name,label}` at its end.
    pub(crate) upload_url: String,
    pub(crate) draft: bool,
    /// Whether its assets can never change any more; absent from older Enterprise servers.
    #[serde(default)]
    pub(crate) immutable: bool,
}

/// A file of a release.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RemoteAsset {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// `uploaded`; anything else is what a failed upload left behind.
    pub(crate) state: String,
    pub(crate) size: u64,
    /// `sha256:…`; absent from older Enterprise servers.
    #[serde(default)]
    pub(crate) digest: Option<String>,
}

impl RemoteAsset {
    pub(crate) fn is_complete(&self) -> bool {
        self.state == "uploaded"
    }

    /// Whether it is this file, as far as GitHub tells: a server without digests tells only the length, and the
    /// rest is found out when the draft is verified.
    pub(crate) fn is(&self, asset: &Asset) -> bool {
        let digest = format!("sha256:{}", asset.sha256);
        let same_bytes = self.digest.as_ref().is_none_or(|told| *told == digest);
        self.is_complete() && self.size == asset.length && same_bytes
    }
}

/// What a draft is made from.
#[derive(Debug, Serialize)]
pub(crate) struct NewDraft<'a> {
    pub(crate) tag_name: &'a str,
    pub(crate) name: &'a str,
    pub(crate) body: &'a str,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
}

/// What makes a draft a release. The notes once more, since the draft may be an older one.
#[derive(Debug, Serialize)]
pub(crate) struct Undraft<'a> {
    pub(crate) tag_name: &'a str,
    pub(crate) name: &'a str,
    pub(crate) body: &'a str,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) make_latest: MakeLatest,
}

/// A text on the wire: GitHub refuses a truth value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum MakeLatest {
    #[serde(rename = "true")]
    Yes,
    #[serde(rename = "false")]
    No,
}

/// What GitHub says when it refuses.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Complaint {
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) errors: Vec<Detail>,
}

/// One reason of a refusal.
#[derive(Debug, Deserialize)]
pub(crate) struct Detail {
    #[serde(default)]
    pub(crate) field: String,
    #[serde(default)]
    pub(crate) code: String,
}

impl Complaint {
    /// In one line, such as `Validation Failed (name already_exists)`.
    pub(crate) fn line(&self) -> String {
        let details = self.errors.iter().map(|detail| format!("{} {}", detail.field, detail.code));
        let details: Vec<String> = details.collect();
        match details.is_empty() {
            true => self.message.clone(),
            false => format!("{} ({})", self.message, details.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manifest_schema::digest::Sha256;

    fn asset(bytes: &[u8]) -> Asset {
        Asset { name: "a.txt".to_owned(), file: "a.txt".into(), length: bytes.len() as u64, sha256: Sha256::of(bytes) }
    }

    fn remote(state: &str, size: u64, digest: Option<&str>) -> RemoteAsset {
        let json = serde_json::json!({
            "id": 1, "name": "a.txt", "state": state, "size": size, "digest": digest,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_asset_is_ours_by_state_length_and_digest() {
        let ours = asset(b"hello");
        let digest = format!("sha256:{}", ours.sha256);
        assert!(remote("uploaded", 5, Some(&digest)).is(&ours));
        assert!(remote("uploaded", 5, None).is(&ours));
        assert!(!remote("starter", 5, Some(&digest)).is(&ours));
        assert!(!remote("uploaded", 6, Some(&digest)).is(&ours));
        assert!(!remote("uploaded", 5, Some("sha256:00")).is(&ours));
    }

    #[test]
    fn make_latest_is_written_as_a_text() {
        let undraft = Undraft {
            tag_name: "v1.0.0",
            name: "v1.0.0",
            body: "",
            draft: false,
            prerelease: false,
            make_latest: MakeLatest::Yes,
        };
        let written = serde_json::to_string(&undraft).unwrap();
        assert!(written.contains(r#""make_latest":"true""#), "{written}");
    }

    /// Recorded from GitHub (`@octokit/fixtures`, release-assets-conflict).
    #[test]
    fn a_conflict_reads_as_one_line() {
        let said = r#"{"message":"Validation Failed","request_id":"DF42",
            "errors":[{"resource":"ReleaseAsset","code":"already_exists","field":"name"}],
            "documentation_url":"https://docs.github.com/rest"}"#;
        let complaint: Complaint = serde_json::from_str(said).unwrap();
        assert_eq!(complaint.line(), "Validation Failed (name already_exists)");
    }
}
