//! Fetching from web servers: redirects, statuses, refusals, and who may end a fetch.

mod source_world;

use std::net::TcpListener;
use std::time::Duration;

use source_world::{Server, ask, bytes, fetcher, ok, question_url, say, status};
use surefoot::source::SourceError;

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
    let error = ask(&mut fetcher(), &question_url(&url)).1.expect_err("refused");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    assert!(error.is_transient());
}

#[test]
fn plain_http_to_a_stranger_is_never_tried() {
    let error = ask(&mut fetcher(), &question_url("http://releases.example/a")).1.expect_err("refused");
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
    assert_eq!(ask(&mut fetcher, &question_url(server.url("/a"))).0, b"here");
    let error = ask(&mut fetcher, &question_url(server.url("/c"))).1.expect_err("refused");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
    assert!(error.to_string().contains("http://releases.example/"), "{error}");
}

#[test]
fn a_redirect_to_a_file_or_with_a_password_is_not_followed() {
    let server = Server::start(|asked, wire| {
        let target = asked.path().trim_start_matches('/');
        status(wire, "302 Found", &format!("Location: {target}\r\n"));
    });
    for target in ["file:///etc/passwd", "https://user:secret@localhost/", "https://169.254.169.254/"] {
        let error = ask(&mut fetcher(), &question_url(server.url(&format!("/{target}")))).1.expect_err("refused");
        assert!(matches!(error, SourceError::Unsafe { .. }), "{target}: {error:?}");
    }
}

#[test]
fn redirects_end_after_ten() {
    let hops = |hops: usize| {
        Server::start(move |asked, wire| match asked.number < hops {
            true => status(wire, "302 Found", &format!("Location: /{}\r\n", asked.number)),
            false => ok(wire, b"end"),
        })
    };
    let (ten, endless) = (hops(10), hops(usize::MAX));
    assert_eq!(ask(&mut fetcher(), &question_url(ten.url("/"))).0, b"end");
    let error = ask(&mut fetcher(), &question_url(endless.url("/"))).1.expect_err("a loop");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
    assert_eq!(endless.asked().len(), 11);
}

#[test]
fn an_encoded_answer_is_refused() {
    let server = Server::start(|_, wire| {
        say(wire, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n123");
    });
    let (got, outcome) = ask(&mut fetcher(), &question_url(server.url("/a")));
    assert!(matches!(outcome, Err(SourceError::Unusable { .. })), "{outcome:?}");
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
        "/403-wait" => status(wire, "403 Forbidden", "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1\r\n"),
        _ => status(wire, "503 Service Unavailable", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"),
    });
    let mut fetcher = fetcher();
    let mut error = |path: &str| {
        let location = server.url(path);
        (ask(&mut fetcher, &question_url(&location)).1.expect_err("no success"), location)
    };
    let limited = |location, seconds: Option<u64>| SourceError::RateLimited {
        location,
        retry_after: seconds.map(Duration::from_secs),
    };
    let (missing, location) = error("/404");
    assert_eq!(missing, SourceError::NotFound { location });
    let (broken, location) = error("/500");
    assert!(broken.is_transient());
    assert_eq!(broken, SourceError::Refused { location, status: 500 });
    let (forbidden, location) = error("/403");
    assert!(!forbidden.is_transient());
    assert_eq!(forbidden, SourceError::Refused { location, status: 403 });
    for (path, seconds) in [("/429", Some(120)), ("/429-bare", None), ("/403-wait", Some(0)), ("/503", Some(0))] {
        let (waiting, location) = error(path);
        assert_eq!(waiting, limited(location, seconds));
    }
}

#[test]
fn a_receiver_that_has_enough_ends_the_fetch_and_the_next_one_works() {
    let server = Server::start(|_, wire| ok(wire, &bytes(500_000)));
    let mut fetcher = fetcher();
    let get = question_url(server.url("/a"));
    let stopped = fetcher.get(&get, &mut |_| Err("block 0 is not what was signed".to_owned()));
    let Err(SourceError::Stopped { reason, .. }) = stopped else { panic!("{stopped:?}") };
    assert_eq!(reason, "block 0 is not what was signed");
    assert_eq!(ask(&mut fetcher, &get).0.len(), 500_000);
}

#[test]
fn an_address_that_fits_no_request_is_refused() {
    let long = format!("http://127.0.0.1:1/{}", "x".repeat(5000));
    let mut fetcher = fetcher();
    assert!(matches!(ask(&mut fetcher, &question_url(long)).1, Err(SourceError::Local { .. })));
    let server = Server::start(|_, wire| ok(wire, b"still here"));
    assert_eq!(ask(&mut fetcher, &question_url(server.url("/"))).0, b"still here");
}
