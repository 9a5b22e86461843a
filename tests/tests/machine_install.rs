//! The first release on a machine that has never had the application.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site};

/// As if kkt had never been there: no tree, no units, an empty database, and the `.env` that the admin brings.
const NEVER_THERE: &str = r#"
systemctl disable --now --quiet kkt-web.service kkt-bot.service
install -d /home/kktapp/kkt-system.surefoot/shared
mv /home/kktapp/kkt-system/.env /home/kktapp/kkt-system.surefoot/shared/
rm -r /home/kktapp/kkt-system /etc/systemd/system/kkt-*.service
systemctl daemon-reload
cd / && runuser -u postgres -- dropdb kkt && runuser -u postgres -- createdb --owner kkt kkt
"#;

#[test]
fn a_first_release_is_installed_and_comes_up_after_a_reboot() {
    let image = scenario::prepared().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("install")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh(NEVER_THERE);

    site.surefoot(&["update"]).ended_with(10).says("surefoot install");
    site.surefoot(&["install"]).well();
    kkt::add_item(&machine, "first");
    assert_eq!(kkt::health(&machine).as_deref(), Some("1.0.0"));
    assert_eq!(site.history(), ["install 1.0.0 completed"]);

    machine.reboot().expect("it reboots");
    machine
        .wait_until("kkt serves again", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.0.0"));
    site.offer("upto-1.1.0");
    site.surefoot(&["update"]).well();
    assert_eq!(kkt::health(&machine).as_deref(), Some("1.1.0"));
    assert_eq!(kkt::items_stored(&machine), 1);
}
