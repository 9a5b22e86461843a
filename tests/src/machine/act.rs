//! Acting inside a machine: commands, files, logs.
//!
//! Commands run as root in all the machine's namespaces and in its control group, with a clean environment. They are not a login session
//! and need neither D-Bus nor a network.

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::life::Machine;
use super::wait::holds_within;

pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Joins the control group, then the namespaces: the other way round the group's folder is out of sight.
const ENTER: &str = r#"echo 0 > "$1/cgroup.procs"; shift; exec nsenter "$@""#;

impl Machine {
    /// Runs a command in the machine and waits for it. Panics when the machine is off.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Output {
        self.feed(command, b"")
    }

    /// Runs a script with `sh -e` in the machine and returns what it wrote to standard output. Panics with everything it said when it fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let output = self.run(["sh", "-ec", script]);
        assert!(
            output.status.success(),
            "machine {}: the script ended with {}:\n{script}\n{}",
            self.name(),
            output.status,
            said(&output)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts a command in the machine and does not wait for it. Killing the returned process ends only the harness's end of it; what runs
    /// inside goes on until the machine ends.
    #[track_caller]
    pub fn spawn<S: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Child {
        let mut entered = self.entered(command);
        entered.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        entered.spawn().expect("sh is there")
    }

    /// Waits until `condition` holds. Panics with `what` and the end of the machine's journal when it does not within `deadline`.
    #[track_caller]
    pub fn wait_until(&self, what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
        if !holds_within(deadline, &mut condition) {
            let journal = self.run(["journalctl", "--no-pager", "--lines=60", "--output=short-monotonic"]);
            panic!(
                "machine {}: waited {deadline:?} in vain until {what}; its journal ends:\n{}",
                self.name(),
                said(&journal)
            );
        }
    }

    /// The content of a file in the machine. Panics when it cannot be read.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let output = self.run([OsStr::new("cat"), OsStr::new("--"), path.as_ref().as_os_str()]);
        assert!(
            output.status.success(),
            "machine {}: cannot read {}: {}",
            self.name(),
            path.as_ref().display(),
            said(&output)
        );
        output.stdout
    }

    /// Writes a file in the machine (owner root, mode 644 if it is new); its folder is made where it is missing.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let script = r#"mkdir -p "$(dirname "$1")"; cat > "$1""#;
        let command =
            [OsStr::new("sh"), OsStr::new("-ec"), OsStr::new(script), OsStr::new("sh"), path.as_ref().as_os_str()];
        let output = self.feed(command, content.as_ref());
        assert!(
            output.status.success(),
            "machine {}: cannot write {}: {}",
            self.name(),
            path.as_ref().display(),
            said(&output)
        );
    }

    /// Copies a file or a folder of the host to the path `guest`, modes and times kept, owner root. A folder is laid over one that is there.
    #[track_caller]
    pub fn copy_in(&self, host: impl AsRef<Path>, guest: impl AsRef<Path>) {
        let (host, guest) = (host.as_ref(), guest.as_ref());
        let packed = pack(host);
        let script = match host.is_dir() {
            true => r#"mkdir -p "$1"; tar -x --no-same-owner -C "$1""#,
            false => {
                r#"mkdir -p "$(dirname "$1")"; t=$(mktemp -d "$1.XXXXXX"); tar -x --no-same-owner -C "$t"; mv -T "$t"/* "$1"; rmdir "$t""#
            }
        };
        let output = self.feed(
            [OsStr::new("sh"), OsStr::new("-ec"), OsStr::new(script), OsStr::new("sh"), guest.as_os_str()],
            &packed,
        );
        assert!(
            output.status.success(),
            "machine {}: cannot copy {} to {}: {}",
            self.name(),
            host.display(),
            guest.display(),
            said(&output)
        );
    }

    /// What the unit has logged, all boots of this machine, for messages of failed assertions.
    #[must_use]
    pub fn journal(&self, unit: &str) -> String {
        said(&self.run(["journalctl", "--no-pager", "--output=short-precise", "--unit", unit]))
    }

    /// An interactive shell in the machine on this process's terminal; returns when it ends.
    pub fn shell(&self) {
        // script(1) gives the shell a terminal of the machine's own; ours has no name inside.
        let mut command = match std::io::stdin().is_terminal() {
            true => self.entered(["script", "--quiet", "--command", "exec bash --login", "/dev/null"]),
            false => self.entered(["bash", "--login"]),
        };
        if let Some(terminal) = std::env::var_os("TERM") {
            command.env("TERM", terminal);
        }
        // How the person's last command ended is no concern of ours.
        let _ = command.status().expect("sh is there");
    }

    #[track_caller]
    fn feed<S: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = S>, input: &[u8]) -> Output {
        let mut entered = self.entered(command);
        entered.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = entered.spawn().expect("sh is there");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        std::thread::scope(|scope| {
            // A command that does not read its input to the end is no error here; its own exit status tells.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().expect("our own child can be waited for")
        })
    }

    #[track_caller]
    fn entered<S: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Command {
        let running = self.lock();
        let Some(running) = running.as_ref() else { panic!("machine {} is off", self.name()) };
        let group = running.cgroup.for_commands().expect("the machine's control group is there as long as it is on");
        let mut enter = Command::new("sh");
        enter.args(["-c", ENTER, "sh"]).arg(group).arg("--target").arg(running.leader.to_string());
        enter.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--"]).args(command);
        enter.env_clear().envs([("PATH", PATH), ("HOME", "/root"), ("LANG", "C.UTF-8"), ("USER", "root")]);
        enter
    }
}

fn pack(host: &Path) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.arg("-c");
    match (host.is_dir(), host.parent(), host.file_name()) {
        (false, Some(folder), Some(name)) => tar.arg("-C").arg(folder).arg(name),
        _ => tar.arg("-C").arg(host).arg("."),
    };
    let output = tar.output().expect("tar is there");
    assert!(output.status.success(), "cannot pack {}: {}", host.display(), said(&output));
    output.stdout
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
