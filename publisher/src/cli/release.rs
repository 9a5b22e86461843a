//! `publish v1.1.0`.

use std::fs::File;
use std::path::{Path, PathBuf};

use manifest_schema::manifest::Severity;
use manifest_schema::version::ReleaseVersion;
use rustix::fs::{FlockOperation, flock};

use super::{Failure, Release};
use crate::config::Config;
use crate::destination::Destination;
use crate::disk;
use crate::git::Git;
use crate::passphrase::Passphrases;
use crate::preflight::{self, Subject};
use crate::progress;
use crate::publication::{Published, Visibility};
use crate::release::{self, Decisions, Prepared, Staged};

mod dry_run;

pub(super) fn run(arguments: &Release) -> Result<(), Failure> {
    let directory = arguments.checkout.directory.as_path();
    let version = arguments.version.as_ref().expect("the caller has seen it");
    let config = Config::read(directory)?;
    let destinations = destinations(arguments, &config, directory)?;
    let decisions = decisions(arguments, &config, version, &destinations)?;
    let now = super::now()?;
    let (staging, _lock) = staging(directory)?;
    let mut repositories =
        destinations.iter().map(|destination| destination.repository(&config)).collect::<Result<Vec<_>, _>>()?;
    let subject = Subject {
        directory,
        config: &config,
        keys: arguments.keys.clone().unwrap_or_else(|| directory.join(&config.keys)),
        version,
        minimum_version: decisions.minimum_version.as_ref(),
        outputs: destinations.iter().filter_map(Destination::directory).collect(),
        now,
    };
    let mut passphrases = Passphrases::new(arguments.passphrase.file());
    let ready = preflight::preflight(&subject, &mut passphrases, &mut repositories)?;
    let mut progress = progress::for_stderr();
    let staged = release::stage(&ready, &config, version, &decisions, &staging, &mut *progress)?;
    let names: Vec<String> = repositories.iter().map(|repository| repository.name()).collect();
    let prepared = release::prepare(&staged, &ready, &names, config.expiry, now, &staging)?;
    let visibility = if arguments.draft { Visibility::Draft } else { Visibility::Public };
    if arguments.dry_run {
        dry_run::show(&staged, &prepared, &repositories, visibility);
        return Ok(());
    }
    for (prepared, repository) in prepared.iter().zip(&mut repositories) {
        let published = repository.publish(&prepared.publication, visibility, &mut *progress)?;
        tell(&staged, prepared, &published);
    }
    Ok(())
}

fn destinations(arguments: &Release, config: &Config, directory: &Path) -> Result<Vec<Destination>, Failure> {
    if arguments.to.is_empty() { Ok(config.destinations(directory)?) } else { Ok(arguments.to.clone()) }
}

fn decisions(
    arguments: &Release,
    config: &Config,
    version: &ReleaseVersion,
    destinations: &[Destination],
) -> Result<Decisions, Failure> {
    let channels = if arguments.channels.is_empty() { &config.channels } else { &arguments.channels }.clone();
    Ok(Decisions {
        severity: arguments.severity.map_or_else(|| severity(version), Into::into),
        channels,
        minimum_version: arguments.minimum_version.clone().or_else(|| config.minimum_version.clone()),
        breaking: arguments.breaking,
        rollback_supported: !arguments.no_rollback,
        targets_url: config
            .targets_url
            .clone()
            .or_else(|| destinations.iter().find_map(|destination| destination.targets_url(config))),
    })
}

/// What the version's numbers say: 2.0.0 is major, 1.1.0 is minor, 1.1.1 is patch; a pre-release is as its release.
fn severity(version: &ReleaseVersion) -> Severity {
    let text = version.to_string();
    let mut numbers = text.split(['.', '-']).skip(1);
    match (numbers.next(), numbers.next()) {
        (Some("0"), Some("0")) => Severity::Major,
        (_, Some("0")) => Severity::Minor,
        (_, _) => Severity::Patch,
    }
}

/// The staging directory, inside git's own, and the lock that keeps a second run out of it.
fn staging(directory: &Path) -> Result<(PathBuf, File), Failure> {
    let private = Git::open(directory)?.private_directory("surefoot")?;
    let staging = private.join("staging");
    disk::make_dirs(&staging)?;
    let lock = disk::create(&private.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| Failure::Busy)?;
    disk::empty_dir(&staging)?;
    Ok((staging, lock))
}

fn tell(staged: &Staged, prepared: &Prepared, published: &Published) {
    let tag = staged.version.tag();
    match published {
        Published::Public { location } if prepared.already => {
            println!("{tag} is already published in {location}: complete and unchanged");
        }
        Published::Public { location } => println!("{tag} is published in {location}"),
        Published::Draft { location } => {
            println!("{tag} waits as a draft in {location}; the same command without --draft publishes it");
        }
    }
}
