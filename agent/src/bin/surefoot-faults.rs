//! `surefoot` with the places where a test can stop it. Never shipped: see `src/fault.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    surefoot::cli::main()
}
