use super::*;

struct World {
    installed: Option<&'static str>,
    releases: Vec<Candidate>,
    policy: Policy,
    approvals: Vec<Approval>,
    bad: Vec<Sha256>,
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
            withdrawn: None,
        },
        manifest: hash(version),
    }
}

fn world(releases: Vec<Candidate>) -> World {
    World {
        installed: Some("1.0.0"),
        releases,
        policy: Policy {
            channel: "stable".parse().unwrap(),
            automatic: vec![Severity::Patch],
            force_critical: true,
            allow: None,
        },
        approvals: Vec::new(),
        bad: Vec::new(),
        wish: Wish::Poll,
    }
}

impl World {
    fn verdict(&self) -> Verdict {
        let installed = self.installed.map(|text| text.parse().unwrap());
        decide(&Facts {
            product: &"kkt".parse().unwrap(),
            installed: installed.as_ref(),
            releases: &self.releases,
            policy: &self.policy,
            approvals: &self.approvals,
            bad: &self.bad,
            wish: self.wish.clone(),
        })
        .verdict
    }
}

fn applies(version: &str, why: &str) -> Verdict {
    Verdict::Apply { version: version.parse().unwrap(), why: why.to_owned() }
}

fn awaits(version: &str, severity: Severity) -> Verdict {
    Verdict::Await { version: version.parse().unwrap(), severity }
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
    let mut approval = Approval {
        at: jiff::Timestamp::UNIX_EPOCH,
        version: "1.1.0".parse().unwrap(),
        manifest: hash("something else"),
        by: "ada".to_owned(),
    };
    world.approvals = vec![approval.clone()];
    assert_eq!(world.verdict(), awaits("1.1.0", Severity::Minor));
    approval.manifest = hash("1.1.0");
    world.approvals.push(approval);
    assert_eq!(world.verdict(), applies("1.1.0", "approved by ada"));
}

#[test]
fn a_release_that_failed_is_tried_again_only_on_demand() {
    let mut world = world(vec![release("1.0.1", Severity::Critical)]);
    world.bad = vec![hash("1.0.1")];
    assert_eq!(world.verdict(), Verdict::Nothing);
    let named = |again| Wish::Named { version: "1.0.1".parse().unwrap(), by: "ada".to_owned(), again };
    world.wish = named(false);
    assert_eq!(world.verdict(), Verdict::Nothing);
    world.wish = named(true);
    assert_eq!(world.verdict(), applies("1.0.1", "asked for by ada"));
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
    assert_eq!(world.verdict(), awaits("2.0.0", Severity::Patch));
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

#[test]
fn no_way_back_needs_a_person() {
    let mut one_way = release("1.0.1", Severity::Patch);
    one_way.custom.rollback_supported = false;
    assert_eq!(world(vec![one_way]).verdict(), awaits("1.0.1", Severity::Patch));
}

#[test]
fn a_machine_below_the_minimum_goes_through_the_release_between() {
    let mut far = release("1.9.0", Severity::Patch);
    far.custom.minimum_version = Some("1.5.0".parse().unwrap());
    let between = release("1.5.0", Severity::Minor);
    assert_eq!(world(vec![far.clone(), between]).verdict(), applies("1.5.0", "automatic"));
    assert_eq!(world(vec![far]).verdict(), Verdict::Nothing);
}
