//! GitHub Releases, as far as they can be had without GitHub: what `publish` makes on the stand-in, and what
//! GitHub's own command line makes of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use surefoot_tests::forge::{AssetState, DownloadFault, Forge, Host, RateLimit, Release, Shape, UploadFault, Vendor};

mod drafts;
mod oracle;
mod refresh;
mod refusals;

const SLUG: &str = "acme/kkt";

/// How long to wait for what happens in moments on any machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn world(shape: Shape) -> (Forge, Vendor) {
    let forge = Forge::start();
    let vendor = Vendor::new(&forge, SLUG, shape);
    (forge, vendor)
}

fn gh(forge: &Forge, desk: &Path, arguments: &[&str]) -> String {
    let repository = format!("{}/{SLUG}", forge.host());
    forge.gh(desk, &[arguments, &["-R", &repository]].concat())
}

fn latest(forge: &Forge, name: &str) -> String {
    format!("{}/{SLUG}/releases/latest/download/{name}", forge.public_base())
}

fn only_release(forge: &Forge) -> Release {
    let mut releases = forge.releases(SLUG);
    assert_eq!(releases.len(), 1, "{releases:?}");
    releases.remove(0)
}

fn assert_complete(release: &Release) {
    assert!(!release.draft && release.published_at.is_some());
    let unfinished = release.assets.iter().find(|asset| asset.state != AssetState::Uploaded);
    assert!(unfinished.is_none(), "{unfinished:?}");
    let has = |name: &str| release.assets.iter().any(|asset| asset.name.ends_with(name));
    for name in ["1.root.json", "timestamp.json", ".manifest.json", "kkt-v1.0.0.tar.zst", "checksums.txt"] {
        assert!(has(name), "{name} is missing");
    }
}

/// Neither by its addresses nor by the API, with and without a token that may read.
fn assert_invisible(forge: &Forge) {
    let by_tag = format!("{}/{SLUG}/releases/download/v1.0.0/checksums.txt", forge.public_base());
    let list = format!("{}/repos/{SLUG}/releases", forge.api_base());
    for token in [None, Some(forge.reader_token())] {
        assert_eq!(forge.visit_as(&latest(forge, "timestamp.json"), token).0, 404);
        assert_eq!(forge.visit_as(&by_tag, token).0, 404);
        assert_eq!(forge.visit_as(&format!("{list}/tags/v1.0.0"), token).0, 404);
        assert_eq!(forge.visit_as(&list, token), (200, b"[]".to_vec()));
    }
}

fn kill_when_parked(forge: &Forge, vendor: &Vendor, tag: &str) {
    let mut command = vendor.command(&[tag]);
    let mut publishing =
        command.stderr(Stdio::null()).spawn().expect("a child of ours can be started, asked and killed");
    let deadline = Instant::now() + DEADLINE;
    while forge.parked_uploads() == 0 {
        assert_eq!(
            publishing.try_wait().expect("a child of ours can be started, asked and killed"),
            None,
            "it ended before it was killed"
        );
        assert!(Instant::now() < deadline, "no upload came to be parked");
        std::thread::sleep(Duration::from_millis(10));
    }
    publishing.kill().expect("a child of ours can be started, asked and killed");
    publishing.wait().expect("a child of ours can be started, asked and killed");
}

fn keeps_its_word(forge: &Forge) {
    assert_eq!(forge.violations(), Vec::<String>::new(), "the stand-in lies");
}
