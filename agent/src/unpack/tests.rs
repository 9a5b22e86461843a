use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{BLOCK_SIZE, FileMode};

use super::*;

fn listed(path: &str, content: &[u8]) -> FileEntry {
    FileEntry {
        path: path.parse().unwrap(),
        size: content.len() as u64,
        sha256: Sha256::of(content),
        mode: FileMode::Plain,
    }
}

fn header(path: &str, kind: EntryKind, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

use tar::EntryType as EntryKind;

fn good() -> tar::Builder<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header("a.txt", EntryKind::Regular, 5), &b"hello"[..]).unwrap();
    archive
}

fn manifest() -> Vec<FileEntry> {
    vec![listed("a.txt", b"hello"), listed("b/c.txt", b"world!")]
}

fn finished(mut archive: tar::Builder<Vec<u8>>) -> Vec<u8> {
    archive.append(&header("b/c.txt", EntryKind::Regular, 6), &b"world!"[..]).unwrap();
    archive.into_inner().unwrap()
}

/// Packs, signs and unpacks.
fn outcome(tar: &[u8], entries: &[FileEntry]) -> Result<Vec<String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let packed = zstd::encode_all(tar, 3).unwrap();
    let artifact = artifact(&packed);
    let file = dir.path().join("artifact");
    crate::durable::write_atomic(&file, &packed, 0o600).unwrap();
    unpack_into(dir.path(), &file, &artifact, entries)
}

fn artifact(packed: &[u8]) -> Artifact {
    Artifact {
        name: "x.tar.zst".to_owned(),
        format: Format::TarZst,
        length: packed.len() as u64,
        sha256: Sha256::of(packed),
        blocks: packed.chunks(usize::try_from(BLOCK_SIZE).unwrap()).map(Sha256::of).collect(),
    }
}

fn unpack_into(dir: &Path, file: &Path, artifact: &Artifact, entries: &[FileEntry]) -> Result<Vec<String>, String> {
    let top = dir.join("tree");
    let mut tree = TreeWriter::create(&top, None).unwrap();
    unpack(file, artifact, entries, &mut tree, &mut |_| {}).map_err(|error| crate::exit::chain(&error))?;
    let paths = entries.iter().map(|entry| top.join(&entry.path));
    Ok(paths.map(|path| std::fs::read_to_string(path).unwrap()).collect())
}

#[test]
fn the_listed_files_are_written() {
    assert_eq!(outcome(&finished(good()), &manifest()).unwrap(), ["hello", "world!"]);
}

#[test]
fn whatever_is_not_the_next_listed_file_refuses_the_archive() {
    for kind in [
        EntryKind::Symlink,
        EntryKind::Link,
        EntryKind::Fifo,
        EntryKind::Char,
        EntryKind::Block,
        EntryKind::Directory,
        EntryKind::XHeader,
        EntryKind::XGlobalHeader,
        EntryKind::GNULongName,
        EntryKind::GNUSparse,
        EntryKind::Continuous,
    ] {
        let mut archive = good();
        archive.append(&header("evil", kind, 0), &b""[..]).unwrap();
        let error = outcome(&finished(archive), &manifest()).unwrap_err();
        assert!(error.contains("evil"), "{kind:?}: {error}");
    }
    for path in ["../evil", "/evil", "a/../../evil", "a.txt", "b\\c", "B/C.TXT"] {
        let mut archive = good();
        archive.append(&header(path, EntryKind::Regular, 1), &b"x"[..]).unwrap();
        assert!(outcome(&finished(archive), &manifest()).is_err(), "{path}");
    }
}

#[test]
fn size_mode_and_content_must_be_the_listed_ones() {
    for change in [
        |file: &mut FileEntry| file.size = 4,
        |file: &mut FileEntry| file.mode = FileMode::Executable,
        |file: &mut FileEntry| file.sha256 = Sha256::of(b"other"),
    ] {
        let mut entries = manifest();
        change(&mut entries[0]);
        assert!(outcome(&finished(good()), &entries).is_err());
    }
}

#[test]
fn an_archive_that_ends_early_or_late_is_refused() {
    let whole = finished(good());
    for length in (0..whole.len()).step_by(256) {
        assert!(outcome(&whole[..length], &manifest()).is_err(), "cut at {length}");
    }
    let mut behind = whole.clone();
    behind.extend_from_slice(&[1; 512]);
    assert!(outcome(&behind, &manifest()).unwrap_err().contains("follows its end"));
    let mut bomb = whole.clone();
    bomb.extend_from_slice(&vec![0; 1 << 20]);
    assert!(outcome(&bomb, &manifest()).unwrap_err().contains("follows its end"));
    assert!(outcome(&whole, &manifest()[..1]).unwrap_err().contains("not in the manifest"));
}

#[test]
fn a_flipped_bit_never_reaches_the_decompressor() {
    let dir = tempfile::tempdir().unwrap();
    let packed = zstd::encode_all(&finished(good())[..], 3).unwrap();
    let artifact = artifact(&packed);
    let mut tampered = packed.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let file = dir.path().join("artifact");
    crate::durable::write_atomic(&file, &tampered, 0o600).unwrap();
    let error = unpack_into(dir.path(), &file, &artifact, &manifest()).unwrap_err();
    assert!(error.contains("not what the vendor signed"), "{error}");
}
