//! New metadata without a release: what is published is looked at, something is signed, and all of it is brought to every
//! repository. What `publish refresh` and the verbs that change a decision have in common.

use std::path::Path;

use manifest_schema::tuf::RoleName;

use super::Failure;
use super::signing::{self, repositories, staging};
use crate::bundle::{Bundle, Purpose};
use crate::config::{self, Config};
use crate::destination::Destination;
use crate::memory::Memory;
use crate::metadata::{Advance, Ground, MetadataFile, Proposal, Roots};
use crate::progress;
use crate::publication::Published;
use crate::refresh::{self, Found, HiddenTargets};
use crate::sign::Signers;
use crate::words;

/// What is renewed, and from where.
pub(super) struct Place<'a> {
    /// The checkout.
    pub(super) directory: &'a Path,
    /// The repositories; those of publish.toml where there are none.
    pub(super) to: &'a [Destination],
    pub(super) hidden: HiddenTargets,
}

impl Place<'_> {
    /// Looks at what is published, lets `sign` make the whole metadata of what follows, and brings it. Where `sign` makes
    /// nothing, all stays as it is. `done` is what is said of each repository afterwards.
    pub(super) fn renew(
        &self,
        done: &str,
        sign: impl FnOnce(&Config, &Ground<'_>, &Found) -> Result<Option<Vec<MetadataFile>>, Failure>,
    ) -> Result<(), Failure> {
        let config = Config::read(self.directory)?;
        let now = super::now()?;
        let (staging, _lock) = staging(self.directory)?;
        let roots = Roots::read(&self.directory.join(config::ROOTS))?;
        let mut repositories = repositories(self.to, &config, self.directory)?;
        let mut memory = Memory::open(staging.parent().unwrap_or(&staging), &roots)?;
        let found = refresh::look(&roots, &mut repositories, self.hidden)?;
        found.versions.iter().try_for_each(|(name, version)| memory.check(name, *version))?;
        let ground = Ground { roots: &roots, current: Some(&found.current), expiry: config.expiry, now };
        let Some(files) = sign(&config, &ground, &found)? else {
            return Ok(());
        };
        let published = refresh::bring(&roots, &files, &mut repositories, &staging, &mut *progress::for_stderr())?;
        for repository in &repositories {
            memory.note(&repository.name(), ground.version(RoleName::Timestamp)?)?;
        }
        for published in published {
            let (Published::Public { location } | Published::Draft { location }) = published;
            println!("{location} {done}: clients trust it until {}", words::day(ground.expires(RoleName::Timestamp)));
        }
        Ok(())
    }
}

/// The whole metadata, signed, once a person has seen what the targets say; nothing where others must sign first.
pub(super) fn sign(
    ground: &Ground<'_>,
    mut proposal: Proposal,
    signers: &mut Signers,
    bundle: Option<&Path>,
    yes: bool,
) -> Result<Option<Vec<MetadataFile>>, Failure> {
    if proposal.targets.is_some() {
        signing::show(&words::proposal(ground, &proposal));
        signing::confirm("Sign this?", yes)?;
    }
    match proposal.advance(ground, signers)? {
        Advance::Complete(files) => Ok(Some(files)),
        Advance::Waiting(waiting) => {
            let made = Bundle::Metadata(Purpose::Refresh, proposal);
            signing::pass_on(ground, made, &waiting, bundle, "publish refresh --bundle")?;
            Ok(None)
        }
    }
}
