//! No byte of a signed file can change.

use std::sync::LazyLock;

use manifest_schema::tuf::Expiry;
use proptest::prelude::*;

use crate::world::{Files, TARGET, World, now, target_path};

static FILES: LazyLock<Files> = LazyLock::new(|| World::new().publish());

fn flipped(bytes: &[u8], at: prop::sample::Index, mask: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= mask;
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_changed_byte_of_a_signed_file_is_accepted(
        at in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
        which in 0..4,
    ) {
        let mut files = FILES.clone();
        let file = match which {
            0 => &mut files.root,
            1 => &mut files.timestamp,
            2 => &mut files.snapshot,
            _ => &mut files.targets,
        };
        *file = flipped(file, at, mask);
        prop_assert!(files.accept().is_err());
    }

    // Hashes in the parents would catch most of this; here only the signature can.
    #[test]
    fn no_changed_byte_gets_past_the_signature_alone(
        at in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
    ) {
        let mut repository = FILES.accept().unwrap();
        let targets = flipped(&FILES.targets, at, mask);
        prop_assert!(repository.update_targets(&targets, Expiry::PreviousState).is_err());
        let timestamp = flipped(&FILES.timestamp, at, mask);
        prop_assert!(repository.update_timestamp(&timestamp, Expiry::Enforce(now())).is_err());
    }

    #[test]
    fn no_changed_byte_of_a_target_is_accepted(
        at in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
    ) {
        let repository = FILES.accept().unwrap();
        prop_assert!(repository.verify_target(&target_path(), flipped(TARGET, at, mask)).is_err());
    }
}
