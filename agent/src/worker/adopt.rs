//! Adopting a directory that is there already, and giving it back.

use std::collections::BTreeSet;
use std::path::Path;

use manifest_schema::manifest::{Manifest, Severity};
use manifest_schema::path::ReleasePath;
use manifest_schema::profile::Profile;
use manifest_schema::version::ReleaseVersion;

use super::check::{self, Look};
use super::preflight::{check_manager, check_units};
use super::update::{begin, execute};
use super::{Reply, Work};
use crate::config::Settings;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::history;
use crate::plan::{Act, FORMAT, Plan, Side, Step};

/// Most paths that are named one by one.
const MOST_NAMED: usize = 20;
/// More bytes than any version has.
const LONGEST_VERSION: u64 = 1024;

/// `surefoot adopt`.
pub(super) fn adopt(
    work: &mut Work<'_>,
    settings: &Settings,
    version: Option<&ReleaseVersion>,
    dry_run: bool,
    by: &str,
) -> Result<Reply, Failure> {
    let mut look = check::look(work, settings)?;
    if let Some(installed) = &look.installed {
        return Err(Failure::new(
            Exit::NotFound,
            format!("{} is managed already, as {}", settings.instance.name, installed.version),
        ));
    }
    check_directory(&settings.instance.directory)?;
    let version = which_version(&settings.instance.directory, version)?;
    let manifest = description(&mut look, &version)?;
    let profile =
        settings.localise(manifest.application.clone()).map_err(|error| Failure::of(Exit::Configuration, &error))?;
    check_manager(settings, &profile)?;
    check_units(work, settings, &profile)?;
    let lost = would_not_survive(&settings.instance.directory, &manifest, &version, &profile);
    let report = report(settings, &version, &lost);
    if dry_run {
        return Ok(Reply {
            exit: Exit::Ok,
            message: report,
            answer: Some(serde_json::json!({ "version": version, "would_not_survive": lost })),
        });
    }
    work.note(report);
    let id = work.next_id(settings, &look.journals)?;
    let plan = base(work, settings, id, Act::Adopt, side(&look, version, profile), by);
    let mut journal = begin(work, settings, plan)?;
    execute(work, &mut journal, None)
}

/// `surefoot release`.
pub(super) fn release(work: &mut Work<'_>, settings: &Settings, by: &str) -> Result<Reply, Failure> {
    let journals = check::journals(work, settings)?;
    let installed = history::installed(&journals)
        .ok_or_else(|| Failure::new(Exit::NotFound, format!("{} is not managed", settings.instance.name)))?;
    let plan = Plan {
        from: Some(installed.clone()),
        ..base(work, settings, work.next_id(settings, &journals)?, Act::Release, installed, by)
    };
    let mut journal = begin(work, settings, plan)?;
    execute(work, &mut journal, None)
}

fn base(work: &Work<'_>, settings: &Settings, id: u32, act: Act, to: Side, by: &str) -> Plan {
    let step = if act == Act::Release { Step::Release } else { Step::Adopt };
    Plan {
        format: FORMAT,
        id,
        act,
        instance: settings.instance.clone(),
        from: None,
        to,
        severity: Severity::Patch,
        applied_by: format!("asked for by {by}"),
        planned_at: work.now(),
        already_failing: Vec::new(),
        takes_back: None,
        steps: vec![step],
    }
}

fn check_directory(directory: &Path) -> Result<(), Failure> {
    let refuse = |reason: &str| Err(Failure::new(Exit::Refused, format!("{} {reason}", directory.display())));
    match std::fs::symlink_metadata(directory) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(meta) if meta.is_symlink() => refuse("is a link: a plain directory can be adopted"),
        Ok(_) => refuse("is no directory"),
        Err(error) => refuse(&format!("cannot be read: {error}")),
    }
}

fn which_version(directory: &Path, named: Option<&ReleaseVersion>) -> Result<ReleaseVersion, Failure> {
    if let Some(version) = named {
        return Ok(version.clone());
    }
    let path = directory.join("VERSION");
    let ask = |reason: String| {
        Failure::new(Exit::Usage, format!("{}: {reason}; say which release it is with --version", path.display()))
    };
    let text = durable::read_file(&path, LONGEST_VERSION).map_err(|error| ask(error.to_string()))?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim();
    text.strip_prefix('v')
        .unwrap_or(text)
        .parse()
        .map_err(|error: manifest_schema::version::VersionError| ask(error.to_string()))
}

/// The signed description of this release, or of the newest one where the vendor never published this one.
fn description(look: &mut Look, version: &ReleaseVersion) -> Result<Manifest, Failure> {
    let published = look.releases.sound.iter().any(|candidate| candidate.custom.version == *version);
    let newest = look.releases.sound.iter().map(|candidate| &candidate.custom.version).max().cloned();
    let described = if published { Some(version.clone()) } else { newest };
    let described = described
        .ok_or_else(|| Failure::new(Exit::NotFound, "the source has no release that describes the application"))?;
    Ok(check::manifest(look, &described)?.into_inner())
}

fn side(look: &Look, version: ReleaseVersion, profile: Profile) -> Side {
    let manifest = check::candidate(look, &version).ok().map(|candidate| candidate.manifest);
    Side { version, manifest, profile }
}

/// Files in the directory that are neither the release's nor named as surviving: an update would leave them behind. For a
/// release that was never published there is nothing to compare with.
fn would_not_survive(
    directory: &Path,
    manifest: &Manifest,
    version: &ReleaseVersion,
    profile: &Profile,
) -> Vec<String> {
    if manifest.version != *version {
        return Vec::new();
    }
    let ours: BTreeSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    let directories: BTreeSet<String> = manifest.files.iter().flat_map(|file| parents(file.path.as_str())).collect();
    let mut lost = Vec::new();
    visit(directory, &mut |path, is_dir| {
        let survives = path.parse::<ReleasePath>().is_ok_and(|path| profile.kept(&path).is_some());
        let above_kept = is_dir && profile.keep.iter().any(|kept| kept.path.as_str().starts_with(&format!("{path}/")));
        if survives || ours.contains(path) {
            return false;
        }
        if is_dir && (directories.contains(path) || above_kept) {
            return true;
        }
        lost.push(if is_dir { format!("{path}/") } else { path.to_owned() });
        false
    });
    lost.sort();
    lost
}

fn parents(path: &str) -> Vec<String> {
    path.match_indices('/').map(|(end, _)| path[..end].to_owned()).collect()
}

/// Visits each entry; `enter` says whether to go into a directory. What cannot be read is not told of.
fn visit(top: &Path, enter: &mut dyn FnMut(&str, bool) -> bool) {
    let _ = durable::walk(top, &mut |found| {
        let is_top = found.below().as_os_str().is_empty();
        Ok(is_top || enter(&found.below().to_string_lossy(), found.is_dir()))
    });
}

fn report(settings: &Settings, version: &ReleaseVersion, lost: &[String]) -> String {
    let directory = settings.instance.directory.display();
    if lost.is_empty() {
        return format!("{directory} is {version}; everything in it is the release's or survives an update");
    }
    let named: Vec<String> = lost.iter().take(MOST_NAMED).map(|path| format!("\n  {path}")).collect();
    let more = lost.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    format!(
        "{directory} is {version}; an update would leave these behind, since they are not the release's:{}{more}",
        named.concat()
    )
}
