//! The daemon under rough treatment: killed in the middle, asked by two, asked by strangers, asked nonsense.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use anyhow::Context;
use surefoot_tests::notes::{Change, PATIENCE, Park, World, wait};

type Outcome = anyhow::Result<()>;

/// A world where 1.1.0 is published, whose migration changes the schema and then waits in the middle.
fn parked() -> anyhow::Result<(World, Park)> {
    let mut world = World::installed()?;
    let park = Park::new(world.directory())?;
    let migration = Some("alter table notes add column author text; delete from notes where id = 1;");
    let script = park.script();
    let change = Change { migration, script: Some(&script), ..Change::default() };
    world.vendor.release("1.1.0", "It waits in the middle", change)?;
    Ok((world, park))
}

/// Begins an update on another thread of the world, as an admin in another terminal does.
fn begin(world: &World, park: &Park) -> anyhow::Result<Child> {
    let child =
        world.client.command(&["update"])?.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    park.wait()?;
    Ok(child)
}

fn is_served(world: &World, version: &str) -> bool {
    world.client.version().is_ok_and(|found| found == version)
}

/// The old release serves its old data, and the client can take the release after all once the way is free.
fn is_as_before(world: &World, park: &Park) -> Outcome {
    wait(PATIENCE, || is_served(world, "1.0.0"))?;
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.1.0 rolled_back"))?;
    park.open()?;
    world.client.surefoot(&["update", "1.1.0", "--again"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 2)
}

#[test]
fn a_killed_daemon_puts_everything_back_when_it_starts_again() -> Outcome {
    let (mut world, park) = parked()?;
    let mut update = begin(&world, &park)?;
    let script = park.process()?;

    world.client.kill();

    assert_eq!(update.wait()?.code(), Some(1), "whoever watched must be told");
    wait(PATIENCE, || !is_alive(script))?;
    assert!(world.client.version().is_err(), "nothing of the application may run on a half-migrated database");
    world.client.start()?;
    is_as_before(&world, &park)
}

#[test]
fn a_killed_worker_is_cleaned_up_after_at_once() -> Outcome {
    let (world, park) = parked()?;
    let mut update = begin(&world, &park)?;

    world.client.kill_worker()?;

    update.wait()?;
    is_as_before(&world, &park)
}

#[test]
fn a_daemon_that_is_told_to_end_while_the_application_is_down_finishes_first() -> Outcome {
    let (mut world, park) = parked()?;
    let mut update = begin(&world, &park)?;

    world.client.tell_to_stop()?;
    wait(PATIENCE, || world.client.log().contains("it is finished or put back first"))?;
    assert!(is_alive(world.client.daemon().unwrap()) && is_alive(park.process()?), "both go on");
    park.open()?;
    world.client.ended()?;

    update.wait()?;
    world.serves("1.1.0", 2)?;
    world.client.start()?;
    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.1.0 completed"))
}

#[test]
fn a_daemon_that_is_told_twice_to_end_goes_at_once_and_recovers_at_its_next_start() -> Outcome {
    let (mut world, park) = parked()?;
    let mut update = begin(&world, &park)?;

    world.client.tell_to_stop()?;
    wait(PATIENCE, || world.client.log().contains("it is finished or put back first"))?;
    world.client.stop()?;

    update.wait()?;
    world.client.start()?;
    is_as_before(&world, &park)
}

#[test]
fn a_daemon_that_is_told_to_begin_anew_ends_when_the_update_is_over() -> Outcome {
    let (mut world, park) = parked()?;
    let mut update = begin(&world, &park)?;

    world.client.tell_to_begin_anew()?;
    wait(PATIENCE, || world.client.log().contains("begins anew when what it is at is over"))?;
    park.open()?;
    world.client.ended()?;

    assert!(update.wait()?.success());
    assert_eq!(world.client.story()?.last().unwrap(), "update 1.1.0 completed");
    world.serves("1.1.0", 2)?;
    world.client.start()?;
    world.client.tell_to_begin_anew()?;
    world.client.ended()
}

#[test]
fn a_daemon_killed_again_while_it_recovers_still_comes_to_an_end() -> Outcome {
    let (mut world, park) = parked()?;
    let mut update = begin(&world, &park)?;
    for _ in 0..3 {
        world.client.kill();
        world.client.start()?;
    }
    update.wait()?;
    is_as_before(&world, &park)
}

/// Each step is announced as it begins, with how many there are, so this kills in the middle of each.
#[test]
fn a_daemon_killed_at_any_step_leaves_one_version_or_the_other_whole() -> Outcome {
    let mut world = World::installed()?;
    let migration = Some("alter table notes add column author text;");
    world.vendor.release("1.1.0", "Notes have an author", Change { migration, ..Change::default() })?;
    let (mut step, mut last) = (0, 1);
    while step < last {
        step += 1;
        let mut update = world.client.command(&["update", "1.1.0", "--again"])?;
        let mut update = update.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = BufReader::new(update.stderr.take().expect("it was piped"));
        let reached = said.lines().map_while(Result::ok).find_map(|line| steps_when_at(&line, step));
        last = reached.unwrap_or_else(|| panic!("the update ended before step {step}: {:?}", world.client.story()));

        world.client.kill();
        update.wait()?;
        world.client.start()?;

        // The daemon answers before it has recovered; a job is only taken when it has.
        let mut answer = None;
        let checked = wait(PATIENCE, || {
            answer = world.client.surefoot(&["check"]).ok();
            answer.as_ref().is_some_and(|answer| answer.code == 0)
        });
        checked.with_context(|| format!("killed at step {step}: {answer:?}\n{}", world.client.log()))?;
        wait(PATIENCE, || world.client.version().is_ok())?;
        let version = world.client.version()?;
        world.serves(&version, 3)?;
        assert_eq!(world.columns()?.len(), if version == "1.1.0" { 3 } else { 2 }, "killed at step {step}");
        assert!(version == "1.0.0" || step == last, "{version} after a kill at step {step}");
    }
    assert!(last >= 10, "{last} steps are not all of an update with a migration");
    Ok(())
}

/// How many steps there are, if this line says that this one begins: `[3/10] Stopping the services`.
fn steps_when_at(line: &str, step: u32) -> Option<u32> {
    let (number, rest) = line.trim_start().strip_prefix('[')?.split_once('/')?;
    let (of, _) = rest.split_once(']')?;
    (number.parse() == Ok(step)).then(|| of.parse().ok())?
}

#[test]
fn closing_the_terminal_does_not_stop_an_update() -> Outcome {
    let (world, park) = parked()?;
    let mut update = begin(&world, &park)?;

    update.kill()?;
    update.wait()?;
    park.open()?;

    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.1.0 completed"))?;
    world.serves("1.1.0", 2)
}

#[test]
fn while_an_update_is_under_way_others_are_told_so_and_can_look() -> Outcome {
    let (world, park) = parked()?;
    let mut update = begin(&world, &park)?;

    for verb in [&["update"][..], &["check"], &["rollback", "--yes"], &["approve", "1.1.0"]] {
        world.client.surefoot(verb)?.says(9, "another update")?;
    }
    let status: serde_json::Value = serde_json::from_str(&world.client.surefoot(&["status", "--json"])?.well()?.out)?;
    let open = &status["instances"][0]["open"];
    assert_eq!((open["state"].as_str(), open["version"].as_str()), (Some("working"), Some("1.1.0")), "{status:#}");
    assert!(world.client.surefoot(&["status"])?.well()?.out.contains("1.1.0"));
    assert_eq!(world.client.story()?[1], "update 1.1.0 in_progress");
    world.client.surefoot(&["log"])?.says(0, "")?;

    park.open()?;
    assert!(update.wait()?.success());
    world.serves("1.1.0", 2)
}

#[test]
fn another_user_cannot_ask_even_where_the_socket_lets_them_in() -> Outcome {
    let world = World::installed()?;
    world.client.surefoot_as_stranger(&["check"])?.says(2, "only root")?;

    let socket = world.client.root().join("run/surefoot/api.sock");
    std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    world.client.surefoot_as_stranger(&["check"])?.says(2, "only root")?;

    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    world.serves("1.0.0", 3)
}

#[test]
fn a_second_daemon_refuses_and_the_first_one_goes_on() -> Outcome {
    let world = World::installed()?;
    world.client.surefoot(&["daemon"])?.says(9, "another surefoot")?;
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    Ok(())
}

#[test]
fn without_a_daemon_acting_verbs_say_so_and_reading_ones_work() -> Outcome {
    let mut world = World::installed()?;
    world.client.stop()?;
    world.client.surefoot(&["update"])?.says(11, "the agent does not run")?;
    world.client.surefoot(&["status"])?.says(0, "1.0.0")?;
    world.client.surefoot(&["history"])?.says(0, "1.0.0")?;
    world.client.kill();
    world.serves("1.0.0", 3)
}

#[test]
fn nonsense_on_the_socket_gets_an_answer_and_breaks_nothing() -> Outcome {
    let world = World::installed()?;
    let too_long = [vec![b' '; 65 * 1024], b"{\"verb\":\"poll\"}\n".to_vec()].concat();
    let nonsense: [(&[u8], &str); 7] = [
        (b"", "no end"),
        (b"{\"verb\":\"check\",\"insta", "no end"),
        (b"\n", "cannot be read"),
        (b"{\"verb\":\"format_disk\"}\n", "cannot be read"),
        (b"{\"verb\":\"check\",\"instance\":\"../../etc\"}\n", "cannot be read"),
        (b"\xff\xfe\x00\n", "cannot be read"),
        (&too_long, "no end"),
    ];
    for (bytes, words) in nonsense {
        let answer = say(&world, bytes)?;
        assert!(
            answer.contains(words) && answer.contains("usage"),
            "{:?}: {answer}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    world.serves("1.0.0", 3)
}

#[test]
fn a_thousand_connections_that_say_nothing_keep_nobody_out() -> Outcome {
    let world = World::installed()?;
    let socket = world.client.root().join("run/surefoot/api.sock");
    let silent: Vec<UnixStream> = (0..1000).map(|_| UnixStream::connect(&socket)).collect::<Result<_, _>>()?;
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    drop(silent);
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    Ok(())
}

/// Says these bytes to the daemon and nothing more; answers what it says.
fn say(world: &World, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = UnixStream::connect(world.client.root().join("run/surefoot/api.sock"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    // What was not read at the end of a request that is too long makes the kernel report a reset after the answer.
    let _ = stream.read_to_string(&mut answer);
    Ok(answer)
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
