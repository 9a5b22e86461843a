//! The `surefoot` binary: parse, run, say how it ended.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use surefoot::cli::{self, Cli};

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            // A closed terminal is no reason to lose the exit code.
            let _ = writeln!(std::io::stderr(), "surefoot: {}", failure.message);
            ExitCode::from(failure.exit.code())
        }
    }
}
