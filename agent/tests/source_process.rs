//! The fetch process: health questions, and a process that has turned against the agent.

#![expect(clippy::disallowed_methods, reason = "a test makes the program that it starts")]

mod source_world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use source_world::{Server, ask, bytes, fetcher, ok, open_directory, question_url, say, stall, status, user};
use surefoot::source::{Fetcher, SourceError};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn any_status_answers_a_health_question() {
    let server = Server::start(|asked, wire| match asked.path() {
        "/health" => ok(wire, br#"{"status":"ok"}"#),
        "/moved" => status(wire, "302 Found", "Location: /health\r\n"),
        _ => say(wire, "HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\ndead"),
    });
    let mut fetcher = fetcher();
    let mut probe = |path| {
        let answer = fetcher.probe(&server.url(path), SOON, 1000).expect("an answer");
        (answer.status, answer.body, answer.truncated)
    };
    assert_eq!(probe("/health"), (200, br#"{"status":"ok"}"#.to_vec(), false));
    assert_eq!(probe("/moved"), (302, Vec::new(), false));
    assert_eq!(probe("/else"), (500, b"dead".to_vec(), false));
}

#[test]
fn the_body_of_a_health_answer_is_cut_at_its_cap() {
    let server = Server::start(|_, wire| ok(wire, &bytes(100_000)));
    let mut fetcher = fetcher();
    let answer = fetcher.probe(&server.url("/"), SOON, 1000).expect("an answer");
    assert_eq!((answer.body, answer.truncated), (bytes(1000), true));
    let whole = fetcher.probe(&server.url("/"), SOON, 100_000).expect("an answer");
    assert_eq!((whole.body.len(), whole.truncated), (100_000, false));
}

#[test]
fn an_application_that_hangs_or_is_not_there_gives_no_answer() {
    let hanging = Server::start(|_, wire| stall(wire));
    let mut fetcher = fetcher();
    let short = Duration::from_millis(300);
    let late = fetcher.probe(&hanging.url("/"), short, 10).expect_err("it hangs");
    assert_eq!(late.to_string(), format!("cannot reach {}: no answer within 0.3 s", hanging.url("/")));
    let gone = hanging.url("/").replace(&hanging.address().port().to_string(), "1");
    assert!(matches!(fetcher.probe(&gone, SOON, 10), Err(SourceError::Unreachable { .. })));
    let halfway = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
        stall(wire);
    });
    assert!(matches!(fetcher.probe(&halfway.url("/"), short, 10), Err(SourceError::Unreachable { .. })));
}

#[test]
fn as_root_it_refuses_to_work() {
    let program = env!("CARGO_BIN_EXE_surefoot");
    let as_root = match user() {
        Some(_) => format!("exec {program} internal fetch"),
        // Root of a user namespace is root enough for this.
        None => format!("exec /usr/bin/unshare --map-root-user {program} internal fetch"),
    };
    let (_directory, program) = script(&as_root);
    let mut fetcher = Fetcher::start_in(&program, None, Vec::new()).expect("started");
    let error = ask(&mut fetcher, &question_url("http://127.0.0.1:1/")).1.expect_err("refused");
    assert!(matches!(error, SourceError::Local { .. }), "{error:?}");
    assert!(error.to_string().contains("must not run as root"), "{error}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = Fetcher::start(Path::new("/nonexistent/surefoot"), None).expect_err("not there");
    assert!(error.to_string().contains("/nonexistent/surefoot"), "{error}");
}

/// A program that the fetch process's user may run.
fn script(text: &str) -> (TempDir, PathBuf) {
    let directory = open_directory();
    let program = directory.path().join("program");
    fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    (directory, program)
}

/// Asks a process that answers each request with what the shell script prints.
fn turned(text: &str, cap: u64) -> (Vec<u8>, SourceError) {
    let (_directory, program) = script(&format!("read request\n{text}"));
    let mut fetcher = Fetcher::start_in(&program, user(), Vec::new()).expect("started");
    let mut get = question_url("http://127.0.0.1:1/");
    get.cap = cap;
    let (got, outcome) = ask(&mut fetcher, &get);
    let error = outcome.expect_err("nonsense");
    assert!(matches!(error, SourceError::Process { .. }), "{error:?}");
    (got, error)
}

const HEAD: &str = r#"echo '{"body":{"status":200,"total":null,"etag":null}}'"#;

#[test]
fn nonsense_instead_of_a_head_is_an_error() {
    assert!(turned("echo nonsense; read forever", 10).1.to_string().contains("nonsense"));
    turned(r#"echo '{"body":{"status":70000}}'; read forever"#, 10);
}

#[test]
fn a_line_without_end_is_cut_off() {
    let error = turned("exec tr '\\0' x </dev/zero", 10).1;
    assert!(error.to_string().contains("a line without an end"), "{error}");
}

#[test]
fn a_chunk_that_claims_gigabytes_is_not_believed() {
    let error = turned(&format!("{HEAD}; printf '\\377\\377\\377\\377'; read forever"), 10).1;
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn more_bytes_than_asked_for_do_not_reach_the_receiver() {
    let chunk = "printf '\\0\\0\\0\\005abcde'";
    let (got, error) = turned(&format!("{HEAD}; {chunk}; {chunk}; {chunk}; read forever"), 12);
    assert_eq!(got, b"abcdeabcde");
    assert!(error.to_string().contains("more bytes"), "{error}");
}

#[test]
fn a_process_that_dies_in_the_middle_is_an_error_and_the_next_request_starts_another() {
    let (got, error) = turned(&format!("{HEAD}; printf '\\0\\0\\0\\005abc'; exit 3"), 12);
    assert_eq!(got, b"");
    assert!(error.to_string().contains("ended"), "{error}");
}

#[test]
fn words_of_the_process_are_cleaned_before_a_person_sees_them() {
    let answer = r#"echo '{"failed":{"unreachable":{"reason":"\\u001b[2J\\u0007gone"}}}'"#;
    let (_directory, program) = script(&format!("read request\n{answer}\nread forever"));
    let mut fetcher = Fetcher::start_in(&program, user(), Vec::new()).expect("started");
    let error = ask(&mut fetcher, &question_url("http://127.0.0.1:1/")).1.expect_err("it says so");
    assert!(!error.to_string().contains(|c: char| c.is_control()), "{error:?}");
}

/// The only child of this thread; other tests have their own threads.
fn child_of_this_thread() -> String {
    let children = fs::read_to_string("/proc/thread-self/children").expect("the kernel lists children");
    children.trim().to_owned()
}

fn line_of(path: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells");
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn it_has_given_up_its_rights_before_the_first_answer() {
    let server = Server::start(|_, wire| ok(wire, b""));
    let mut fetcher = fetcher();
    fetcher.probe(&server.url("/"), SOON, 10).expect("an answer");
    let status = format!("/proc/{}/status", child_of_this_thread());
    assert_eq!(line_of(&status, "NoNewPrivs:"), ["1"]);
    assert_eq!(line_of(&status, "CapEff:"), ["0000000000000000"]);
    if let Some((uid, _)) = user() {
        assert_eq!(line_of(&status, "Uid:"), vec![uid.to_string(); 4]);
        assert_eq!(line_of(&status, "Groups:"), Vec::<String>::new());
    }
    let limits = status.replace("status", "limits");
    for limit in ["Max file size", "Max core file size"] {
        assert_eq!(line_of(&limits, limit)[..2], ["0", "0"]);
    }
}

#[test]
fn it_dies_with_the_thread_that_started_it_and_the_next_request_starts_another() {
    let server = Server::start(|_, wire| ok(wire, b"again"));
    let url = server.url("/");
    let asked = url.clone();
    let thread = std::thread::spawn(move || {
        let mut fetcher = fetcher();
        fetcher.probe(&asked, SOON, 10).expect("an answer");
        (fetcher, child_of_this_thread())
    });
    let (mut fetcher, child) = thread.join().expect("the thread");
    let deadline = Instant::now() + Duration::from_secs(10);
    while line_of(&format!("/proc/{child}/status"), "State:")[0] != "Z" {
        assert!(Instant::now() < deadline, "it still runs");
        std::thread::yield_now();
    }
    assert_eq!(fetcher.probe(&url, SOON, 10).expect("an answer").body, b"again");
}
