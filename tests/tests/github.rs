//! GitHub Releases, as far as they can be had without GitHub.

use std::path::Path;

use surefoot_tests::forge::Forge;

const SLUG: &str = "acme/kkt";

#[test]
fn real_gh_takes_the_stand_in_for_github() {
    let forge = Forge::start();
    forge.add_repository(SLUG);
    let desk = tempfile::tempdir().unwrap();
    std::fs::write(desk.path().join("app.tar.gz"), b"not really").unwrap();
    let repository = format!("{}/{SLUG}", forge.host());
    let gh =
        |arguments: &[&str]| forge.gh(desk.path(), &[arguments, &["-R", &repository]].concat());

    gh(&["release", "create", "v1.0.0", "app.tar.gz", "-n", "notes"]);
    let list = gh(&["release", "list"]);
    let view = gh(&["release", "view", "v1.0.0"]);
    gh(&["release", "download", "v1.0.0", "-D", "got"]);

    for request in forge.requests() {
        eprintln!("{request:?}");
    }
    assert!(list.contains("v1.0.0"), "{list}");
    assert!(view.contains("app.tar.gz"), "{view}");
    assert_eq!(read(&desk.path().join("got/app.tar.gz")), b"not really");
    assert_eq!(forge.violations(), Vec::<String>::new());
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the file is there")
}
