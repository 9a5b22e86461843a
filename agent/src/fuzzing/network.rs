//! What comes through pipes, sockets and the network: the fetch process is believed nothing by the engine, and servers nothing by
//! the fetch process.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{lines, memory};
use crate::event::Event;
use crate::request;
use crate::source::child::verdict::judge;
use crate::source::fetcher::pipe::{Frames, Patience};
use crate::source::fetcher::{Trouble, receive};
use crate::source::wire::{Failure, Get, Location, Request, Timeouts};
use crate::source::{Answer, Listing, child, retry};

/// Most bytes that are asked for.
const CAP: u64 = 64;

/// Answers of the fetch process, one after the other: never more bytes than were asked for, and no sentence that does something
/// to a terminal.
pub fn wire(bytes: &[u8]) -> bool {
    let (file, _) = memory(bytes);
    let mut frames = Frames::new(file);
    let mut accepted = false;
    loop {
        let mut got = 0;
        let patience = Patience::new(Duration::from_secs(5), Duration::from_secs(5));
        let received = receive(&mut frames, patience, CAP, &mut |chunk| {
            got += chunk.len() as u64;
            Ok(())
        });
        assert!(got <= CAP, "{got} bytes came");
        match received {
            Ok((_, _, given)) => assert_eq!(given, got),
            Err(Trouble::Failed(failure)) => tellable(failure),
            Err(Trouble::Stopped(_) | Trouble::Pipe(_)) => return accepted,
        }
        accepted = true;
    }
}

fn tellable(failure: Failure) {
    let error = failure.at("https://releases.example/");
    let told = crate::exit::chain(&error);
    assert!(!told.chars().any(char::is_control), "{told:?}");
    assert!(retry::pause(1, &error, u32::MAX).is_none_or(|pause| pause <= retry::LONGEST));
}

/// Requests: to the fetch process, to the daemon, to the worker; and events on their way back.
pub fn request(bytes: &[u8]) -> bool {
    let mut accepted = false;
    let mut reader = BufReader::new(bytes);
    while let Ok(Some(request)) = child::next_request(&mut reader) {
        accepted |= is_stable::<Request>(&serde_json::to_vec(&request).expect("a request"));
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        accepted |= is_stable::<request::Request>(line);
        accepted |= is_stable::<request::Asked>(line);
        accepted |= is_stable::<Event>(line);
    }
    accepted
}

/// Whether it is a `T`, which is then the same when it is written and read again.
pub(super) fn is_stable<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return false };
    let written = serde_json::to_vec(&value).expect("it can be written");
    assert_eq!(serde_json::from_slice::<T>(&written).expect("what is written can be read"), value);
    true
}

/// The head of an HTTP answer: a line with status, first byte, most bytes, length of the whole and known tag (`-`: none), then
/// headers.
pub fn answer(bytes: &[u8]) -> bool {
    let Some(lines) = lines(bytes) else { return false };
    let words: Vec<&str> = lines[0].split(' ').collect();
    let [status, from, cap, whole, tag] = words[..] else { return false };
    let (Ok(status), Ok(from), Ok(cap)) = (status.parse(), from.parse(), cap.parse()) else { return false };
    let Ok(status) = StatusCode::from_u16(status) else { return false };
    let timeouts = Timeouts::for_length(cap);
    let location = Location::Url("https://releases.example/".to_owned());
    let if_none_match = (tag != "-").then(|| tag.to_owned());
    let get = Get { location, from, cap, expect_length: whole.parse().ok(), if_none_match, api: None, timeouts };
    let headers: HeaderMap = lines[1..].iter().filter_map(|line| header(line)).collect();
    let now = "2026-11-21T10:00:00Z".parse().expect("a time");
    match judge(status, &headers, &get, now) {
        Ok(readable) => {
            assert!(readable.rest.is_none_or(|rest| rest <= cap), "more than was asked for");
            assert!(readable.skip == 0 || readable.skip == from, "another part is dropped than was there");
            let told = readable.body.total.zip(get.expect_length);
            assert!(told.is_none_or(|(told, expected)| told == expected), "another length than was signed");
            true
        }
        Err(failure) => {
            tellable(failure);
            false
        }
    }
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(": ")?;
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// GitHub's description of a release: every name that comes of it is one that an asset can have, and the engine reads the list as the
/// fetch process wrote it.
pub fn listing(bytes: &[u8]) -> bool {
    let Ok(listing) = Listing::read(bytes) else { return false };
    let written = serde_json::to_vec(&listing).expect("a list can be written");
    assert!(is_stable::<Listing>(&written));
    let text = String::from_utf8(written).expect("JSON is text");
    assert!(text.chars().all(|c| c.is_ascii_graphic()) && !text.contains(['/', '\\']), "{text}");
    true
}

/// What a health URL answers: well only where it says so.
pub fn health(bytes: &[u8]) -> bool {
    let answer = Answer { status: 200, body: bytes.to_vec(), truncated: false };
    let wanted = BTreeMap::from([("status".to_owned(), "ok".to_owned())]);
    let is_well = crate::health::judge(&answer, 200, wanted.iter()).is_ok();
    assert!(!is_well || String::from_utf8_lossy(bytes).contains(['o', '\\']), "it does not say so");
    is_well
}
