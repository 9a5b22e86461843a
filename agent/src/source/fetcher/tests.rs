//! Which process is asked, and a unit that is killed, hangs, or is not there.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{JoinHandle, spawn};

use super::*;
use crate::source::wire::Timeouts;

/// A directory with the socket of a unit, and what answers there: `serve` gets each connection.
fn unit(serve: impl Fn(UnixStream) + Send + 'static, connections: usize) -> (tempfile::TempDir, JoinHandle<()>) {
    let directory = tempfile::tempdir().expect("a directory");
    let listener = UnixListener::bind(socket(&directory)).expect("it listens");
    let served =
        spawn(move || listener.incoming().take(connections).for_each(|stream| serve(stream.expect("a connection"))));
    (directory, served)
}

fn socket(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("fetch.sock")
}

fn through(directory: &tempfile::TempDir) -> Fetcher {
    Fetcher::through(&socket(directory), Path::new("/nonexistent/surefoot"), None)
}

fn request_of(stream: &UnixStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a request");
    line
}

fn answer(mut stream: &UnixStream, body: &str) {
    let head = r#"{"body":{"status":200,"total":null,"etag":null}}"#;
    let chunk = [&u32::try_from(body.len()).expect("short").to_be_bytes()[..], body.as_bytes()].concat();
    let parts: [&[u8]; 5] = [head.as_bytes(), b"\n", &chunk, &[0; 4], b"\"complete\"\n"];
    stream.write_all(&parts.concat()).expect("written");
}

fn get(location: Location) -> Get {
    let timeouts = Timeouts { connect_ms: 10, stall_ms: 10, slow_ms: 10, total_ms: 100 };
    Get { location, from: 0, cap: 100, expect_length: None, if_none_match: None, api: None, timeouts }
}

fn url() -> Location {
    Location::Url("https://releases.example/timestamp.json".to_owned())
}

fn fetch(fetcher: &mut Fetcher, location: Location) -> Result<String, SourceError> {
    let mut bytes = Vec::new();
    fetcher.get(&get(location), &mut |more| {
        bytes.extend_from_slice(more);
        Ok(())
    })?;
    Ok(String::from_utf8(bytes).expect("text"))
}

#[test]
fn what_is_elsewhere_is_read_by_the_unit_over_one_connection() {
    let (directory, served) = unit(
        |stream| {
            for _ in 0..2 {
                assert!(request_of(&stream).contains("releases.example"));
                answer(&stream, "bytes");
            }
        },
        1,
    );
    let mut fetcher = through(&directory);
    for _ in 0..2 {
        assert_eq!(fetch(&mut fetcher, url()).expect("an answer"), "bytes");
    }
    served.join().expect("both were asked on one connection");
}

#[test]
fn what_is_on_this_machine_never_goes_to_the_unit() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut fetcher = through(&directory);
    let mut names = Vec::new();
    let file = fetch(&mut fetcher, Location::File("/srv/releases/timestamp.json".into()));
    names.push(file.expect_err("there is no such program").to_string());
    for url in ["http://127.0.0.1:8080/health", "http://[::1]/", "https://localhost/", "http://a.localhost/"] {
        let error = fetcher.probe(url, Duration::from_secs(1), 10).expect_err("there is no such program");
        names.push(error.to_string());
    }
    assert!(names.iter().all(|text| text.contains("cannot start /nonexistent/surefoot")), "{names:#?}");
    let error = fetcher.probe("http://192.0.2.1/", Duration::from_secs(1), 10).expect_err("no unit");
    assert!(error.to_string().contains("fetch.sock"), "{error}");
}

#[test]
fn a_unit_that_is_not_there_is_named_with_what_to_look_at() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = fetch(&mut through(&directory), url()).expect_err("nobody listens");
    assert!(matches!(error, SourceError::Process { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("fetch.sock") && text.contains("surefoot-fetch.socket"), "{text}");
}

#[test]
fn a_unit_that_is_killed_is_an_error_and_the_next_request_reaches_another() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let (directory, served) = unit(
        move |stream| {
            request_of(&stream);
            if !first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                answer(&stream, "again");
            }
        },
        2,
    );
    let mut fetcher = through(&directory);
    let error = fetch(&mut fetcher, url()).expect_err("it was killed");
    assert!(error.to_string().contains("journalctl -u 'surefoot-fetch@*'"), "{error}");
    assert_eq!(fetch(&mut fetcher, url()).expect("an answer"), "again");
    served.join().expect("two connections");
}

#[test]
fn a_unit_that_ended_between_two_requests_is_not_asked_again() {
    let (directory, served) = unit(
        |stream| {
            request_of(&stream);
            answer(&stream, "once");
        },
        2,
    );
    let mut fetcher = through(&directory);
    assert_eq!(fetch(&mut fetcher, url()).expect("an answer"), "once");
    let lane = fetcher.unit.as_ref().expect("a unit").process.as_ref().expect("it is kept");
    // Its end has to have arrived, or this would be the test before.
    lane.wait_for_end();
    assert_eq!(fetch(&mut fetcher, url()).expect("an answer"), "once");
    served.join().expect("two connections");
}

#[test]
fn a_unit_that_hangs_is_given_up_in_bounded_time() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (directory, served) = unit(
        move |stream| {
            request_of(&stream);
            // Neither answers nor hears that nobody waits any more.
            let _ = held.recv();
            drop(stream);
        },
        1,
    );
    let started = std::time::Instant::now();
    let error = fetch(&mut through(&directory), url()).expect_err("it hangs");
    assert!(matches!(&error, SourceError::Process { reason, .. } if reason == "it does not answer"), "{error:?}");
    assert!(started.elapsed() < GRACE * 4, "{:?}", started.elapsed());
    drop(hold);
    served.join().expect("it ended");
}
