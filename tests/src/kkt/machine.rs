//! The application on a machine: installed by hand as it was before Surefoot, and asked over HTTP and SQL by scenarios.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::source::write_tree;
use crate::machine::{Image, Machine};

/// The application's user.
pub const USER: &str = "kktapp";

/// Where the application lives.
pub const DIRECTORY: &str = "/home/kktapp/kkt-system";

/// Its units.
pub const UNITS: [&str; 2] = ["kkt-web.service", "kkt-bot.service"];

/// The password of the database role `kkt`, with all the characters that URLs and password files trip over.
pub const PASSWORD: &str = "p@ss:w#rd";

/// The same, percent-encoded.
const PASSWORD_IN_URL: &str = "p%40ss%3Aw%23rd";

/// Run in the machine with the tree of 1.0.0 in `/home/kktapp/kkt-system`.
const INSTALL: &str = r#"
chown -R kktapp:kktapp /home/kktapp
cd /home/kktapp/kkt-system
runuser -u kktapp -- hooks/prepare.sh
install -d -o kktapp -g kktapp uploads
printf 'invoice' > uploads/invoice.pdf
chown kktapp:kktapp uploads/invoice.pdf
umask 077
printf 'DATABASE_URL=%s\nKKT_PORT=8000\nKKT_SECRET=the client chose it\n' "$KKT_URL" > .env
chown kktapp:kktapp .env
printf '%s\n' "create role kkt login nosuperuser nocreatedb nocreaterole password '$KKT_PASSWORD';" 'create database kkt owner kkt;' |
    runuser -u postgres -- sh -c 'cd / && exec psql --quiet --set ON_ERROR_STOP=1'
PGPASSWORD=$KKT_PASSWORD psql --quiet --host 127.0.0.1 --username kkt --set ON_ERROR_STOP=1 --file migrations/001_items.sql kkt
install -m 644 systemd/kkt-web.service systemd/kkt-bot.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --quiet --now kkt-web.service kkt-bot.service
"#;

/// Installs release 1.0.0 as a plain directory, as K's script did: user, role and database `kkt`, virtual environment, `.env` (mode 600),
/// `uploads/invoice.pdf`, units enabled and running, three items stored. Returns when it is healthy. Takes about ten seconds.
pub fn install_1_0_0(machine: &Machine) -> Result<()> {
    let tree = tempfile::tempdir().context("cannot make a temporary folder")?;
    write_tree("1.0.0", tree.path())?;
    machine.sh("useradd --create-home --shell /bin/bash kktapp");
    machine.copy_in(tree.path(), DIRECTORY);
    let url = format!("postgresql+psycopg2://kkt:{PASSWORD_IN_URL}@127.0.0.1:5432/kkt");
    machine.sh(&format!("KKT_URL='{url}' KKT_PASSWORD='{PASSWORD}'\n{INSTALL}"));
    machine.wait_until("kkt 1.0.0 is healthy", Duration::from_secs(20), || health(machine) == Some("1.0.0".to_owned()));
    for name in ["screw", "nut", "washer"] {
        add_item(machine, name);
    }
    Ok(())
}

/// The image of a machine on which [`install_1_0_0`] has been done; made once.
pub fn prepared() -> Result<Image> {
    let base = Image::ensure()?;
    let tree = tempfile::tempdir().context("cannot make a temporary folder")?;
    write_tree("1.0.0", tree.path())?;
    let key = format!("{INSTALL}{}", digest_of(tree.path())?);
    base.derive("kkt", &key, install_1_0_0)
}

/// The version that answers `GET /health` with 200 and `"status": "ok"`; `None` when nothing does.
#[must_use]
pub fn health(machine: &Machine) -> Option<String> {
    let (status, body) = request(machine, "/health", None);
    let good = status == 200 && body["status"] == "ok";
    good.then(|| body["version"].as_str().unwrap_or_default().to_owned())
}

/// Stores an item through the web application. Panics when that fails.
#[track_caller]
pub fn add_item(machine: &Machine, name: &str) {
    let (status, body) = request(machine, "/items", Some(&serde_json::json!({ "name": name })));
    assert_eq!(status, 201, "cannot add the item {name}: {body}\n{}", machine.journal("kkt-web.service"));
}

/// How many items the web application counts. Panics when it does not answer.
#[track_caller]
#[must_use]
pub fn items_served(machine: &Machine) -> u64 {
    let (status, body) = request(machine, "/items/count", None);
    assert_eq!(status, 200, "cannot count items: {body}\n{}", machine.journal("kkt-web.service"));
    body["count"].as_u64().expect("the application counts")
}

/// How many items are in the database, whether the application runs or not.
#[track_caller]
#[must_use]
pub fn items_stored(machine: &Machine) -> u64 {
    psql(machine, "select count(*) from items").parse().expect("PostgreSQL counts")
}

/// What a query answers in the database `kkt`, as superuser, columns separated by `|`. Panics when it fails.
#[track_caller]
#[must_use]
pub fn psql(machine: &Machine, sql: &str) -> String {
    let command = [
        "runuser",
        "-u",
        "postgres",
        "--",
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--set",
        "ON_ERROR_STOP=1",
        "-At",
        "-d",
        "kkt",
        "-c",
        sql,
    ];
    let output = machine.run(command);
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Asks the web application: GET, or POST of a JSON body. Status and JSON; status 0 when nothing answers.
#[must_use]
pub fn request(machine: &Machine, path: &str, body: Option<&Value>) -> (u16, Value) {
    let url = format!("http://127.0.0.1:8000{path}");
    let mut command: Vec<String> =
        ["curl", "--silent", "--max-time", "10", "--write-out", "\n%{http_code}"].map(String::from).into();
    if let Some(body) = body {
        command.extend(["--json".to_owned(), body.to_string()]);
    }
    command.push(url);
    let said = String::from_utf8_lossy(&machine.run(command).stdout).into_owned();
    let (content, status) = said.rsplit_once('\n').unwrap_or(("", "0"));
    (status.parse().unwrap_or(0), serde_json::from_str(content).unwrap_or(Value::Null))
}

/// A digest of names, contents and modes.
fn digest_of(tree: &Path) -> Result<String> {
    let mut archive = Command::new("tar");
    archive
        .args(["--create", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C"])
        .arg(tree)
        .arg(".");
    let archive = archive.output().context("cannot run tar")?.stdout;
    Ok(hex::encode(Sha256::digest(archive)))
}
