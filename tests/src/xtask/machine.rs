//! `cargo xtask machine`: a fresh test machine and a shell in it.

use std::io::IsTerminal;

use anyhow::Result;

use super::packages;
use crate::machine::{Image, Machine, MachineOptions};

/// Boots the machine, opens a shell on this terminal, and powers it off when the shell ends. Nothing of it is kept.
pub fn machine() -> Result<()> {
    packages::ensure(packages::MACHINE)?;
    let image = Image::ensure()?;
    eprintln!("machine: booting Debian 12 …");
    let machine = Machine::boot(&image, MachineOptions::named("shell"))?;
    if std::io::stdin().is_terminal() {
        eprintln!(
            "machine: you are root in it; PostgreSQL 15 runs; no network; it is gone when you leave (exit or Ctrl-D)"
        );
    }
    machine.shell();
    eprintln!("machine: powering off …");
    machine.power_off()
}
