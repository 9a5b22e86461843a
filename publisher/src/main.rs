//! The `publish` binary.
fn main() {}
