//! A machine with one application: its paths, its services, its time, its source of releases. It can be copied and put back,
//! so that the same moment can be lived through in many ways.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Manifest;
use manifest_schema::tuf::Verified;
use manifest_schema::version::ReleaseVersion;
use tempfile::TempDir;

use super::data;
use super::invariants::entries;
use super::processes::Processes;
use super::release::{Release, profile};
use super::repository::{self, Repository, now};
use crate::clock::Clock;
use crate::durable;
use crate::event::Event;
use crate::fault::{ledger, testing};
use crate::health::Ask;
use crate::journal::{self, Journal, JournalError};
use crate::layout::{AppLayout, InstanceLayout, Layout};
use crate::plan::space::{Extent, Shelf};
use crate::plan::{self, Act, DatabaseBackup, Facts, Instance, Manager, Plan, Side};
use crate::source::Answer;
use crate::store::Way;
use crate::trust::Lent;
use crate::update::step::stage::link_to_shared;
use crate::update::{Delivery, Outcome, World, engine, keep};

/// The machine.
pub(crate) struct Machine {
    dir: TempDir,
    pub(crate) layout: Layout,
    pub(crate) app: AppLayout,
    pub(crate) processes: Processes,
    pub(crate) clock: Ticking,
    pub(crate) repository: Repository,
    /// Sources beside the repository's own.
    pub(crate) mirrors: Vec<repository::Shelf>,
    pub(crate) releases: BTreeMap<ReleaseVersion, Release>,
    verified: BTreeMap<ReleaseVersion, Verified<Manifest>>,
    /// Releases whose health check fails.
    pub(crate) sick: Vec<ReleaseVersion>,
    /// Whether the release before works with what the migrations leave.
    pub(crate) is_compatible: bool,
    /// The release that the act leaves, and how many rows there were before it.
    pub(crate) leaves: Option<ReleaseVersion>,
    pub(crate) written_before: usize,
}

/// A moment of a machine.
pub(crate) struct Moment {
    tree: PathBuf,
    running: BTreeMap<String, PathBuf>,
    written: Vec<(String, String)>,
    dirty: ledger::Dirty,
}

impl Machine {
    /// A machine that knows these releases and runs none. What only an admin can bring is there.
    pub(crate) fn new(releases: Vec<Release>) -> Self {
        // In memory, since each test makes thousands of changes durable.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        testing::stay_in_one_process();
        let layout = Layout::new(dir.path().join("root"));
        let app = AppLayout::new(layout.root().join("srv/kkt"));
        let mut repository = Repository::new();
        for release in &releases {
            repository.add_release(&release.manifest, &release.artifact);
        }
        let by_version = |release: Release| (release.version().clone(), release);
        let verified = |release: &Release| (release.version().clone(), repository.verified(&release.manifest));
        let verified = releases.iter().map(verified).collect();
        let machine = Self {
            processes: Processes::new(app.current()),
            clock: Ticking::default(),
            releases: releases.into_iter().map(by_version).collect(),
            sick: Vec::new(),
            is_compatible: false,
            leaves: None,
            written_before: 0,
            dir,
            layout,
            app,
            repository,
            mirrors: Vec::new(),
            verified,
        };
        durable::make_dirs(&machine.here().scratch(), 0o700).unwrap();
        durable::make_dirs(&machine.here().updates(), 0o755).unwrap();
        durable::make_dirs(&machine.app.shared(), 0o755).unwrap();
        machine.put(&machine.app.shared().join(".env"), b"SECRET=1\n");
        machine
    }

    /// The same, with 1.0.0 installed and serving.
    pub(crate) fn with_first(releases: Vec<Release>) -> Self {
        let mut machine = Self::new(releases);
        let version: ReleaseVersion = "1.0.0".parse().unwrap();
        let tree = machine.app.release(&version);
        machine.write_tree(&tree, &version);
        for kept in profile().keep {
            durable::replace_link(&tree.join(&kept.path), &link_to_shared(&kept.path)).unwrap();
        }
        machine.put(&machine.app.shared().join("uploads/photo.jpg"), b"a photo");
        durable::make_dirs(&machine.app.shared().join("data"), 0o755).unwrap();
        data::create(&machine.app.shared().join("data/app.db"));
        durable::replace_link(machine.app.current(), &machine.app.link_to(&version)).unwrap();
        machine.start_services();
        machine
    }

    /// 1.0.0 as a plain directory that nobody manages, serving.
    pub(crate) fn with_plain(releases: Vec<Release>) -> Self {
        let mut machine = Self::new(releases);
        durable::remove_tree(&machine.app.home()).unwrap();
        let directory = machine.app.current().to_owned();
        machine.write_tree(&directory, &"1.0.0".parse().unwrap());
        machine.put(&directory.join(".env"), b"SECRET=1\n");
        machine.put(&directory.join("uploads/photo.jpg"), b"a photo");
        durable::make_dirs(&directory.join("data"), 0o755).unwrap();
        data::create(&directory.join("data/app.db"));
        machine.start_services();
        machine
    }

    /// Writes the files of a release.
    pub(crate) fn write_tree(&self, tree: &Path, version: &ReleaseVersion) {
        for (path, content) in &self.releases[version].files {
            self.put(&tree.join(path), content);
        }
    }

    /// Writes a file with the directories above it.
    pub(crate) fn put(&self, path: &Path, content: &[u8]) {
        durable::make_dirs(path.parent().unwrap(), 0o755).unwrap();
        durable::write_atomic(path, content, 0o644).unwrap();
    }

    fn start_services(&mut self) {
        let directory = self.app.current().to_owned();
        profile().services.iter().for_each(|service| self.processes.spawn(service.name.as_str(), &directory));
    }

    pub(crate) fn here(&self) -> InstanceLayout {
        self.layout.instance(&"kkt".parse().unwrap())
    }

    pub(crate) fn root(&self) -> &Path {
        self.layout.root()
    }

    pub(crate) fn journals(&self) -> Vec<Journal> {
        journal::read_all(&self.here().updates()).unwrap()
    }

    /// The release as this machine runs it.
    pub(crate) fn side(&self, version: &str) -> Side {
        Side { version: version.parse().unwrap(), manifest: Some(Sha256::of(version.as_bytes())), profile: profile() }
    }

    /// A plan of an install or update, from facts as the worker gathers them.
    pub(crate) fn plan_update(&self, from: Option<&str>, to: &str) -> Plan {
        let (journals, manifest) = (self.journals(), &self.releases[&to.parse().unwrap()].manifest);
        let installed = from.map(|version| self.side(version));
        let standing = journal::standing::standing(&journals);
        plan::plan_update(Facts {
            id: journal::history::next_id(&journals),
            instance: self.instance(),
            migrations: plan::migrations_ahead(manifest, installed.as_ref().map(|side| &side.version), &standing),
            installed,
            manifest,
            manifest_hash: Sha256::of(to.as_bytes()),
            profile: profile(),
            ways: self.ways(),
            extents: self.extents(),
            already_failing: Vec::new(),
            applied_by: "a test".to_owned(),
            now: now(),
        })
    }

    pub(crate) fn ways(&self) -> Vec<DatabaseBackup> {
        vec![DatabaseBackup { database: "main".parse().unwrap(), way: Way::Dump }]
    }

    /// As they would be for a very small database: each moment of a test is copied, with what is set aside.
    pub(crate) fn extents(&self) -> Vec<Extent> {
        let database = "main".parse().unwrap();
        vec![Extent { database, backup: 40_000, beside: 30_000, aside: 0, lies: Some(Shelf::Home) }]
    }

    pub(crate) fn instance(&self) -> Instance {
        Instance {
            name: "kkt".parse().unwrap(),
            directory: self.app.current().to_owned(),
            user: None,
            manager: Manager::Command,
            clients: crate::store::Clients::default(),
        }
    }

    /// So long after the beginning of time here.
    pub(crate) fn clock_at(&self, after: jiff::SignedDuration) -> jiff::Timestamp {
        now() + after
    }

    /// Begins the journal and carries the plan out.
    pub(crate) fn run(&mut self, plan: Plan) -> Result<Outcome, JournalError> {
        self.leaves = plan.from.as_ref().map(|side| side.version.clone());
        self.written_before = self.processes.written.len();
        let mut journal = self.begin(plan)?;
        self.with_world(&mut journal, engine::run)
    }

    pub(crate) fn begin(&self, plan: Plan) -> Result<Journal, JournalError> {
        Journal::begin(&self.here().update(plan.id, &plan.to.version), plan, self.clock.now())
    }

    /// What the worker does before anything else.
    pub(crate) fn recover(&mut self) -> Result<Option<Outcome>, JournalError> {
        let journals = journal::read_all(&self.here().updates())?;
        match journal::history::open(&journals) {
            Some(open) => self.with_world(&mut open.clone(), engine::recover),
            None => Ok(None),
        }
    }

    /// Removes what was kept for a year, two years from now.
    pub(crate) fn expire(&self) -> Result<(), String> {
        let later = self.clock.now() + jiff::SignedDuration::from_hours(2 * 366 * 24);
        keep::expire(&self.journals(), &self.here(), 365, later).map_err(|error| crate::exit::chain(&error))
    }

    /// As if the last journal had ended with this record.
    pub(crate) fn reopen_after(&self, record: &str) {
        let directory = self.journals().last().unwrap().directory().to_owned();
        let path = directory.join("journal.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let end = text.find(&format!("\"record\":\"{record}\"")).map(|at| at + text[at..].find('\n').unwrap() + 1);
        self.put(&path, &text.as_bytes()[..end.expect("it is in the journal")]);
        self.put(&directory.join("reserve"), b"");
        durable::reserve_inodes(&directory.join("inodes"), 2).unwrap();
    }

    /// Lends the machine to the engine.
    pub(crate) fn with_world<T>(
        &mut self,
        journal: &mut Journal,
        act: impl FnOnce(&mut Journal, &mut World<'_>) -> T,
    ) -> T {
        let plan = journal.plan();
        let is_delivered = matches!(plan.act, Act::Install | Act::Update);
        let version = is_delivered.then(|| plan.to.version.clone());
        let delivery = version.map(|version| Delivery {
            hashed_path: {
                let artifact = &self.releases[&version].manifest.artifacts[0];
                format!("{}/{}.{}", version.tag(), artifact.sha256, artifact.name)
            },
            manifest: &self.verified[&version],
            sources: {
                let own: Lent<'_> = &mut self.repository.shelf;
                std::iter::once(own).chain(self.mirrors.iter_mut().map(|shelf| -> Lent<'_> { shelf })).collect()
            },
        });
        let mut world = World {
            layout: &self.layout,
            services: &mut self.processes,
            ask: &mut Doctor { app: &self.app, sick: &self.sick },
            clock: &self.clock,
            tell: &mut |_: Event| {},
            delivery,
        };
        act(journal, &mut world)
    }

    /// Keeps this moment.
    pub(crate) fn keep(&self, name: &str) -> Moment {
        let (tree, dirty) = (self.dir.path().join(name), ledger::settle());
        durable::remove_tree(&tree).unwrap();
        durable::copy_tree(self.root(), &tree).unwrap();
        ledger::doubt(dirty.clone());
        Moment { tree, running: self.processes.places(), written: self.processes.written.clone(), dirty }
    }

    /// Goes back to a moment.
    pub(crate) fn go_back(&mut self, moment: &Moment) {
        self.processes.kill_all();
        // What lies in it, not the root itself: a disk of its own may be mounted there.
        for path in entries(self.root()) {
            durable::remove_tree(&path).or_else(|_| durable::remove_file(&path)).unwrap();
        }
        for path in entries(&moment.tree) {
            durable::copy_tree(&path, &self.root().join(path.file_name().unwrap())).unwrap();
        }
        ledger::doubt(moment.dirty.clone());
        for (name, place) in &moment.running {
            self.processes.spawn(name, place);
        }
        self.processes.written.clone_from(&moment.written);
        self.processes.log.clear();
        self.clock = Ticking::default();
        self.repository.shelf.asked.clear();
    }
}

/// Time that passes when somebody waits. Each begins as the machine does at a boot.
pub(crate) struct Ticking {
    passed: Cell<Duration>,
    boot: Cell<u64>,
    /// When the agent is killed, if it waits then.
    pub(crate) kill_at: Cell<Option<Duration>>,
}

/// The boots of all machines, so that no two are the same one.
static BOOTS: AtomicU64 = AtomicU64::new(0);

impl Default for Ticking {
    fn default() -> Self {
        let boot = Cell::new(BOOTS.fetch_add(1, Ordering::Relaxed));
        Self { passed: Cell::default(), boot, kill_at: Cell::default() }
    }
}

impl Ticking {
    /// The machine starts anew; the time goes on.
    pub(crate) fn reboot(&self) {
        self.boot.set(BOOTS.fetch_add(1, Ordering::Relaxed));
    }
}

impl Clock for Ticking {
    fn now(&self) -> jiff::Timestamp {
        now() + jiff::SignedDuration::try_from(self.passed.get()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.passed.get()
    }

    fn pause(&self, duration: Duration) {
        self.passed.set(self.passed.get() + duration);
        if self.kill_at.get().is_some_and(|at| self.passed.get() >= at) {
            self.kill_at.set(None);
            testing::crash();
        }
    }

    fn boot(&self) -> String {
        self.boot.get().to_string()
    }
}

/// The health of what `current` is.
struct Doctor<'a> {
    app: &'a AppLayout,
    sick: &'a [ReleaseVersion],
}

impl Ask for Doctor<'_> {
    fn ask(&mut self, _url: &str, _timeout: Duration, _cap: u64) -> Result<Answer, String> {
        let is_sick = self.app.current_version().is_some_and(|version| self.sick.contains(&version));
        Ok(Answer { status: if is_sick { 500 } else { 200 }, body: Vec::new(), truncated: false })
    }
}
