//! `cargo xtask powercut`: real kills and real power cuts, and what is left afterwards.

use clap::{Args, ValueEnum};

use super::{packages, test};
use crate::powercut::{Act, Blow, Campaign, Disks, FileSystem, Kind, Moment, Order};

/// What can be said on the command line.
#[derive(Args)]
pub struct Options {
    /// How many random runs
    #[arg(long, default_value_t = 20)]
    runs: u64,
    /// What they are drawn with; another one each time unless named
    #[arg(long)]
    seed: Option<u64>,
    /// Only this one of the runs of the seed
    #[arg(long)]
    run: Option<u64>,
    /// The file system
    #[arg(long, value_enum, default_value_t = FileSystems::Both)]
    fs: FileSystems,
    /// State, application and database on a disk each, or all on one; unless named, each for ext4 and one for XFS
    #[arg(long, value_enum)]
    disks: Option<Spread>,
    /// First the places that every change is struck at
    #[arg(long)]
    chosen: bool,
    /// Only this act: install, adopt, update, code, compatible, ill, rollback
    #[arg(long)]
    act: Option<Act>,
    /// Only this blow
    #[arg(long, value_enum)]
    blow: Option<Blows>,
    /// At this point: its number or its name, such as 'begun migrate'
    #[arg(long, conflicts_with = "after")]
    at: Option<String>,
    /// So many milliseconds after the start
    #[arg(long)]
    after: Option<u64>,
    /// Once more, at this point of the recovery
    #[arg(long)]
    again: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FileSystems {
    Ext4,
    Xfs,
    Both,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spread {
    Apart,
    Together,
}

#[derive(Clone, Copy, ValueEnum)]
enum Blows {
    Kill,
    Power,
}

/// Builds what is needed, and runs.
///
/// # Errors
/// When a run has found something.
pub fn powercut(options: &Options) -> anyhow::Result<()> {
    if !Campaign::has_begun() {
        packages::ensure(packages::POWERCUT)?;
        test::build_faults()?;
    }
    Campaign::run(options.order())
}

impl Options {
    fn order(&self) -> Order {
        Order {
            runs: self.runs,
            seed: self.seed.unwrap_or_else(Campaign::seed),
            run: self.run,
            kinds: self.kinds(),
            chosen: self.chosen,
            act: self.act,
            blow: self.blow.map(Blows::meant),
            moment: self.moment(),
            again: self.again,
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        let file_systems: &[FileSystem] = match self.fs {
            FileSystems::Ext4 => &[FileSystem::Ext4],
            FileSystems::Xfs => &[FileSystem::Xfs],
            FileSystems::Both => &[FileSystem::Ext4, FileSystem::Xfs],
        };
        file_systems
            .iter()
            .map(|file_system| Kind { file_system: *file_system, disks: self.spread(*file_system) })
            .collect()
    }

    /// What is missing shows best where nothing is committed together; reflinks need one file system.
    fn spread(&self, file_system: FileSystem) -> Disks {
        match (self.disks, file_system) {
            (Some(Spread::Apart), FileSystem::Ext4 | FileSystem::Xfs) | (None, FileSystem::Ext4) => Disks::Apart,
            (Some(Spread::Together), FileSystem::Ext4 | FileSystem::Xfs) | (None, FileSystem::Xfs) => Disks::Together,
        }
    }

    fn moment(&self) -> Option<Moment> {
        let after = self.after.map(|time| Moment::After(std::time::Duration::from_millis(time)));
        let at = self.at.as_ref().map(|at| at.parse().map_or_else(|_| Moment::Named(at.clone()), Moment::Point));
        after.or(at)
    }
}

impl Blows {
    fn meant(self) -> Blow {
        match self {
            Self::Kill => Blow::Kill,
            Self::Power => Blow::Power,
        }
    }
}
