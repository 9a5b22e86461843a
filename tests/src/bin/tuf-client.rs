//! `tuf-client`: the agent's own code for metadata behind the command line that the public suite tuf-conformance speaks.
//!
//! What is decided here is where files lie and how arguments are written; what is believed is decided by `surefoot::trust`, and
//! what is fetched is fetched by the agent's fetch process, which allows plain HTTP to this machine only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use manifest_schema::tuf::TargetPath;
use surefoot::source::{Fetcher, Get, Location, ReleaseSource, Sink, SourceError, Timeouts};
use surefoot::trust::Trust;
use surefoot_tests::notes;
use url::Url;

/// `nobody`: the fetch process refuses to work as root.
const NOBODY: (u32, u32) = (65534, 65534);

/// A client of The Update Framework, to be tested by tuf-conformance
#[derive(Debug, Parser)]
#[command(name = "tuf-client")]
struct Client {
    /// Where verified metadata is kept
    #[arg(long)]
    metadata_dir: PathBuf,
    /// Where metadata is fetched
    #[arg(long)]
    metadata_url: Option<Url>,
    /// What to download; may be given more than once
    #[arg(long)]
    target_name: Vec<String>,
    /// Where targets are fetched
    #[arg(long)]
    target_base_url: Option<Url>,
    /// Where targets are put
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Begin with this root
    Init { root: PathBuf },
    /// Bring the metadata up to date
    Refresh,
    /// Bring the metadata up to date and download
    Download,
}

fn main() -> ExitCode {
    match run(&Client::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tuf-client: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(client: &Client) -> Result<()> {
    match &client.verb {
        Verb::Init { root } => init(&client.metadata_dir, root),
        Verb::Refresh => refresh(client).map(drop),
        Verb::Download => download(client),
    }
}

/// The root is verified before it is kept, as whoever configures an instance does with its fingerprint.
fn init(directory: &Path, root: &Path) -> Result<()> {
    Trust::open(directory, root, None)?;
    fs::copy(root, directory.join("root.json")).with_context(|| format!("cannot keep {}", root.display()))?;
    Ok(())
}

fn refresh(client: &Client) -> Result<(Trust, Server)> {
    let mut trust = Trust::open(&client.metadata_dir, Path::new("/nonexistent"), None)?;
    let metadata = client.metadata_url.as_ref().context("--metadata-url is missing")?;
    let targets = client.target_base_url.as_ref().unwrap_or(metadata);
    let mut server = Server::new(metadata, targets)?;
    trust.refresh(&mut server, jiff::Timestamp::now())?;
    Ok((trust, server))
}

fn download(client: &Client) -> Result<()> {
    let (trust, mut server) = refresh(client)?;
    let directory = client.target_dir.as_ref().context("--target-dir is missing")?;
    for name in &client.target_name {
        let path: TargetPath = name.parse()?;
        let file = directory.join(name.replace('/', "%2F"));
        let kept = fs::read(&file).ok().and_then(|bytes| trust.repository().verify_target(&path, bytes).ok());
        if kept.is_none() {
            let bytes = trust.target(&path, &mut server)?;
            fs::write(&file, &*bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// The suite's server, which has its metadata and its targets wherever it says.
struct Server {
    metadata: Url,
    targets: Url,
    fetcher: Fetcher,
}

impl Server {
    fn new(metadata: &Url, targets: &Url) -> Result<Self> {
        let user = rustix::process::geteuid().is_root().then_some(NOBODY);
        let fetcher = Fetcher::start(&notes::program("surefoot")?, user)?;
        Ok(Self { metadata: folder(metadata)?, targets: folder(targets)?, fetcher })
    }

    fn get(&mut self, url: &Url, cap: u64, length: Option<u64>, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let location = Location::Url(url.to_string());
        let timeouts = Timeouts::for_length(cap);
        let get = Get { location, from: 0, cap, expect_length: length, if_none_match: None, api: None, timeouts };
        self.fetcher.get(&get, sink).map(drop)
    }
}

/// Only plain HTTP to this machine: nothing else is a test.
fn folder(url: &Url) -> Result<Url> {
    if url.scheme() != "http" || !matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
        bail!("{url} is not plain http to this machine, and this client is for tests only");
    }
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn below(base: &Url, name: &str) -> Result<Url, SourceError> {
    let bad = |error: url::ParseError| SourceError::Unusable { location: name.to_owned(), reason: error.to_string() };
    base.join(name).map_err(bad)
}

impl ReleaseSource for Server {
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let url = below(&self.metadata, name)?;
        let mut bytes = Vec::new();
        let got = self.get(&url, cap, None, &mut |more| {
            bytes.extend_from_slice(more);
            Ok(())
        });
        match got {
            Ok(()) => Ok(Some(bytes)),
            Err(SourceError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn target(&mut self, path: &str, _from: u64, length: u64, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let url = below(&self.targets, path)?;
        self.get(&url, length, Some(length), sink)
    }
}
