//! Archives, as a vendor's key could sign them that was stolen: whatever they are, what is written is exactly what is listed, and
//! nothing lies beside it.

use std::path::Path;
use std::sync::LazyLock;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, BLOCK_SIZE, FileEntry, FileMode, Format};

use crate::durable::{TreeWriter, remove_tree, write_over};
use crate::unpack;

/// What is listed.
const FILES: [(&str, &[u8], FileMode); 3] = [
    ("VERSION", b"1.1.0\n", FileMode::Plain),
    ("bin/run", b"#!/bin/sh\nexec true\n", FileMode::Executable),
    ("lib/empty", b"", FileMode::Plain),
];

static ENTRIES: LazyLock<Vec<FileEntry>> = LazyLock::new(|| {
    let entry = |(path, content, mode): (&str, &[u8], FileMode)| FileEntry {
        path: path.parse().expect("a legal path"),
        size: content.len() as u64,
        sha256: Sha256::of(content),
        mode,
    };
    FILES.into_iter().map(entry).collect()
});

/// A tar archive.
pub fn tar(bytes: &[u8]) -> bool {
    unpacked(|tree| unpack::files::write(bytes, &ENTRIES, tree, &mut |_| ()).is_ok())
}

/// A compressed archive: after `z` Zstandard, after `g` gzip.
pub fn archive(bytes: &[u8]) -> bool {
    let (format, bytes) = match bytes.split_first() {
        Some((b'z', rest)) => (Format::TarZst, rest),
        Some((b'g', rest)) => (Format::TarGz, rest),
        Some(_) | None => return false,
    };
    let artifact = Artifact {
        name: "app.tar".to_owned(),
        format,
        length: bytes.len() as u64,
        sha256: Sha256::of(bytes),
        blocks: bytes.chunks(usize::try_from(BLOCK_SIZE).expect("a block fits")).map(Sha256::of).collect(),
    };
    let spool = super::directory();
    let path = spool.path().join("app.tar");
    write_over(&path, bytes, 0o600).expect("written");
    unpacked(|tree| unpack::unpack(&path, &artifact, &ENTRIES, tree, &mut |_| ()).is_ok())
}

/// Unpacks into a tree of its own, and looks what has become of it.
fn unpacked(act: impl FnOnce(&mut TreeWriter) -> bool) -> bool {
    let place = super::directory();
    let top = place.path().join("tree");
    let accepted = act(&mut TreeWriter::create(&top, None).expect("a tree"));
    let beside = names(place.path());
    assert_eq!(beside, ["tree"], "something was written outside of the tree");
    let there = FILES.iter().filter(|(path, content, _)| std::fs::read(top.join(path)).is_ok_and(|it| it == *content));
    let (whole, count) = (there.count(), count(&top));
    assert!(!accepted || (whole, count) == (FILES.len(), FILES.len()), "accepted, and not what is listed");
    assert!(count <= FILES.len(), "more files than are listed");
    remove_tree(&top).expect("removed");
    accepted
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Whatever lies below a directory and is none.
fn count(directory: &Path) -> usize {
    let below = |name: String| {
        let path = directory.join(name);
        if path.is_dir() && !path.is_symlink() { count(&path) } else { 1 }
    };
    names(directory).into_iter().map(below).sum()
}

/// The archive that is wanted, packed in both ways.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    use std::io::Write as _;

    let mut archive = ::tar::Builder::new(Vec::new());
    for entry in &*ENTRIES {
        let mut header = ::tar::Header::new_ustar();
        header.set_path(entry.path.as_str()).unwrap();
        header.set_size(entry.size);
        header.set_mode(entry.mode.bits());
        header.set_cksum();
        let content = FILES.iter().find(|(path, ..)| *path == entry.path.as_str()).unwrap().1;
        archive.append(&header, content).unwrap();
    }
    let tar = archive.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(b"g".to_vec(), flate2::Compression::best());
    gzip.write_all(&tar).unwrap();
    let zstd = zstd::encode_all(&tar[..], 19).unwrap();
    let mut gnu = tar.clone();
    gnu[257..265].copy_from_slice(b"ustar  \0");
    let mut link = tar.clone();
    link[156] = b'2';
    vec![
        ("tar", "good-listed", tar.clone()),
        ("tar", "gnu", gnu),
        ("tar", "link", link),
        ("tar", "no-end", tar[..tar.len() - 1024].to_vec()),
        ("tar", "two", [tar.clone(), tar].concat()),
        ("archive", "good-zstd", [b"z", &zstd[..]].concat()),
        ("archive", "good-gzip", gzip.finish().unwrap()),
    ]
}
