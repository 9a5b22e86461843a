//! Bodies that are too long, too short, too slow, cut in the middle, or of another range than asked for.

mod source_world;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use source_world::{Server, ask, bytes, fetcher, ok, ok_range, question_url, say, stall, status};
use surefoot::source::{Get, SourceError};

#[test]
fn another_length_than_the_signed_one_is_refused_before_a_byte() {
    for told in [9, 11] {
        let server = Server::start(move |_, wire| ok(wire, &bytes(told)));
        let get = Get { expect_length: Some(10), cap: 10, ..question_url(server.url("/a")) };
        let (got, outcome) = ask(&mut fetcher(), &get);
        assert!(matches!(outcome, Err(SourceError::Unusable { .. })), "{outcome:?}");
        assert_eq!(got, b"");
    }
}

#[test]
fn content_lengths_that_contradict_each_other_are_no_answer() {
    let server = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345");
    });
    let outcome = ask(&mut fetcher(), &question_url(server.url("/a"))).1;
    assert!(matches!(outcome, Err(SourceError::Unreachable { .. })), "{outcome:?}");
}

#[test]
fn a_body_shorter_than_its_content_length_broke_off() {
    let server = Server::start(|_, wire| say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"));
    let (got, outcome) = ask(&mut fetcher(), &question_url(server.url("/a")));
    assert!(matches!(&outcome, Err(error @ SourceError::Broken { .. }) if error.is_transient()), "{outcome:?}");
    assert_eq!(got, b"12345");
}

#[test]
fn without_a_content_length_the_signed_one_decides() {
    let server = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n1234567890");
    });
    let expect = |length| Get { expect_length: Some(length), cap: length, ..question_url(server.url("/a")) };
    assert_eq!(ask(&mut fetcher(), &expect(10)).0, b"1234567890");
    let short = ask(&mut fetcher(), &expect(11)).1;
    assert!(matches!(short, Err(SourceError::Broken { .. })), "{short:?}");
    let (got, long) = ask(&mut fetcher(), &expect(9));
    assert!(matches!(long, Err(SourceError::TooLarge { .. })), "{long:?}");
    assert_eq!(got, b"123456789");
}

#[test]
fn endless_chunks_end_at_the_cap() {
    let server = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while wire.write_all(b"400\r\n").and_then(|()| wire.write_all(&[7; 1024])).is_ok()
            && wire.write_all(b"\r\n").is_ok()
        {}
    });
    let get = Get { cap: 10_000, ..question_url(server.url("/a")) };
    let (got, outcome) = ask(&mut fetcher(), &get);
    assert!(matches!(outcome, Err(SourceError::TooLarge { cap: 10_000, .. })), "{outcome:?}");
    assert_eq!(got.len(), 10_000);
}

#[test]
fn a_length_above_the_cap_is_refused_before_a_byte() {
    let server = Server::start(|_, wire| ok(wire, &bytes(2000)));
    let (got, outcome) = ask(&mut fetcher(), &Get { cap: 1999, ..question_url(server.url("/a")) });
    assert!(matches!(outcome, Err(SourceError::TooLarge { .. })), "{outcome:?}");
    assert_eq!(got, b"");
}

#[test]
fn silence_ends_a_fetch_before_the_head_after_it_and_near_the_end() {
    let body = bytes(10_000);
    for (told, class) in [(0, "head"), (1, "after"), (2, "near the end")] {
        let body = body.clone();
        let server = Server::start(move |_, wire| {
            if told > 0 {
                say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
            }
            if told > 1 {
                say(wire, &body[..9900]);
            }
            stall(wire);
        });
        let mut get = question_url(server.url("/a"));
        (get.timeouts.connect_ms, get.timeouts.stall_ms) = (200, 300);
        let begun = Instant::now();
        let (got, outcome) = ask(&mut fetcher(), &get);
        let error = outcome.expect_err("it stalls");
        assert!(error.is_transient(), "{class}: {error:?}");
        assert_eq!(got.len(), if told > 1 { 9900 } else { 0 }, "{class}");
        assert!(begun.elapsed() < Duration::from_secs(9), "{class}");
    }
}

#[test]
fn a_byte_at_a_time_does_not_last_longer_than_the_whole_may() {
    let server = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        let tick = Duration::from_millis(20);
        while wire.write_all(b"x").is_ok() {
            thread::sleep(tick);
        }
    });
    let mut get = question_url(server.url("/a"));
    get.timeouts.total_ms = 600;
    let begun = Instant::now();
    let (got, outcome) = ask(&mut fetcher(), &get);
    assert!(matches!(outcome, Err(SourceError::Broken { .. })), "{outcome:?}");
    assert!(!got.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn a_body_that_may_last_for_hours_still_keeps_a_pace() {
    let server = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        let tick = Duration::from_millis(20);
        while wire.write_all(b"x").is_ok() {
            thread::sleep(tick);
        }
    });
    let mut get = Get { cap: 1_000_000_000, ..question_url(server.url("/a")) };
    (get.timeouts.slow_ms, get.timeouts.total_ms) = (600, 36_000_000);
    let begun = Instant::now();
    let (got, outcome) = ask(&mut fetcher(), &get);
    assert!(matches!(outcome, Err(SourceError::Broken { .. })), "{outcome:?}");
    assert!(!got.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn a_reset_in_the_middle_is_resumed_with_a_range() {
    let (seen, half_seen) = mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/a", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]).expect("a request");
        let half = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789";
        stream.write_all(half).expect("written");
        half_seen.recv().expect("the client has the first half");
        // Closing without lingering sends RST (`socket(7)`).
        set_socket_linger(&stream, Some(Duration::ZERO)).expect("linger");
    });
    let mut fetcher = fetcher();
    let mut got = Vec::new();
    let outcome = fetcher.get(&question_url(&url), &mut |more| {
        got.extend_from_slice(more);
        if got.len() == 10 {
            seen.send(()).expect("the server waits");
        }
        Ok(())
    });
    let Err(error @ SourceError::Broken { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("reset"), "{error}");
    server.join().expect("the server thread");

    let server = Server::start(|asked, wire| ok_range(asked, wire, b"0123456789abcdefghij"));
    let get = Get { from: 10, cap: 10, expect_length: Some(20), ..question_url(server.url("/a")) };
    got.extend(ask(&mut fetcher, &get).0);
    assert_eq!(got, b"0123456789abcdefghij");
    assert_eq!(server.asked()[0].header("range").as_deref(), Some("bytes=10-"));
}

#[test]
fn a_server_without_ranges_is_read_from_the_start_and_the_known_part_dropped() {
    let server = Server::start(|_, wire| ok(wire, b"0123456789"));
    let get = Get { from: 7, cap: 3, expect_length: Some(10), ..question_url(server.url("/a")) };
    assert_eq!(ask(&mut fetcher(), &get).0, b"789");
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    for range in
        ["bytes 0-9/10", "bytes 8-9/10", "bytes 7-9/11", "bytes 9-7/10", "7-9/10", "bytes 7-9/99999999999999999999"]
    {
        let server = Server::start(move |_, wire| {
            say(
                wire,
                format!("HTTP/1.1 206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: 3\r\n\r\n789"),
            );
        });
        let get = Get { from: 7, cap: 3, expect_length: Some(10), ..question_url(server.url("/a")) };
        let (got, outcome) = ask(&mut fetcher(), &get);
        assert!(matches!(outcome, Err(SourceError::Unusable { .. })), "{range}: {outcome:?}");
        assert_eq!(got, b"");
    }
}

#[test]
fn status_416_at_the_very_end_is_the_end_and_elsewhere_a_contradiction() {
    let server = Server::start(|_, wire| {
        status(wire, "416 Range Not Satisfiable", "Content-Range: bytes */10\r\n");
    });
    let get = |from| Get { from, ..question_url(server.url("/a")) };
    assert_eq!(ask(&mut fetcher(), &get(10)).1.expect("the end").length, 0);
    let error = ask(&mut fetcher(), &get(12)).1.expect_err("shorter than what is there");
    assert!(matches!(error, SourceError::Unusable { .. }), "{error:?}");
}

#[test]
fn a_header_of_a_megabyte_is_not_read() {
    let server = Server::start(|_, wire| {
        say(wire, format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20)));
    });
    let outcome = ask(&mut fetcher(), &question_url(server.url("/a"))).1;
    assert!(matches!(outcome, Err(SourceError::Unreachable { .. })), "{outcome:?}");
}
