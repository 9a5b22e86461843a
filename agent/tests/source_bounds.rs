//! Servers that try to cost time or memory: each request ends soon, the fetch process stays small, and the next one is served.

#![allow(clippy::unwrap_used, reason = "a test that meets no kernel it knows has nothing to say")]

mod source_world;

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use source_world::{Asked, Server, Wire, ask, fetcher, ok, question_url, say, stall, status};
use surefoot::source::{Fetcher, Get, SourceError};

/// What no case may take, on a machine under load: the patience of its question, a little more than a second, many times.
const SOON: Duration = Duration::from_secs(15);
/// What the fetch process may have held at its largest.
const SMALL: u64 = 64 << 20;

/// Writes the same again and again until the client has gone.
fn for_ever(wire: &mut dyn Wire, bytes: &[u8]) {
    while wire.write_all(bytes).and_then(|()| wire.flush()).is_ok() {}
}

/// The same, a piece at a time.
fn slowly(wire: &mut dyn Wire, bytes: &[u8]) {
    while wire.write_all(bytes).and_then(|()| wire.flush()).is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn hostile(asked: &Asked, wire: &mut dyn Wire) {
    let long = |length: usize| "x".repeat(length);
    match asked.path() {
        "/no-answer" => stall(wire),
        "/hangs-up" => {}
        "/not-http" => say(wire, "220 mail.example ESMTP\r\n"),
        "/garbage" => for_ever(wire, &[0xff; 4096]),
        "/http-0.9" => say(wire, "just a body"),
        "/http-2" => say(wire, b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x04\x00\x10\x00\x00"),
        "/status-line" => for_ever(wire, b"H"),
        "/status-text" => say(wire, format!("HTTP/1.1 200 {}\r\n\r\n", long(1 << 20))),
        "/status-999" => status(wire, "999 What", ""),
        "/204" => say(wire, "HTTP/1.1 204 No Content\r\n\r\n"),
        "/304" => say(wire, "HTTP/1.1 304 Not Modified\r\n\r\n"),
        "/101" => say(wire, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
        "/continue-for-ever" => for_ever(wire, b"HTTP/1.1 100 Continue\r\n\r\n"),
        "/hints-for-ever" => for_ever(wire, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        "/header-of-a-megabyte" => say(wire, format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", long(1 << 20))),
        "/headers-for-ever" => {
            say(wire, "HTTP/1.1 200 OK\r\n");
            for_ever(wire, b"X-More: and more\r\n");
        }
        "/header-byte-by-byte" => {
            say(wire, "HTTP/1.1 200 OK\r\nX-Slow: ");
            slowly(wire, b"x");
        }
        "/header-with-nul" => say(wire, "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi"),
        "/length-twice" => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        "/length-negative" => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"),
        "/length-of-exabytes" => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000000\r\n\r\nabc"),
        "/length-beyond-u64" => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nabc"),
        "/length-too-large" => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
        "/body-for-ever" => {
            say(wire, "HTTP/1.1 200 OK\r\n\r\n");
            for_ever(wire, &[b'['; 65536]);
        }
        "/body-byte-by-byte" => {
            say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n");
            slowly(wire, b"x");
        }
        "/chunks-for-ever" => {
            say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for_ever(wire, b"1\r\nx\r\n");
        }
        "/chunk-of-exabytes" => {
            say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n");
            for_ever(wire, &[7; 65536]);
        }
        "/chunk-beyond-u64" => {
            say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc");
        }
        "/chunk-extension-for-ever" => {
            say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=");
            for_ever(wire, &[b'x'; 4096]);
        }
        "/trailers-for-ever" => {
            say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\n");
            for_ever(wire, b"X: and more\r\n");
        }
        "/chunked-and-length" => {
            say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
        }
        "/gzip-bomb" => {
            say(wire, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n");
            for_ever(wire, &[0x1f, 0x8b, 8, 0]);
        }
        "/gzip-as-transfer" => {
            say(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        }
        "/range-unasked" => {
            say(wire, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-7/8\r\nContent-Length: 3\r\n\r\nabc");
        }
        "/ranges-in-parts" => say(
            wire,
            "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 3\r\n\r\n--x",
        ),
        "/redirect-to-itself" => status(wire, "301 Moved", "Location: /redirect-to-itself\r\n"),
        "/redirect-to-nowhere" => status(wire, "302 Found", ""),
        "/redirect-to-a-megabyte" => status(wire, "302 Found", &format!("Location: /{}\r\n", long(1 << 20))),
        "/redirect-to-bytes" => say(wire, b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n"),
        "/redirect-with-endless-body" => {
            say(wire, "HTTP/1.1 302 Found\r\nLocation: /no-answer\r\n\r\n");
            for_ever(wire, &[b'x'; 4096]);
        }
        "/wait-for-ages" => status(wire, "429 Too Many", "Retry-After: 18446744073709551615\r\n"),
        "/wait-beyond-u64" => status(wire, "429 Too Many", "Retry-After: 99999999999999999999999999\r\n"),
        "/wait-negative" => status(wire, "503 Busy", "Retry-After: -5\r\n"),
        "/wait-for-a-day-that-is-none" => status(wire, "503 Busy", "Retry-After: Mon, 30 Feb 2026 25:61:00 GMT\r\n"),
        "/wait-until-year-9000" => status(wire, "503 Busy", "Retry-After: Wed, 01 Jan 9000 00:00:00 GMT\r\n"),
        "/limit-until-ever" => {
            status(wire, "403 No", "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 18446744073709551615\r\n");
        }
        _ => ok(wire, b"still here"),
    }
}

/// Each class of failure, and what ends in it.
const CASES: [(&str, &[&str]); 6] = [
    (
        "unreachable",
        &[
            "/no-answer",
            "/hangs-up",
            "/not-http",
            "/garbage",
            "/http-0.9",
            "/http-2",
            "/status-line",
            "/status-text",
            "/continue-for-ever",
            "/hints-for-ever",
            "/header-of-a-megabyte",
            "/headers-for-ever",
            "/header-byte-by-byte",
            "/header-with-nul",
            "/length-twice",
            "/length-negative",
            "/length-beyond-u64",
            "/redirect-to-a-megabyte",
            "/redirect-with-endless-body",
        ],
    ),
    (
        "refused",
        &["/status-999", "/204", "/304", "/101", "/wait-negative", "/wait-for-a-day-that-is-none", "/limit-until-ever"],
    ),
    ("limited", &["/wait-for-ages", "/wait-beyond-u64", "/wait-until-year-9000"]),
    ("too large", &["/length-of-exabytes", "/body-for-ever", "/chunks-for-ever", "/chunk-of-exabytes"]),
    (
        "broken",
        &[
            "/length-too-large",
            "/body-byte-by-byte",
            "/chunk-beyond-u64",
            "/chunk-extension-for-ever",
            "/trailers-for-ever",
            "/chunked-and-length",
        ],
    ),
    (
        "not to be used",
        &[
            "/gzip-bomb",
            "/gzip-as-transfer",
            "/range-unasked",
            "/ranges-in-parts",
            "/redirect-to-nowhere",
            "/redirect-to-bytes",
            "/redirect-to-itself",
        ],
    ),
];

fn class(error: &SourceError) -> &'static str {
    match error {
        SourceError::Unreachable { .. } => "unreachable",
        SourceError::Refused { .. } => "refused",
        SourceError::RateLimited { .. } => "limited",
        SourceError::TooLarge { .. } => "too large",
        SourceError::Broken { .. } => "broken",
        SourceError::Unusable { .. } | SourceError::Unsafe { .. } => "not to be used",
        SourceError::NotFound { .. }
        | SourceError::Denied { .. }
        | SourceError::Local { .. }
        | SourceError::Process { .. }
        | SourceError::Stopped { .. } => "something else",
    }
}

/// A question without much patience.
fn impatient(server: &Server, path: &str) -> Get {
    let mut get = Get { cap: 10_000, ..question_url(server.url(path)) };
    (get.timeouts.connect_ms, get.timeouts.stall_ms, get.timeouts.slow_ms) = (500, 700, 1200);
    get
}

/// The most memory that the fetch process of this thread ever had, in bytes.
fn largest() -> u64 {
    let child = fs::read_to_string("/proc/thread-self/children").unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.trim())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

fn served_again(fetcher: &mut Fetcher, server: &Server) -> bool {
    ask(fetcher, &question_url(server.url("/good"))).0 == b"still here"
}

#[test]
fn whatever_a_server_says_it_ends_soon_in_little_memory_and_the_next_request_is_served() {
    let server = Server::start(hostile);
    let mut fetcher = fetcher();
    let mut wrong = Vec::new();
    for (expected, paths) in CASES {
        for path in paths {
            let begun = Instant::now();
            let (got, outcome) = ask(&mut fetcher, &impatient(&server, path));
            let took = begun.elapsed();
            println!("{path}: {} ms, {} KiB: {outcome:?}", took.as_millis(), largest() / 1024);
            let found = outcome.as_ref().err().map_or("accepted", class);
            let is_right = found == expected && took < SOON && got.len() <= 10_000 && largest() < SMALL;
            if !is_right || !served_again(&mut fetcher, &server) {
                wrong.push(format!("{path}: {outcome:?} after {took:?}, {} bytes", got.len()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_error_is_one_short_line_whatever_the_server_says() {
    let server = Server::start(hostile);
    let mut fetcher = fetcher();
    for path in ["/garbage", "/redirect-to-a-megabyte", "/header-of-a-megabyte", "/redirect-to-bytes", "/wait-for-ages"]
    {
        let error = ask(&mut fetcher, &impatient(&server, path)).1.expect_err(path).to_string();
        assert!(error.len() < 1000 && !error.contains(char::is_control), "{path}: {error}");
    }
}

#[test]
fn a_server_that_has_only_ipv6_is_reached() {
    let listener = std::net::TcpListener::bind("[::1]:0").expect("this machine has IPv6 on loopback");
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv6").unwrap();
    });
    assert_eq!(ask(&mut fetcher(), &question_url(url)).0, b"v6");
    server.join().unwrap();
}
