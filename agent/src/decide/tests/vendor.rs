//! What the vendor decides about releases: recalled, for another platform, below a floor, not released to everybody yet.

use manifest_schema::manifest::{Percent, Recall, Rollout, Wave};

use super::*;

/// A release in waves: so many minutes from now, so many per cent.
fn in_waves(version: &str, severity: Severity, waves: &[(i64, u64)]) -> Candidate {
    let wave =
        |(minutes, percent): &(i64, u64)| Wave { start: at(NOW + minutes), percent: Percent::new(*percent).unwrap() };
    let mut release = release(version, severity);
    release.custom.rollout = Some(Rollout::new(format!("kkt-v{version}"), waves.iter().map(wave).collect()).unwrap());
    release
}

/// A release that recalls others.
fn recalls(from: &str, to: &str, mut by: Candidate) -> Candidate {
    by.custom.recall = Some(Recall::new(to.parse().unwrap(), vec![from.parse().unwrap()]).unwrap());
    by
}

#[test]
fn a_release_waits_for_its_wave_whatever_its_severity_and_says_when_it_comes() {
    for severity in [Severity::Patch, Severity::Critical] {
        let mut world = world(vec![in_waves("1.0.1", severity, &[(-60, 0), (60, 100)])]);
        assert_eq!(world.verdict(), Verdict::Nothing);
        let says = "is not released to this installation yet: it comes with the wave at 1971-11-26 11:40 UTC for 100 %";
        assert_eq!(world.says("1.0.1"), [says]);
        world.wish = newest();
        assert_eq!(world.verdict(), Verdict::Nothing);
        assert_eq!(world.says("1.0.1"), [format!("{says}; name it to install it all the same")]);
        world.wish = named("1.0.1", false);
        assert_eq!(world.verdict(), applies("1.0.1", "asked for by ada"));
        assert_eq!(world.says("1.0.1")[1], format!("{says}; it was named, so that does not count"));
    }
    assert_eq!(
        world(vec![in_waves("1.0.1", Severity::Patch, &[(-60, 0), (0, 100)])]).verdict(),
        applies("1.0.1", "automatic")
    );
}

#[test]
fn an_approval_does_not_go_ahead_of_the_wave() {
    let mut world = world(vec![in_waves("1.1.0", Severity::Minor, &[(60, 100)])]);
    world.approvals = vec![approval("1.1.0", 0)];
    assert_eq!(world.verdict(), Verdict::Nothing);
    world.releases = vec![in_waves("1.1.0", Severity::Minor, &[(-60, 100)])];
    assert_eq!(world.verdict(), applies("1.1.0", "approved by ada"));
}

#[test]
fn a_rollout_that_ends_before_everybody_or_is_halted_brings_nobody_more() {
    let nobody = in_waves("1.0.1", Severity::Critical, &[(-60, 0)]);
    let says = world(vec![nobody]).says("1.0.1");
    assert_eq!(says, ["is not released to this installation: so far its waves end at 0 %"]);
    let mut halted = in_waves("1.0.1", Severity::Critical, &[(-60, 100)]);
    halted.custom.rollout = halted.custom.rollout.map(Rollout::halt);
    let mut world = world(vec![halted]);
    assert_eq!(world.verdict(), Verdict::Nothing);
    assert_eq!(world.says("1.0.1"), ["is halted by the vendor: nobody more gets it for now"]);
    world.wish = named("1.0.1", false);
    assert_eq!(world.verdict(), applies("1.0.1", "asked for by ada"));
}

#[test]
fn a_release_in_its_waves_does_not_hold_up_another_one() {
    let world = world(vec![in_waves("1.0.2", Severity::Patch, &[(60, 100)]), release("1.0.1", Severity::Patch)]);
    assert_eq!(world.verdict(), applies("1.0.1", "automatic"));
}

#[test]
fn a_release_on_the_way_waits_for_its_own_wave() {
    let mut far = release("1.9.0", Severity::Critical);
    far.custom.minimum_version = Some("1.5.0".parse().unwrap());
    let mut world = world(vec![far, in_waves("1.5.0", Severity::Patch, &[(60, 100)])]);
    assert_eq!(world.verdict(), Verdict::Nothing);
    world.wish = named("1.9.0", false);
    assert_eq!(world.verdict(), applies("1.5.0", "asked for by ada"));
}

#[test]
fn a_recall_to_a_newer_version_is_as_urgent_as_a_critical_release() {
    let to = release("1.0.1", Severity::Minor);
    let mut world = world(vec![recalls("1.0.0", "1.0.1", release("1.0.0", Severity::Minor)), to.clone()]);
    assert_eq!(world.verdict(), applies("1.0.1", "recall of 1.0.0"));
    world.policy.force_critical = false;
    assert_eq!(world.verdict(), awaits("1.0.1", Severity::Minor));
    world.releases.push(release("1.1.0", Severity::Minor));
    assert_eq!(world.verdict(), awaits("1.0.1", Severity::Minor), "told before a newer one");
    world.policy.force_critical = true;
    world.releases[1].custom.rollback_supported = false;
    assert_eq!(world.verdict(), waits("1.0.1", Severity::Minor, Because::NoWayBack));
    world.installed = Some("1.0.0-rc.1");
    world.releases[1] = to;
    assert_eq!(world.verdict(), awaits("1.1.0", Severity::Minor), "what is not recalled is not hurried");
    assert!(world.says("1.0.0")[0].contains("is recalled by the vendor: who has it goes to 1.0.1"));
}

#[test]
fn a_recall_to_an_older_version_brings_nothing_and_is_told() {
    let recalled = recalls("1.0.0", "0.9.0", release("1.0.0", Severity::Minor));
    let world = world(vec![recalled, release("0.9.0", Severity::Critical)]);
    assert_eq!(world.verdict(), Verdict::Nothing);
    assert_eq!(world.decision().recalled.unwrap().to.to_string(), "0.9.0");
    assert!(world.says("0.9.0")[0].contains("the vendor recalls 1.0.0 to it: nothing goes back by itself"));
}

#[test]
fn what_is_recalled_is_not_installed_even_by_name() {
    let mut world =
        world(vec![recalls("1.1.0", "1.0.0", release("1.1.0", Severity::Critical)), release("1.0.0", Severity::Patch)]);
    assert_eq!(world.verdict(), Verdict::Nothing);
    world.wish = named("1.1.0", true);
    assert_eq!(world.verdict(), Verdict::Nothing);
}

#[test]
fn nothing_is_installed_below_the_security_floor_of_the_channel() {
    let mut holding = release("1.2.0", Severity::Minor);
    holding.custom.security_floor = Some("1.1.0".parse().unwrap());
    let mut world = world(vec![release("1.0.9", Severity::Critical), holding.clone()]);
    world.installed = None;
    world.policy.automatic = vec![Severity::Patch];
    world.wish = named("1.0.9", true);
    assert_eq!(world.verdict(), Verdict::Nothing);
    assert_eq!(world.says("1.0.9"), ["has a known hole: the vendor lets nothing in below 1.1.0"]);
    // Withdrawn, it says the same of what is older.
    world.releases[1].custom.withdrawn = Some("it loses notes".to_owned());
    assert_eq!(world.verdict(), Verdict::Nothing);
    // On another channel it says nothing.
    world.releases[1].custom.channels = vec!["beta".parse().unwrap()];
    assert_eq!(world.verdict(), applies("1.0.9", "asked for by ada"));
}

#[test]
fn a_release_for_other_machines_is_out_of_question() {
    let mut world = world(vec![release("1.0.1", Severity::Critical)]);
    let platforms = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Some(names.try_into().unwrap())
    };
    world.releases[0].custom.platforms = platforms(&["linux-riscv64", "linux-aarch64"]);
    assert_eq!(world.verdict(), Verdict::Nothing);
    assert_eq!(world.says("1.0.1"), ["is for linux-riscv64, linux-aarch64, and this machine is linux-x86_64"]);
    world.wish = named("1.0.1", true);
    assert_eq!(world.verdict(), Verdict::Nothing);
    world.releases[0].custom.platforms = platforms(&["linux-x86_64", "linux-aarch64"]);
    assert_eq!(world.verdict(), applies("1.0.1", "asked for by ada"));
}

fn refused(version: &str) -> Refused {
    let (name, reason) = (version.to_owned(), "it is not understood".to_owned());
    Refused { name, version: Some(version.parse().unwrap()), reason, custom: None }
}

#[test]
fn a_release_that_is_refused_stops_no_other_and_is_told_where_it_matters() {
    let mut world = world(vec![release("1.0.1", Severity::Patch)]);
    world.refused = vec![refused("1.0.2"), refused("0.9.0")];
    assert_eq!(world.verdict(), applies("1.0.1", "automatic"));
    assert_eq!(world.says("1.0.2"), ["is refused: it is not understood"]);
    assert_eq!(world.decision().refused.len(), 1, "what is older does not matter any more");
    world.wish = named("1.0.1", false);
    assert!(world.decision().refused.is_empty(), "another one was asked for");
    world.wish = named("1.0.2", false);
    assert_eq!(world.decision().refused.len(), 1);
    assert_eq!(world.verdict(), Verdict::Nothing);
}

#[test]
fn a_refused_recall_of_what_is_installed_is_told_and_its_floor_holds() {
    let mut carrier = recalls("1.0.0", "7.0.0", release("0.9.9", Severity::Minor));
    carrier.custom.security_floor = Some("1.1.0".parse().unwrap());
    let mut world = world(vec![release("1.0.1", Severity::Critical)]);
    world.refused = vec![Refused { custom: Some(carrier.custom), ..refused("0.9.9") }];
    assert_eq!(world.decision().refused.len(), 1);
    assert_eq!(world.says("1.0.1"), ["has a known hole: the vendor lets nothing in below 1.1.0"]);
}
