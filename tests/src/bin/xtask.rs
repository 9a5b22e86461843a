//! `cargo xtask`: what a developer of Surefoot does with one command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use surefoot_tests::xtask;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What a developer of Surefoot does with one command")]
enum Verb {
    /// Show the main job as a story, in under a minute
    Demo,
    /// Run all tests; installs what they need
    Test {
        /// Leave out those on the real machine
        #[arg(long)]
        quick: bool,
    },
    /// Compare an update by the agent with one by a script, on the test machine
    Bench {
        /// How often each side does each thing
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// One round, without the release that does not come up
        #[arg(long)]
        quick: bool,
        /// Measure the programs that are there, without building them
        #[arg(long)]
        as_built: bool,
        /// Write what was measured to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Cut the power in the middle of updates, and kill the agent: real disks, a real database
    Powercut(xtask::powercut::Options),
    /// Live through every fault at every point of the engine, in about three minutes
    Faults {
        /// All pairs of blows, not a share that changes from day to day: half an hour
        #[arg(long)]
        all: bool,
        /// Choose the share: repeat a day on which something broke
        #[arg(long)]
        seed: Option<u64>,
        /// One scenario only, by its name in the table
        #[arg(long, value_name = "NAME")]
        scenario: Option<String>,
        /// Make each of a list of mistakes in a copy of the sources, and see whether the tests catch it
        #[arg(long, conflicts_with_all = ["all", "seed", "scenario"])]
        mutants: bool,
        /// Only the mistake of this name
        #[arg(long, value_name = "NAME", requires = "mutants")]
        only: Option<String>,
    },
    /// Feed everything that reads foreign bytes with damaged ones
    Fuzz(xtask::fuzz::Options),
    /// Look up what is known against the dependencies, in the RustSec database and the index of cargo's registry
    Advisories,
    /// Build the packages that are shipped, each with its bill of materials, into target/debian
    Package {
        /// Only the one that the tests install, into target/machine: quicker to build
        #[arg(long)]
        tested: bool,
    },
    /// Build the packages in two folders and surroundings, and compare them byte for byte
    Reproducible {
        /// How to build: `machine` is quicker
        #[arg(long, default_value = "release")]
        profile: String,
    },
    /// Boot the test machine (Debian 12, systemd, PostgreSQL 15) and open a shell in it
    Machine,
}

fn main() -> ExitCode {
    let outcome = match Verb::parse() {
        Verb::Demo => xtask::demo::demo(),
        Verb::Test { quick } => xtask::test::test(quick),
        Verb::Bench { rounds, quick, as_built, json } => {
            xtask::bench::bench(&xtask::bench::Options { rounds, quick, as_built, json })
        }
        Verb::Powercut(options) => xtask::powercut::powercut(&options),
        Verb::Faults { mutants: true, only, .. } => xtask::faults::mutants(only.as_deref()),
        Verb::Faults { all, seed, scenario, .. } => {
            xtask::faults::faults(&xtask::faults::Options { all, seed, scenario })
        }
        Verb::Fuzz(options) => xtask::fuzz::fuzz(&options),
        Verb::Advisories => xtask::advisories::advisories(),
        Verb::Package { tested: true } => xtask::tools::ensure().and_then(|()| xtask::tools::build_deb()),
        Verb::Package { tested: false } => xtask::tools::package(),
        Verb::Reproducible { profile } => xtask::reproducible::reproducible(&profile),
        Verb::Machine => xtask::machine::machine(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
