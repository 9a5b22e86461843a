use std::os::unix::fs::MetadataExt;

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

fn shell(script: &str) -> Child<'_> {
    Child::new("/bin/sh", LIMIT).args(["-c", script])
}

#[test]
fn output_and_status_come_back() {
    let ended = shell("echo out; echo err >&2; exit 3").run().unwrap();
    assert_eq!((ended.out.text().as_str(), ended.err.text().as_str()), ("out\n", "err\n"));
    assert_eq!(ended.status.code(), Some(3));
}

#[test]
fn a_bad_status_is_an_error_with_the_last_words() {
    let error = shell("echo first; echo no such thing >&2; exit 7").run_well().unwrap_err();
    assert_eq!(error.to_string(), "/bin/sh ended with status 7: no such thing");
}

#[test]
fn nothing_is_inherited() {
    let ended = Child::new("/usr/bin/env", LIMIT).env("A", "b c").run_well().unwrap();
    let mut lines: Vec<String> = ended.out.text().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "A=b c");
    assert!(lines[1].starts_with("LC_ALL=") && lines[2].starts_with("PATH="), "{lines:?}");
}

#[test]
fn more_than_a_pipe_holds_goes_through_in_both_directions() {
    let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut came = Vec::new();
    let mut keep = |bytes: &[u8]| {
        came.extend_from_slice(bytes);
        Ok(())
    };
    let mut reader = sent.as_slice();
    Child::new("/bin/cat", LIMIT).input(Input::Reader(&mut reader)).output(Output::Each(&mut keep)).run_well().unwrap();
    assert!(came == sent);
}

#[test]
fn a_child_that_does_not_read_is_no_error() {
    let sent = vec![0; 1_000_000];
    let mut reader = sent.as_slice();
    Child::new("/bin/true", LIMIT).input(Input::Reader(&mut reader)).run_well().unwrap();
}

#[test]
fn a_failing_reader_ends_the_child() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("broken"))
        }
    }
    let error = Child::new("/bin/cat", LIMIT).input(Input::Reader(&mut Broken)).run().unwrap_err();
    assert!(matches!(error, ChildError::Pipe { act: "write to", .. }), "{error}");
}

#[test]
fn the_whole_group_ends_at_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("sleep 1000 & echo $! > {}/pid; echo it begins; echo waiting >&2; wait", dir.path().display());
    let before = Instant::now();
    let error = Child::new("/bin/sh", Duration::from_millis(700)).args(["-c", &script]).run().unwrap_err();
    assert!(matches!(&error, ChildError::TimedOut { last_words, .. } if last_words == "waiting"), "{error}");
    assert!(matches!(&error, ChildError::TimedOut { heard, .. } if **heard == *"it begins\nwaiting\n"), "{error:?}");
    assert!(before.elapsed() < Duration::from_secs(20));
    wait_until_gone(&std::fs::read_to_string(dir.path().join("pid")).unwrap());
}

#[test]
fn what_a_child_leaves_behind_ends_with_it() {
    let before = Instant::now();
    let ended = shell("sleep 1000 & echo $!").run_well().unwrap();
    assert!(before.elapsed() < Duration::from_secs(20), "its grandchild holds the pipe");
    wait_until_gone(&ended.out.text());
}

#[test]
fn a_process_that_left_the_group_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("left");
    let left = left.display();
    let script = format!("setsid sh -c 'echo > {left}; exec sleep 15' & until [ -e {left} ]; do :; done");
    let before = Instant::now();
    shell(&script).run_well().unwrap();
    assert!(before.elapsed() < Duration::from_secs(12));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = Child::new("/nowhere/psql", LIMIT).run().unwrap_err();
    assert_eq!(error.to_string(), "cannot run /nowhere/psql");
}

#[test]
fn another_user_has_no_group_of_ours() {
    let me = rustix::process::geteuid();
    let own = std::fs::metadata("/proc/self").unwrap();
    let user = if me.is_root() {
        User { name: "nobody".to_owned(), uid: 65534, gid: 65534 }
    } else {
        User { name: "me".to_owned(), uid: own.uid(), gid: own.gid() }
    };
    let ended = shell("id -u; id -g; id -G").user(Some(&user)).run_well().unwrap();
    let text = ended.out.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], [user.uid.to_string(), user.gid.to_string()]);
    if me.is_root() {
        assert_eq!(lines[2], user.gid.to_string());
    }
}

/// Waits for the process to be gone or a zombie, which only its new parent can remove.
fn wait_until_gone(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
        assert!(Instant::now() < deadline, "process {pid} still runs");
        std::thread::yield_now();
    }
}
