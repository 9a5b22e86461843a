//! A client that trusts a root, as the tests of the rooms about it need one.

use std::path::Path;

use tempfile::TempDir;

use super::Settings;
use crate::durable;
use crate::layout::Layout;

const CONFIGURATION: &[u8] = br#"
product = "kkt"
directory = "/srv/kkt"
source = "/srv/releases"
user = "nobody"
"#;

/// Configures the application `kkt` below a directory, with this first root.
pub(crate) fn configure(place: &Path, first_root: &[u8]) -> Layout {
    let layout = Layout::new(place);
    durable::make_dirs(&layout.config(), 0o755).unwrap();
    durable::write_atomic(&layout.config().join("kkt.toml"), CONFIGURATION, 0o644).unwrap();
    durable::write_atomic(&layout.config().join("kkt.root.json"), first_root, 0o644).unwrap();
    layout
}

/// Its place, with an empty directory `trust`, and its settings.
pub(crate) fn client(first_root: &[u8]) -> (TempDir, Settings) {
    let place = tempfile::tempdir().unwrap();
    let layout = configure(place.path(), first_root);
    durable::make_dirs(&place.path().join("trust"), 0o755).unwrap();
    let settings = crate::config::select(&layout, None).unwrap();
    (place, settings)
}
