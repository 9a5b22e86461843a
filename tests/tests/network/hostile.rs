//! One source, and all that it can do.

use std::time::Duration;

use surefoot_tests::hostile_server::Conduct;
use surefoot_tests::notes::Change;

use super::{Outcome, exit, is_untouched, refuses, then_it_goes_in, within, world};

/// Four attempts with their pauses, on a machine under load.
const SOON: Duration = Duration::from_secs(60);

fn status(line: &'static str, headers: &str) -> Conduct {
    Conduct::Status(line, headers.to_owned())
}

fn huge_json() -> Conduct {
    Conduct::Instead(format!("{{\"signatures\":[],\"signed\":{{\"x\":[{}0]}}}}", "0,".repeat(100_000)).into_bytes())
}

fn deep_json() -> Conduct {
    Conduct::Instead([vec![b'['; 20_000], vec![b']'; 20_000]].concat())
}

#[test]
fn a_source_that_gives_no_metadata_is_refused_in_time_with_its_reason() -> Outcome {
    let (world, server) = world()?;
    let reset = jiff::Timestamp::now().as_second() + 3600;
    let spent = format!("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: {reset}\r\n");
    let cases = [
        (Conduct::Endless, 4, "larger than"),
        (Conduct::Half, 4, "broke off"),
        (Conduct::Encoded, 4, "encoded"),
        (Conduct::WrongRange, 4, "bytes from 0 on"),
        (Conduct::Lie, 5, "timestamp"),
        (Conduct::Instead(b"<html>Back soon</html>".to_vec()), 5, "timestamp"),
        (Conduct::Instead(Vec::new()), 5, "timestamp"),
        (huge_json(), 4, "larger than"),
        (deep_json(), 5, "timestamp"),
        (status("500 Oh", ""), 4, "500"),
        (status("404 No", ""), 4, "timestamp.json"),
        (status("403 No", ""), 4, "403"),
        (status("403 No", "Retry-After: 3600\r\n"), 4, "ask again in 3600 s"),
        (status("403 No", &spent), 4, "ask again in"),
        (status("429 No", "Retry-After: 3600\r\n"), 4, "ask again in 3600 s"),
        (status("429 No", &spent), 4, "ask again in"),
        (status("429 No", ""), 4, "limits how often"),
        (status("429 No", "Retry-After: 99999999999999999999999\r\n"), 4, "limits how often"),
        (status("429 No", "Retry-After: -1\r\n"), 4, "limits how often"),
        (status("503 No", "Retry-After: Tue, 01 Jan 2999 00:00:00 GMT\r\n"), 4, "ask again in"),
        (status("302 Found", "Location: http://releases.example/timestamp.json\r\n"), 4, "not encrypted"),
        (status("302 Found", "Location: https://169.254.169.254/latest\r\n"), 4, "inside this network"),
        (status("302 Found", "Location: file:///etc/passwd\r\n"), 4, "names no host"),
        (status("302 Found", "Location: /metadata/timestamp.json\r\n"), 4, "more than 10 times"),
    ];
    for (conduct, code, words) in cases {
        server.turn("timestamp.json", conduct.clone());
        let named: String = format!("{conduct:?}").chars().take(60).collect();
        within(&named, SOON, || refuses(&world, &["update"], code, exit(code), words))
            .map_err(|error| error.context(named))?;
        server.behave();
        world.client.let_limits_pass()?;
    }
    then_it_goes_in(&world)
}

#[test]
fn metadata_that_is_exchanged_in_the_middle_of_a_cycle_is_asked_for_again_three_times() -> Outcome {
    let (world, server) = world()?;
    for name in ["timestamp.json", "snapshot.json", "targets.json"] {
        server.behave();
        server.turn_for(name, status("404 No", ""), usize::MAX);
        world.client.surefoot(&["check"])?.says(4, name)?;
        let asked = server.asked().iter().filter(|path| path.ends_with("/timestamp.json")).count();
        assert_eq!(asked, 4, "one cycle, and three that start again");
    }
    server.behave();
    server.turn_for("snapshot.json", status("404 No", ""), 3);
    then_it_goes_in(&world)
}

#[test]
fn a_source_that_gives_no_artifact_is_refused_in_time_with_its_reason() -> Outcome {
    let cases = [
        (Conduct::Half, 4, "broke off"),
        (Conduct::Lie, 5, "not what the vendor signed"),
        (Conduct::Encoded, 5, "encoded"),
        (Conduct::Endless, 5, ""),
        (Conduct::Instead(b"short".to_vec()), 5, "should have"),
        (status("500 Oh", ""), 4, "500"),
        (status("404 No", ""), 4, "does not exist"),
        (status("302 Found", "Location: http://releases.example/x\r\n"), 5, "not encrypted"),
    ];
    let (world, server) = world()?;
    for (conduct, code, words) in cases {
        server.turn(".tar.zst", conduct.clone());
        let named: String = format!("{conduct:?}").chars().take(60).collect();
        within(&named, SOON, || refuses(&world, &["update", "1.1.0", "--again"], code, exit(code), words))
            .map_err(|error| error.context(named))?;
        server.behave();
    }
    then_it_goes_in(&world)
}

#[test]
fn an_artifact_that_broke_off_is_gone_on_with_whether_there_are_ranges_or_not() -> Outcome {
    for then in [None, Some(Conduct::NoRanges)] {
        let (world, server) = world()?;
        server.turn_for(".tar.zst", Conduct::Half, 1);
        if let Some(conduct) = then {
            server.turn(".tar.zst", conduct);
        }
        then_it_goes_in(&world)?;
        let asked = server.asked().iter().filter(|path| path.ends_with(".tar.zst")).count();
        assert_eq!(asked, 2);
    }
    Ok(())
}

#[test]
fn a_range_that_was_not_asked_for_does_not_go_in() -> Outcome {
    let (world, server) = world()?;
    server.turn_for(".tar.zst", Conduct::Half, 1);
    server.turn(".tar.zst", Conduct::WrongRange);
    world.client.surefoot(&["update"])?.says(5, "others came")?;
    is_untouched(&world)?;
    server.behave();
    then_it_goes_in(&world)
}

#[test]
fn metadata_that_is_still_the_same_is_not_sent_again_and_what_is_new_is() -> Outcome {
    let (mut world, server) = world()?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    assert_eq!(server.unchanged(), 0);
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    assert_eq!(server.unchanged(), 2);
    world.vendor.release("1.2.0", "Another one", Change::default())?;
    world.client.surefoot(&["check"])?.says(0, "1.2.0")?;
    assert_eq!(server.unchanged(), 2);
    Ok(())
}

#[test]
fn that_nothing_has_changed_is_believed_only_of_what_is_here() -> Outcome {
    let (world, server) = world()?;
    server.turn("timestamp.json", status("304 Not Modified", ""));
    world.client.surefoot(&["update"])?.says(4, "304")?;
    is_untouched(&world)?;
    server.behave();
    then_it_goes_in(&world)
}
