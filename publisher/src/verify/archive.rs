//! An archive against the manifest: every block, and every file in it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use manifest_schema::digest::{Hasher, Sha256};
use manifest_schema::manifest::{Artifact, BLOCK_SIZE, FileEntry, Format, Manifest};
use manifest_schema::tuf::{TargetPath, TrustedRepository};

use super::finding::Finding;
use super::source::{Source, SourceError};
use super::target;

/// Everything that is wrong with the archive.
pub(super) fn check(
    source: &mut dyn Source,
    trusted: &TrustedRepository,
    manifest: &Manifest,
    artifact: &Artifact,
) -> Result<Option<Finding>, SourceError> {
    let name = format!("{}/{}", manifest.version.tag(), artifact.name);
    let signed = name.parse::<TargetPath>().ok().and_then(|path| {
        let signed = trusted.target(&path).ok()?.clone();
        Some((path, signed))
    });
    let signed = signed.filter(|(_, it)| (it.length, it.sha256) == (artifact.length, artifact.sha256));
    let Some((path, signed)) = signed else {
        return Ok(Some(Finding::Artifact(name)));
    };
    let Some(mut file) = target::file(source, &path, &signed)? else {
        return Ok(Some(Finding::Missing(name)));
    };
    if let Some(block) = wrong_block(&mut file, artifact) {
        return Ok(Some(Finding::Block { path: name, block }));
    }
    let what = file
        .rewind()
        .map_err(|error| error.to_string())
        .and_then(|()| same_files(file, artifact.format, &manifest.files));
    Ok(what.err().map(|what| Finding::Files { path: name, what }))
}

/// The first block that is not the listed one.
fn wrong_block(file: &mut File, artifact: &Artifact) -> Option<usize> {
    let mut right = |block: &Sha256| {
        let mut bytes = Vec::new();
        let read = file.by_ref().take(BLOCK_SIZE).read_to_end(&mut bytes);
        read.is_ok() && Sha256::of(&bytes) == *block
    };
    artifact.blocks.iter().position(|block| !right(block))
}

fn same_files(file: File, format: Format, expected: &[FileEntry]) -> Result<(), String> {
    let file = BufReader::with_capacity(1 << 17, file);
    match format {
        Format::TarGz => compare(flate2::bufread::MultiGzDecoder::new(file), expected),
        Format::TarZst => {
            let decoder = zstd::Decoder::with_buffer(file).map_err(|error| error.to_string())?;
            compare(decoder, expected)
        }
    }
}

/// Entry by entry: both are in the order of their paths. Extensions are entries too here, and so are refused.
fn compare(tar: impl Read, expected: &[FileEntry]) -> Result<(), String> {
    let mut archive = tar::Archive::new(tar);
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let mut entries = archive.entries().map_err(unreadable)?.raw(true);
    for expected in expected {
        let entry = entries.next().ok_or_else(|| format!("{} is missing", expected.path))?;
        same_file(entry.map_err(unreadable)?, expected)?;
    }
    match entries.next() {
        None => Ok(()),
        Some(entry) => {
            let path = entry.map_err(unreadable)?.path_bytes().into_owned();
            Err(format!("{:?} is one too many", String::from_utf8_lossy(&path)))
        }
    }
}

fn same_file(mut entry: tar::Entry<'_, impl Read>, expected: &FileEntry) -> Result<(), String> {
    let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    if path != expected.path.as_str() {
        return Err(format!("{path:?} stands where {} should", expected.path));
    }
    let header = entry.header();
    let plain = header.entry_type() == tar::EntryType::Regular && header.as_ustar().is_some();
    let same = plain && header.mode().ok() == Some(expected.mode.bits()) && header.size().ok() == Some(expected.size);
    let mut hasher = Hasher::new();
    io::copy(&mut entry, &mut hasher).map_err(|error| format!("{path} cannot be read: {error}"))?;
    if same && hasher.finish() == expected.sha256 { Ok(()) } else { Err(format!("{path} differs")) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use manifest_schema::manifest::FileMode;

    use super::*;

    fn header(path: &str, mode: u32, size: u64, kind: tar::EntryType) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_mode(mode);
        header.set_size(size);
        header.set_entry_type(kind);
        header.set_cksum();
        header
    }

    fn plain(path: &str, content: &str) -> (tar::Header, Vec<u8>) {
        (header(path, 0o644, content.len() as u64, tar::EntryType::Regular), content.into())
    }

    /// What `compare` says of these entries, where `a` with "one" and `b` with "two" are expected.
    fn compared(entries: &[(tar::Header, Vec<u8>)]) -> Result<(), String> {
        let mut tar = tar::Builder::new(Vec::new());
        for (header, content) in entries {
            tar.append(header, content.as_slice()).unwrap();
        }
        let expected = |path: &str, content: &str| FileEntry {
            path: path.parse().unwrap(),
            size: content.len() as u64,
            sha256: Sha256::of(content.as_bytes()),
            mode: FileMode::Plain,
        };
        compare(tar.into_inner().unwrap().as_slice(), &[expected("a", "one"), expected("b", "two")])
    }

    #[test]
    fn exactly_the_files_of_the_manifest_pass() {
        compared(&[plain("a", "one"), plain("b", "two")]).unwrap();
    }

    #[test]
    fn a_file_too_few_or_too_many_or_elsewhere_is_found() {
        let said = |entries: &[_]| compared(entries).unwrap_err();
        assert_eq!(said(&[plain("a", "one")]), "b is missing");
        assert!(said(&[plain("a", "one"), plain("b", "two"), plain("c", "")]).contains("one too many"));
        assert!(said(&[plain("b", "two"), plain("a", "one")]).contains("stands where a should"));
    }

    #[test]
    fn other_content_mode_or_kind_is_found() {
        for wrong in [
            plain("b", "TWO"),
            plain("b", "twoo"),
            (header("b", 0o755, 3, tar::EntryType::Regular), b"two".to_vec()),
            (header("b", 0o644, 3, tar::EntryType::Continuous), b"two".to_vec()),
        ] {
            assert_eq!(compared(&[plain("a", "one"), wrong]).unwrap_err(), "b differs");
        }
    }

    #[test]
    fn an_extended_header_is_an_entry_too_many() {
        let record = b"13 path=evil\n";
        let pax = header("b", 0o644, record.len() as u64, tar::EntryType::XHeader);
        assert_eq!(compared(&[plain("a", "one"), (pax, record.to_vec()), plain("b", "two")]).unwrap_err(), "b differs");
    }

    #[test]
    fn the_first_wrong_block_is_named() {
        let block = usize::try_from(BLOCK_SIZE).unwrap();
        let bytes = vec![7; 2 * block + 1];
        let mut artifact = Artifact {
            name: "x.tar.gz".to_owned(),
            format: Format::TarGz,
            length: bytes.len() as u64,
            sha256: Sha256::of(&bytes),
            blocks: bytes.chunks(block).map(Sha256::of).collect(),
        };
        let found = |artifact: &Artifact| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            file.rewind().unwrap();
            wrong_block(&mut file, artifact)
        };
        assert_eq!(found(&artifact), None);
        artifact.blocks[1] = Sha256::of(b"");
        assert_eq!(found(&artifact), Some(1));
    }
}
