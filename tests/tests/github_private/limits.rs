//! Limits: GitHub says how long it wants to be left alone, and the agent remembers that.

use surefoot_tests::forge::RateLimit;

use super::{Outcome, is_untouched, publish, since, then_it_goes_in, world};

#[test]
fn who_limits_is_left_alone_over_a_restart_and_asked_again_when_the_time_has_come() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    for (limit, words) in [
        (RateLimit { status: 403, retry_after: Some(1800), reset_in: None }, "ask again in 1800 s"),
        (RateLimit { status: 429, retry_after: Some(1800), reset_in: None }, "ask again in 1800 s"),
        (RateLimit { status: 403, retry_after: None, reset_in: Some(1800) }, "ask again in 1"),
        (RateLimit { status: 429, retry_after: None, reset_in: Some(1800) }, "ask again in 1"),
        (RateLimit { status: 429, retry_after: None, reset_in: None }, "limits how often it may be asked"),
    ] {
        let before = forge.requests().len();
        forge.limit_next_request(limit);
        world.client.surefoot(&["update"])?.says(4, words).map_err(|error| error.context(format!("{limit:?}")))?;
        is_untouched(&world)?;
        assert_eq!(since(&forge, before).len(), 1, "{limit:?}");

        world.client.stop()?;
        world.client.start()?;
        world.client.surefoot(&["update"])?.says(4, "ask again in")?;
        assert_eq!(since(&forge, before).len(), 1, "{limit:?}: it is asked again too early");
        is_untouched(&world)?;
        world.client.let_limits_pass()?;
    }
    then_it_goes_in(&world)
}

/// 403 without a limit's headers is a matter of rights.
#[test]
fn a_403_without_a_limit_is_a_matter_of_rights_and_is_asked_again_at_the_next_cycle() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    forge.limit_next_request(RateLimit { status: 403, retry_after: None, reset_in: None });
    world.client.surefoot(&["update"])?.says(4, "lacks the right Contents: read")?;
    is_untouched(&world)?;
    then_it_goes_in(&world)
}
