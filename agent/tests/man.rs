//! The manual pages in `packaging/man` are those that the command line writes of itself.
//! `UPDATE_GOLDEN=1 cargo test -p surefoot --test man` renews them.

use std::path::Path;

#[test]
fn the_packaged_manual_pages_are_the_present_ones() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man");
    let pages = surefoot::cli::man_pages();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        surefoot::durable::remove_tree(&directory).unwrap();
        surefoot::durable::make_dir(&directory, 0o755).unwrap();
        for (name, page) in &pages {
            surefoot::durable::write_atomic(&directory.join(name), page, 0o644).unwrap();
        }
    }
    for (name, page) in &pages {
        let packaged = std::fs::read(directory.join(name)).unwrap_or_default();
        assert!(packaged == *page, "{name} is out of date: UPDATE_GOLDEN=1 cargo test -p surefoot --test man");
    }
    let packaged = std::fs::read_dir(&directory).unwrap().count();
    assert_eq!(packaged, pages.len(), "a page too many in {}", directory.display());
}
