//! What `--dry-run` shows: files, sizes, manifest, and what would be done.

use std::collections::BTreeMap;

use manifest_schema::manifest::{FileEntry, Manifest};

use crate::progress::size;
use crate::publication::{Repository, Visibility};
use crate::release::{Prepared, Staged};

/// Files that are named one by one.
const BIGGEST: usize = 10;

pub(super) fn show(
    staged: &Staged,
    prepared: &[Prepared],
    repositories: &[Box<dyn Repository>],
    visibility: Visibility,
) {
    files(&staged.manifest.files);
    println!("\nTargets:");
    for target in &staged.targets {
        println!("{:>12}  {}  {}", size(target.asset.length), target.asset.sha256, target.asset.name);
    }
    println!("\nmanifest.json, but for its lists of files and blocks:");
    println!("{}", String::from_utf8_lossy(&summary(&staged.manifest).write()));
    for (prepared, repository) in prepared.iter().zip(repositories) {
        let already = if prepared.already { " (it has this release; nothing would change)" } else { "" };
        println!("Would do in {}{already}:", repository.name());
        for line in repository.describe(&prepared.publication, visibility) {
            println!("  {line}");
        }
    }
    println!("\nDry run: nothing was published.");
}

fn files(files: &[FileEntry]) {
    println!("{} files, {}:", files.len(), size(files.iter().map(|file| file.size).sum()));
    for (top, (count, bytes)) in by_top(files) {
        println!("{:>12}  {top}{}", size(bytes), if count > 1 { format!(" ({count} files)") } else { String::new() });
    }
    let mut biggest: Vec<&FileEntry> = files.iter().collect();
    biggest.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    println!("The biggest:");
    for file in biggest.iter().take(BIGGEST) {
        println!("{:>12}  {}", size(file.size), file.path);
    }
}

/// Number and bytes of the files in each directory at the top; files at the top by themselves.
fn by_top(files: &[FileEntry]) -> BTreeMap<String, (usize, u64)> {
    let mut tops = BTreeMap::new();
    for file in files {
        let top = match file.path.as_str().split_once('/') {
            Some((directory, _)) => format!("{directory}/"),
            None => file.path.to_string(),
        };
        let (count, bytes) = tops.entry(top).or_insert((0, 0));
        *count += 1;
        *bytes += file.size;
    }
    tops
}

fn summary(manifest: &Manifest) -> Manifest {
    let mut summary = manifest.clone();
    summary.files.clear();
    summary.artifacts.iter_mut().for_each(|artifact| artifact.blocks.clear());
    summary
}
