//! This installation's id: made once, at random, and kept. By it the installation has its place in the vendor's rollouts, and
//! nothing else; it is never sent anywhere. Not machine-id(5), which must not be told (and of which copies of one image have
//! the same), and one for each instance, so that a test instance does not always go with the one beside it.

use crate::decide::Releases;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::layout::InstanceLayout;

/// Where the kernel gives random ids: 36 characters, 122 random bits (random(4), RFC 9562).
const RANDOM: &str = "/proc/sys/kernel/random/uuid";

/// The id; made where a rollout first asks for it. One that cannot be read is made anew: all that is lost is a place in the
/// rollouts that go on, and a machine that would not look for releases any more would be worse off.
pub(super) fn id(here: &InstanceLayout, releases: &Releases) -> Result<String, Failure> {
    if releases.sound.iter().all(|candidate| candidate.custom.rollout.is_none()) {
        return Ok(String::new());
    }
    let kept = std::fs::read_to_string(here.installation()).ok();
    if let Some(id) = kept.as_deref().map(str::trim_end).filter(|id| is_one(id)) {
        return Ok(id.to_owned());
    }
    let made = std::fs::read_to_string(RANDOM)
        .map_err(|error| Failure::new(Exit::Unexpected, format!("cannot read {RANDOM}: {error}")))?;
    let id = made.trim_end();
    durable::make_dirs(here.state(), 0o755).map_err(|error| Failure::early(&error))?;
    durable::write_over(&here.installation(), format!("{id}\n").as_bytes(), 0o644)
        .map_err(|error| Failure::early(&error))?;
    Ok(id.to_owned())
}

fn is_one(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    fn releases() -> Releases {
        let custom = serde_json::json!({
            "product": "kkt", "version": "1.1.0", "channels": ["stable"], "severity": "minor",
            "released_at": "2026-01-10T12:00:00Z", "rollback_supported": true, "database_migration": false,
            "rollout": { "salt": "s", "waves": [{ "start": "2026-12-01T03:00:00Z", "percent": 10 }] },
        });
        let custom = serde_json::from_value(custom).unwrap();
        let manifest = manifest_schema::digest::Sha256::of(b"");
        Releases { sound: vec![crate::decide::Candidate { custom, manifest }], refused: Vec::new() }
    }

    #[test]
    fn it_is_made_once_by_the_first_rollout_and_each_instance_has_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let (one, other) = (layout.instance(&"one".parse().unwrap()), layout.instance(&"other".parse().unwrap()));
        assert_eq!(id(&one, &Releases::default()).unwrap(), "");
        assert!(!one.installation().exists(), "nothing asks for it");
        let first = id(&one, &releases()).unwrap();
        assert!(is_one(&first), "{first}");
        assert_eq!(id(&one, &releases()).unwrap(), first);
        assert_ne!(id(&other, &releases()).unwrap(), first);
    }

    #[test]
    fn one_that_is_empty_or_damaged_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let here = Layout::new(directory.path()).instance(&"one".parse().unwrap());
        let first = id(&here, &releases()).unwrap();
        for damaged in [&b""[..], b"\0\0\0", b"\xff", &first.as_bytes()[..20]] {
            durable::write_over(&here.installation(), damaged, 0o644).unwrap();
            let made = id(&here, &releases()).unwrap();
            assert!(is_one(&made) && made != first, "{made}");
            assert_eq!(id(&here, &releases()).unwrap(), made);
        }
    }
}
