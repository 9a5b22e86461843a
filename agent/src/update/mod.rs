//! One update: the walk, its engine, and what happens after a crash.
//!
//! The engine is plain synchronous code. It makes no choices: what is done is in the plan, what was done is in the journal,
//! and what is to be done after a crash is a pure function of both ([`resume`]).

mod around;
pub mod blame;
mod databases;
pub mod engine;
pub mod keep;
pub mod resume;
pub mod step;

use std::path::Path;

use manifest_schema::manifest::Manifest;
use manifest_schema::path::Name;
use manifest_schema::profile::Database;
use manifest_schema::tuf::Verified;

pub use engine::{Outcome, recover, run};
pub use step::StepError;

use crate::clock::Clock;
use crate::event::Event;
use crate::evidence;
use crate::exit::Exit;
use crate::health::Ask;
use crate::host::Services;
use crate::host::vendor::Vendor;
use crate::journal::Journal;
use crate::layout::{AppLayout, InstanceLayout, Layout};
use crate::plan::{Plan, Side};
use crate::redact::Redactor;
use crate::source::ReleaseSource;
use crate::store::{Administration, Place, RunVendor, Store, StoreError, VendorCommand};

/// The effects that an update needs, in one bundle: what a test replaces.
pub struct World<'w> {
    /// Every path.
    pub layout: &'w Layout,
    /// The service manager.
    pub services: &'w mut dyn Services,
    /// Who asks URLs.
    pub ask: &'w mut dyn Ask,
    /// Time.
    pub clock: &'w dyn Clock,
    /// Who watches.
    pub tell: &'w mut dyn FnMut(Event),
    /// The release on its way here, where there is one.
    pub delivery: Option<Delivery<'w>>,
}

/// What only the first part of an update needs: the release on its way here.
pub struct Delivery<'w> {
    /// From where, best first: where one fails, the next goes on.
    pub sources: Vec<&'w mut (dyn ReleaseSource + 'static)>,
    /// What it must be.
    pub manifest: &'w Verified<Manifest>,
    /// The artifact's name at the source.
    pub hashed_path: String,
}

/// An update under way: the plan, its journal and its places.
pub struct Walk<'w, 'x> {
    plan: Plan,
    journal: &'x mut Journal,
    here: InstanceLayout,
    app: AppLayout,
    vendor: Vendor,
    /// What the services and checks say while they are probed.
    diary: evidence::Diary,
    world: &'x mut World<'w>,
    /// Why the first step failed, in the classes of exit codes.
    cause: Exit,
}

impl<'w, 'x> Walk<'w, 'x> {
    fn new(journal: &'x mut Journal, world: &'x mut World<'w>) -> Self {
        let plan = journal.plan().clone();
        let here = world.layout.instance(&plan.instance.name);
        Self {
            app: AppLayout::new(&plan.instance.directory),
            vendor: Vendor {
                redactor: evidence::of_update(world.layout, &plan),
                ..vendor(&plan, &here, journal.directory())
            },
            diary: evidence::Diary::of(journal.directory()),
            here,
            journal,
            world,
            plan,
            cause: Exit::RolledBack,
        }
    }

    /// The tree of the release that is wanted.
    fn release(&self) -> std::path::PathBuf {
        self.app.release(&self.plan.to.version)
    }

    fn note(&mut self, text: impl Into<String>) {
        (self.world.tell)(Event::Note { text: text.into() });
    }

    /// An error and its causes as it may be kept and shown: programs repeat what they were given.
    fn told(&self, error: &dyn std::error::Error) -> String {
        self.vendor.redactor.apply(&crate::exit::chain(error))
    }

    fn owner(&self) -> Option<crate::durable::Owner> {
        self.plan.instance.user.as_ref().map(crate::plan::User::owner)
    }
}

fn find_database<'a>(mut sides: impl Iterator<Item = &'a Side>, name: &Name) -> Option<Database> {
    sides.find_map(|side| side.profile.database(name).cloned())
}

/// Opens a database of the application for the time of `act`.
///
/// # Errors
/// Those of `act`, and when the application's files do not say where the database is.
pub fn with_store<T>(
    database: &Database,
    vendor: &Vendor,
    app: &AppLayout,
    act: impl FnOnce(&Store<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let run = |command: &VendorCommand| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(vendor.run("database", command).map(drop)?)
    };
    let run: &RunVendor<'_> = &run;
    let shared = app.shared();
    let place = Place {
        release: app.current(),
        shared: &shared,
        user: vendor.user.as_ref(),
        scratch: &vendor.scratch,
        instance: &vendor.instance,
        administration: Administration::Peer,
        run,
    };
    act(&Store::open(database, &place)?)
}

/// Who runs the vendor's commands of this plan.
fn vendor(plan: &Plan, here: &InstanceLayout, log: &Path) -> Vendor {
    Vendor {
        manager: plan.instance.manager,
        user: plan.instance.user.clone(),
        instance: plan.instance.name.clone(),
        update: plan.id,
        scratch: here.scratch(),
        log: log.to_owned(),
        redactor: Redactor::default(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
