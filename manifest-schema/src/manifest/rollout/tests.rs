use serde_json::{Value, json};

use super::*;

fn read(rollout: Value) -> Result<Rollout, String> {
    serde_json::from_value(rollout).map_err(|error| error.to_string())
}

fn waves(waves: Value) -> Result<Rollout, String> {
    read(json!({ "salt": "kkt-v1.1.0", "waves": waves }))
}

fn percent(percent: Value) -> Result<Rollout, String> {
    waves(json!([{ "start": "2026-12-01T03:00:00Z", "percent": percent }]))
}

#[test]
fn a_share_is_a_whole_number_of_per_cent() {
    for good in [0, 1, 99, 100] {
        percent(json!(good)).unwrap();
    }
    for bad in [json!(-1), json!(101), json!(256), json!(u64::MAX), json!(1.5), json!("NaN"), json!("10"), json!(null)]
    {
        let refused = percent(bad.clone()).unwrap_err();
        assert!(refused.contains("per cent as a whole number from 0 to 100"), "{bad}: {refused}");
    }
}

#[test]
fn waves_follow_each_other_and_shares_do_not_shrink() {
    let wave = |start: &str, percent: u8| json!({ "start": start, "percent": percent });
    waves(json!([wave("2026-12-01T03:00:00Z", 10), wave("2026-12-02T03:00:00Z", 10)])).unwrap();
    for (wrong, reason) in [
        (json!([]), "0 waves"),
        (
            json!([wave("2026-12-01T03:00:00Z", 10), wave("2026-12-02T03:00:00Z", 9)]),
            "has 9 %, less than the one before",
        ),
        (json!([wave("2026-12-02T03:00:00Z", 10), wave("2026-12-01T03:00:00Z", 20)]), "not after the one before"),
        (json!([wave("2026-12-02T03:00:00Z", 10), wave("2026-12-02T03:00:00Z", 20)]), "not after the one before"),
        (json!([wave("tomorrow", 10)]), "failed to parse"),
        (json!([wave("2026-02-30T03:00:00Z", 10)]), "day"),
        (json!([{ "percent": 10 }]), "missing field `start`"),
        (json!([{ "start": "2026-12-02T03:00:00Z" }]), "missing field `percent`"),
        (json!("all"), "invalid type"),
        (Value::Array(vec![wave("2026-12-02T03:00:00Z", 10); MOST_WAVES + 1]), "33 waves"),
    ] {
        let refused = waves(wrong).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
}

#[test]
fn a_rollout_has_a_salt() {
    let long = "x".repeat(LONGEST_SALT + 1);
    for salt in [json!(""), json!(long), json!(7), json!(null)] {
        read(json!({ "salt": salt, "waves": [{ "start": "2026-12-01T03:00:00Z", "percent": 10 }] })).unwrap_err();
    }
}

#[test]
fn a_halt_survives_a_round_trip_and_is_written_only_where_it_is_one() {
    let rollout = percent(json!(10)).unwrap();
    assert!(serde_json::to_value(&rollout).unwrap().get("halted").is_none());
    let halted = serde_json::to_value(rollout.clone().halt()).unwrap();
    let halted = read(halted).unwrap();
    assert!(halted.is_halted());
    assert_eq!(halted.resume(), rollout);
}
