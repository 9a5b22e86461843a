use serde_json::json;

use super::*;

fn described(releases: &[&str]) -> Described {
    let one = |version: &&str| {
        let custom = json!({
            "product": "kkt", "version": version, "channels": ["beta"], "severity": "minor",
            "released_at": "2026-01-10T12:00:00Z", "rollback_supported": true, "database_migration": false,
            "mood": "good",
        });
        let description =
            TargetDescription { custom: Some(value(&custom)), ..TargetDescription::of(version.as_bytes()) };
        (manifest_path(&of(version)), description)
    };
    releases.iter().map(one).collect()
}

fn of(version: &str) -> ReleaseVersion {
    version.parse().unwrap()
}

fn says(targets: &Described, version: &str) -> serde_json::Value {
    serde_json::to_value(targets[&manifest_path(&of(version))].custom.as_ref().unwrap()).unwrap()
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn wave(start: &str, percent: u64) -> Wave {
    Wave { start: at(start), percent: Percent::new(percent).unwrap() }
}

fn roll(waves: &[Wave], halted: Option<bool>) -> Change {
    Change::Roll(Roll { waves: waves.to_vec(), halted, now: at("2026-11-21T12:00:00.5Z") })
}

#[test]
fn only_what_is_decided_changes_and_what_is_not_known_stays() {
    let before = described(&["1.0.0", "1.1.0"]);
    let after = changed(&before, &of("1.1.0"), &Change::Withdraw("it loses notes".to_owned())).unwrap();
    let mut expected = says(&before, "1.1.0");
    expected["withdrawn"] = "it loses notes".into();
    assert_eq!(says(&after, "1.1.0"), expected);
    assert_eq!(says(&after, "1.0.0"), says(&before, "1.0.0"));
    let path = manifest_path(&of("1.1.0"));
    assert_eq!((after[&path].length, after[&path].sha256), (before[&path].length, before[&path].sha256));
}

#[test]
fn a_halt_keeps_the_waves_for_when_it_is_resumed() {
    let waves = [wave("2026-12-01T03:00:00Z", 10), wave("2026-12-02T03:00:00Z", 100)];
    let rolled = changed(&described(&["1.1.0"]), &of("1.1.0"), &roll(&waves, None)).unwrap();
    let halted = changed(&rolled, &of("1.1.0"), &roll(&[], Some(true))).unwrap();
    assert_eq!(says(&halted, "1.1.0")["rollout"]["halted"], true);
    let other = changed(&halted, &of("1.1.0"), &roll(&waves[1..], None)).unwrap();
    assert_eq!(says(&other, "1.1.0")["rollout"]["halted"], true, "new waves do not end a halt");
    assert_eq!(changed(&halted, &of("1.1.0"), &roll(&[], Some(false))).unwrap(), rolled);
    let all = changed(&described(&["1.1.0"]), &of("1.1.0"), &roll(&[], Some(true))).unwrap();
    let wave = json!([{ "start": "2026-11-21T12:00:00Z", "percent": 100 }]);
    assert_eq!(says(&all, "1.1.0")["rollout"], json!({ "salt": "kkt-v1.1.0", "waves": wave, "halted": true }));
}

#[test]
fn a_promotion_adds_channels() {
    let promoted = Change::Promote(vec!["stable".parse().unwrap(), "beta".parse().unwrap()]);
    let after = changed(&described(&["1.1.0"]), &of("1.1.0"), &promoted).unwrap();
    assert_eq!(says(&after, "1.1.0")["channels"], json!(["beta", "stable"]));
    assert!(matches!(changed(&after, &of("1.1.0"), &promoted), Err(ChangeError::Same(_))));
}

#[test]
fn a_recall_leads_to_a_release_that_stands_now_and_later() {
    let before = described(&["1.0.0", "1.1.0"]);
    let recall = |to: &str| Change::Recall(of(to));
    let recalled = changed(&before, &of("1.1.0"), &recall("1.0.0")).unwrap();
    assert_eq!(says(&recalled, "1.1.0")["recall"], json!({ "to": "1.0.0", "from": ["1.1.0"] }));
    let refused = |of_what: &Described, version: &str, change: &Change| {
        changed(of_what, &of(version), change).expect_err("clients would refuse it").to_string()
    };
    assert_eq!(refused(&before, "1.1.0", &recall("1.1.0")), "1.1.0 is recalled to itself");
    assert!(refused(&before, "1.1.0", &recall("9.9.9")).contains("there is no such release"));
    let withdraw = Change::Withdraw("it loses notes".to_owned());
    assert!(refused(&recalled, "1.0.0", &withdraw).contains("v1.1.0: it recalls to 1.0.0, which is withdrawn"));
    assert!(refused(&recalled, "1.0.0", &recall("1.1.0")).contains("recalled itself"));
    let withdrawn = changed(&before, &of("1.0.0"), &withdraw).unwrap();
    assert!(refused(&withdrawn, "1.1.0", &recall("1.0.0")).contains("withdrawn itself"));
}

#[test]
fn what_is_not_published_or_has_no_reason_is_refused() {
    let before = described(&["1.0.0"]);
    let withdraw = |reason: &str| Change::Withdraw(reason.to_owned());
    assert!(matches!(changed(&before, &of("1.1.0"), &withdraw("x")), Err(ChangeError::Unpublished(_))));
    for reason in ["", "  ", "two\nlines"] {
        assert!(matches!(changed(&before, &of("1.0.0"), &withdraw(reason)), Err(ChangeError::Reason)), "{reason:?}");
    }
}
