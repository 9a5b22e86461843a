//! What the base image is made of, and how it is made. Changing anything here changes the image's name, so it is built anew.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::progress::tell;

const SUITE: &str = "bookworm";

const PACKAGES: &str = "systemd,systemd-sysv,libpam-systemd,dbus,postgresql-15,python3,python3-venv,python3-pip,\
ca-certificates,curl,openssl,procps,iproute2,less,libfaketime,needrestart";

/// For the application's virtual environment; there is no network inside the machine.
const WHEELS: [&str; 4] = ["fastapi==0.*", "uvicorn==0.*", "sqlalchemy==2.*", "psycopg2-binary==2.9.*"];

/// Raise it when the steps below change in another way than by their constants.
const REVISION: &str = "3";

/// Run in the new root tree. The cluster is made again because debootstrap's has no locale, which makes it SQL_ASCII. Debian's wrapper
/// sleeps two seconds at each start of PostgreSQL to see whether it stays up; the drop-in starts it without, since every test boots.
/// `pg_ctl --wait` alone is fooled after a power cut, by the old postmaster.pid whose number and time fit a machine that boots so fast.
const FINISH: &str = r#"
set -eu
pg_dropcluster 15 main
pg_createcluster --locale C.UTF-8 15 main
install -d /etc/systemd/system/postgresql@15-main.service.d
cat > /etc/systemd/system/postgresql@15-main.service.d/prompt.conf <<'END'
[Service]
User=postgres
ExecStart=
ExecStart=/usr/lib/postgresql/15/bin/pg_ctl start --silent --wait --pgdata=/var/lib/postgresql/15/main --log=/var/log/postgresql/postgresql-15-main.log --options="-c config_file=/etc/postgresql/15/main/postgresql.conf"
ExecStartPost=/bin/sh -c 'until pg_isready --quiet; do sleep 0.05; done'
TimeoutStartSec=60
ExecStop=
ExecStop=/usr/lib/postgresql/15/bin/pg_ctl stop --silent --mode=fast --pgdata=/var/lib/postgresql/15/main
END
systemctl mask --quiet systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
echo 'LANG=C.UTF-8' > /etc/default/locale
: > /etc/machine-id
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/*.log /var/lib/dbus/machine-id
"#;

/// Everything that decides what the image contains.
pub(super) fn ingredients() -> Vec<&'static str> {
    let mut all = vec![REVISION, SUITE, PACKAGES, FINISH];
    all.extend(WHEELS);
    all
}

/// Builds the root tree in `root`, which does not exist yet. Takes one to three minutes; needs the network.
pub(super) fn cook(root: &Path) -> Result<()> {
    tell("building Debian 12 with PostgreSQL 15 (once; a minute or two)", &mut debootstrap(root))?;
    tell("fetching wheels for the example application", &mut wheels(&root.join("opt/wheels")))?;
    tell(
        "finishing the root tree",
        Command::new("chroot").arg(root).args(["sh", "-c", FINISH]).env_clear().env("PATH", super::act::PATH),
    )
}

fn debootstrap(root: &Path) -> Command {
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]).arg(root);
    command
}

/// Debian 12 has Python 3.11; the host may have another, hence the explicit platform.
fn wheels(folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version", "3.11"]);
    for platform in ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"] {
        command.args(["--platform", platform]);
    }
    command.arg("--dest").arg(folder).args(WHEELS);
    command
}
