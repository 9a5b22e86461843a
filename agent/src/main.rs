//! The `surefoot` binary: parse, run, say how it ended.

use std::process::ExitCode;

use clap::Parser;
use surefoot::cli::{self, Cli};

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            cli::complain(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}
