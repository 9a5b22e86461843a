//! When the daemon wakes up next, from the files as they are now.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::{self, Settings};
use crate::exit::Exit;
use crate::journal::{self, history};
use crate::layout::{InstanceLayout, Layout};
use crate::schedule;
use crate::trust::Trust;
use crate::update::resume::{self, Next};
use crate::worker::LastCheck;

/// How long to wait before looking at a wrong configuration again.
const WRONG_CONFIGURATION: Duration = Duration::from_secs(300);
/// No wait is longer: the clock may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(3600);

/// A wait and what it is for.
pub(super) struct Pause {
    pub(super) duration: Duration,
    /// Whether a check follows, or just another look at the clock.
    pub(super) check: bool,
    pub(super) words: String,
}

/// The wait until the first instance is due.
pub(super) fn until_next(layout: &Layout) -> Pause {
    let all = match config::load(layout) {
        Ok(all) => all,
        Err(error) => {
            let words = format!("{}configuration: {}", alarm(layout), crate::exit::chain(&error));
            tracing::error!("{words}");
            return Pause { duration: WRONG_CONFIGURATION, check: false, words };
        }
    };
    let now = Timestamp::now();
    let alarm = format!("{}{}", alarm(layout), stale(layout, &all, now));
    let due = all.iter().filter_map(|settings| due(layout, settings, now)).min_by_key(|(at, _)| *at);
    let Some((at, name)) = due else {
        return Pause { duration: LONGEST, check: false, words: format!("{alarm}nothing to check") };
    };
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    let at = at.strftime("%Y-%m-%d %H:%M UTC");
    let words = format!("{alarm}{}; next check of {name} at {at}", summary(layout, &all));
    Pause { duration: wait.min(LONGEST), check: wait <= LONGEST, words }
}

/// What a person must know before all else, as long as it is so: which instances wait for one. From the journals as they are now,
/// since a check in between says nothing of it.
fn alarm(layout: &Layout) -> String {
    let Ok(instances) = layout.instances() else { return String::new() };
    let reasons: Vec<String> = instances.iter().filter_map(reason_for_alarm).collect();
    if reasons.is_empty() { String::new() } else { format!("STUCK: {}; see surefoot status; ", reasons.join("; ")) }
}

fn reason_for_alarm(here: &InstanceLayout) -> Option<String> {
    let name = here.state().file_name()?.to_string_lossy().into_owned();
    match journal::read_all(&here.updates()) {
        Err(error) => Some(format!("{name}: {}", crate::exit::chain(&error))),
        Ok(journals) => {
            let open = history::open(&journals)?;
            let Next::Stuck(reason) = resume::next(open) else { return None };
            Some(format!("{name} {}: {reason}", open.plan().to.version))
        }
    }
}

/// Whose vendor has let the metadata expire, or keeps newer metadata from this machine.
fn stale(layout: &Layout, all: &[Settings], now: Timestamp) -> String {
    let is_stale = |settings: &&Settings| {
        let trust = layout.instance(&settings.instance.name).trust();
        let failed = last_check(layout, settings).is_some_and(|last| last.exit == Exit::Stale);
        failed || trust.exists() && Trust::load(settings, &trust).is_ok_and(|trust| trust.is_stale(now))
    };
    let names: Vec<&str> = all.iter().filter(is_stale).map(|settings| settings.instance.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!("STALE metadata: {}; ", names.join(", ")) }
}

fn due(layout: &Layout, settings: &Settings, now: Timestamp) -> Option<(Timestamp, String)> {
    let name = settings.instance.name.to_string();
    let share = schedule::share(&machine_id(), &name);
    let last = last_check(layout, settings).map(|last| last.at);
    match settings.schedule.due(last, now, share) {
        Ok(at) => Some((at.max(now + SignedDuration::from_secs(1)), name)),
        Err(error) => {
            tracing::error!("{name}: {error}");
            None
        }
    }
}

fn last_check(layout: &Layout, settings: &Settings) -> Option<LastCheck> {
    let path = layout.instance(&settings.instance.name).last_check();
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn summary(layout: &Layout, all: &[Settings]) -> String {
    let line = |settings: &Settings| {
        let name = &settings.instance.name;
        match last_check(layout, settings) {
            Some(last) => last.message.lines().next().unwrap_or_default().to_owned(),
            None => format!("{name}: not checked yet"),
        }
    };
    all.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn machine_id() -> String {
    std::fs::read_to_string("/etc/machine-id").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use manifest_schema::tuf::{RoleName, Root, SigningKey, sign};

    use super::*;
    use crate::durable;

    /// What systemd is told of a machine whose root expires then.
    fn words(expires: &str) -> String {
        let root = tempfile::tempdir().unwrap();
        let layout = crate::trust::testing::configure(root.path(), b"");
        let trust = layout.instance(&"kkt".parse().unwrap()).trust();
        durable::make_dirs(&trust, 0o755).unwrap();
        let key = SigningKey::from_seed([1; 32]);
        let mut metadata = Root::new(1, expires.parse().unwrap());
        metadata.grant(RoleName::Root, key.public());
        durable::write_atomic(&trust.join("root.json"), &sign(&metadata, &[&key]).unwrap(), 0o644).unwrap();
        until_next(&layout).words
    }

    #[test]
    fn expired_metadata_comes_first_in_what_systemd_is_told_and_polling_goes_on() {
        let words_of_a_stale_one = words("2020-01-01T00:00:00Z");
        assert!(words_of_a_stale_one.starts_with("STALE metadata: kkt; "), "{words_of_a_stale_one}");
        assert!(words_of_a_stale_one.contains("next check of kkt at"), "{words_of_a_stale_one}");
        assert!(!words("2999-01-01T00:00:00Z").contains("STALE"));
    }
}
