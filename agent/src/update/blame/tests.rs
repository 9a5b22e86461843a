use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

use manifest_schema::path::Name;

use super::*;
use crate::host::guard::GuardError;

fn name() -> Name {
    "main".parse().unwrap()
}

fn io_error() -> io::Error {
    io::Error::other("no")
}

fn text() -> String {
    "no".to_owned()
}

fn ended() -> ChildError {
    ChildError::Failed { program: "x".into(), status: std::process::ExitStatus::from_raw(256), last_words: text() }
}

fn too_slow() -> ChildError {
    ChildError::TimedOut {
        program: "x".into(),
        limit: Duration::from_secs(1),
        last_words: text(),
        heard: text().into(),
    }
}

fn not_started() -> ChildError {
    ChildError::Start { program: "x".into(), source: io_error() }
}

fn hook(source: ChildError) -> StepError {
    VendorError::Run { label: "prepare".to_owned(), source }.into()
}

fn start(source: ChildError) -> StepError {
    ServiceError::Command { act: "start", service: text(), source }.into()
}

fn not_running() -> StepError {
    ServiceError::NotRunning { service: text(), words: text() }.into()
}

fn database(source: StoreError) -> StepError {
    StepError::Store { database: name(), source: Box::new(source) }
}

fn not_possible() -> StepError {
    database(StoreError::NotPossible { database: text(), reason: text() })
}

fn prepare() -> Step {
    Step::Prepare { hook: None }
}

fn migrate() -> Step {
    Step::Migrate { steps: Vec::new() }
}

fn backup() -> Step {
    Step::Backup { files: true, databases: Vec::new() }
}

fn fetch() -> Step {
    Step::Fetch { artifact: artifact() }
}

fn stage() -> Step {
    Step::Stage { artifact: artifact() }
}

fn artifact() -> crate::plan::ArtifactRef {
    crate::plan::ArtifactRef {
        name: text(),
        format: manifest_schema::manifest::Format::TarGz,
        length: 1,
        sha256: manifest_schema::digest::Sha256::of(b""),
    }
}

fn expect(wanted: Blame, cases: Vec<(Step, StepError)>) {
    for (step, error) in cases {
        assert_eq!(of(&step, &error), wanted, "{}: {error:?}", step.name());
    }
}

#[test]
fn a_release_is_blamed_for_its_own_code_and_for_not_standing() {
    let location = text();
    expect(
        Blame::Release,
        vec![
            (fetch(), SourceError::Stopped { location, reason: text() }.into()),
            (stage(), UnpackError::Refused(text()).into()),
            (stage(), UnpackError::Archive { at: text(), source: io_error() }.into()),
            (prepare(), hook(ended())),
            (prepare(), hook(too_slow())),
            (migrate(), hook(ended())),
            (migrate(), not_possible()),
            (Step::Activate, StepError::Missing(text())),
            (Step::Start, start(ended())),
            (Step::Start, start(too_slow())),
            (Step::Start, not_running()),
            (Step::Start, ServiceError::OldProcess { service: text(), reason: text() }.into()),
            (Step::Probe, StepError::Unhealthy(text())),
        ],
    );
}

#[test]
fn a_machine_is_blamed_for_disk_network_database_server_and_the_old_release() {
    let server = || "127.0.0.1:5432".to_owned();
    let unreachable = SourceError::Unreachable { location: text(), reason: text() };
    let damaged = UnpackError::Damaged { path: PathBuf::new(), offset: 0 };
    expect(
        Blame::Environment,
        vec![
            (fetch(), unreachable.into()),
            (fetch(), SourceError::NotFound { location: text() }.into()),
            (fetch(), StepError::Missing(text())),
            (stage(), damaged.into()),
            (stage(), UnpackError::Read { path: PathBuf::new(), source: io_error() }.into()),
            (prepare(), hook(not_started())),
            (prepare(), not_possible()),
            (Step::Adopt, StepError::Missing(text())),
            (Step::Stop, start(ended())),
            (Step::Stop, not_running()),
            (Step::Stop, ServiceError::StillRunning { service: text(), pid: 1 }.into()),
            (backup(), database(StoreError::Unreachable { server: server(), detail: text() })),
            (backup(), database(StoreError::NoRoom { database: text(), needed: 2, free: 1 })),
            (backup(), database(StoreError::InUse { database: text(), sessions: text() })),
            (migrate(), database(StoreError::Unreachable { server: server(), detail: text() })),
            (Step::Activate, GuardError::Reload(ended()).into()),
            (Step::Start, start(not_started())),
        ],
    );
}

#[test]
fn the_agent_is_blamed_for_what_can_only_be_its_own_mistake() {
    let unreadable = serde_json::from_str::<u8>("x").unwrap_err();
    expect(
        Blame::Agent,
        vec![
            (fetch(), SourceError::Process { location: text(), reason: text() }.into()),
            (stage(), StepError::Missing(text())),
            (backup(), StepError::NoDatabase(name())),
            (backup(), database(StoreError::Answer { act: text(), source: unreadable })),
            (Step::Start, ServiceError::Incomplete { service: text(), what: "unit" }.into()),
            (Step::Probe, crate::journal::JournalError::Plan { path: PathBuf::new() }.into()),
        ],
    );
}

fn said(program: &str, code: i32, words: &str) -> StepError {
    let status = std::process::ExitStatus::from_raw(code << 8);
    hook(ChildError::Failed { program: program.into(), status, last_words: words.to_owned() })
}

#[test]
fn a_command_is_not_blamed_for_a_server_that_it_lost_or_a_disk_that_is_full() {
    let psql = "/usr/lib/postgresql/15/bin/psql";
    expect(
        Blame::Environment,
        vec![
            (migrate(), said(psql, 2, "server closed the connection unexpectedly")),
            (migrate(), said("migrations/1", 1, "OSError: [Errno 28] No space left on device")),
            (prepare(), said("hooks/build", 1, "cp: cannot write: Disk quota exceeded")),
        ],
    );
    expect(
        Blame::Release,
        vec![
            (migrate(), said(psql, 3, "ERROR:  relation \"people\" does not exist")),
            (migrate(), said("migrations/1", 2, "usage")),
        ],
    );
}

#[test]
fn what_was_the_matter_with_the_machine_excuses_what_depends_on_it() {
    let some = || Some("x".to_owned());
    let database = Around { database: some(), ..Around::default() };
    let manager = Around { manager: some(), ..Around::default() };
    let memory = Around { memory: some(), ..Around::default() };
    let cases = [
        (prepare(), [true, false, true]),
        (migrate(), [true, false, true]),
        (Step::Start, [true, true, false]),
        (Step::Probe, [true, true, false]),
    ];
    for (step, excused) in cases {
        assert_eq!([&database, &manager, &memory].map(|around| excuse(&step, around).is_some()), excused, "{step:?}");
        assert_eq!(excuse(&step, &Around::default()), None);
    }
    assert!(may_be_excused(&Step::Probe, &StepError::Unhealthy(text())));
    assert!(may_be_excused(&migrate(), &hook(ended())));
    assert!(!may_be_excused(&migrate(), &hook(not_started())), "it is not blamed anyway");
    assert!(!may_be_excused(&stage(), &UnpackError::Refused(text()).into()), "no server makes the archive right");
}
