//! What preflight asks of the repositories: verified metadata, a lower version, and all of them alike.

use manifest_schema::version::ReleaseVersion;

use super::noted;
use crate::metadata::{Current, Roots};
use crate::problem::Problem;
use crate::publication::{Repository, TIMESTAMP};
use crate::release;

/// What each repository has published.
pub(super) fn all(
    roots: &Roots,
    version: &ReleaseVersion,
    repositories: &mut [Box<dyn Repository>],
    problems: &mut Vec<Problem>,
) -> Vec<Option<Current>> {
    if repositories.is_empty() {
        problems.push(Problem::NoDestination);
    }
    let mut published = Vec::new();
    for repository in repositories.iter_mut() {
        let current = noted(Current::load(roots, &mut **repository), Problem::Metadata, problems).flatten();
        problems.extend(current.as_ref().and_then(|current| not_higher(current, version, &**repository)));
        published.push(current);
    }
    problems.extend(diverged(&published, version, repositories));
    published
}

/// The releases that metadata names.
fn versions(current: &Current) -> impl Iterator<Item = ReleaseVersion> {
    current.targets().keys().filter_map(|path| {
        let tag = path.as_str().strip_suffix("/manifest.json")?;
        ReleaseVersion::from_tag(tag).ok()
    })
}

/// A release comes after all before it; a stable one only after the stable ones, so that 1.1.1 can still be made while
/// 1.2.0-rc.1 is tried. The version itself is no reason against it: the run may be repeated.
fn not_higher(current: &Current, version: &ReleaseVersion, repository: &dyn Repository) -> Option<Problem> {
    let counts = |other: &ReleaseVersion| version.is_prerelease() || !other.is_prerelease();
    let last = versions(current).filter(counts).max()?;
    let published = current.targets().contains_key(&release::manifest_path(version));
    (!published && last > *version).then(|| Problem::NotHigher {
        repository: repository.name(),
        last,
        version: version.clone(),
    })
}

/// Repositories that do not have the release yet must have one and the same metadata, since they get one and the same.
fn diverged(
    published: &[Option<Current>],
    version: &ReleaseVersion,
    repositories: &[Box<dyn Repository>],
) -> Option<Problem> {
    let path = release::manifest_path(version);
    let without = published
        .iter()
        .zip(repositories)
        .filter(|(current, _)| current.as_ref().is_none_or(|current| !current.targets().contains_key(&path)));
    let without: Vec<_> = without.collect();
    let differing = without.windows(2).find(|pair| timestamp(pair[0].0) != timestamp(pair[1].0))?;
    Some(Problem::Diverged { first: differing[0].1.name(), second: differing[1].1.name() })
}

fn timestamp(current: &Option<Current>) -> Option<&[u8]> {
    let files = current.as_ref()?.files();
    files.iter().find(|file| file.name == TIMESTAMP).map(|file| file.bytes.as_slice())
}
