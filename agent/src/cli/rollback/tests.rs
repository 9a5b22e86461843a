//! The picture, in 80 columns.

use super::*;
use crate::worker::rollback::Fate;

fn cost(databases: Vec<Fate>) -> Cost {
    Cost {
        instance: "kkt".parse().unwrap(),
        from: "1.1.0".parse().unwrap(),
        to: "1.0.0".parse().unwrap(),
        databases,
        files: [".env", "uploads"].map(str::to_owned).to_vec(),
        services: ["web", "bot"].map(|name| name.parse().unwrap()).to_vec(),
        downtime_seconds: Some(72),
        below_floor: None,
    }
}

fn fate(database: &str, becomes: Becomes) -> Fate {
    Fate { database: database.parse().unwrap(), becomes }
}

#[test]
fn what_goes_back_is_shown_with_its_age_and_what_is_kept() {
    let goes_back = Becomes::Before {
        made_at: "2026-11-18T03:12:00Z".parse().unwrap(),
        age_seconds: 300_000,
        bytes: 12_345_678,
        bytes_now: 13_000_000,
        kept_as: "kkt_sf0003r_left".to_owned(),
        kept_until: "2026-11-28T12:00:00Z".parse().unwrap(),
    };
    let fates = vec![fate("main", goes_back), fate("logs", Becomes::Stays { migrated: true })];
    let day = words::moment("2026-11-18T03:12:00Z".parse().unwrap());
    assert_eq!(
        tell(&cost(fates), 80),
        format!(
            "\
kkt goes back to 1.0.0, and database main with it; what was written since is
kept aside

  code          1.1.0 → 1.0.0
  database      main: goes back to its backup of {day} (3 days old,
                11.77 MiB); what was written since is not in it
                what is there now (12.40 MiB) is kept until 2026-11-28 as
                kkt_sf0003r_left
  database      logs: stays as it is, with all that was written since; the
                release before works with it
  files         stay as they are: .env, uploads
  services      web, bot stop and start; down for about 1 min 12 s, as the
                update was

"
        )
    );
}

#[test]
fn without_a_migration_nothing_but_code_goes_back() {
    let text = tell(&cost(vec![fate("main", Becomes::Stays { migrated: false })]), 80);
    assert!(text.starts_with("kkt goes back to 1.0.0; its data stays as it is\n"), "{text}");
    assert!(text.contains("  database      main: stays as it is; the update had not changed it\n"), "{text}");
    assert!(text.lines().all(|line| words::columns(line) <= 80), "{text}");
}

#[test]
fn an_older_agents_sentence_is_shown_as_it_is() {
    let answer = Some(serde_json::json!({ "to": "1.0.0", "databases": ["main"] }));
    let ended = Ended { exit: Exit::Ok, message: "kkt goes back to 1.0.0".to_owned(), answer };
    assert_eq!(picture(&ended), "kkt goes back to 1.0.0\n");
}

#[test]
fn a_known_hole_in_what_it_goes_back_to_is_said_before_the_question() {
    let text = tell(&Cost { below_floor: Some("1.0.7".parse().unwrap()), ..cost(Vec::new()) }, 80);
    assert!(
        text.contains("  SECURITY      1.0.0 has a known hole: the vendor lets nothing in below 1.0.7\n"),
        "{text}"
    );
    assert!(!tell(&cost(Vec::new()), 80).contains("SECURITY"));
}
