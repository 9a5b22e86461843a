//! Small texts: versions, names, paths, keys, places. Each is legal or it is not, and is spelt in one way.

use std::fmt::Display;
use std::str::FromStr;

use manifest_schema::digest::Sha256;
use manifest_schema::path::{Name, ReleasePath};
use manifest_schema::tuf::{KeyId, PublicKey, TargetPath};
use manifest_schema::version::ReleaseVersion;

use crate::host::systemd::is_service_name;
use crate::source::{Location, SourceSpec};
use crate::store::BackupTag;

/// Each line as all that it could be.
pub fn texts(bytes: &[u8]) -> bool {
    let Some(lines) = super::lines(bytes) else { return false };
    lines.iter().map(|line| is_something(line)).filter(|it| *it).count() > 0
}

fn is_something(text: &str) -> bool {
    let plain = [
        is_spelt_so::<ReleaseVersion>(text),
        is_spelt_so::<Name>(text),
        is_spelt_so::<ReleasePath>(text),
        is_spelt_so::<TargetPath>(text),
        is_spelt_so::<BackupTag>(text),
        is_spelt_so::<Sha256>(text),
        is_spelt_so::<KeyId>(text),
        is_spelt_so::<PublicKey>(text),
    ];
    assert!(!is_service_name(text) || !text.contains('/'), "a unit in another directory");
    plain.contains(&true) | is_a_source(text)
}

/// Whether it is a `T`, whose spelling is then this one.
fn is_spelt_so<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|value| {
        assert_eq!(value.to_string(), text, "two spellings of one thing");
        true
    })
}

/// Whatever it is asked for, what a source names lies within it.
fn is_a_source(text: &str) -> bool {
    let (source, name) = text.split_once(' ').unwrap_or((text, "v1.1.0/manifest.json"));
    let Ok(source) = SourceSpec::parse(source, &crate::source::Hosts::default()) else { return false };
    let (top, found) = (source.to_string(), [source.target_url(name), source.metadata_url(name)]);
    for location in found.into_iter().flatten() {
        match location {
            Location::Url(url) => {
                let below = url.strip_prefix(top.trim_end_matches('/')).unwrap_or_default();
                assert!(below.starts_with('/') && !below.contains("/../"), "{url} is not below {top}");
                assert!(!below.contains(['?', '#']), "{url} is another file");
            }
            Location::File(path) => {
                let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
                let SourceSpec::Directory { path: top } = &source else { panic!("{source} gives a file") };
                assert!(path.starts_with(top) && !climbs, "{} is not below {source}", path.display());
            }
        }
    }
    true
}
