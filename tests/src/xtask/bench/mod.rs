//! `cargo xtask bench`: one full update by the script that clients have today and by the agent, side by side on the real machine.
//!
//! Knows how such a comparison is made fair: the same releases, the same rows, the same image, script first and agent second, in turn. Prints
//! a table for people; never judges, because times on a busy machine prove nothing about a change.

// The rule is the agent's: what is written here is rubbish of the measurement.
#![allow(clippy::disallowed_methods)]

mod image;
mod payload;
mod report;
mod run;
mod sample;
mod spread;
mod story;
mod vendor;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use self::image::Images;
use self::run::{Kind, Tool};
use self::sample::Sample;
use super::test::{cargo, workspace};
use super::{packages, tools};

/// What a person asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often each side does each thing.
    pub rounds: u32,
    /// One round, without the release that does not come up.
    pub quick: bool,
    /// Measure the programs that are there, without building them.
    pub as_built: bool,
    /// Where the raw figures go.
    pub json: Option<PathBuf>,
}

/// Measures, tells how far it is, and prints the table.
///
/// # Errors
/// When something cannot be built, or an update does not end as it should.
pub fn bench(options: &Options) -> Result<()> {
    packages::ensure(&[packages::MACHINE, &["git"]].concat())?;
    if !options.as_built {
        eprintln!("bench: building the package and publish …");
        tools::build_deb()?;
        cargo(&["build", "--quiet", "--locked", "--package=publisher"])?;
    }
    let images = Images::ensure()?;
    let samples = measure(&images, options)?;
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&samples)?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    print!("{}", report::render(&samples));
    Ok(())
}

fn measure(images: &Images, options: &Options) -> Result<Vec<Sample>> {
    let (kinds, rounds) = match options.quick {
        true => (&Kind::ALL[..2], 1),
        false => (&Kind::ALL[..], options.rounds),
    };
    let (started, of) = (Instant::now(), rounds as usize * kinds.len() * 2);
    let mut samples = Vec::new();
    for round in 1..=rounds {
        for kind in kinds {
            for tool in [Tool::Script, Tool::Agent] {
                let sample = run::run(images, tool, *kind)
                    .with_context(|| format!("round {round}, {}, {}", kind.words(), tool.words()))?;
                let done = samples.len() + 1;
                let left = started.elapsed().mul_f64((of - done) as f64 / done as f64).as_secs();
                eprintln!("bench: {done:3} of {of}, {left:4} s to go: round {round}, {}", sample.words());
                samples.push(sample);
            }
        }
    }
    Ok(samples)
}

/// The files that this measurement is made of.
fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/kkt-bench")
}

/// Where published releases are kept between measurements.
fn cache() -> PathBuf {
    workspace().join("target/bench")
}
