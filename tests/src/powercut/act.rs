//! The acts that are cut off: where each begins, what is asked for, and where it may end.

use super::journal::Side;

/// Something that the agent is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// The first release.
    Install,
    /// A plain directory becomes managed.
    Adopt,
    /// An update with two migrations that the old release cannot live with.
    Update,
    /// An update of code alone.
    Code,
    /// An update with a migration that the old release can live with.
    Compatible,
    /// An update with an incompatible migration to a release that is ill.
    Ill,
    /// Back, because an admin says so, database included.
    Rollback,
}

/// Where a machine can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nothing is installed.
    Nothing,
    /// A plain directory holds 1.0.0.
    Plain,
    /// This release is managed.
    Managed(&'static str),
}

/// What a machine is like before the act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    /// An empty database, and what only an admin can bring.
    Empty,
    /// 1.0.0 in a plain directory.
    Plain,
    /// 1.0.0, installed.
    First,
    /// 1.1.0, updated from 1.0.0.
    Second,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Install, Self::Adopt, Self::Update, Self::Code, Self::Compatible, Self::Ill, Self::Rollback];

    /// As the command line and the report have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Code => "code",
            Self::Compatible => "compatible",
            Self::Ill => "ill",
            Self::Rollback => "rollback",
        }
    }

    /// On what it begins.
    pub(super) fn base(self) -> Base {
        match self {
            Self::Install => Base::Empty,
            Self::Adopt => Base::Plain,
            Self::Update => Base::First,
            Self::Code | Self::Compatible | Self::Ill | Self::Rollback => Base::Second,
        }
    }

    /// The request to the worker.
    pub(super) fn request(self) -> String {
        match self {
            Self::Install => install(),
            Self::Adopt => adopt(),
            Self::Update => update("1.1.0"),
            Self::Code => update("1.1.1"),
            Self::Compatible => update("1.2.0"),
            Self::Ill => update("1.3.0"),
            Self::Rollback => r#"{"verb":"rollback","instance":null,"dry_run":false}"#.to_owned(),
        }
    }

    /// Where it ends on this side.
    pub(super) fn stand(self, side: Side) -> Stand {
        match (self, side) {
            (Self::Install, Side::Old) => Stand::Nothing,
            (Self::Adopt, Side::Old) => Stand::Plain,
            (Self::Install | Self::Adopt, Side::New) | (Self::Update, Side::Old) | (Self::Rollback, Side::New) => {
                Stand::Managed("1.0.0")
            }
            (Self::Code | Self::Compatible | Self::Rollback, Side::Old) | (Self::Update, Side::New) => {
                Stand::Managed("1.1.0")
            }
            (Self::Code, Side::New) => Stand::Managed("1.1.1"),
            (Self::Compatible, Side::New) => Stand::Managed("1.2.0"),
            (Self::Ill, Side::Old | Side::New) => Stand::Managed("1.1.0"),
        }
    }

    /// The versions between which it moves.
    pub(super) fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Install | Self::Adopt => &["1.0.0"],
            Self::Update | Self::Rollback => &["1.0.0", "1.1.0"],
            Self::Code => &["1.1.0", "1.1.1"],
            Self::Compatible => &["1.1.0", "1.2.0"],
            Self::Ill => &["1.1.0", "1.3.0"],
        }
    }
}

impl Base {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Plain => "plain",
            Self::First => "first",
            Self::Second => "second",
        }
    }

    /// The rows that it holds, and which release wrote them.
    pub(super) fn rows(self) -> &'static [(u32, &'static str)] {
        const ALL: [(u32, &str); 6] =
            [(1, "1.0.0"), (2, "1.0.0"), (3, "1.0.0"), (4, "1.1.0"), (5, "1.1.0"), (6, "1.1.0")];
        match self {
            Self::Empty => &[],
            Self::Plain | Self::First => ALL.first_chunk::<3>().map_or(&[], |rows| rows),
            Self::Second => &ALL,
        }
    }
}

impl Stand {
    /// The version that serves there.
    pub(super) fn version(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Plain => Some("1.0.0"),
            Self::Managed(version) => Some(version),
        }
    }

    /// The next good thing that can be asked for, and where it leads.
    pub(super) fn next(self) -> (String, Self) {
        match self {
            Self::Nothing => (install(), Self::Managed("1.0.0")),
            Self::Plain => (adopt(), Self::Managed("1.0.0")),
            Self::Managed("1.0.0") => (update("1.1.1"), Self::Managed("1.1.1")),
            Self::Managed(_) => (update("1.3.1"), Self::Managed("1.3.1")),
        }
    }
}

pub(super) fn install() -> String {
    r#"{"verb":"install","instance":null,"version":"1.0.0"}"#.to_owned()
}

fn adopt() -> String {
    r#"{"verb":"adopt","instance":null,"version":null,"dry_run":false}"#.to_owned()
}

pub(super) fn update(version: &str) -> String {
    format!(r#"{{"verb":"update","instance":null,"version":"{version}","again":false}}"#)
}

pub(super) fn recover() -> String {
    r#"{"verb":"recover"}"#.to_owned()
}
