//! A repository behind URLs: any web server that serves the directory, or the downloads of GitHub Releases.

use std::fs::File;
use std::io::{Seek, Write};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::source::{Source, SourceError};
use crate::disk::failed;

/// Reads by HTTP.
pub struct Http {
    runtime: Runtime,
    client: Client,
    name: String,
    metadata: String,
    targets: String,
}

impl Http {
    /// The directory that is served at `base`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &Url) -> Result<Self, SourceError> {
        let base = base.as_str().trim_end_matches('/');
        Self::with_bases(base.to_owned(), format!("{base}/metadata"), format!("{base}/targets"))
    }

    /// The releases of a repository on GitHub, by their public download URLs; `downloads` is `https://github.com`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn github(downloads: &Url, owner: &str, repo: &str) -> Result<Self, SourceError> {
        let releases = format!("{}/{owner}/{repo}/releases", downloads.as_str().trim_end_matches('/'));
        let metadata = format!("{releases}/latest/download");
        Self::with_bases(format!("github:{owner}/{repo}"), metadata, format!("{releases}/download"))
    }

    fn with_bases(name: String, metadata: String, targets: String) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(SourceError::Network)?;
        let client = Client::builder()
            .user_agent(concat!("surefoot-publish/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map_err(|source| SourceError::Http { url: name.clone(), source })?;
        Ok(Self { runtime, client, name, metadata, targets })
    }

    fn download(
        &self,
        url: &str,
        cap: u64,
        into: &mut dyn FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Result<bool, SourceError> {
        self.runtime.block_on(async {
            let Some(response) = self.answer(url).await? else {
                return Ok(false);
            };
            read(response, url, cap, into).await?;
            Ok(true)
        })
    }

    async fn answer(&self, url: &str) -> Result<Option<Response>, SourceError> {
        let response = self.client.get(url).send().await.map_err(http(url))?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(Some(response)),
            status => Err(SourceError::Status { url: url.to_owned(), status }),
        }
    }
}

/// Hands on the body. One byte more than allowed ends it.
async fn read(
    mut response: Response,
    url: &str,
    cap: u64,
    into: &mut dyn FnMut(&[u8]) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.map_err(http(url))? {
        length += chunk.len() as u64;
        if length > cap {
            return Err(SourceError::TooLong { url: url.to_owned(), cap });
        }
        into(&chunk)?;
    }
    Ok(())
}

fn http(url: &str) -> impl FnOnce(reqwest::Error) -> SourceError {
    let url = url.to_owned();
    // The URL is in our own sentence already.
    move |source| SourceError::Http { url, source: source.without_url() }
}

impl Source for Http {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let mut bytes = Vec::new();
        let found = self.download(&format!("{}/{name}", self.metadata), cap, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(found.then_some(bytes))
    }

    fn target(&mut self, path: &str, cap: u64) -> Result<Option<File>, SourceError> {
        let temporary = std::env::temp_dir();
        let mut file = tempfile::tempfile().map_err(failed("make a file in", &temporary))?;
        let found = self.download(&format!("{}/{path}", self.targets), cap, &mut |chunk| {
            file.write_all(chunk).map_err(failed("write a file in", &temporary))?;
            Ok(())
        })?;
        file.rewind().map_err(failed("read a file in", &temporary))?;
        Ok(found.then_some(file))
    }

    fn reads_twice(&self) -> bool {
        false
    }
}
