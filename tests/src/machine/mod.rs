//! A real machine to test on: Debian 12 with systemd as PID 1 and PostgreSQL 15, in a container of systemd-nspawn.
//!
//! Knows how to build its root tree once ([`Image`]), boot it in about a second ([`Machine`]), act inside, and pull its plug.
//! Knows nothing of Surefoot or of the application that scenarios install; it refuses to run without root.
//!
//! A machine is: a file with an ext4 file system on a loop device (what the machine writes), laid over the image's read-only
//! layers, its own network, process and mount namespaces, and its own control group. Everything is mounted in a private mount
//! namespace, so that nothing is left behind however the test ends; when the test process dies, the machine dies with it.
//!
//! ```no_run
//! use surefoot_tests::machine::{Image, Machine, MachineOptions};
//! # fn main() -> anyhow::Result<()> {
//! let image = Image::ensure()?;
//! let machine = Machine::boot(&image, MachineOptions::named("example"))?;
//! assert_eq!(machine.sh("ps -o comm= 1").trim(), "systemd");
//! machine.cut_power()?;
//! # Ok(())
//! # }
//! ```

// The rule is the agent's: what is written here is rubbish or a cache.
#![allow(clippy::disallowed_methods)]

mod act;
mod cgroup;
mod disk;
mod image;
mod launch;
mod life;
mod place;
mod progress;
mod recipe;
mod wait;

pub use image::Image;
pub use life::{Access, Machine, MachineOptions};
pub(crate) use wait::holds_within;
pub use wait::wait_until;
