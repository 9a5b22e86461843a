//! `publish v1.1.0`.

use std::path::Path;

use manifest_schema::manifest::{Platforms, Rollout, Severity};
use manifest_schema::version::ReleaseVersion;

use super::signing::{self, staging};
use super::{Failure, Release};
use crate::bundle::{Bundle, Purpose};
use crate::change;
use crate::config::Config;
use crate::destination::Destination;
use crate::memory::Memory;
use crate::metadata::{Current, Ground};
use crate::preflight::{self, Subject};
use crate::progress;
use crate::publication::{Published, Visibility};
use crate::release::{self, Decisions, Desk, Outcome, Prepared, Staged};

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
        keys: arguments.signing.directory(directory, &config),
        others_sign: arguments.bundle.is_some(),
        version,
        minimum_version: decisions.minimum_version.as_ref(),
        outputs: destinations.iter().filter_map(Destination::directory).collect(),
        now,
    };
    let purpose = Purpose::Release(version.clone());
    let begun = arguments.bundle.as_deref().map(|path| Bundle::proposal(path, &purpose)).transpose()?.flatten();
    let mut signers = arguments.signing.signers(directory, &config)?;
    let ready = preflight::preflight(&subject, &mut signers, &mut repositories)?;
    let names: Vec<String> = repositories.iter().map(|repository| repository.name()).collect();
    let mut memory = Memory::open(staging.parent().unwrap_or(&staging), &ready.roots)?;
    for (current, name) in ready.published.iter().zip(&names) {
        memory.check(name, current.as_ref().map_or(0, Current::version))?;
    }
    let mut progress = progress::for_stderr();
    let staged = release::stage(&ready, &config, version, &decisions, &staging, &mut *progress)?;
    let mut desk = Desk { signers: &mut signers, expiry: config.expiry, now, staging: &staging };
    let prepared = match release::prepare(&staged, &ready, &names, &mut desk, begun)? {
        Outcome::Signed(prepared) => prepared,
        Outcome::Begun(proposal, waiting) => {
            let current = ready.published.first().and_then(Option::as_ref);
            let ground = Ground { roots: &ready.roots, current, expiry: config.expiry, now };
            let bundle = arguments.bundle.as_deref().filter(|_| !arguments.dry_run);
            return signing::pass_on(
                &ground,
                Bundle::Metadata(purpose, proposal),
                &waiting,
                bundle,
                &format!("publish {} --bundle", version.tag()),
            );
        }
    };
    let visibility = if arguments.draft { Visibility::Draft } else { Visibility::Public };
    if arguments.dry_run {
        dry_run::show(&staged, &prepared, &repositories, visibility);
        return Ok(());
    }
    for (prepared, repository) in prepared.iter().zip(&mut repositories) {
        let published = repository.publish(&prepared.publication, visibility, &mut *progress)?;
        if let Published::Public { .. } = published {
            memory.note(&repository.name(), prepared.version)?;
        }
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
    if let Some(floor) = arguments.security_floor.as_ref().filter(|floor| *floor > version) {
        return Err(Failure::Usage(format!("--security-floor {floor} is above {version}: nobody could install it")));
    }
    let channels = if arguments.channels.is_empty() { &config.channels } else { &arguments.channels }.clone();
    Ok(Decisions {
        severity: arguments.severity.map_or_else(|| severity(version), Into::into),
        channels,
        minimum_version: arguments.minimum_version.clone().or_else(|| config.minimum_version.clone()),
        breaking: arguments.breaking,
        rollback_supported: !arguments.no_rollback,
        platforms: platforms(&arguments.platforms)?,
        rollout: rollout(arguments, config, version)?,
        security_floor: arguments.security_floor.clone(),
        targets_url: config
            .targets_url
            .clone()
            .or_else(|| destinations.iter().find_map(|destination| destination.targets_url(config))),
    })
}

fn platforms(names: &[String]) -> Result<Option<Platforms>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    Platforms::try_from(names.to_vec()).map(Some).map_err(|error| Failure::Usage(error.to_string()))
}

fn rollout(arguments: &Release, config: &Config, version: &ReleaseVersion) -> Result<Option<Rollout>, Failure> {
    if arguments.waves.is_empty() {
        return Ok(None);
    }
    let rollout = Rollout::new(change::salt(&config.product, version), arguments.waves.clone());
    rollout.map(Some).map_err(|error| Failure::Usage(error.to_string()))
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
