//! `cargo xtask`: what a developer of Surefoot does with one command.

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
    /// Boot the test machine (Debian 12, systemd, PostgreSQL 15) and open a shell in it
    Machine,
}

fn main() -> ExitCode {
    let outcome = match Verb::parse() {
        Verb::Demo => xtask::demo::demo(),
        Verb::Test { quick } => xtask::test::test(quick),
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
