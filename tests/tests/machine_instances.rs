//! A test instance beside production: other units, another port, another database, another release.

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site};

const CONFIG: &str = r#"product = "kkt"
directory = "/home/kktapp/kkt-test"
source = "/srv/releases"
root = "kkt.root.json"
user = "kktapp"

[services.web]
unit = "kkt-test-web.service"

[services.bot]
unit = "kkt-test-bot.service"

[checks.web]
url = "http://127.0.0.1:8001/health"
"#;

/// What the admin does by hand: units of other names, a database, a `.env`.
const BY_HAND: &str = r#"
for name in web bot; do
    sed 's|/home/kktapp/kkt-system|/home/kktapp/kkt-test|' /etc/systemd/system/kkt-$name.service > /etc/systemd/system/kkt-test-$name.service
done
systemctl daemon-reload
(cd / && runuser -u postgres -- createdb --owner kkt kkt_test)
install -d /home/kktapp/kkt-test.surefoot/shared
cd /home/kktapp/kkt-test.surefoot/shared
sed 's|5432/kkt$|5432/kkt_test|; s|KKT_PORT=8000|KKT_PORT=8001|' /home/kktapp/kkt-system/.env > .env
chmod 600 .env && chown kktapp:kktapp .env
"#;

fn serves(machine: &Machine, port: u16) -> String {
    machine.sh(&format!("curl -sf http://127.0.0.1:{port}/health"))
}

#[test]
fn a_test_instance_runs_the_next_release_beside_production() {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("instances")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh(BY_HAND);
    let production = site.insist_on("1.0.0");
    machine.write("/etc/surefoot/kkt-test.toml", CONFIG);

    site.surefoot(&["update"]).ended_with(3).says("more than one instance");
    site.surefoot(&["install", "--instance", "kkt-test"]).well();
    assert!(serves(&machine, 8001).contains("1.0.0"));
    site.offer("upto-1.1.0");
    site.surefoot(&["update", "--instance", "kkt-test"]).well();

    assert!(serves(&machine, 8001).contains("1.1.0"));
    assert_eq!(machine.sh("readlink /home/kktapp/kkt-test"), "kkt-test.surefoot/releases/1.1.0\n");
    assert_eq!(site.insist_on("1.0.0"), production, "production has noticed nothing");
    kkt::add_item(&machine, "bolt");
    site.surefoot(&["update", "--instance", "kkt"]).well();
    site.insist_on("1.1.0");
    site.surefoot(&["status"]).well().says("kkt-test");
}
