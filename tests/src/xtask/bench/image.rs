//! The two machines that are compared: kkt 1.0.0 as a plain directory, and the same adopted by the agent. Both have the same rows, the same
//! releases on a web server of their own, and the tools of the measurement.

use std::fs;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::files;
use super::vendor::{self, Published};
use crate::kkt;
use crate::machine::{Image, Machine};
use crate::scenario::Site;
use crate::xtask::tools;

/// A server of its own for each machine, on its own loopback: the port is free.
const SERVER: &str = "[Unit]\nDescription=Releases of kkt\n[Service]\n\
ExecStart=/usr/bin/python3 -m http.server 8080 --bind 127.0.0.1 --directory /srv/releases\n[Install]\nWantedBy=multi-user.target\n";

/// It does not look for releases by itself while something is measured.
const CONFIG: &str = r#"product = "kkt"
directory = "/home/kktapp/kkt-system"
source = "http://127.0.0.1:8080"
user = "kktapp"

[schedule]
check = "@every 24h"

[health]
start_within_seconds = 3
soak_seconds = 0
"#;

const TOOLS: [&str; 3] = ["update.sh", "restore.sh", "measure.py"];

/// The images of both machines.
#[derive(Debug)]
pub(super) struct Images {
    pub(super) plain: Image,
    pub(super) adopted: Image,
}

impl Images {
    /// Makes what is not there yet: half a minute and more.
    pub(super) fn ensure() -> Result<Images> {
        let published = Published::ensure()?;
        let rows = read("entries.sql")?;
        let tools = TOOLS.iter().map(|name| read(name)).collect::<Result<String>>()?;
        let key = format!("{} {SERVER} {rows} {tools}", published.digest());
        let plain = kkt::prepared()?.derive("bench", &key, |machine| furnish(machine, &published, &rows))?;
        let package = fs::read(tools::deb()).context("the package is missing: leave out --as-built")?;
        let key = format!("{} {CONFIG}", hex::encode(Sha256::digest(package)));
        let adopted = plain.derive("bench-adopted", &key, |machine| adopt(machine, &published))?;
        Ok(Images { plain, adopted })
    }
}

fn read(name: &str) -> Result<String> {
    let file = files().join(name);
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

fn furnish(machine: &Machine, published: &Published, rows: &str) -> Result<()> {
    let tree = tempfile::tempdir().context("cannot make a temporary folder")?;
    vendor::write_first(tree.path())?;
    machine.copy_in(tree.path(), kkt::DIRECTORY);
    machine.sh("chown -R kktapp:kktapp /home/kktapp");
    machine.copy_in(published.releases(), "/srv/releases");
    machine.write("/etc/systemd/system/bench-releases.service", SERVER);
    machine.sh("systemctl enable --quiet --now bench-releases.service");
    for tool in TOOLS {
        machine.copy_in(files().join(tool), format!("/opt/bench/{tool}"));
    }
    machine.write("/root/entries.sql", rows);
    machine.sh("cd / && runuser -u postgres -- psql --quiet --set ON_ERROR_STOP=1 kkt < /root/entries.sql");
    Ok(())
}

fn adopt(machine: &Machine, published: &Published) -> Result<()> {
    machine.copy_in(tools::deb(), "/root/surefoot.deb");
    machine.sh("dpkg --install /root/surefoot.deb && rm /root/surefoot.deb");
    machine.copy_in(published.root(), "/etc/surefoot/kkt.root.json");
    machine.write("/etc/surefoot/kkt.toml", CONFIG);
    machine.sh("systemctl start surefoot.service");
    Site::look_at(machine)?.surefoot(&["adopt"]).well();
    Ok(())
}
