//! What an abandoned update leaves installed, as a table.

use super::leaves::Leads;
use super::*;
use crate::plan::{Act, Plan};
use crate::update::tests::machine::Machine;
use crate::update::tests::release::Release;

fn plan(machine: &Machine, act: Act) -> Plan {
    let from = (!matches!(act, Act::Install | Act::Adopt)).then_some("1.0.0");
    let plan = Plan { act, ..machine.plan_update(from, "1.1.0") };
    // What is given back is what there is.
    if act == Act::Release { Plan { to: machine.side("1.0.0"), ..plan } } else { plan }
}

#[test]
fn what_stands_is_where_the_directory_leads() {
    let to = |version: &str| Leads::To(version.parse().unwrap());
    let astray = || Leads::Astray("elsewhere/1.1.0".into());
    let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
    let table = [
        (Act::Update, to("1.0.0"), Some(Stands::Old)),
        (Act::Update, to("1.1.0"), Some(Stands::New)),
        (Act::Update, to("1.2.0"), None),
        (Act::Update, Leads::Plain, None),
        (Act::Update, Leads::Nowhere, None),
        (Act::Update, astray(), None),
        (Act::Rollback, to("1.0.0"), Some(Stands::Old)),
        (Act::Rollback, to("1.1.0"), Some(Stands::New)),
        (Act::Install, Leads::Nowhere, Some(Stands::Nothing)),
        (Act::Install, Leads::Plain, Some(Stands::Nothing)),
        (Act::Install, to("1.1.0"), Some(Stands::New)),
        (Act::Install, astray(), None),
        (Act::Adopt, Leads::Plain, Some(Stands::Nothing)),
        (Act::Adopt, to("1.1.0"), Some(Stands::New)),
        (Act::Release, Leads::Plain, Some(Stands::Nothing)),
        (Act::Release, to("1.0.0"), Some(Stands::Old)),
        (Act::Release, astray(), None),
    ];
    for (act, leads, wanted) in table {
        let plan = plan(&machine, act);
        let found = stands(&plan, &leads, false);
        assert_eq!(found.clone().ok(), wanted, "{act:?} {leads:?}: {found:?}");
        assert_eq!(stands(&plan, &leads, true), Ok(wanted.unwrap_or(Stands::Other)), "a later one has the word");
        let Err(reason) = found else { continue };
        assert!(reason.contains("ln -sfn kkt.surefoot/releases/1.") && reason.contains("abandon"), "{reason}");
    }
}

#[test]
fn a_link_leads_to_a_release_only_where_its_tree_is() {
    let machine = Machine::with_first(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
    let (app, link) = (AppLayout::new(machine.app.current()), machine.app.current());
    assert_eq!(leads(&app), Leads::To("1.0.0".parse().unwrap()));
    durable::replace_link(link, &app.link_to(&"1.1.0".parse().unwrap())).unwrap();
    assert!(matches!(leads(&app), Leads::Astray(_)), "there is no such tree");
    let elsewhere = machine.root().join("srv/backup/1.0.0");
    durable::make_dirs(&elsewhere, 0o755).unwrap();
    durable::replace_link(link, &elsewhere).unwrap();
    assert!(matches!(leads(&app), Leads::Astray(_)), "the name alone is not enough");
    durable::remove_file(link).unwrap();
    assert_eq!(leads(&app), Leads::Nowhere);
    machine.put(link, b"a file");
    assert!(matches!(leads(&app), Leads::Astray(_)));
    durable::remove_file(link).unwrap();
    durable::make_dirs(link, 0o755).unwrap();
    assert_eq!(leads(&app), Leads::Plain);
}
