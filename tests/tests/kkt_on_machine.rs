//! The example application stands by itself on the real machine: what scenarios start from.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};

fn boot(name: &str) -> Machine {
    let image = kkt::prepared().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots");
    machine
        .wait_until("kkt 1.0.0 serves", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.0.0"));
    machine
}

/// Puts the tree of `version` in the place of the installed one, the way a person would, and restarts it.
fn replace_by_hand(machine: &Machine, version: &str) {
    let tree = tempfile::tempdir().expect("a folder");
    kkt::write_tree(version, tree.path()).expect("the release is there");
    machine.copy_in(tree.path(), "/home/kktapp/next.pending");
    machine.sh(
        "cd /home/kktapp && chown -R kktapp:kktapp next.pending && (cd next.pending && runuser -u kktapp -- hooks/prepare.sh)
        mv next.pending next && cp -a kkt-system/.env kkt-system/uploads next/
        systemctl stop kkt-web kkt-bot && mv kkt-system old && mv next kkt-system",
    );
}

#[test]
fn the_installed_application_serves_with_its_rows_and_secrets() {
    let machine = boot("kkt-stands");

    let (status, detailed) = kkt::request(&machine, "/health/detailed", None);
    assert_eq!((status, &detailed["components"]["bot"]["status"]), (200, &"ok".into()), "{detailed}");
    assert_eq!((kkt::items_served(&machine), kkt::items_stored(&machine)), (3, 3));
    assert_eq!(machine.sh("stat -c '%a %U' /home/kktapp/kkt-system/.env"), "600 kktapp\n");
    assert_eq!(machine.read("/home/kktapp/kkt-system/uploads/invoice.pdf"), b"invoice");
    kkt::add_item(&machine, "bolt");
    assert_eq!(kkt::items_served(&machine), 4);
}

#[test]
fn a_tree_built_under_another_name_works_after_the_rename() {
    let machine = boot("kkt-renamed");
    replace_by_hand(&machine, "1.1.0");
    machine.sh("cd /home/kktapp/kkt-system && runuser -u postgres -- psql -q -1 -d kkt -v ON_ERROR_STOP=1 -c 'set role kkt' -f - < migrations/011_add_export_settings.sql");
    machine.sh("systemctl start kkt-web kkt-bot");

    machine
        .wait_until("kkt 1.1.0 serves", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.1.0"));
    kkt::add_item(&machine, "bolt");
    assert_eq!(kkt::items_served(&machine), 4);
}

#[test]
fn the_previous_release_cannot_add_rows_to_the_next_ones_schema() {
    let machine = boot("kkt-incompatible");
    replace_by_hand(&machine, "1.1.0");
    machine.sh("cd /home/kktapp/kkt-system && runuser -u postgres -- psql -q -1 -d kkt -v ON_ERROR_STOP=1 -c 'set role kkt' -f - < migrations/011_add_export_settings.sql");
    machine.sh("cd /home/kktapp && mv kkt-system next && mv old kkt-system && systemctl start kkt-web");
    machine
        .wait_until("kkt 1.0.0 serves", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.0.0"));

    let (status, _) = kkt::request(&machine, "/items", Some(&serde_json::json!({ "name": "bolt" })));

    assert_eq!(status, 500);
}

#[test]
fn release_1_2_0_is_never_healthy() {
    let machine = boot("kkt-unhealthy");
    replace_by_hand(&machine, "1.2.0");
    machine.sh("systemctl start kkt-web kkt-bot");

    machine.wait_until("it answers", Duration::from_secs(20), || kkt::request(&machine, "/health", None).0 == 500);
}

#[test]
fn migration_013_fails_after_it_has_changed_something() {
    let machine = boot("kkt-half");
    replace_by_hand(&machine, "1.3.0");

    let script = "cd /home/kktapp/kkt-system && runuser -u postgres -- psql -q -d kkt -v ON_ERROR_STOP=1 -f - < migrations/013_price_items.sql";
    let output = machine.run(["sh", "-c", script]);

    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kkt::psql(&machine, "select min(name) from items"), "NUT");
    assert_eq!(kkt::psql(&machine, "select to_regclass('never_reached') is null"), "t");
}

#[test]
fn release_1_4_0_is_healthy_and_then_dies() {
    let machine = boot("kkt-dies");
    replace_by_hand(&machine, "1.4.0");
    machine.sh("systemctl start kkt-web kkt-bot");
    machine.wait_until("it is healthy", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.4.0"));

    machine.wait_until("it has died", Duration::from_secs(20), || {
        machine.sh("systemctl show -P NRestarts kkt-web").trim() != "0"
    });

    assert_eq!(machine.sh("systemctl show -P NRestarts kkt-bot").trim(), "0");
}

#[test]
fn release_1_5_0_is_healthy_and_must_be_killed_to_stop() {
    let machine = boot("kkt-hangs");
    replace_by_hand(&machine, "1.5.0");
    machine.sh("systemctl start kkt-web kkt-bot");
    machine.wait_until("it is healthy", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.5.0"));

    machine.sh("systemctl stop kkt-web kkt-bot");

    assert_eq!(machine.sh("systemctl show -P Result kkt-web kkt-bot | sort -u | tr -d '\\n'"), "timeout");
}
