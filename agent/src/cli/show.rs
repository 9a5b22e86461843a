//! `surefoot show`: what a release brings, and what it would do here. The daemon fetches and verifies its manifest.

use manifest_schema::manifest::{Changelog, Manifest};
use manifest_schema::migration::MigrationStep;
use manifest_schema::version::ReleaseVersion;

use super::print::{Screen, Tone};
use super::{Format, Which, ask, instances, print, words};
use crate::exit::{Exit, Failure};
use crate::journal::standing::standing;
use crate::journal::{Journal, history};
use crate::layout::Layout;
use crate::plan::{self, DatabaseBackup, Facts, Plan};
use crate::request::Request;
use crate::store::Way;

pub(super) fn run(layout: &Layout, version: ReleaseVersion, which: Which, format: Format) -> Result<Exit, Failure> {
    let settings = instances::settings(layout, &which)?;
    let ended = ask::request(layout, &Request::Show { instance: which.instance, version }, &mut |_| {})?;
    if ended.exit != Exit::Ok {
        return Err(Failure::new(ended.exit, ended.message));
    }
    let answer = ended.answer.unwrap_or_default();
    if format.json {
        print::json(&answer)?;
        return Ok(Exit::Ok);
    }
    let manifest: Manifest = serde_json::from_value(answer)
        .map_err(|error| Failure::new(Exit::Unexpected, format!("the agent's answer is no manifest: {error}")))?;
    let journals = instances::journals(layout, &settings.instance.name)?;
    let profile =
        settings.localise(manifest.application.clone()).map_err(|error| Failure::of(Exit::Configuration, &error))?;
    let plan = plan(&manifest, settings.instance, &journals, profile);
    print::text(&render(&manifest, &plan, &Screen::of_stdout()))?;
    Ok(Exit::Ok)
}

/// The plan as the update would make it, but for the way of each backup: that is found out when it is made.
fn plan(
    manifest: &Manifest,
    instance: plan::Instance,
    journals: &[Journal],
    profile: manifest_schema::profile::Profile,
) -> Plan {
    let ways = profile
        .databases
        .iter()
        .map(|database| DatabaseBackup { database: database.name.clone(), way: Way::Clone })
        .collect();
    let installed = history::installed(journals);
    let migrations =
        plan::migrations_ahead(manifest, installed.as_ref().map(|side| &side.version), &standing(journals));
    plan::plan_update(Facts {
        id: 0,
        instance,
        installed,
        migrations,
        manifest,
        manifest_hash: manifest.checksum,
        profile,
        ways,
        extents: Vec::new(),
        already_failing: Vec::new(),
        applied_by: String::new(),
        now: manifest.release_date,
    })
}

fn render(manifest: &Manifest, plan: &Plan, screen: &Screen) -> String {
    let mut text = heading(manifest, screen);
    text.push_str(&changelog(&manifest.changelog, screen.width));
    text.push_str(&here(manifest, plan, screen));
    text
}

fn heading(manifest: &Manifest, screen: &Screen) -> String {
    let day = manifest.release_date.strftime("%Y-%m-%d");
    let mut text = format!("{} {} ({}), {day}\n", manifest.product, manifest.version, manifest.severity);
    if manifest.breaking_changes {
        let sentence = "!! It breaks with what was: something must be changed by hand, see below";
        text.push_str(&format!("{}\n", screen.paint(Tone::Warning, sentence)));
    }
    text + "\n"
}

fn changelog(changelog: &Changelog, width: usize) -> String {
    let headings = [
        ("Security", &changelog.security),
        ("Added", &changelog.added),
        ("Changed", &changelog.changed),
        ("Deprecated", &changelog.deprecated),
        ("Removed", &changelog.removed),
        ("Fixed", &changelog.fixed),
    ];
    let mut text = String::new();
    for (heading, entries) in headings.into_iter().filter(|(_, entries)| !entries.is_empty()) {
        text.push_str(&format!("{heading}\n"));
        text.extend(entries.iter().map(|entry| words::wrap("  - ", entry, width)));
    }
    text + "\n"
}

fn here(manifest: &Manifest, plan: &Plan, screen: &Screen) -> String {
    let mut text = match &plan.from {
        Some(from) if from.version == manifest.version => return "It is installed here\n".to_owned(),
        Some(from) if from.version > manifest.version => {
            return format!("{} is installed here, which is newer\n", from.version);
        }
        Some(from) => format!("Here it would go in over {}\n", from.version),
        None => "Here it would be installed for the first time\n".to_owned(),
    };
    let mut field = |name: &str, value: &str| {
        text.push_str(&words::wrap(&words::pad(&format!("  {name}"), 14), value, screen.width));
    };
    if let Some(plan::Step::Fetch { artifact }) = plan.steps.first() {
        field(
            "download",
            &format!("{}, {} unpacked", words::size(artifact.length), words::size(manifest.unpacked_size)),
        );
    }
    let steps: Vec<&str> = plan.steps.iter().map(plan::Step::words).collect();
    field("steps", &steps.join(", "));
    for step in plan.migrations() {
        field("migration", &migration(step));
    }
    if let (Some(minimum), Some(from)) = (&manifest.minimum_version, &plan.from)
        && from.version < *minimum
    {
        field(
            "first",
            &format!("a release from {minimum} on must go in before it; the agent takes that way by itself"),
        );
    }
    field("way back", &way_back(manifest, plan));
    text
}

fn migration(step: &MigrationStep) -> String {
    let word = if step.compatible_with_previous {
        "compatible with the release before"
    } else {
        "NOT compatible with the release before"
    };
    format!("{} ({}, database {}): {word}", step.description, step.file, step.database)
}

/// What a rollback costs, by the same rule as the rollback's own.
fn way_back(manifest: &Manifest, plan: &Plan) -> String {
    if !manifest.rollback_supported {
        return "NONE once it is in: the vendor does not support going back from it".to_owned();
    }
    let back: Vec<String> = plan
        .migrated_databases()
        .into_iter()
        .filter(|name| !plan.is_compatible(name))
        .map(|name| name.to_string())
        .collect();
    if back.is_empty() {
        "surefoot rollback; the data stays as it is".to_owned()
    } else {
        format!(
            "surefoot rollback; database {} goes back to its backup, and what was written since is kept aside",
            back.join(", ")
        )
    }
}
