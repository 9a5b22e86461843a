//! Fetch: the artifact → `fetch/HASH.partial` → `fetch/HASH.pending`, every block checked before it is written.

use std::io::Read;
use std::path::PathBuf;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, BLOCK_SIZE};

use super::StepError;
use crate::durable::{self, Partial};
use crate::event::{Event, Unit};
use crate::plan::ArtifactRef;
use crate::source::ReleaseSource;
use crate::unpack;
use crate::update::Walk;

/// Where the complete artifact lies until it is unpacked.
pub(super) fn pending(walk: &Walk<'_, '_>, artifact: &ArtifactRef) -> PathBuf {
    walk.here.fetch().join(format!("{}.pending", artifact.sha256))
}

fn partial(walk: &Walk<'_, '_>, artifact: &ArtifactRef) -> PathBuf {
    walk.here.fetch().join(format!("{}.partial", artifact.sha256))
}

/// The artifact as the manifest describes it, with its block hashes.
pub(super) fn listed(walk: &Walk<'_, '_>, wanted: &ArtifactRef) -> Result<Artifact, StepError> {
    let delivery = walk.world.delivery.as_ref().ok_or_else(|| StepError::Missing("there is no source".to_owned()))?;
    let artifact = delivery.manifest.artifacts.iter().find(|artifact| artifact.sha256 == wanted.sha256);
    artifact.cloned().ok_or_else(|| StepError::Missing(format!("the manifest has no artifact {}", wanted.name)))
}

/// Goes on where an earlier attempt ended, after checking what it left.
pub(super) fn apply(walk: &mut Walk<'_, '_>, wanted: &ArtifactRef) -> Result<(), StepError> {
    let artifact = listed(walk, wanted)?;
    let (partial, pending) = (partial(walk, wanted), pending(walk, wanted));
    durable::make_dirs(&walk.here.fetch(), 0o700)?;
    if good_blocks(&pending, &artifact) == artifact.blocks.len() {
        return Ok(());
    }
    let good = good_blocks(&partial, &artifact);
    let from = length_of(good, &artifact);
    let file =
        if good > 0 { durable::resume_partial(&partial, from)? } else { durable::create_partial(&partial, 0o600)? };
    let mut checker = Checker { artifact: &artifact, next: good, block: Vec::new(), file, failed: None };
    let outcome = receive(walk, &mut checker);
    if let Some(error) = checker.failed {
        return Err(error.into());
    }
    outcome?;
    let made = checker.file.finish()?;
    durable::rename(&made, &pending)?;
    Ok(())
}

/// The complete artifact goes. An incomplete one stays: it holds nothing but checked blocks, costs the next attempt
/// nothing, and is tidied up with the next good update.
pub(super) fn revert(walk: &mut Walk<'_, '_>, wanted: &ArtifactRef) -> Result<(), StepError> {
    Ok(durable::remove_file(&pending(walk, wanted))?)
}

/// From one source after the other: the next goes on after the last good block, whatever was wrong with the one before.
/// Where none is left, what was wrong with the first counts.
fn receive(walk: &mut Walk<'_, '_>, checker: &mut Checker<'_>) -> Result<(), StepError> {
    let missing = || StepError::Missing("there is no source".to_owned());
    let delivery = walk.world.delivery.as_mut().ok_or_else(missing)?;
    let mut first = None;
    let several = delivery.sources.len() > 1;
    for source in &mut delivery.sources {
        let Err(error) = receive_from(*source, &delivery.hashed_path, checker, walk.world.tell) else { return Ok(()) };
        checker.block.clear();
        if checker.failed.is_some() {
            return Err(error);
        }
        if several {
            (walk.world.tell)(Event::Note { text: crate::exit::chain(&error) });
        }
        first = first.or(Some(error));
    }
    Err(first.unwrap_or_else(missing))
}

fn receive_from(
    source: &mut (dyn ReleaseSource + 'static),
    hashed_path: &str,
    checker: &mut Checker<'_>,
    tell: &mut dyn FnMut(Event),
) -> Result<(), StepError> {
    let (mut done, total) = (checker.checked(), checker.artifact.length);
    source.target(hashed_path, done, total, &mut |bytes| {
        checker.take(bytes)?;
        done += bytes.len() as u64;
        tell(Event::Progress { done, total, unit: Unit::Bytes });
        Ok(())
    })?;
    checker.is_complete().map_err(StepError::Missing)
}

/// How many blocks at the beginning of a file are what was signed.
fn good_blocks(path: &std::path::Path, artifact: &Artifact) -> usize {
    let Ok(mut file) = unpack::open_spool(path) else { return 0 };
    let mut left = artifact.length;
    let good = artifact.blocks.iter().take_while(|hash| {
        let length = left.min(BLOCK_SIZE);
        let mut block = Vec::new();
        left -= length;
        let read = file.by_ref().take(length).read_to_end(&mut block);
        read.is_ok_and(|read| read as u64 == length) && Sha256::of(&block) == **hash
    });
    good.count()
}

/// Bytes that the first `blocks` blocks hold.
fn length_of(blocks: usize, artifact: &Artifact) -> u64 {
    (blocks as u64 * BLOCK_SIZE).min(artifact.length)
}

/// Holds back a block until it is whole and right.
struct Checker<'a> {
    artifact: &'a Artifact,
    next: usize,
    block: Vec<u8>,
    file: Partial,
    failed: Option<durable::Error>,
}

impl Checker<'_> {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            let room = self.length_of_next().saturating_sub(self.block.len());
            let (now, later) = bytes.split_at(bytes.len().min(room.max(1)));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() >= self.length_of_next() {
                self.keep_block()?;
            }
        }
        Ok(())
    }

    /// Bytes that are whole and right.
    fn checked(&self) -> u64 {
        length_of(self.next, self.artifact)
    }

    fn length_of_next(&self) -> usize {
        let before = self.next as u64 * BLOCK_SIZE;
        usize::try_from(self.artifact.length.saturating_sub(before).min(BLOCK_SIZE)).expect("a block fits into memory")
    }

    fn keep_block(&mut self) -> Result<(), String> {
        let offset = self.next as u64 * BLOCK_SIZE;
        if self.artifact.blocks.get(self.next) != Some(&Sha256::of(&self.block)) {
            return Err(format!("the block at byte {offset} is not what the vendor signed"));
        }
        if let Err(error) = self.file.write(&self.block) {
            let words = crate::exit::chain(&error);
            self.failed = Some(error);
            return Err(words);
        }
        self.next += 1;
        self.block.clear();
        Ok(())
    }

    fn is_complete(&self) -> Result<(), String> {
        if self.next == self.artifact.blocks.len() && self.block.is_empty() {
            Ok(())
        } else {
            Err(format!("only {} of {} blocks of {} came", self.next, self.artifact.blocks.len(), self.artifact.name))
        }
    }
}
