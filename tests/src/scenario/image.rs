//! Images of machines that have Surefoot: the package installed, then kkt adopted, then updated to 1.1.0.

use std::fs;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::act::Site;
use super::{Releases, package};
use crate::kkt;
use crate::machine::{Image, Machine};

/// Where the client's configuration says that releases come from: a link to one of the folders in `/srv/published`.
pub const SOURCE: &str = "/srv/releases";

const CONFIG: &str = r#"product = "kkt"
directory = "/home/kktapp/kkt-system"
source = "/srv/releases"
user = "kktapp"
"#;

/// kkt 1.0.0 as a plain directory, the package installed, and a configuration that has not been used yet. The source has 1.0.0.
///
/// # Errors
/// When the package is missing, or the image cannot be made.
pub fn prepared() -> Result<Image> {
    let (package, releases) = (package::find()?, Releases::ensure()?);
    let bytes = fs::read(&package).with_context(|| format!("cannot read {}", package.display()))?;
    let key = format!("{} {} {CONFIG}", hex::encode(Sha256::digest(bytes)), releases.digest());
    kkt::prepared()?.derive("surefoot", &key, |machine| {
        machine.copy_in(&package, "/root/surefoot.deb");
        machine.sh("dpkg --install /root/surefoot.deb && rm /root/surefoot.deb");
        publish(machine, &releases)?;
        machine.write("/etc/surefoot/kkt.toml", CONFIG);
        machine.sh("systemctl start surefoot.service");
        Ok(())
    })
}

fn publish(machine: &Machine, releases: &Releases) -> Result<()> {
    for name in releases.names()? {
        machine.copy_in(releases.folder().join(&name), format!("/srv/published/{name}"));
    }
    machine.copy_in(releases.folder().join("kkt.root.json"), "/etc/surefoot/kkt.root.json");
    machine.sh("ln -s published/upto-1.0.0 /srv/releases");
    Ok(())
}

/// The same, and kkt 1.0.0 has been adopted.
///
/// # Errors
/// As [`prepared`], and when it cannot be adopted.
pub fn adopted() -> Result<Image> {
    prepared()?.derive("surefoot-adopted", "1", |machine| {
        let site = Site::look_at(machine)?;
        site.surefoot(&["adopt"]).well();
        Ok(())
    })
}

/// The same, and 1.1.0 is installed; the source has 1.1.0.
///
/// # Errors
/// As [`adopted`], and when the update fails.
pub fn updated() -> Result<Image> {
    adopted()?.derive("surefoot-updated", "1", |machine| {
        let site = Site::look_at(machine)?;
        site.offer("upto-1.1.0");
        site.surefoot(&["update"]).well();
        Ok(())
    })
}
