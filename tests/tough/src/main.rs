//! What tough makes of a TUF repository in a directory that it meets for the first time.
//!
//! `tough-oracle DIR` begins with `DIR/metadata/1.root.json`, refreshes, reads every target, and prints what it trusts as JSON of the
//! shape that `oracle.py` has. Exit code 3: it refuses the repository, and says why on standard output. Any other: it broke.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use async_trait::async_trait;
use serde_json::{Value, json};
use tough::{FilesystemTransport, IntoVec, Repository, RepositoryLoader, Transport, TransportError, TransportStream};
use url::Url;

/// How `main` ends when tough refuses.
const REFUSED: u8 = 3;

fn main() -> ExitCode {
    let directory: PathBuf = std::env::args_os().nth(1).expect("the directory of a repository").into();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    match runtime.block_on(read(&directory)) {
        Ok(trusted) => {
            println!("{trusted}");
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            println!("{}", chain(&refusal));
            ExitCode::from(REFUSED)
        }
    }
}

async fn read(directory: &Path) -> Result<Value, tough::error::Error> {
    let root = std::fs::read(directory.join("metadata/1.root.json")).expect("a first root");
    let base = |name| Url::from_directory_path(directory.join(name)).expect("an absolute directory");
    let loader = RepositoryLoader::new(&root, base("metadata"), base("targets"));
    let repository = loader.transport(HashBeforeTheName).load().await?;
    let mut targets = serde_json::Map::new();
    for (name, target) in repository.all_targets() {
        let bytes = repository.read_target(name).await?.expect("a target that is listed").into_vec().await?;
        let custom = (!target.custom.is_empty()).then_some(&target.custom);
        targets.insert(name.raw().to_owned(), json!({ "content": hex::encode(bytes), "custom": custom }));
    }
    Ok(json!({ "versions": versions(&repository), "targets": targets }))
}

fn versions(repository: &Repository) -> Value {
    json!({
        "root": repository.root().signed.version,
        "timestamp": repository.timestamp().signed.version,
        "snapshot": repository.snapshot().signed.version,
        "targets": repository.targets().signed.version,
    })
}

/// tough looks for a target of a consistent snapshot under its hash before the whole path, `HASH.v1.1.0/app.tar.gz`; the
/// specification (TUF 1.0.34, 6.2) and everybody else has it before the file name.
#[derive(Debug, Clone, Copy)]
struct HashBeforeTheName;

#[async_trait]
impl Transport for HashBeforeTheName {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        FilesystemTransport.fetch(moved(url)).await
    }
}

fn moved(mut url: Url) -> Url {
    if let Some((above, target)) = url.path().split_once("/targets/")
        && let Some((hash, path)) = target.split_once('.')
        && let Some((directory, name)) = path.rsplit_once('/')
    {
        let path = format!("{above}/targets/{directory}/{hash}.{name}");
        url.set_path(&path);
    }
    url
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
