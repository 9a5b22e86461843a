//! A machine's disk: a sparse file with ext4, mounted through a loop device, and the cut of its power.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: from this instant nothing reaches the disk any more, and what had not been made
/// durable is gone. Python makes the call because this workspace forbids unsafe code.
const SHUTDOWN: &str = "import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(fd, 0x8004587D, struct.pack('I', 2))";

const SAVE: &str = r#"set -eu
mount -o loop "$1/disk.img" "$1/disk"
cp --archive "$1/disk/upper" "$2"
umount "$1/disk""#;

/// Makes the folder of a machine with an empty disk of `size` bytes; it takes only as much of the host's disk as is written.
pub(super) fn create(place: &Path, size: u64) -> Result<()> {
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    for folder in ["disk", "root"] {
        fs::create_dir_all(place.join(folder))
            .with_context(|| format!("cannot create {}", place.join(folder).display()))?;
    }
    let file = place.join("disk.img");
    File::create_new(&file)
        .and_then(|disk| disk.set_len(size))
        .with_context(|| format!("cannot create {}", file.display()))?;
    check(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&file))
}

/// Cuts the disk off. `witness` is a process in the mount namespace where the disk is mounted.
pub(super) fn cut_off(place: &Path, witness: u32) -> Result<()> {
    let disk = place.join("disk");
    check(
        Command::new("nsenter")
            .args(["--mount", "--target", &witness.to_string(), "python3", "-c", SHUTDOWN])
            .arg(disk),
    )
}

/// Copies what a machine that is off has written to `layer`, so that overlayfs takes it as a lower layer (with its marks of removal).
pub(super) fn save_upper(place: &Path, layer: &Path) -> Result<()> {
    check(
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", SAVE, "sh"])
            .arg(place)
            .arg(layer),
    )
}

fn check(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
