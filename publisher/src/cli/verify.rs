//! `publish verify`.

use url::Url;

use super::{Failure, Verify};
use crate::config::{self, Config};
use crate::destination::Destination;
use crate::metadata::Roots;
use crate::progress;
use crate::secret;
use crate::verify::{self, DirectorySource, Http, Source};

pub(super) fn run(arguments: &Verify) -> Result<(), Failure> {
    let directory = arguments.checkout.directory.as_path();
    let roots = Roots::read(&directory.join(config::ROOTS))?;
    let now = super::now()?;
    for mut source in sources(arguments)? {
        let mut progress = progress::for_stderr();
        let report = verify::verify(&mut *source, roots.first(), arguments.version.as_ref(), now, &mut *progress)?;
        let releases: Vec<String> = report.releases.iter().map(ToString::to_string).collect();
        println!(
            "{} is sound: releases {}; {} targets; a client trusts it until {}",
            source.name(),
            releases.join(", "),
            report.targets,
            report.expires
        );
    }
    Ok(())
}

fn sources(arguments: &Verify) -> Result<Vec<Box<dyn Source>>, Failure> {
    if let Some(url) = arguments.from.as_deref().filter(|text| text.contains("://")) {
        let shown = secret::address(url);
        let base = Url::parse(url).map_err(|error| Failure::Usage(format!("--from {shown}: {error}")))?;
        if shown != url {
            // It would be in every sentence that names a file of the repository, and in `ps`.
            return Err(Failure::Usage(format!("--from {shown}: an address cannot carry a user name or a password")));
        }
        return Ok(vec![Box::new(Http::new(&base).map_err(verify::VerifyError::from)?)]);
    }
    let directory = arguments.checkout.directory.as_path();
    let destinations = match &arguments.from {
        Some(text) => vec![text.parse::<Destination>()?],
        None => Config::read(directory)?.destinations(directory)?,
    };
    if destinations.is_empty() {
        return Err(Failure::Usage("nothing to read: give --from, or set `to` in publish.toml".to_owned()));
    }
    destinations.into_iter().map(|destination| source(arguments, destination)).collect()
}

fn source(arguments: &Verify, destination: Destination) -> Result<Box<dyn Source>, Failure> {
    match destination {
        Destination::Directory(path) => Ok(Box::new(DirectorySource::new(path))),
        Destination::GitHub { owner, repo } => {
            let config = Config::read(&arguments.checkout.directory)?;
            let github = Url::parse("https://github.com").expect("it is a URL");
            let downloads = config.github.downloads.unwrap_or(github);
            let source = Http::github(&downloads, &owner, &repo).map_err(verify::VerifyError::from)?;
            Ok(Box::new(source))
        }
    }
}
