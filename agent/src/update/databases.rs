//! The application's databases as an update works with them: found by its plan, asked again when their server is being
//! restarted, and telling what is noteworthy.

use std::cell::RefCell;
use std::time::Duration;

use manifest_schema::path::Name;
use manifest_schema::profile::Database;

use super::{StepError, Walk, World, find_database, with_store};
use crate::clock::Clock;
use crate::durable;
use crate::event::Event;
use crate::host::vendor::Vendor;
use crate::layout::AppLayout;
use crate::plan::Plan;
use crate::store::{Store, StoreError};

/// How long a database server that is restarted in the middle of an update is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same while things are put back, at each of the tries that a revert has.
const PATIENCE_BACK: Duration = Duration::from_secs(120);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// What is told on the way is kept under this name, beside the journal.
const LOG: &str = "databases.log";

/// The databases of a plan.
pub(super) struct Databases<'a> {
    plan: &'a Plan,
    app: &'a AppLayout,
    vendor: &'a Vendor,
    clock: &'a dyn Clock,
    patience: Duration,
}

impl Databases<'_> {
    /// Opens a database for the time of `act`. A server that is restarted in the middle is given its time: all that a store does
    /// can be done again.
    pub(super) fn with<T>(
        &self,
        name: &Name,
        act: impl Fn(&Store<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StepError> {
        let database = self.find(name)?;
        let deadline = self.clock.elapsed() + self.patience;
        loop {
            match with_store(&database, self.vendor, self.app, &act) {
                Err(error) if error.is_passing() && self.clock.elapsed() < deadline => {
                    let error = self.vendor.redactor.apply(&crate::exit::chain(&error));
                    tracing::warn!("database {name}: {error}; trying again");
                    self.clock.pause(PAUSE);
                }
                Err(source) => return Err(StepError::Store { database: name.clone(), source: Box::new(source) }),
                Ok(done) => return Ok(done),
            }
        }
    }

    /// The new release's word on a database, else the old one's.
    fn find(&self, name: &Name) -> Result<Database, StepError> {
        let sides = std::iter::once(&self.plan.to).chain(&self.plan.from);
        find_database(sides, name).ok_or_else(|| StepError::NoDatabase(name.clone()))
    }
}

impl Walk<'_, '_> {
    /// [`Databases::with`], with nothing to tell.
    pub(super) fn with_store<T>(
        &self,
        name: &Name,
        act: impl Fn(&Store<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StepError> {
        let patience = self.patience();
        let Self { plan, app, vendor, world, .. } = self;
        Databases { plan, app, vendor, clock: world.clock, patience }.with(name, act)
    }

    /// Lets `act` tell what is noteworthy while it works: to whoever watches, and to a log beside the journal.
    pub(super) fn telling<T>(&mut self, act: impl FnOnce(&Databases<'_>, &dyn Fn(String)) -> T) -> T {
        let patience = self.patience();
        let Self { plan, app, vendor, world, .. } = self;
        let World { clock, tell, .. } = &mut **world;
        let watched = RefCell::new((tell, String::new()));
        let outcome = act(&Databases { plan, app, vendor, clock: *clock, patience }, &|text| {
            let (tell, told) = &mut *watched.borrow_mut();
            *told += &format!("{text}\n");
            tell(Event::Note { text });
        });
        let (_, told) = watched.into_inner();
        self.keep_told(&told);
        outcome
    }

    fn keep_told(&self, told: &str) {
        if told.is_empty() {
            return;
        }
        let path = self.journal.directory().join(LOG);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        // A log that cannot be kept is no reason to fail what it tells of.
        if let Err(error) = durable::write_atomic(&path, format!("{before}{told}").as_bytes(), 0o640) {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }

    fn patience(&self) -> Duration {
        if self.has_failed() { PATIENCE_BACK } else { PATIENCE }
    }
}
