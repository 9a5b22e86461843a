//! A clock that is wrong: what is signed says how late it is at least, and nothing of a wrong clock stays.

use super::*;

const YEAR: i64 = 24 * 365;

fn hours(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

#[test]
fn a_clock_that_is_two_years_back_is_corrected_by_what_is_signed() {
    let mut pair = pair();
    pair.vendor.signed_at = Some(now());
    pair.vendor.publish();
    let trust = pair.cycle_at(hours(-2 * YEAR)).unwrap();
    the_release(&trust);
    assert_eq!(trust.now(hours(-2 * YEAR)), now());
    assert_eq!(pair.load().unwrap().now(hours(-2 * YEAR)), now(), "and is remembered");
    assert_eq!(pair.load().unwrap().now(hours(1)), hours(1));
}

#[test]
fn a_clock_that_is_two_years_back_does_not_make_an_old_root_good_again() {
    let mut pair = pair();
    pair.vendor.signed_at = Some(hours(YEAR));
    pair.vendor.expires = hours(YEAR + 24 * 7);
    pair.vendor.publish();
    let error = pair.cycle_at(hours(-2 * YEAR)).err().unwrap();
    assert!(matches!(error, TrustError::Refused(tuf::Error::Expired { role: RoleName::Root, .. })), "{error:?}");
    assert_eq!(error.exit(), Exit::Stale);
}

#[test]
fn a_clock_that_was_five_years_ahead_leaves_nothing_behind() {
    let mut pair = pair();
    pair.vendor.signed_at = Some(now());
    pair.vendor.publish();
    pair.cycle().unwrap();
    let before = pair.stored();
    assert_eq!(pair.cycle_at(hours(5 * YEAR)).err().unwrap().exit(), Exit::Stale);
    assert_eq!(pair.stored(), before);
    the_release(&pair.cycle().unwrap());
}

#[test]
fn a_vendor_whose_clock_once_ran_ahead_is_forgiven_with_the_next_timestamp() {
    let mut pair = pair();
    (pair.vendor.signed_at, pair.vendor.expires) = (Some(hours(24 * 100)), hours(24 * 107));
    pair.vendor.publish();
    the_release(&pair.cycle().unwrap());
    (pair.vendor.signed_at, pair.vendor.expires) = (Some(now()), hours(24 * 7));
    pair.vendor.publish();
    let trust = pair.cycle().unwrap();
    the_release(&trust);
    assert_eq!(trust.now(now()), now());
}

#[test]
fn a_root_that_comes_late_ends_what_was_stale() {
    let mut pair = pair();
    pair.cycle().unwrap();
    let later = hours(YEAR);
    pair.vendor.expires = later + SignedDuration::from_hours(24);
    pair.vendor.publish();
    assert_eq!(pair.cycle_at(later).err().unwrap().exit(), Exit::Stale, "the root has expired");
    pair.vendor.root.expires = later + SignedDuration::from_hours(24 * 300);
    pair.vendor.rotate(RoleName::Root);
    the_release(&pair.cycle_at(later).unwrap());
    assert_eq!(pair.version(RoleName::Root), Some(2));
}
