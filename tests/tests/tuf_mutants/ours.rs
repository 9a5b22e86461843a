//! What our verifier makes of a repository in memory.

use manifest_schema::tuf::{Error, Expiry, RoleName, TrustedRepository};
use serde_json::{Value, json};

use super::vendor::Files;

/// What comes of a cycle.
pub(crate) enum Verdict {
    /// Versions and targets.
    Trusted(Value),
    /// The form is not our profile's.
    BadForm,
    /// A file that is listed is not there.
    Missing(String),
    /// Anything else.
    Refused(String),
}

enum Refusal {
    Error(Error),
    Missing(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(crate) fn judge(state: &Files, files: &Files) -> Verdict {
    match cycle(state, files) {
        Ok(trusted) => Verdict::Trusted(trusted),
        Err(Refusal::Missing(name)) => Verdict::Missing(name),
        Err(Refusal::Error(error)) => {
            let is_form = matches!(
                error,
                Error::Unreadable { .. }
                    | Error::Malformed { .. }
                    | Error::SpecVersion { .. }
                    | Error::SignedTwice { .. }
            );
            let is_too_few = matches!(error, Error::TooFewSignatures { .. });
            if is_form || is_too_few && files.values().any(|file| is_oddly_signed(file)) {
                Verdict::BadForm
            } else {
                Verdict::Refused(format!("{error:?}"))
            }
        }
    }
}

/// Whether a signature is spelt in another way than in 128 lower-case hex digits; python-tuf also reads capitals and blanks.
fn is_oddly_signed(file: &[u8]) -> bool {
    let file: Value = serde_json::from_slice(file).unwrap_or_default();
    let is_plain = |sig: &str| sig.len() == 128 && sig.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let signatures = file["signatures"].as_array().map(Vec::as_slice).unwrap_or_default();
    signatures.iter().any(|signature| !signature["sig"].as_str().is_some_and(is_plain))
}

fn cycle(state: &Files, files: &Files) -> Result<Value, Refusal> {
    let file = |name: String| files.get(&name).ok_or(Refusal::Missing(name));
    let mut trusted = TrustedRepository::from_root(&state["root.json"], None)?;
    if state.len() > 1 {
        let previous = Expiry::PreviousState;
        let _ = trusted.update_timestamp(&state["timestamp.json"], previous)?;
        trusted.update_snapshot(&state["snapshot.json"], previous)?;
        trusted.update_targets(&state["targets.json"], previous)?;
    }
    while let Some(root) = files.get(&RoleName::Root.file_name(trusted.root().version + 1)) {
        let _ = trusted.update_root(root)?;
    }
    let now = Expiry::Enforce(jiff::Timestamp::now());
    let _ = trusted.update_timestamp(file("timestamp.json".to_owned())?, now)?;
    let wanted = trusted.wanted_snapshot().unwrap();
    trusted.update_snapshot(file(RoleName::Snapshot.file_name(wanted.version))?, now)?;
    let wanted = trusted.wanted_targets().unwrap();
    trusted.update_targets(file(RoleName::Targets.file_name(wanted.version))?, now)?;
    let version = |role| trusted.known(role).unwrap().0;
    let targets = &trusted.targets().unwrap().targets;
    Ok(json!({
        "versions": RoleName::ALL.into_iter().map(|role| (role.to_string(), version(role))).collect::<std::collections::BTreeMap<_, _>>(),
        "targets": targets.iter().map(|(path, target)| (path.to_string(), json!([target.length, target.sha256]))).collect::<std::collections::BTreeMap<_, _>>(),
    }))
}
