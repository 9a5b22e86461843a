//! What must hold after every refusal: the application serves as before, nothing half-made lies about, one line of the audit log says
//! why, and the next good cycle succeeds.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Change, World};

/// A world where 1.0.0 serves, and 1.1.0 is published with a migration.
///
/// # Errors
/// When that does not come about.
pub fn offered() -> Result<World> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    Ok(world)
}

/// The change that adds a column, so that a database tells whether it went in.
pub fn with_author() -> Change<'static> {
    Change { migration: Some("alter table notes add column author text;"), ..Change::default() }
}

/// `surefoot update` is refused as not trusted, in these words.
///
/// # Errors
/// When it is not, when it leaves something, or when the audit log does not say so once.
pub fn is_refused(world: &World, words: &str) -> Result<()> {
    refuses(world, &["update"], 5, "not_trusted", words)
}

/// A command ends with this exit code, which the audit log knows by `exit`, in these words, and nothing has changed.
///
/// # Errors
/// When one of it does not hold.
pub fn refuses(world: &World, arguments: &[&str], code: i32, exit: &str, words: &str) -> Result<()> {
    let before = audited(world)?.len();
    world.client.surefoot(arguments)?.says(code, words)?;
    let lines = audited(world)?.split_off(before);
    let ends: Vec<_> = lines.iter().filter(|line| line["did"] == "ended" || line["did"] == "failed").collect();
    let [end] = ends[..] else { anyhow::bail!("one end, please: {lines:#?}") };
    ensure!(end["exit"] == exit, "the audit log says otherwise: {end:#}");
    ensure!(end["says"].as_str().is_some_and(|says| says.contains(words)), "the audit log says otherwise: {end:#}");
    is_untouched(world)
}

/// 1.0.0 serves, whole and alone.
///
/// # Errors
/// When anything has changed or is left.
pub fn is_untouched(world: &World) -> Result<()> {
    world.serves("1.0.0", 3)?;
    ensure!(world.columns()? == ["id", "text"], "the database has changed: {:?}", world.columns());
    let kept = world.client.kept_releases()?;
    ensure!(kept == ["1.0.0"], "a part of a release is left: {kept:?}");
    let half = world.client.fetched()?.into_iter().find(|name| name.ends_with(".pending"));
    ensure!(half.is_none(), "a part of an artifact is left: {half:?}");
    ensure!(!world.client.state().join("closed").exists(), "the door is left closed");
    Ok(())
}

/// The next good cycle.
///
/// # Errors
/// When it does not succeed.
pub fn then_it_goes_in(world: &World) -> Result<()> {
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// The lines of the audit log.
///
/// # Errors
/// When it cannot be read.
pub fn audited(world: &World) -> Result<Vec<Value>> {
    Ok(serde_json::from_str(&world.client.surefoot(&["audit", "-n", "1000", "--json"])?.well()?.out)?)
}
