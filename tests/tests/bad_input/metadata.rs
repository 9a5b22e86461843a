//! Metadata of each role that cannot be right, one after the other in one world: bytes that have no meaning or two, and what the
//! vendor's own keys have signed and must not count.

use jiff::{Timestamp, ToSpan};
use manifest_schema::tuf::RoleName;
use serde_json::{Value, json};
use surefoot_tests::notes::{Forger, Hand, Kept, World};

use super::{Outcome, refuses, then_it_goes_in, world};

/// What happens to the bytes of a file after it was signed.
type Bytes = fn(Vec<u8>) -> Vec<u8>;

/// What the vendor signs.
type Signed = fn(&mut Value);

/// What is wrong in any file.
pub(super) const BYTES: &[(&str, Bytes)] = &[
    ("empty", |_| Vec::new()),
    ("truncated", |bytes| bytes[..bytes.len() / 2].to_vec()),
    ("bytes after the end", |bytes| [&bytes[..], b"{}"].concat()),
    ("a key twice", |bytes| begun(&bytes, br#""a":1,"\u0061":1,"#)),
    ("nesting 10 000 deep", |bytes| {
        begun(&bytes, format!(r#""deep":{}{},"#, "[".repeat(10_000), "]".repeat(10_000)).as_bytes())
    }),
    ("invalid UTF-8", |bytes| begun(&bytes, b"\"\xff\":1,")),
    ("a byte order mark", |bytes| [b"\xef\xbb\xbf", &bytes[..]].concat()),
    ("NUL", |bytes| begun(&bytes, b"\"\0\":1,")),
    ("NUL, escaped", |bytes| begun(&bytes, br#""\u0000":1,"#)),
    ("a float", |bytes| begun(&bytes, br#""a":1.5,"#)),
];

/// What is no version.
const VERSIONS: &[&str] =
    &["1.5", "1.0", "0", "-1", "9007199254740992", "18446744073709551616", "\"1\"", "null", "1e3"];

/// What the vendor signs by mistake, of any role.
const SIGNED: &[(&str, Signed)] = &[
    ("the wrong type", |signed| signed["_type"] = "mirrors".into()),
    ("another role's type", |signed| {
        signed["_type"] = if signed["_type"] == "root" { "targets".into() } else { "root".into() };
    }),
    ("spec_version 2.0.0", |signed| signed["spec_version"] = "2.0.0".into()),
    ("30 February", |signed| signed["expires"] = "2099-02-30T00:00:00Z".into()),
    ("an offset instead of Z", |signed| signed["expires"] = "2099-02-03T00:00:00+00:00".into()),
    ("no expiry", |signed| signed["expires"] = Value::Null),
];

/// What the vendor signs by mistake of the targets.
const TARGETS: &[(&str, Signed)] = &[
    ("a path that climbs", |signed| rename(signed, "../x")),
    ("an absolute path", |signed| rename(signed, "/abs")),
    ("an empty component", |signed| rename(signed, "a//b")),
    ("an escaped path", |signed| rename(signed, "v1.1.0/%2e%2e")),
    ("a path of 300 characters", |signed| rename(signed, &"x".repeat(300))),
    ("a backslash", |signed| rename(signed, "v1.1.0\\manifest.json")),
    ("no hash", |signed| hashes(signed, &json!({}))),
    ("MD5 only", |signed| hashes(signed, &json!({ "md5": "d41d8cd98f00b204e9800998ecf8427e" }))),
    ("a hash in upper case", |signed| hashes(signed, &json!({ "sha256": "A".repeat(64) }))),
    ("a hash of another length", |signed| hashes(signed, &json!({ "sha256": "a".repeat(63) }))),
    ("a negative length", |signed| manifest(signed)["length"] = (-1).into()),
];

/// A file that begins with something more.
fn begun(bytes: &[u8], more: &[u8]) -> Vec<u8> {
    assert_eq!(bytes[0], b'{');
    [b"{", more, &bytes[1..]].concat()
}

/// The role's own version is the last member of what is signed.
fn version(bytes: &[u8], version: &str) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    let at = text.rfind(r#""version":"#).unwrap() + r#""version":"#.len();
    let end = at + text[at..].find(|c: char| !c.is_ascii_digit()).unwrap();
    [&text[..at], version, &text[end..]].concat().into_bytes()
}

fn manifest(signed: &mut Value) -> &mut Value {
    &mut signed["targets"]["v1.1.0/manifest.json"]
}

fn rename(signed: &mut Value, path: &str) {
    let described = signed["targets"].as_object_mut().unwrap().remove("v1.1.0/manifest.json").unwrap();
    signed["targets"][path] = described;
}

fn hashes(signed: &mut Value, hashes: &Value) {
    manifest(signed)["hashes"] = hashes.clone();
}

/// A vendor whose files of one role go wrong in one way after the other.
struct Mistakes {
    world: World,
    kept: Kept,
    forger: Forger,
    role: RoleName,
    /// A client may keep a good timestamp although what it names is refused: what follows must be newer.
    newest: u64,
}

impl Mistakes {
    fn of(role: RoleName) -> anyhow::Result<Self> {
        let world = world()?;
        let (kept, forger) = (Kept::of(&world)?, world.vendor.forger(Hand::Vendor));
        Ok(Self { world, kept, forger, role, newest: 100 })
    }

    /// The bytes of the file go wrong after it was signed.
    fn bytes(&mut self, name: &str, code: i32, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Outcome {
        self.forger.bytes(self.role, change)?;
        self.is_refused(name, code)
    }

    /// What the vendor signs is wrong.
    fn signed(&mut self, name: &str, code: i32, change: impl FnOnce(&mut Value)) -> Outcome {
        match self.role {
            RoleName::Root => self.forger.root(|signed| {
                signed["version"] = 2.into();
                change(signed);
            }),
            RoleName::Targets => self.forger.targets(change),
            RoleName::Snapshot => self.forger.snapshot(change),
            RoleName::Timestamp => self.forger.timestamp(change),
        }?;
        self.is_refused(name, code)
    }

    /// Refused with the role's name, and all that is published is put back, under a newer timestamp.
    fn is_refused(&mut self, name: &str, code: i32) -> Outcome {
        let exit = match code {
            4 => "unreachable",
            12 => "stale",
            _ => "not_trusted",
        };
        self.supersede()?;
        let refused = refuses(&self.world, &["update"], code, exit, self.role.as_str());
        refused.map_err(|error| error.context(name.to_owned()))?;
        self.kept.put_back()
    }

    /// Newer versions of what is above the role.
    fn supersede(&mut self) -> Outcome {
        self.newest += 1;
        let newest = self.newest;
        if self.role == RoleName::Targets {
            self.forger.snapshot(|signed| signed["version"] = newest.into())?;
        }
        if matches!(self.role, RoleName::Targets | RoleName::Snapshot) {
            self.forger.timestamp(|signed| signed["version"] = newest.into())?;
        }
        Ok(())
    }

    fn every_one_is_refused(mut self, cap: usize) -> Outcome {
        for (name, change) in BYTES {
            self.bytes(name, 5, change)?;
        }
        for text in VERSIONS {
            self.bytes(text, 5, |bytes| version(&bytes, text))?;
        }
        for (name, change) in SIGNED {
            self.signed(name, 5, change)?;
        }
        self.bytes("one byte above the cap", 4, |bytes| begun(&bytes, &vec![b' '; cap + 1 - bytes.len()]))?;
        if self.role == RoleName::Targets {
            for (name, change) in TARGETS {
                self.signed(name, 5, change)?;
            }
        }
        // The client has seen a newer version named: what mends it is one.
        if self.role != RoleName::Root {
            self.forger.bytes(self.role, |good| good)?;
        }
        self.supersede()?;
        then_it_goes_in(&self.world)
    }
}

#[test]
fn a_timestamp_that_cannot_be_right() -> Outcome {
    Mistakes::of(RoleName::Timestamp)?.every_one_is_refused(64 << 10)
}

#[test]
fn a_snapshot_that_cannot_be_right() -> Outcome {
    Mistakes::of(RoleName::Snapshot)?.every_one_is_refused(8 << 20)
}

#[test]
fn targets_that_cannot_be_right() -> Outcome {
    Mistakes::of(RoleName::Targets)?.every_one_is_refused(8 << 20)
}

#[test]
fn a_root_that_cannot_be_right() -> Outcome {
    Mistakes::of(RoleName::Root)?.every_one_is_refused(512 << 10)
}

#[test]
fn metadata_that_expired_a_second_ago() -> Outcome {
    for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets, RoleName::Root] {
        let mut mistakes = Mistakes::of(role)?;
        let expired = (Timestamp::now() - 1.second()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        mistakes.signed("expired", 12, |signed| signed["expires"] = expired.into())?;
    }
    Ok(())
}

#[test]
fn unknown_fields_are_no_mistake() -> Outcome {
    let Mistakes { world, forger, .. } = Mistakes::of(RoleName::Targets)?;
    forger.targets(|signed| {
        signed["x-new"] = json!({ "deep": [1, { "er": null }] });
        manifest(signed)["custom"]["x-new"] = true.into();
    })?;
    then_it_goes_in(&world)
}
