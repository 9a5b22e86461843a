//! The names that this room gives to databases and files, and how names and texts are written in SQL.

use manifest_schema::digest::Sha256;

use super::super::BackupTag;

/// Longest name of a database, in bytes (`NAMEDATALEN` - 1; longer ones are cut silently).
const LONGEST: usize = 63;

/// What a database beside the live one is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The backup.
    Before,
    /// A dump that is being brought back.
    Restoring,
    /// What was live until a restore; the number counts restores of the same tag.
    Left(u32),
}

/// The name of the database that plays this role for `live`, at most 63 bytes.
pub(super) fn beside(live: &str, tag: &BackupTag, role: Role) -> String {
    let role = match role {
        Role::Before => "before".to_owned(),
        Role::Restoring => "restoring".to_owned(),
        Role::Left(1) => "left".to_owned(),
        Role::Left(number) => format!("left{number}"),
    };
    shortened(live, &format!("_sf{tag}_{role}"))
}

/// What this program's own sessions call themselves, so that a later run finds those that an earlier one left behind.
pub(super) fn session(live: &str) -> String {
    format!("surefoot:{}", shortened(live, "").chars().take(50).collect::<String>())
}

/// `name` with `suffix`; where that is too long, the name is cut and told apart from others by a hash.
fn shortened(name: &str, suffix: &str) -> String {
    if name.len() + suffix.len() <= LONGEST {
        return format!("{name}{suffix}");
    }
    let hash = &Sha256::of(name.as_bytes()).to_string()[..8];
    let mut room = LONGEST - suffix.len() - hash.len() - 1;
    while !name.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}_{hash}{suffix}", &name[..room])
}

/// A name in SQL.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are_and_fit() {
        let tag = BackupTag::of_update(7);
        assert_eq!(beside("kkt", &tag, Role::Before), "kkt_sf0007_before");
        assert_eq!(beside("kkt", &tag, Role::Left(1)), "kkt_sf0007_left");
        assert_eq!(beside("kkt", &tag, Role::Left(2)), "kkt_sf0007_left2");
        let (long, other) = ("ü".repeat(31), format!("{}x", "ü".repeat(30)));
        let names = [beside(&long, &tag, Role::Restoring), beside(&other, &tag, Role::Restoring)];
        assert!(names.iter().all(|name| name.len() <= LONGEST && name.ends_with("_sf0007_restoring")), "{names:?}");
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b"), "'a''b'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
