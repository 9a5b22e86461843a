//! Archives that do more than hold files. More of them: `tests/tests/archives`.

use std::time::{Duration, Instant};

use surefoot_tests::notes::{Change, Packed, World};

use super::ustar::{Archive, Member, gz};
use super::{Outcome, is_refused, world};

/// What was published as 1.1.0.
fn published(world: &World) -> anyhow::Result<Archive> {
    let mut paths =
        std::fs::read_dir(world.vendor.releases().join("targets/v1.1.0"))?.map(|entry| entry.unwrap().path());
    let path = paths.find(|path| path.to_string_lossy().ends_with(".tar.zst")).unwrap();
    Ok(Archive::read(&zstd::decode_all(&std::fs::read(path)?[..])?))
}

/// The vendor signs it; the client does not take it, and the next release goes in.
fn is_not_taken(make: impl FnOnce(Archive) -> Packed, words: &str) -> Outcome {
    let mut world = world()?;
    let serving = world.client.releases().join("1.0.0/bin/notes");
    let before = std::fs::read(&serving)?;
    world.vendor.repack("1.1.0", &make(published(&world)?))?;
    is_refused(&world, words)?;
    assert_eq!(std::fs::read(&serving)?, before, "what serves was written over");
    world.vendor.release("1.1.1", "Mended", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

/// Cargo wrote `ok` into a file of its own in each unpacked crate, and followed a link that the crate had put in its place:
/// four bytes less of any file (CVE-2022-36113). Here no link is unpacked at all, neither under that name nor under one that the
/// agent makes itself.
#[test]
fn cargo_cve_2022_36113_a_link_under_a_name_that_the_unpacker_writes() -> Outcome {
    let link = |name| Member::special(name, b'2', "../../shared/data/notes.sqlite3");
    is_not_taken(|good| good.insert([link(".cargo-ok")]).packed(), "another name")?;
    is_not_taken(|good| good.insert([link("data")]).packed(), "another name")
}

/// Cargo unpacked whatever a crate's archive decompressed to: a few kilobytes could fill the disk (CVE-2022-36114). Here no byte
/// more is written than the manifest lists, and reading ends at the first that is too many.
#[test]
fn cargo_cve_2022_36114_an_archive_that_decompresses_to_the_whole_disk() -> Outcome {
    let started = Instant::now();
    is_not_taken(
        |good| {
            let mut bytes = good.bytes();
            bytes.resize(bytes.len() + (512 << 20), 0);
            gz(&bytes)
        },
        "follows its end",
    )?;
    assert!(started.elapsed() < Duration::from_secs(120), "it was read to its end: {:?}", started.elapsed());
    Ok(())
}

/// Cargo let a crate's archive have a link one level up, and wrote the files that followed through it: into the unpacked
/// source of another crate (CVE-2026-5223). Here the archive tries the same with the release that serves.
#[test]
fn cargo_cve_2026_5223_a_link_into_the_next_directory_and_files_through_it() -> Outcome {
    is_not_taken(
        |mut good| {
            good.0.splice(0..0, [Member::special("next", b'2', "../1.0.0"), Member::file("next/bin/notes", b"evil")]);
            good.packed()
        },
        "another name",
    )
}

/// Readers of archives that derive from async-tar went on by a header's size of zero where a PAX record had the right one, and
/// took the content of a file for further members (CVE-2025-62518). Here an extension is not what is listed, and whatever the two
/// sizes are, nothing after it is read.
#[test]
fn tar_cve_2025_62518_an_archive_hidden_in_a_file() -> Outcome {
    is_not_taken(
        |mut good| {
            let hidden = Archive(vec![Member::file("bin/evil", b"evil")]).members();
            let last = good.last().clone();
            let mut outer = Member::file("zz", &hidden);
            outer.header = outer.header.size(0);
            good.0.push(Member::pax(b'x', &[("size", &hidden.len().to_string())]));
            good.0.extend([outer, last]);
            good.packed()
        },
        "is not in the manifest",
    )
}
