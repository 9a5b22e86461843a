//! Has something done to the live file by a child of this program that runs as the application's user.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Contents;
use super::super::clients::{Client, list};
use super::super::error::StoreError;
use super::Sqlite;
use super::holders::{Holder, Locks, holders};
use super::serve::{Act, Answer};
use crate::host::child::Child;
use crate::program;

/// Time limit; the work grows with the file. It only keeps a hanging file system from holding an update for ever.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// What the child answered to what.
pub(super) struct Answered {
    act: String,
    live: PathBuf,
    answer: Answer,
}

/// Runs the child to its end.
pub(super) fn ask(store: &Sqlite, act: &Act) -> Result<Answered, StoreError> {
    let (verb, to, words) = match act {
        Act::Examine => ("sqlite-examine", Vec::new(), "read"),
        Act::Copy { to, patience } => {
            ("sqlite-copy", vec![to.into(), patience.as_secs().to_string().into()], "back up")
        }
        Act::Fold => ("sqlite-fold", Vec::new(), "fold the log of"),
    };
    let to: Vec<OsString> = to;
    let words = format!("{words} {}", store.live.display());
    #[cfg(test)]
    if crate::fault::testing::is_in_one_process() {
        let mut answer = Vec::new();
        super::serve(act, &store.live, &mut answer).expect("memory takes it");
        let answer = serde_json::from_slice(&answer).expect("it is what was written");
        return Ok(Answered { act: words, live: store.live.clone(), answer });
    }
    let child =
        Child::new(program::own(), LIMIT).user(store.user.as_ref()).args(["internal", verb]).args([&store.live]);
    let ended = child.args(to).run_well().map_err(|source| StoreError::Tool { act: words.clone(), source })?;
    let answer = serde_json::from_str(&ended.out.text());
    let answer = answer.map_err(|source| StoreError::Answer { act: words.clone(), source })?;
    Ok(Answered { act: words, live: store.live.clone(), answer })
}

impl Answered {
    /// An error, unless it was done.
    pub(super) fn well(self) -> Result<(), StoreError> {
        match self.answer {
            Answer::Done | Answer::Copied(_) => Ok(()),
            Answer::Damaged(reason) => Err(StoreError::Damaged { path: self.live, reason }),
            Answer::InUse(sessions) => Err(StoreError::InUse {
                sessions: named(&self.live).unwrap_or(sessions),
                database: self.live.display().to_string(),
            }),
            Answer::Ruined(detail) | Answer::Failed(detail) => {
                Err(StoreError::Refused { act: self.act, detail, code: None })
            }
        }
    }

    /// What the copy holds.
    pub(super) fn copied(self) -> Result<Contents, StoreError> {
        if let Answer::Copied(contents) = self.answer {
            return Ok(contents);
        }
        let act = self.act.clone();
        self.well()?;
        Err(StoreError::Refused { act, detail: "nothing was copied".to_owned(), code: None })
    }

    /// Whether it was done; `false`: SQLite cannot make sense of the file.
    pub(super) fn made_sense(self) -> Result<bool, StoreError> {
        if matches!(self.answer, Answer::Ruined(_)) {
            return Ok(false);
        }
        self.well().map(|()| true)
    }
}

/// Who it is that has the file locked, if the kernel knows.
fn named(live: &Path) -> Option<String> {
    let clients: Vec<Client> = holders(live, Locks::Any).iter().map(Holder::client).collect();
    (!clients.is_empty()).then(|| list(&clients))
}
