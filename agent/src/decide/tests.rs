use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{ReleaseCustom, Severity};

use super::*;
use crate::config::Policy;

mod vendor;

struct World {
    installed: Option<&'static str>,
    releases: Vec<Candidate>,
    refused: Vec<Refused>,
    policy: Policy,
    approvals: Vec<Approval>,
    setbacks: Vec<Setback>,
    wish: Wish,
}

fn hash(version: &str) -> Sha256 {
    Sha256::of(version.as_bytes())
}

fn release(version: &str, severity: Severity) -> Candidate {
    Candidate {
        custom: ReleaseCustom {
            product: "kkt".parse().unwrap(),
            version: version.parse().unwrap(),
            channels: vec!["stable".parse().unwrap()],
            severity,
            released_at: jiff::Timestamp::UNIX_EPOCH,
            minimum_version: None,
            rollback_supported: true,
            database_migration: false,
            platforms: None,
            rollout: None,
            withdrawn: None,
            recall: None,
            security_floor: None,
        },
        manifest: hash(version),
    }
}

fn world(releases: Vec<Candidate>) -> World {
    World {
        installed: Some("1.0.0"),
        releases,
        refused: Vec::new(),
        policy: Policy {
            channel: "stable".parse().unwrap(),
            automatic: vec![Severity::Patch],
            force_critical: true,
            allow: None,
        },
        approvals: Vec::new(),
        setbacks: Vec::new(),
        wish: Wish::Poll,
    }
}

impl World {
    fn verdict(&self) -> Verdict {
        self.decision().verdict
    }

    /// What the trace says of a version, in its order.
    fn says(&self, version: &str) -> Vec<String> {
        let trace = self.decision().trace;
        trace.into_iter().filter(|finding| finding.version == version).map(|finding| finding.says).collect()
    }

    fn decision(&self) -> Decision {
        let installed = self.installed.map(|text| text.parse().unwrap());
        let releases = Releases { sound: self.releases.clone(), refused: self.refused.clone() };
        decide(&Facts {
            product: &"kkt".parse().unwrap(),
            installed: installed.as_ref(),
            releases: &releases,
            installation: "one",
            platform: "linux-x86_64",
            policy: &self.policy,
            approvals: &self.approvals,
            setbacks: &self.setbacks,
            now: at(NOW),
            wish: self.wish.clone(),
        })
    }
}

fn applies(version: &str, why: &str) -> Verdict {
    Verdict::Apply { version: version.parse().unwrap(), why: why.to_owned() }
}

fn awaits(version: &str, severity: Severity) -> Verdict {
    waits(version, severity, Because::Severity)
}

fn waits(version: &str, severity: Severity, because: Because) -> Verdict {
    Verdict::Await { version: version.parse().unwrap(), severity, because }
}

/// Minutes after the beginning of all this.
const NOW: i64 = 1_000_000;

fn at(minute: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(minute * 60).unwrap()
}

fn approval(version: &str, after: u32) -> Approval {
    Approval { at: at(0), version: version.parse().unwrap(), manifest: hash(version), by: "ada".to_owned(), after }
}

fn named(version: &str, again: bool) -> Wish {
    Wish::Named { version: version.parse().unwrap(), by: "ada".to_owned(), again }
}

fn newest() -> Wish {
    Wish::Newest { by: "ada".to_owned() }
}

/// Fell once, ten minutes ago.
fn fell(version: &str, why: Why) -> Setback {
    Setback::of(version.parse().unwrap(), hash(version), &[(1, at(NOW - 10), why)])
}

#[test]
fn severity_and_policy_decide_what_goes_in_by_itself() {
    use Severity::{Critical, Major, Minor, Patch};
    for (severity, expected) in [
        (Critical, applies("1.0.1", "critical")),
        (Patch, applies("1.0.1", "automatic")),
        (Minor, awaits("1.0.1", Minor)),
        (Major, awaits("1.0.1", Major)),
    ] {
        assert_eq!(world(vec![release("1.0.1", severity)]).verdict(), expected);
    }
    let mut unforced = world(vec![release("1.0.1", Critical)]);
    unforced.policy.force_critical = false;
    assert_eq!(unforced.verdict(), awaits("1.0.1", Critical));
}

#[test]
fn a_critical_release_goes_in_although_a_newer_one_waits() {
    let world = world(vec![release("1.2.0", Severity::Minor), release("1.1.1", Severity::Critical)]);
    assert_eq!(world.verdict(), applies("1.1.1", "critical"));
}

#[test]
fn an_approval_counts_for_its_own_manifest_only() {
    let mut world = world(vec![release("1.1.0", Severity::Minor)]);
    world.approvals = vec![Approval { manifest: hash("something else"), ..approval("1.1.0", 0) }];
    assert_eq!(world.verdict(), awaits("1.1.0", Severity::Minor));
    world.approvals.push(approval("1.1.0", 0));
    assert_eq!(world.verdict(), applies("1.1.0", "approved by ada"));
}

#[test]
fn a_release_that_failed_here_is_left_alone_by_those_whom_its_setback_concerns() {
    let goes = Some("asked for by ada");
    let cases: [(Why, Wish, Option<&str>); 15] = [
        (Why::Failed, Wish::Poll, None),
        (Why::Failed, newest(), None),
        (Why::Failed, named("1.0.1", false), None),
        (Why::Failed, named("1.0.1", true), goes),
        (Why::TakenBack, Wish::Poll, None),
        (Why::TakenBack, newest(), None),
        (Why::TakenBack, named("1.0.1", false), None),
        (Why::TakenBack, named("1.0.1", true), goes),
        // A person who asks is there to see what happens.
        (Why::Interrupted, Wish::Poll, None),
        (Why::Interrupted, newest(), goes),
        (Why::Interrupted, named("1.0.1", false), goes),
        // The first early failures cost no waiting at all.
        (Why::Early, Wish::Poll, Some("critical")),
        (Why::Early, newest(), goes),
        (Why::Early, named("1.0.1", false), goes),
        (Why::Early, named("1.0.1", true), goes),
    ];
    for (why, wish, expected) in cases {
        let mut world = world(vec![release("1.0.1", Severity::Critical)]);
        world.setbacks = vec![fell("1.0.1", why)];
        world.wish = wish;
        let expected = expected.map_or(Verdict::Nothing, |why| applies("1.0.1", why));
        assert_eq!(world.verdict(), expected, "{why:?}, {:?}", world.wish);
    }
}

#[test]
fn what_failed_says_when_it_is_tried_again_and_how_at_once() {
    let mut world = world(vec![release("1.0.1", Severity::Critical)]);
    world.setbacks = vec![fell("1.0.1", Why::Failed)];
    assert_eq!(
        world.says("1.0.1"),
        ["failed here once, last on 1971-11-26 10:30 UTC: tried again after 1971-11-26 11:30 UTC, \
          or now with 'surefoot update 1.0.1 --again'"]
    );
    world.setbacks = vec![fell("1.0.1", Why::TakenBack)];
    assert_eq!(
        world.says("1.0.1"),
        ["was taken back here, on 1971-11-26 10:30 UTC: it comes back only with 'surefoot update 1.0.1 --again'"]
    );
}

#[test]
fn a_release_that_failed_does_not_hold_up_another_one() {
    let mut world = world(vec![release("1.0.1", Severity::Critical), release("1.0.2", Severity::Critical)]);
    world.setbacks = vec![fell("1.0.2", Why::Failed)];
    assert_eq!(world.verdict(), applies("1.0.1", "critical"));
    world.setbacks = vec![fell("1.0.1", Why::Failed)];
    assert_eq!(world.verdict(), applies("1.0.2", "critical"));
    // Signed anew it is another release.
    world.setbacks = vec![Setback::of("1.0.2".parse().unwrap(), hash("1.0.2 before"), &[(1, at(NOW), Why::Failed)])];
    assert_eq!(world.verdict(), applies("1.0.2", "critical"));
}

#[test]
fn what_is_out_of_question_stays_out() {
    let mut other = release("1.0.1", Severity::Critical);
    other.custom.product = "other".parse().unwrap();
    let mut withdrawn = release("1.0.2", Severity::Critical);
    withdrawn.custom.withdrawn = Some("eats rows".to_owned());
    let mut channel = release("1.0.3", Severity::Critical);
    channel.custom.channels = vec!["beta".parse().unwrap()];
    let old = release("0.9.0", Severity::Critical);
    let same = release("1.0.0", Severity::Critical);
    assert_eq!(world(vec![other, withdrawn, channel, old, same]).verdict(), Verdict::Nothing);
}

#[test]
fn a_new_major_needs_a_person_or_a_range() {
    let mut world = world(vec![release("2.0.0", Severity::Patch)]);
    assert_eq!(world.verdict(), waits("2.0.0", Severity::Patch, Because::Outside));
    world.policy.allow = Some("2".parse().unwrap());
    assert_eq!(world.verdict(), applies("2.0.0", "automatic"));
}

#[test]
fn the_newest_is_the_newest_that_is_allowed_unless_it_is_named() {
    let mut world = world(vec![release("1.1.0", Severity::Minor), release("2.0.0", Severity::Minor)]);
    world.wish = Wish::Newest { by: "ada".to_owned() };
    assert_eq!(world.verdict(), applies("1.1.0", "asked for by ada"));
    world.wish = Wish::Named { version: "2.0.0".parse().unwrap(), by: "ada".to_owned(), again: false };
    assert_eq!(world.verdict(), applies("2.0.0", "asked for by ada"));
}

fn one_way(version: &str, severity: Severity) -> Candidate {
    let mut release = release(version, severity);
    release.custom.rollback_supported = false;
    release
}

#[test]
fn no_way_back_needs_a_person_whatever_the_severity() {
    use Severity::{Critical, Major, Minor, Patch};
    for severity in [Patch, Minor, Major, Critical] {
        let mut world = world(vec![one_way("1.0.1", severity)]);
        world.policy.automatic = vec![Patch, Minor, Major];
        assert_eq!(world.verdict(), waits("1.0.1", severity, Because::NoWayBack), "{severity}");
        for wish in [newest(), named("1.0.1", false)] {
            world.wish = wish;
            assert_eq!(world.verdict(), applies("1.0.1", "asked for by ada"), "{severity}");
        }
        world.wish = Wish::Poll;
        world.approvals = vec![approval("1.0.1", 0)];
        assert_eq!(world.verdict(), applies("1.0.1", "approved by ada"), "{severity}");
    }
    assert_eq!(
        world(vec![one_way("1.0.1", Critical)]).says("1.0.1"),
        ["is critical and waits for approval: it cannot be rolled back, so it never goes in by itself"]
    );
}

#[test]
fn an_approval_of_a_release_without_a_way_back_is_good_for_one_failure() {
    let mut world = world(vec![one_way("1.0.1", Severity::Patch)]);
    world.approvals = vec![approval("1.0.1", 0)];
    let long_ago = |why| Setback::of("1.0.1".parse().unwrap(), hash("1.0.1"), &[(1, at(0), why)]);
    for (why, expected) in [
        (Why::Failed, waits("1.0.1", Severity::Patch, Because::NoWayBack)),
        (Why::Interrupted, waits("1.0.1", Severity::Patch, Because::NoWayBack)),
        (Why::Early, applies("1.0.1", "approved by ada")),
    ] {
        world.setbacks = vec![long_ago(why)];
        assert_eq!(world.verdict(), expected, "{why:?}");
    }
    world.releases = vec![release("1.0.1", Severity::Minor)];
    world.setbacks = vec![long_ago(Why::Failed)];
    assert_eq!(world.verdict(), applies("1.0.1", "approved by ada"), "one with a way back is tried again");
}

#[test]
fn a_critical_release_that_waits_is_told_before_a_newer_one() {
    let world = world(vec![release("1.2.0", Severity::Minor), one_way("1.1.1", Severity::Critical)]);
    assert_eq!(world.verdict(), waits("1.1.1", Severity::Critical, Because::NoWayBack));
}

fn from_at_least(minimum: &str, mut release: Candidate) -> Candidate {
    release.custom.minimum_version = Some(minimum.parse().unwrap());
    release
}

#[test]
fn a_machine_below_the_minimum_goes_through_the_release_between() {
    let far = from_at_least("1.5.0", release("1.9.0", Severity::Patch));
    let between = release("1.5.0", Severity::Minor);
    assert_eq!(world(vec![far.clone(), between]).verdict(), applies("1.5.0", "automatic"));
    assert_eq!(world(vec![far]).verdict(), Verdict::Nothing);
}

#[test]
fn a_release_between_without_a_way_back_needs_a_person_too() {
    let far = from_at_least("1.5.0", release("1.9.0", Severity::Critical));
    let mut world = world(vec![far, one_way("1.5.0", Severity::Minor)]);
    assert_eq!(world.verdict(), waits("1.5.0", Severity::Minor, Because::NoWayBack));
    assert!(world.says("1.5.0")[0].starts_with("comes first: 1.9.0 cannot be reached in one step; it is minor"));
    world.approvals = vec![approval("1.9.0", 0)];
    assert_eq!(world.verdict(), waits("1.5.0", Severity::Minor, Because::NoWayBack), "an approval of another");
    world.approvals = vec![approval("1.5.0", 0)];
    assert_eq!(world.verdict(), applies("1.5.0", "critical"), "because of which it comes");
    world.approvals.clear();
    world.wish = newest();
    assert_eq!(world.verdict(), applies("1.5.0", "asked for by ada"));
}

#[test]
fn a_release_between_that_failed_is_left_alone_like_any_other() {
    let far = from_at_least("1.5.0", release("1.9.0", Severity::Critical));
    let mut world = world(vec![far, release("1.5.0", Severity::Minor)]);
    world.setbacks = vec![fell("1.5.0", Why::Failed)];
    assert_eq!(world.verdict(), Verdict::Nothing);
    world.wish = named("1.9.0", true);
    assert_eq!(world.verdict(), Verdict::Nothing);
    assert!(world.says("1.5.0").concat().contains("surefoot update 1.5.0 --again"));
}

#[test]
fn what_cannot_be_reached_does_not_hold_up_what_can() {
    let far = from_at_least("1.5.0", release("1.9.0", Severity::Critical));
    let between = one_way("1.5.0", Severity::Minor);
    assert_eq!(world(vec![far, between, release("1.0.1", Severity::Critical)]).verdict(), applies("1.0.1", "critical"));
}
