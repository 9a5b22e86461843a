//! The client's side, without a machine: what the command line tells, and what lies on the disk afterwards.

use surefoot_tests::notes::World;

use super::{CANARY, Outcome};

/// A source with a password is refused, and the sentence that refuses it does not repeat it.
#[test]
fn a_password_in_the_source_is_not_repeated() -> Outcome {
    let world = World::installed()?;
    for source in [
        "https://someone:canary-word@releases.example.com/notes",
        "https://canary-word-of-a-token@releases.example.com/notes",
        "https://releases.example.com/notes?token=canary-word-of-a-token",
    ] {
        world.configure(source, "")?;
        for verb in [&["config", "check"][..], &["check"], &["status"], &["doctor"]] {
            let answer = world.client.surefoot(verb)?;
            let said = format!("{}{}", answer.out, answer.err);
            assert!(!said.contains(CANARY), "{source}: surefoot {verb:?}: {said}");
        }
    }
    Ok(())
}
