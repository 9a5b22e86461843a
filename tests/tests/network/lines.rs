//! Answers that are no HTTP, whose length is not what they say, that stand still or break off; and ways that lead on and on.

use std::time::Duration;

use surefoot_tests::hostile_server::Conduct;

use super::{Outcome, exit, refuses, then_it_goes_in, within, world};

/// One silence that an agent waits out, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(100);

fn says(head: &str, body: &[u8]) -> Conduct {
    Conduct::Says([b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n", body].concat())
}

#[test]
fn metadata_with_a_head_that_cannot_be_right_is_refused() -> Outcome {
    let (world, server) = world()?;
    let cases = [
        (says("Content-Length: 4\r\nContent-Length: 5\r\n", b"12345"), 4, "cannot reach"),
        (says("Content-Length: -1\r\n", b"12345"), 4, "cannot reach"),
        (says("Content-Length: 5\r\n", b"12345 and more"), 5, "timestamp"),
        (says("Content-Length: 50\r\n", b"12345"), 4, "broke off"),
        (says(&format!("X-Long: {}\r\nContent-Length: 1\r\n", "x".repeat(1 << 20)), b"1"), 4, "cannot reach"),
        (Conduct::Says(b"220 mail.example ESMTP\r\n".to_vec()), 4, "cannot reach"),
        (Conduct::EndlessChunks, 4, "larger than"),
        (Conduct::Reset, 4, ""),
    ];
    for (conduct, code, words) in cases {
        server.turn("timestamp.json", conduct.clone());
        let named: String = format!("{conduct:?}").chars().take(60).collect();
        refuses(&world, &["update"], code, exit(code), words).map_err(|error| error.context(named))?;
        server.behave();
    }
    then_it_goes_in(&world)
}

#[test]
fn an_artifact_with_a_head_that_cannot_be_right_is_refused() -> Outcome {
    let (world, server) = world()?;
    let cases = [
        (says("Content-Length: 4\r\nContent-Length: 5\r\n", b"12345"), 4, "cannot reach"),
        (says("Content-Length: 5\r\n", b"12345"), 5, "should have"),
        (says("Content-Length: 500000000\r\n", b"12345"), 5, "should have"),
        (Conduct::EndlessChunks, 5, ""),
        (says(&format!("X-Long: {}\r\nContent-Length: 1\r\n", "x".repeat(1 << 20)), b"1"), 4, "cannot reach"),
        (Conduct::Status("416 Range Not Satisfiable", "Content-Range: bytes */5\r\n".to_owned()), 5, "it has 5 bytes"),
    ];
    for (conduct, code, words) in cases {
        server.turn(".tar.zst", conduct.clone());
        let named: String = format!("{conduct:?}").chars().take(60).collect();
        refuses(&world, &["update", "1.1.0", "--again"], code, exit(code), words)
            .map_err(|error| error.context(named))?;
        server.behave();
    }
    then_it_goes_in(&world)
}

#[test]
fn what_does_not_say_how_long_it_is_is_read_to_its_signed_length() -> Outcome {
    let (world, server) = world()?;
    for name in ["timestamp.json", "manifest.json", ".tar.zst"] {
        server.turn(name, Conduct::NoLength);
    }
    then_it_goes_in(&world)
}

#[test]
fn an_artifact_whose_connection_is_reset_goes_on_where_it_was() -> Outcome {
    let (world, server) = world()?;
    server.turn_for(".tar.zst", Conduct::Reset, 1);
    then_it_goes_in(&world)?;
    assert_eq!(server.asked().iter().filter(|path| path.ends_with(".tar.zst")).count(), 2);
    Ok(())
}

/// These two cost the agent's patience itself, 30 s of silence, once.
#[test]
fn a_stall_after_the_head_costs_a_bounded_time_and_the_artifact_is_asked_for_again() -> Outcome {
    stalls_once(0)
}

#[test]
fn a_stall_at_99_per_cent_costs_a_bounded_time_and_only_the_rest_is_asked_for_again() -> Outcome {
    stalls_once(99)
}

fn stalls_once(hundredths: usize) -> Outcome {
    let (world, server) = world()?;
    server.turn_for(".tar.zst", Conduct::Stall(hundredths), 1);
    within("a stall", PATIENCE, || then_it_goes_in(&world))?;
    assert_eq!(server.asked().iter().filter(|path| path.ends_with(".tar.zst")).count(), 2);
    Ok(())
}

#[test]
fn a_way_of_20_hops_is_not_gone_to_its_end() -> Outcome {
    let (world, server) = world()?;
    let hop = |to: u8| Conduct::Status("302 Found", format!("Location: /hop-{}\r\n", char::from(b'a' + to)));
    server.turn("timestamp.json", hop(0));
    for number in 0..19 {
        server.turn(&format!("/hop-{}", char::from(b'a' + number)), hop(number + 1));
    }
    refuses(&world, &["update"], 4, "unreachable", "more than 10 times")?;
    let hops = server.asked().iter().filter(|path| path.contains("/hop-")).count();
    assert_eq!(hops, 10);
    server.behave();
    then_it_goes_in(&world)
}
