//! What holds at every instant, whatever has just happened: something whole stands at the application's path, and a consistent
//! copy of the data exists.

use std::fs;

use anyhow::{Context, bail, ensure};

use super::act::Act;
use super::journal::Side;
use super::rows::Rows;
use super::{base, database, place, releases};

/// Insists on the whole list.
pub(super) fn insist(act: Act, rows: &Rows) -> anyhow::Result<()> {
    something_whole_stands(act).context("at the instant")?;
    a_copy_of_the_data_exists(act, rows).context("at the instant")
}

fn something_whole_stands(act: Act) -> anyhow::Result<()> {
    let application = place::application();
    let Ok(meta) = fs::symlink_metadata(&application) else {
        ensure!(act == Act::Install, "there is nothing at {}", application.display());
        return Ok(());
    };
    let version = match meta.is_symlink() {
        true => linked_version()?,
        false => "1.0.0".to_owned(),
    };
    ensure!(meta.is_symlink() || act == Act::Adopt, "{} is no link any more", application.display());
    ensure!(act.versions().contains(&version.as_str()), "{version} stands, which nobody has asked for");
    releases::insist_whole(&application, &version)?;
    what_survives_is_there(act != Act::Install)
}

/// The version that the link at the application's path leads to.
pub(super) fn linked_version() -> anyhow::Result<String> {
    let link = fs::read_link(place::application()).context("there is no link at the application's path")?;
    Ok(link.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// Settings and uploads, as the application sees them.
pub(super) fn what_survives_is_there(has_uploads: bool) -> anyhow::Result<()> {
    let application = place::application();
    let settings = fs::read_to_string(application.join(".env")).context(".env")?;
    ensure!(settings == base::SETTINGS, ".env says {settings:?}");
    ensure!(application.join("data").is_dir(), "data is not there");
    if has_uploads {
        let upload = fs::read(application.join("uploads/picture")).context("uploads/picture")?;
        ensure!(upload == base::upload(), "uploads/picture is another file");
        ensure!(fs::read_dir(application.join("uploads/small"))?.count() == 10, "uploads are missing");
    }
    Ok(())
}

/// All that the release which is left has confirmed is in some database, and no half of a migration with it.
fn a_copy_of_the_data_exists(act: Act, rows: &Rows) -> anyhow::Result<()> {
    let Some(old) = act.stand(Side::Old).version() else { return Ok(()) };
    let wanted = rows.up_to(old);
    let copies = database::all()?;
    let is_copy = |data: &database::Data| {
        act.versions().iter().any(|version| data.goes_with(version)) && data.rows.is_superset(&wanted)
    };
    if !copies.values().any(is_copy) {
        bail!("no copy of the data has {wanted:?}: {copies:#?}");
    }
    Ok(())
}
