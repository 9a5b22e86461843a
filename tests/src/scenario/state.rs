//! What is true of the client's machine: code, schema, rows, settings, units, and what lies around.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kkt;
use crate::machine::{Machine, holds_within};

/// How long the daemon may take to write one of its own notes.
const BESIDE: Duration = Duration::from_secs(5);

const HOME: &str = "/home/kktapp/kkt-system.surefoot";

/// Everything that an update may leave behind when it is not over. The checked blocks of a download (`fetch/*.partial`) may stay: the next
/// try begins with them.
const LEFT_OVER: &str = r#"
ls -d /var/lib/surefoot/kkt/closed /var/lib/surefoot/kkt/scratch/*.env 2>/dev/null || true
find /home/kktapp /var/lib/surefoot -name '*.pending' -o -name '*.partial' ! -path '*/fetch/*' -o -name '*.tmp'
systemctl list-units --plain --no-legend --all 'surefoot-kkt-*'
"#;

/// How each unit stands: state, restarts by itself, and where its process works.
const UNITS: &str = r#"
for unit in kkt-web.service kkt-bot.service; do
    pid=$(systemctl show --value --property MainPID $unit)
    echo "$(systemctl show --value --property ActiveState $unit) restarts=$(systemctl show --value --property NRestarts $unit) $(readlink /proc/$pid/cwd)"
done
"#;

const COLUMNS: &str = "select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
from information_schema.columns where table_schema = 'public' order by 1";

/// A look at the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The version that answers health requests well.
    pub served: Option<String>,
    /// Where the application's directory leads: itself, or the release that its link names.
    pub directory: String,
    /// The content of `VERSION` there.
    pub release: String,
    /// The database's columns.
    pub schema: Vec<String>,
    /// The names of all items.
    pub items: BTreeSet<String>,
    /// The content of `.env`.
    pub env: String,
    /// Its mode and owner.
    pub env_access: String,
    /// The uploaded file.
    pub uploads: String,
    /// A line for each unit: state, restarts, working directory.
    pub units: Vec<String>,
    /// The unit files.
    pub unit_files: String,
    /// Whatever should not be there.
    pub left_over: Vec<String>,
}

/// What is still there after a while: the daemon writes down its own small notes beside all that is looked at.
fn left_over(look: impl Fn() -> Vec<String>) -> Vec<String> {
    let mut found = look();
    let _ = holds_within(BESIDE, &mut || {
        let now = look();
        found.retain(|line| now.contains(line));
        found.is_empty()
    });
    found
}

impl State {
    /// Looks.
    #[track_caller]
    #[must_use]
    pub(super) fn of(machine: &Machine) -> State {
        let sh = |script: &str| machine.sh(&format!("cd {}\n{script}", kkt::DIRECTORY));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        State {
            served: kkt::health(machine),
            directory: sh("readlink -f .").trim().to_owned(),
            release: sh("cat VERSION").trim().to_owned(),
            schema: lines(&kkt::psql(machine, COLUMNS)),
            items: kkt::psql(machine, "select name from items").lines().map(str::to_owned).collect(),
            env: sh("cat .env"),
            env_access: sh("stat -L -c '%a %U %G' .env").trim().to_owned(),
            uploads: sh("cat uploads/invoice.pdf"),
            units: lines(&sh(UNITS)),
            unit_files: sh("cat /etc/systemd/system/kkt-*.service"),
            left_over: left_over(|| lines(&sh(LEFT_OVER))),
        }
    }

    /// Whether the database has a table.
    #[must_use]
    pub fn has_table(&self, name: &str) -> bool {
        self.schema.iter().any(|column| column.starts_with(&format!("{name}.")))
    }

    /// Insists that everything says `version`.
    #[track_caller]
    pub(super) fn agrees_on(&self, version: &str) {
        let managed = self.directory.starts_with(HOME);
        let directory = if managed { format!("{HOME}/releases/{version}") } else { kkt::DIRECTORY.to_owned() };
        assert_eq!(self.served.as_deref(), Some(version), "what serves: {self:#?}");
        assert_eq!((&self.directory, self.release.as_str()), (&directory, version), "the code: {self:#?}");
        assert_eq!(self.units, vec![format!("active restarts=0 {directory}"); 2], "the units: {self:#?}");
        assert_eq!(self.has_table("export_settings"), version >= "1.1.0", "the schema: {self:#?}");
        for half in ["prices", "archive", "never_reached", "labels"] {
            assert!(!self.has_table(half), "{half} is left of a migration: {self:#?}");
        }
        assert!(self.items.iter().all(|name| *name == name.to_lowercase()), "rows were changed: {self:#?}");
        assert_eq!(self.env_access, "600 kktapp kktapp", ".env");
        assert_eq!(self.uploads, "invoice", "what was uploaded");
        assert_eq!(self.left_over, Vec::<String>::new(), "left over");
    }
}
