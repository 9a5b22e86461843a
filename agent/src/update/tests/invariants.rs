//! The two lists: what holds at every instant, and what holds at rest.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use manifest_schema::version::ReleaseVersion;

use super::data::{self, Data};
use super::machine::Machine;
use super::release::profile;
use crate::fault::ledger;
use crate::host::guard;
use crate::journal::{Journal, Record};
use crate::plan::Plan;

/// What stands at the application's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nothing.
    Nothing,
    /// A plain directory with 1.0.0.
    Plain,
    /// A link to this release.
    Managed(&'static str),
}

type Checked = Result<(), String>;

fn require(is_so: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if is_so { Ok(()) } else { Err(otherwise()) }
}

impl Machine {
    /// `current` resolves to a complete release, and a consistent copy of the data exists: all that the release which is being
    /// left ever wrote is in it.
    pub(super) fn holds_at_every_instant(&self, plan: &Plan) -> Checked {
        if std::fs::symlink_metadata(self.app.current()).is_err() {
            return require(plan.from.is_none() && plan.act == crate::plan::Act::Install, || {
                "there is nothing at the application's path".to_owned()
            });
        }
        let version = self.is_whole(self.app.current())?;
        self.releases_are_complete()?;
        let Some(from) = &plan.from else { return Ok(()) };
        let wanted = self.rows_up_to(&from.version);
        let copies: Vec<(PathBuf, Option<Data>)> =
            self.databases().into_iter().map(|path| (path.clone(), data::read(&path))).collect();
        let is_copy =
            |data: &Data| wanted.iter().all(|row| data.rows.contains(row)) && data.has_colours >= data.is_upper;
        require(copies.iter().any(|(_, data)| data.as_ref().is_some_and(is_copy)), || {
            format!("at {version} no copy of the data has {wanted:?}: {copies:?}")
        })
    }

    /// Whatever has the name of a release is one.
    fn releases_are_complete(&self) -> Checked {
        for (version, release) in &self.releases {
            let tree = self.app.release(version);
            if tree.is_symlink() || !tree.exists() {
                continue;
            }
            for (path, content) in &release.files {
                let is_there = std::fs::read(tree.join(path)).is_ok_and(|found| found == *content);
                require(is_there, || format!("{} has the name of a release and lacks {path}", tree.display()))?;
            }
        }
        Ok(())
    }

    /// What the application ever wrote is somewhere, in the database or in one that was kept.
    pub(super) fn nothing_is_lost(&self) -> Checked {
        let copies: Vec<Data> = self.databases().iter().filter_map(|path| data::read(path)).collect();
        let is_lost = |row: &&String| !copies.iter().any(|data| data.rows.contains(&row.to_lowercase()));
        let lost: Vec<&String> = self.processes.written.iter().map(|(_, row)| row).filter(is_lost).collect();
        require(lost.is_empty(), || format!("no copy has {lost:?}"))
    }

    /// Code, data, services and journal agree, and nothing is left over.
    pub(super) fn holds_at_rest(&self, stand: Stand) -> Checked {
        let open = self.journals().iter().any(Journal::is_open);
        require(!open, || "an update is still open".to_owned())?;
        let left = self.left_over();
        require(left.is_empty(), || format!("left over: {left:?}"))?;
        self.what_was_left_aside_is_listed()?;
        self.can_be_entered()?;
        let current = self.app.current();
        let version = match stand {
            Stand::Nothing => return self.has_nothing(),
            Stand::Plain => {
                require(!current.is_symlink() && current.is_dir(), || "it is not plain".to_owned())?;
                "1.0.0".parse().unwrap()
            }
            Stand::Managed(version) => {
                let found = self.app.current_version().map(|found| found.to_string());
                require(found.as_deref() == Some(version), || format!("{found:?} is current instead of {version}"))?;
                version.parse().unwrap()
            }
        };
        self.is_whole(current)?;
        self.data_agrees(&version)?;
        self.services_agree()
    }

    /// The application's user gets to its release through directories of the agent's.
    fn can_be_entered(&self) -> Checked {
        for directory in [self.app.home(), self.app.releases(), self.app.shared()] {
            let Ok(meta) = std::fs::metadata(&directory) else { continue };
            let mode = meta.permissions().mode() & 0o777;
            require(mode == 0o755, || format!("{} has the mode {mode:o}", directory.display()))?;
        }
        Ok(())
    }

    fn has_nothing(&self) -> Checked {
        require(std::fs::symlink_metadata(self.app.current()).is_err(), || "something is current".to_owned())?;
        require(self.processes.places().is_empty(), || "something runs".to_owned())?;
        require(!self.app.shared().join("data/app.db").exists(), || "a database is there".to_owned())?;
        let releases: Vec<PathBuf> = entries(&self.app.releases());
        require(releases.is_empty(), || format!("releases are left: {releases:?}"))
    }

    /// Every file of a release, and what survives, are where the application looks for them. Answers which release it is.
    fn is_whole(&self, directory: &Path) -> Result<ReleaseVersion, String> {
        let text =
            std::fs::read_to_string(directory.join("VERSION")).map_err(|error| format!("no VERSION: {error}"))?;
        let version: ReleaseVersion = text.trim().parse().unwrap();
        for (path, content) in &self.releases[&version].files {
            let found = std::fs::read(directory.join(path)).map_err(|error| format!("{version}: {path}: {error}"))?;
            require(found == *content, || format!("{version}: {path} is another file"))?;
        }
        let secret = std::fs::read(directory.join(".env")).map_err(|error| format!("{version}: .env: {error}"))?;
        require(secret == b"SECRET=1\n", || "another .env".to_owned())?;
        require(directory.join("uploads").is_dir() && directory.join("data").is_dir(), || {
            "uploads or data are not there".to_owned()
        })?;
        Ok(version)
    }

    /// The live database has the shape that this release works with, and all rows that must be in it.
    fn data_agrees(&self, version: &ReleaseVersion) -> Checked {
        let path = self.app.current().join("data/app.db");
        let data = data::read(&path).ok_or_else(|| format!("{} is no sound database", path.display()))?;
        let migrations = &self.releases[version].manifest.migration_steps;
        let migrated = migrations.iter().filter(|step| step.version == *version).count();
        let shape_agrees = if self.is_compatible {
            migrated == 0 || data.has_colours
        } else {
            (data.has_colours, data.is_upper) == (migrated > 0, migrated > 1)
        };
        require(shape_agrees, || format!("{version} meets {data:?}"))?;
        let missing: Vec<String> =
            self.rows_up_to(version).into_iter().filter(|row| !data.rows.contains(row)).collect();
        require(missing.is_empty(), || format!("rows are lost at {version}: {missing:?} of {data:?}"))
    }

    /// What must be there when this release stands: what it wrote itself, and what those before it had written until it was
    /// their turn to go. Where the schema is compatible nobody's rows may be lost.
    fn rows_up_to(&self, version: &ReleaseVersion) -> Vec<String> {
        let counts = |number: usize, by: &str| {
            let by: ReleaseVersion = by.parse().unwrap();
            let was_there = number < self.written_before || self.leaves.as_ref() == Some(&by);
            self.is_compatible || by == *version || (was_there && by < *version)
        };
        let written = self.processes.written.iter().enumerate();
        written.filter(|(number, (by, _))| counts(*number, by)).map(|(_, (_, row))| row.to_lowercase()).collect()
    }

    fn services_agree(&self) -> Checked {
        let place = std::fs::canonicalize(self.app.current()).unwrap();
        let wanted: BTreeMap<String, PathBuf> =
            profile().services.iter().map(|service| (service.name.to_string(), place.clone())).collect();
        let found = self.processes.places();
        require(found == wanted, || format!("the services work in {found:?}"))
    }

    /// Names that nobody may find at rest. An artifact that came in part may stay for the next attempt.
    fn left_over(&self) -> Vec<PathBuf> {
        let began: Vec<PathBuf> = self.journals().iter().map(|journal| journal.directory().to_owned()).collect();
        let suspicious = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_fetch = path.parent() == Some(&self.here().fetch()) && name.ends_with(".partial");
            let ends = [".partial", ".pending", "-restoring", "-journal", "-wal"];
            // Half a log of the vendor's command is kept with the record of what was cut off, and the reserve of an update that
            // never began waits for the next attempt.
            let is_reserve = name == "reserve" || name == "inodes";
            let is_of_update = path.starts_with(self.here().updates())
                && (name.ends_with(".log.partial")
                    || (is_reserve && !began.contains(&path.parent().unwrap().to_owned())));
            let is_made = ends.iter().any(|end| name.ends_with(end))
                || is_reserve
                || name.ends_with(".reserve")
                || **path == self.here().closed();
            is_made && !is_fetch && !is_of_update
        };
        walk(self.root()).iter().filter(suspicious).cloned().collect()
    }

    /// A copy that no journal names is seen by nobody.
    fn what_was_left_aside_is_listed(&self) -> Checked {
        let journals = self.journals();
        let named = |name: &str| {
            journals
                .iter()
                .flat_map(Journal::records)
                .any(|record| matches!(record, Record::LeftAside { name: said, .. } if Path::new(said).ends_with(name)))
        };
        let names = self.databases().into_iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        let unlisted: Vec<String> = names.filter(|name| name.contains("-left") && !named(name)).collect();
        require(unlisted.is_empty(), || format!("left aside and not listed: {unlisted:?}"))
    }

    /// Every file that could be a copy of the data.
    fn databases(&self) -> Vec<PathBuf> {
        let is_database = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name.starts_with("app.db") || name.starts_with("main.sqlite")) && !name.ends_with("-journal")
        };
        walk(self.root()).into_iter().filter(is_database).collect()
    }

    /// The power goes and comes back. What starts by itself then must agree with its data.
    pub(super) fn lose_power(&mut self) -> Checked {
        self.processes.kill_all();
        self.clock.reboot();
        // What is on the disk now is what the disk has kept.
        ledger::settle();
        guard::at_boot(&self.layout).map_err(|failure| failure.message)?;
        let current = self.app.current().to_owned();
        if !self.here().closed().exists() && current.exists() {
            profile().services.iter().for_each(|service| self.processes.spawn(service.name.as_str(), &current));
        }
        self.what_would_start_agrees()
    }

    /// Where the door is open, what would start agrees with its data.
    pub(super) fn what_would_start_agrees(&self) -> Checked {
        let current = self.app.current();
        if self.here().closed().exists() || !current.exists() {
            return Ok(());
        }
        let version = self.is_whole(current)?;
        self.data_agrees(&version).map_err(|reason| format!("{version} would start by itself: {reason}"))
    }

    /// The application's part of the disk, for comparison: every name with what it is. Databases are compared elsewhere,
    /// and directories without content are nothing.
    pub(super) fn picture(&self) -> BTreeMap<PathBuf, String> {
        let place = self.layout.root().join("srv");
        let is_data = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("app.db");
        picture(&place).into_iter().filter(|(path, _)| !is_data(path)).collect()
    }

    /// Everything, the journals included.
    pub(super) fn whole_picture(&self) -> BTreeMap<PathBuf, String> {
        picture(self.root())
    }
}

/// Every file and link below a directory, with mode and content.
pub(super) fn picture(top: &Path) -> BTreeMap<PathBuf, String> {
    let describe = |path: PathBuf| {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let what = if meta.is_symlink() {
            format!("-> {}", std::fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            return None;
        } else {
            let content = std::fs::read(&path).unwrap();
            // Quick to make for a thousand files, and to be told apart.
            let mut hasher = DefaultHasher::new();
            hasher.write(&content);
            let beginning = &content[..content.len().min(80)];
            format!("{:o} {:016x} {}", meta.permissions().mode(), hasher.finish(), beginning.escape_ascii())
        };
        Some((path, what))
    };
    walk(top).into_iter().filter_map(describe).collect()
}

pub(super) fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Every name below a directory; links are not followed.
pub(super) fn walk(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(top) else { return found };
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        }
        found.push(entry.path());
    }
    found.sort();
    found
}
