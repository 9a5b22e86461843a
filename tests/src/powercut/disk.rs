//! The disks of a machine: file systems in sparse files on loop devices, their copies, and the cut of their power.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::command::run;
use super::place;
use crate::machine::wait_until;

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileSystem {
    /// ext4(5).
    Ext4,
    /// xfs(5), with reflinks.
    Xfs,
}

/// How what must be durable is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disks {
    /// The agent's state, the application and the database each on a file system of its own: an fsync of one commits nothing of
    /// the others, so that one that is missing cannot hide.
    Apart,
    /// Everything on one, as on most machines.
    Together,
}

/// The disks of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What is on them.
    pub file_system: FileSystem,
    /// How many there are.
    pub disks: Disks,
}

/// Takes the power away: `EXT4_IOC_SHUTDOWN`, which XFS knows by the same number, with the flag for not even flushing the
/// journal. Python makes the calls because this workspace forbids unsafe code; it is started before, so that the cut takes
/// no longer than the calls.
const SWITCH: &str = "import fcntl, os, struct, sys
disks = [os.open(path, os.O_RDONLY) for path in sys.argv[1:]]
print('ready', flush=True)
if sys.stdin.readline():
    for disk in disks: fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))
    print('cut', flush=True)";

impl Kind {
    /// As messages and names of files have it: `ext4-apart`.
    pub(super) fn name(self) -> String {
        let disks = match self.disks {
            Disks::Apart => "apart",
            Disks::Together => "together",
        };
        format!("{}-{disks}", self.file_system.name())
    }

    /// Each disk's name and where it is mounted.
    fn mounts(self) -> Vec<(&'static str, PathBuf)> {
        match self.disks {
            Disks::Apart => ["state", "srv", "postgres"].map(|name| (name, place::disks().join(name))).into(),
            Disks::Together => vec![("disk", place::disks())],
        }
    }

    /// Makes empty disks.
    pub(super) fn make(self) -> anyhow::Result<()> {
        for (name, _) in self.mounts() {
            let path = image(name);
            let file = File::create(&path).with_context(|| path.display().to_string())?;
            file.set_len(1 << 29)?;
            run(self.file_system.make().arg(&path))?;
        }
        Ok(())
    }

    /// Mounts the disks, which brings them up to where their journals end.
    pub(super) fn mount(self) -> anyhow::Result<()> {
        for (name, at) in self.mounts() {
            fs::create_dir_all(&at)?;
            run(Command::new("mount").args(["-o", self.file_system.options()]).arg(image(name)).arg(&at))?;
        }
        Ok(())
    }

    /// Takes the disks off. Nobody may work on them.
    pub(super) fn unmount(self) -> anyhow::Result<()> {
        for (_, at) in self.mounts() {
            run(Command::new("umount").arg(at))?;
        }
        Ok(())
    }

    /// Looks whether the file systems, which are not mounted, are sound.
    pub(super) fn check(self) -> anyhow::Result<()> {
        for (name, _) in self.mounts() {
            run(self.file_system.check().arg(image(name)))?;
        }
        Ok(())
    }

    /// Copies the disks, which are not mounted, from one directory to another.
    pub(super) fn copy(self, from: &Path, to: &Path) -> anyhow::Result<()> {
        for (name, _) in self.mounts() {
            let name = format!("{name}.img");
            run(Command::new("cp").arg("--sparse=always").arg(from.join(&name)).arg(to.join(&name)))?;
        }
        Ok(())
    }
}

impl FileSystem {
    fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    fn make(self) -> Command {
        let words: &[&str] = match self {
            // Nothing is left to be done in the background.
            Self::Ext4 => &["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
            Self::Xfs => &["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
        };
        command(words)
    }

    /// Nothing becomes durable by waiting, or by a file system's kindness to programs that forget to fsync. Copies of one
    /// image bear the same identity.
    fn options(self) -> &'static str {
        match self {
            Self::Ext4 => "loop,commit=600,noauto_da_alloc",
            Self::Xfs => "loop,nouuid",
        }
    }

    fn check(self) -> Command {
        match self {
            Self::Ext4 => command(&["e2fsck", "-f", "-n"]),
            Self::Xfs => command(&["xfs_repair", "-n"]),
        }
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn image(name: &str) -> PathBuf {
    place::images().join(format!("{name}.img"))
}

/// A hand on the switch.
pub(super) struct Switch {
    hand: Child,
    says: BufReader<std::process::ChildStdout>,
}

impl Switch {
    /// Lays a hand on the switch of the disks, which are mounted.
    pub(super) fn of(kind: Kind) -> anyhow::Result<Self> {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-S", "-E", "-c", SWITCH]).args(kind.mounts().into_iter().map(|(_, at)| at));
        let mut hand = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("python3")?;
        let says = BufReader::new(hand.stdout.take().context("stdout is piped")?);
        let mut switch = Self { hand, says };
        switch.expect("ready")?;
        Ok(switch)
    }

    /// From this instant nothing reaches the disks any more, and what had not been made durable is gone.
    pub(super) fn cut(mut self) -> anyhow::Result<()> {
        self.hand.stdin.take().context("stdin is piped")?.write_all(b"now\n")?;
        self.expect("cut")
    }

    fn expect(&mut self, word: &str) -> anyhow::Result<()> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        ensure!(line.trim() == word, "the power cannot be cut: {line:?}");
        Ok(())
    }
}

/// Whoever does not cut lets go, so that the disks can be taken off.
impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.hand.stdin.take());
        let hand = &mut self.hand;
        wait_until("the switch is let go", Duration::from_secs(20), || !matches!(hand.try_wait(), Ok(None)));
    }
}
