//! Fetching from servers that answer wrongly, slowly, too much, or not at all.

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
fn a_file_arrives_whole_and_the_process_serves_again() {
    let body = bytes(300_000);
    let served = body.clone();
    let server = Server::start(move |_, wire| ok(wire, &served));
    let mut fetcher = fetcher();
    for _ in 0..3 {
        let (got, outcome) = ask(&mut fetcher, &question_url(server.url("/file")));
        let fetched = outcome.expect("it is there");
        assert_eq!((fetched.length, fetched.total), (300_000, Some(300_000)));
        assert_eq!(got, body);
    }
    let asked = &server.asked()[0];
    assert_eq!(asked.header("accept-encoding").as_deref(), Some("identity"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.header("cookie"), None);
}

#[test]
fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/a", listener.local_addr().expect("an address"));
    drop(listener);
    let error = ask(&mut fetcher(), &question_url(&url))
        .1
        .expect_err("refused");
    assert!(
        matches!(error, SourceError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(&url), "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    assert!(error.is_transient());
}

#[test]
fn plain_http_to_a_stranger_is_never_tried() {
    let error = ask(&mut fetcher(), &question_url("http://releases.example/a"))
        .1
        .expect_err("refused");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
}

#[test]
fn a_redirect_within_loopback_is_followed_and_one_to_plain_http_outside_is_not() {
    let server = Server::start(|asked, wire| match asked.path() {
        "/a" => status(wire, "302 Found", "Location: /b?signed=1\r\n"),
        "/b?signed=1" => ok(wire, b"here"),
        _ => status(wire, "302 Found", "Location: http://releases.example/\r\n"),
    });
    let mut fetcher = fetcher();
    assert_eq!(
        ask(&mut fetcher, &question_url(server.url("/a"))).0,
        b"here"
    );
    let error = ask(&mut fetcher, &question_url(server.url("/c")))
        .1
        .expect_err("refused");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
    assert!(
        error.to_string().contains("http://releases.example/"),
        "{error}"
    );
}

#[test]
fn a_redirect_to_a_file_or_with_a_password_is_not_followed() {
    let server = Server::start(|asked, wire| {
        let target = asked.path().trim_start_matches('/');
        status(wire, "302 Found", &format!("Location: {target}\r\n"));
    });
    for target in [
        "file:///etc/passwd",
        "https://user:secret@localhost/",
        "https://169.254.169.254/",
    ] {
        let error = ask(
            &mut fetcher(),
            &question_url(server.url(&format!("/{target}"))),
        )
        .1
        .expect_err("refused");
        assert!(
            matches!(error, SourceError::Unsafe { .. }),
            "{target}: {error:?}"
        );
    }
}

#[test]
fn redirects_end_after_ten() {
    let hops = |hops: usize| {
        Server::start(move |asked, wire| match asked.number < hops {
            true => status(
                wire,
                "302 Found",
                &format!("Location: /{}\r\n", asked.number),
            ),
            false => ok(wire, b"end"),
        })
    };
    let (ten, endless) = (hops(10), hops(usize::MAX));
    assert_eq!(ask(&mut fetcher(), &question_url(ten.url("/"))).0, b"end");
    let error = ask(&mut fetcher(), &question_url(endless.url("/")))
        .1
        .expect_err("a loop");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
    assert_eq!(endless.asked().len(), 11);
}

#[test]
fn another_length_than_the_signed_one_is_refused_before_a_byte() {
    for told in [9, 11] {
        let server = Server::start(move |_, wire| ok(wire, &bytes(told)));
        let get = Get {
            expect_length: Some(10),
            cap: 10,
            ..question_url(server.url("/a"))
        };
        let (got, outcome) = ask(&mut fetcher(), &get);
        assert!(
            matches!(outcome, Err(SourceError::Unusable { .. })),
            "{outcome:?}"
        );
        assert_eq!(got, b"");
    }
}

#[test]
fn content_lengths_that_contradict_each_other_are_no_answer() {
    let server = Server::start(|_, wire| {
        say(
            wire,
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345",
        );
    });
    let outcome = ask(&mut fetcher(), &question_url(server.url("/a"))).1;
    assert!(
        matches!(outcome, Err(SourceError::Unreachable { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_body_shorter_than_its_content_length_broke_off() {
    let server =
        Server::start(|_, wire| say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"));
    let (got, outcome) = ask(&mut fetcher(), &question_url(server.url("/a")));
    assert!(
        matches!(&outcome, Err(error @ SourceError::Broken { .. }) if error.is_transient()),
        "{outcome:?}"
    );
    assert_eq!(got, b"12345");
}

#[test]
fn without_a_content_length_the_signed_one_decides() {
    let server = Server::start(|_, wire| {
        say(
            wire,
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n1234567890",
        );
    });
    let expect = |length| Get {
        expect_length: Some(length),
        cap: length,
        ..question_url(server.url("/a"))
    };
    assert_eq!(ask(&mut fetcher(), &expect(10)).0, b"1234567890");
    let short = ask(&mut fetcher(), &expect(11)).1;
    assert!(
        matches!(short, Err(SourceError::Broken { .. })),
        "{short:?}"
    );
    let (got, long) = ask(&mut fetcher(), &expect(9));
    assert!(
        matches!(long, Err(SourceError::TooLarge { .. })),
        "{long:?}"
    );
    assert_eq!(got, b"123456789");
}

#[test]
fn endless_chunks_end_at_the_cap() {
    let server = Server::start(|_, wire| {
        say(
            wire,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        while wire
            .write_all(b"400\r\n")
            .and_then(|()| wire.write_all(&[7; 1024]))
            .is_ok()
            && wire.write_all(b"\r\n").is_ok()
        {}
    });
    let get = Get {
        cap: 10_000,
        ..question_url(server.url("/a"))
    };
    let (got, outcome) = ask(&mut fetcher(), &get);
    assert!(
        matches!(outcome, Err(SourceError::TooLarge { cap: 10_000, .. })),
        "{outcome:?}"
    );
    assert_eq!(got.len(), 10_000);
}

#[test]
fn a_length_above_the_cap_is_refused_before_a_byte() {
    let server = Server::start(|_, wire| ok(wire, &bytes(2000)));
    let (got, outcome) = ask(
        &mut fetcher(),
        &Get {
            cap: 1999,
            ..question_url(server.url("/a"))
        },
    );
    assert!(
        matches!(outcome, Err(SourceError::TooLarge { .. })),
        "{outcome:?}"
    );
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
        get.timeouts.connect_ms = 300;
        let begun = Instant::now();
        let (got, outcome) = ask(&mut fetcher(), &get);
        let error = outcome.expect_err("it stalls");
        assert!(error.is_transient(), "{class}: {error:?}");
        assert_eq!(got.len(), if told > 1 { 9900 } else { 0 }, "{class}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{class}");
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
    assert!(
        matches!(outcome, Err(SourceError::Broken { .. })),
        "{outcome:?}"
    );
    assert!(!got.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(4));
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
    let Err(error @ SourceError::Broken { .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(error.to_string().contains("reset"), "{error}");
    server.join().expect("the server thread");

    let server = Server::start(|asked, wire| ok_range(asked, wire, b"0123456789abcdefghij"));
    let get = Get {
        from: 10,
        cap: 10,
        expect_length: Some(20),
        ..question_url(server.url("/a"))
    };
    got.extend(ask(&mut fetcher, &get).0);
    assert_eq!(got, b"0123456789abcdefghij");
    assert_eq!(
        server.asked()[0].header("range").as_deref(),
        Some("bytes=10-")
    );
}

#[test]
fn a_server_without_ranges_is_read_from_the_start_and_the_known_part_dropped() {
    let server = Server::start(|_, wire| ok(wire, b"0123456789"));
    let get = Get {
        from: 7,
        cap: 3,
        expect_length: Some(10),
        ..question_url(server.url("/a"))
    };
    assert_eq!(ask(&mut fetcher(), &get).0, b"789");
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    for range in [
        "bytes 0-9/10",
        "bytes 8-9/10",
        "bytes 7-9/11",
        "bytes 9-7/10",
        "7-9/10",
        "bytes 7-9/99999999999999999999",
    ] {
        let server = Server::start(move |_, wire| {
            say(
                wire,
                format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: 3\r\n\r\n789"
                ),
            );
        });
        let get = Get {
            from: 7,
            cap: 3,
            expect_length: Some(10),
            ..question_url(server.url("/a"))
        };
        let (got, outcome) = ask(&mut fetcher(), &get);
        assert!(
            matches!(outcome, Err(SourceError::Unusable { .. })),
            "{range}: {outcome:?}"
        );
        assert_eq!(got, b"");
    }
}

#[test]
fn status_416_at_the_very_end_is_the_end_and_elsewhere_a_contradiction() {
    let server = Server::start(|_, wire| {
        status(
            wire,
            "416 Range Not Satisfiable",
            "Content-Range: bytes */10\r\n",
        );
    });
    let get = |from| Get {
        from,
        ..question_url(server.url("/a"))
    };
    assert_eq!(ask(&mut fetcher(), &get(10)).1.expect("the end").length, 0);
    let error = ask(&mut fetcher(), &get(12))
        .1
        .expect_err("shorter than what is there");
    assert!(matches!(error, SourceError::Unusable { .. }), "{error:?}");
}

#[test]
fn an_encoded_answer_is_refused() {
    let server = Server::start(|_, wire| {
        say(
            wire,
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n123",
        );
    });
    let (got, outcome) = ask(&mut fetcher(), &question_url(server.url("/a")));
    assert!(
        matches!(outcome, Err(SourceError::Unusable { .. })),
        "{outcome:?}"
    );
    assert_eq!(got, b"");
}

#[test]
fn each_status_has_its_class() {
    let server = Server::start(|asked, wire| match asked.path() {
        "/404" => status(wire, "404 Not Found", ""),
        "/500" => status(wire, "500 Internal Server Error", ""),
        "/403" => status(wire, "403 Forbidden", ""),
        "/429" => status(wire, "429 Too Many Requests", "Retry-After: 120\r\n"),
        "/429-bare" => status(wire, "429 Too Many Requests", ""),
        "/403-wait" => status(
            wire,
            "403 Forbidden",
            "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1\r\n",
        ),
        _ => status(
            wire,
            "503 Service Unavailable",
            "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n",
        ),
    });
    let mut fetcher = fetcher();
    let mut error = |path: &str| {
        let location = server.url(path);
        (
            ask(&mut fetcher, &question_url(&location))
                .1
                .expect_err("no success"),
            location,
        )
    };
    let limited = |location, seconds: Option<u64>| SourceError::RateLimited {
        location,
        retry_after: seconds.map(Duration::from_secs),
    };
    let (missing, location) = error("/404");
    assert_eq!(missing, SourceError::NotFound { location });
    let (broken, location) = error("/500");
    assert!(broken.is_transient());
    assert_eq!(
        broken,
        SourceError::Refused {
            location,
            status: 500
        }
    );
    let (forbidden, location) = error("/403");
    assert!(!forbidden.is_transient());
    assert_eq!(
        forbidden,
        SourceError::Refused {
            location,
            status: 403
        }
    );
    for (path, seconds) in [
        ("/429", Some(120)),
        ("/429-bare", None),
        ("/403-wait", Some(0)),
        ("/503", Some(0)),
    ] {
        let (waiting, location) = error(path);
        assert_eq!(waiting, limited(location, seconds));
    }
}

#[test]
fn a_header_of_a_megabyte_is_not_read() {
    let server = Server::start(|_, wire| {
        say(
            wire,
            format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20)),
        );
    });
    let outcome = ask(&mut fetcher(), &question_url(server.url("/a"))).1;
    assert!(
        matches!(outcome, Err(SourceError::Unreachable { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_receiver_that_has_enough_ends_the_fetch_and_the_next_one_works() {
    let server = Server::start(|_, wire| ok(wire, &bytes(500_000)));
    let mut fetcher = fetcher();
    let get = question_url(server.url("/a"));
    let stopped = fetcher.get(&get, &mut |_| {
        Err("block 0 is not what was signed".to_owned())
    });
    let Err(SourceError::Stopped { reason, .. }) = stopped else {
        panic!("{stopped:?}")
    };
    assert_eq!(reason, "block 0 is not what was signed");
    assert_eq!(ask(&mut fetcher, &get).0.len(), 500_000);
}

#[test]
fn an_address_that_fits_no_request_is_refused() {
    let long = format!("http://127.0.0.1:1/{}", "x".repeat(5000));
    let mut fetcher = fetcher();
    assert!(matches!(
        ask(&mut fetcher, &question_url(long)).1,
        Err(SourceError::Local { .. })
    ));
    let server = Server::start(|_, wire| ok(wire, b"still here"));
    assert_eq!(
        ask(&mut fetcher, &question_url(server.url("/"))).0,
        b"still here"
    );
}
