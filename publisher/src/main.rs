//! The `publish` binary: installs the cryptography of TLS, and everything else is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().expect("nothing was installed before main");
    publisher::cli::run().into()
}
