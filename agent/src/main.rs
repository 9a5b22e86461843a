//! The `surefoot` binary.

use std::io;
use std::process::ExitCode;

use surefoot::source::child;

fn main() -> ExitCode {
    let verb = std::env::args().skip(1).collect::<Vec<_>>();
    if verb != ["internal", "fetch"] {
        return ExitCode::from(2);
    }
    match child::serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
