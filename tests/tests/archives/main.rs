//! Evil archives: whatever is not exactly the manifest's list, in its order, refuses the whole of it, even where the vendor has
//! signed it. Each attack is a test of the reader ([`cases`]), and goes through the door with its family ([`door`]).

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod door;
mod reader;
mod ustar;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Every name below a directory, with its kind, mode, owner, and content or target. Links are not followed.
fn everything_below(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    look(directory, directory, &mut found);
    found
}

fn look(top: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is = std::fs::symlink_metadata(&path).unwrap();
        let content = match is.file_type() {
            kind if kind.is_symlink() => format!("-> {}", std::fs::read_link(&path).unwrap().display()),
            kind if kind.is_file() => manifest_schema::digest::Sha256::of(&std::fs::read(&path).unwrap()).to_string(),
            _ => String::new(),
        };
        let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
        found.insert(name, format!("{:o} {} {content}", is.mode(), is.uid()));
        if is.is_dir() {
            look(top, &path, found);
        }
    }
}
