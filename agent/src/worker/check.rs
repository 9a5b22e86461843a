//! Looking: what the source has, and what would be done about it.

use manifest_schema::manifest::{Manifest, Severity};
use manifest_schema::tuf::Verified;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use super::sources::{Heard, Sources};
use super::{Reply, Work, installation};
use crate::config::Settings;
use crate::decide::{self, Because, Candidate, Decision, Facts, Recalled, Releases, Verdict, Wish, read_approvals};
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, history};
use crate::plan::Side;
use crate::trust::{Trust, TrustError};

/// What this machine is, in the words of a release's `platforms`.
const PLATFORM: &str = if cfg!(target_arch = "aarch64") { "linux-aarch64" } else { "linux-x86_64" };

/// Everything that is known of an instance after looking.
pub(super) struct Look {
    pub(super) journals: Vec<Journal>,
    pub(super) installed: Option<Side>,
    pub(super) trust: Trust,
    pub(super) sources: Sources,
    pub(super) heard: Vec<Heard>,
    pub(super) releases: Releases,
}

/// How the last check ended: what `surefoot status` tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastCheck {
    /// When.
    pub at: jiff::Timestamp,
    /// How.
    pub exit: Exit,
    /// In a sentence.
    pub message: String,
    /// When the metadata expires that expires first.
    pub expires: Option<jiff::Timestamp>,
    /// A release that waits for a person.
    pub waiting: Option<ReleaseVersion>,
    /// Why it does not go in by itself.
    #[serde(default)]
    pub because: Option<Because>,
    /// How much it matters.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// What each source came to, in their configured order; none where it did not come to asking them.
    #[serde(default)]
    pub sources: Vec<Heard>,
}

impl LastCheck {
    /// What was written down; nothing where that cannot be read.
    fn read(path: &std::path::Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// A check after which nothing is known to expire or to wait.
    pub(super) fn new(at: jiff::Timestamp, exit: Exit, message: String) -> Self {
        Self { at, exit, message, expires: None, waiting: None, because: None, severity: None, sources: Vec::new() }
    }
}

/// Asks the source, and writes down how that went.
pub(super) fn look(work: &mut Work<'_>, settings: &Settings) -> Result<Look, Failure> {
    let mut heard = Vec::new();
    let outcome = try_look(work, settings, &mut heard);
    if let Err(failure) = &outcome {
        let last = LastCheck::new(work.now(), failure.exit, failure.message.clone());
        remember(work, settings, &LastCheck { sources: heard, ..last })?;
    }
    outcome
}

fn try_look(work: &mut Work<'_>, settings: &Settings, heard: &mut Vec<Heard>) -> Result<Look, Failure> {
    let here = work.here(settings);
    let trusted = |error: TrustError| Failure::of(error.exit(), &error);
    durable::make_dirs(&here.trust(), 0o755).map_err(|error| Failure::early(&error))?;
    let journals = journals(work, settings)?;
    let mut trust = Trust::load(settings, &here.trust()).map_err(trusted)?;
    trust.left_out().iter().for_each(|reason| work.note(reason.clone()));
    let mut sources = Sources::open(work.layout, settings, work.now())?;
    let before = LastCheck::read(&here.last_check()).map(|last| last.sources).unwrap_or_default();
    sources.refresh(&mut trust, work.now(), &before, heard)?;
    left_out(heard).for_each(|reason| work.note(format!("{}: {reason}", settings.instance.name)));
    let releases = trust.releases();
    let installed = history::installed(&journals);
    Ok(Look { installed, journals, trust, sources, heard: heard.clone(), releases })
}

pub(super) fn journals(work: &Work<'_>, settings: &Settings) -> Result<Vec<Journal>, Failure> {
    super::recover::journals(&work.here(settings), &settings.instance.name)
}

/// Decides on what was seen.
pub(super) fn decide(work: &Work<'_>, settings: &Settings, look: &Look, wish: Wish) -> Result<Decision, Failure> {
    let approvals =
        read_approvals(&work.here(settings).approvals()).map_err(|error| Failure::of(Exit::Configuration, &error))?;
    Ok(decide::decide(&Facts {
        setbacks: &decide::setbacks(&look.journals, &approvals),
        now: look.trust.now(work.now()),
        product: &settings.product,
        installed: look.installed.as_ref().map(|side| &side.version),
        releases: &look.releases,
        installation: &installation::id(&work.here(settings), &look.releases)?,
        platform: PLATFORM,
        policy: &settings.policy,
        approvals: &approvals,
        wish,
    }))
}

/// `surefoot check`: looks, decides, fetches the manifest of what is new, and changes nothing else.
pub(super) fn check(work: &mut Work<'_>, settings: &Settings) -> Result<Reply, Failure> {
    let mut look = look(work, settings)?;
    let decision = decide(work, settings, &look, Wish::Poll)?;
    let name = &settings.instance.name;
    let message = match &decision.verdict {
        Verdict::Apply { version, why } => format!("{name}: {version} is available and goes in by itself ({why})"),
        Verdict::Await { version, severity, because } => format!(
            "{name}: {version} ({severity}) is available{}: see 'surefoot show {version}', then 'surefoot approve {version}'",
            exception(*because)
        ),
        Verdict::Nothing => format!("{name}: nothing new"),
    };
    if let Verdict::Apply { version, .. } | Verdict::Await { version, .. } = &decision.verdict {
        manifest(&mut look, version)?;
    }
    let (exit, message) = with_warnings(&decision, message);
    note_decision(work, settings, &look, &decision, exit, message.clone())?;
    let left_out: String = left_out(&look.heard).map(|reason| format!("\n  {reason}")).collect();
    Ok(Reply {
        exit,
        message: message + &left_out,
        answer: Some(serde_json::json!({
            "instance": name,
            "findings": decision.trace,
            "verdict": verdict(&decision.verdict),
            "sources": told(work, &look.heard),
        })),
    })
}

/// What must be said of a release that waits, where its severity alone does not explain it.
pub(super) fn exception(because: Because) -> String {
    match because {
        Because::Severity => String::new(),
        Because::NoWayBack | Because::Outside => format!(" (it {})", because.words()),
    }
}

fn verdict(verdict: &Verdict) -> serde_json::Value {
    match verdict {
        Verdict::Apply { version, why } => serde_json::json!({ "apply": version, "why": why }),
        Verdict::Await { version, severity, because } => {
            serde_json::json!({ "await": version, "severity": severity, "because": because })
        }
        Verdict::Nothing => serde_json::json!("nothing"),
    }
}

/// How a check ends, and what it says, where releases were refused or what is installed is recalled. A release that was refused
/// is only a remark where there is another to go on with.
pub(super) fn with_warnings(decision: &Decision, message: String) -> (Exit, String) {
    let refused = decision.refused.iter().map(|finding| format!("; {} {}", finding.version, finding.says));
    let recalled = decision.recalled.iter().map(|Recalled { from, to }| {
        format!("; the vendor RECALLS {from} to {to}, which nothing does by itself: see 'surefoot status'")
    });
    let warnings: String = refused.chain(recalled).collect();
    let is_stopped = decision.verdict == Verdict::Nothing && !decision.refused.is_empty();
    (if is_stopped { Exit::NotTrusted } else { Exit::Ok }, message + &warnings)
}

/// Writes down what a check came to.
pub(super) fn note_decision(
    work: &Work<'_>,
    settings: &Settings,
    look: &Look,
    decision: &Decision,
    exit: Exit,
    message: String,
) -> Result<(), Failure> {
    let mut last = LastCheck::new(work.now(), exit, message);
    last.expires = look.trust.expires();
    last.sources.clone_from(&look.heard);
    match &decision.verdict {
        Verdict::Await { version, severity, because } => {
            (last.waiting, last.severity, last.because) = (Some(version.clone()), Some(*severity), Some(*because));
        }
        Verdict::Apply { .. } | Verdict::Nothing => {}
    }
    remember(work, settings, &last)
}

pub(super) fn remember(work: &Work<'_>, settings: &Settings, last: &LastCheck) -> Result<(), Failure> {
    let failure = |error: durable::Error| Failure::early(&error);
    let here = work.here(settings);
    let (message, sources) = (work.secrets.hide(&last.message), told(work, &last.sources));
    let last = LastCheck { message, sources, ..last.clone() };
    work.audit_decided(settings, &last);
    let text = serde_json::to_vec_pretty(&last).expect("a check has only text keys");
    durable::make_dirs(here.state(), 0o755).map_err(failure)?;
    durable::write_over(&here.last_check(), &text, 0o644).map_err(failure)
}

/// Sentences on the sources that do not count, where another one does.
fn left_out(heard: &[Heard]) -> impl Iterator<Item = String> {
    heard.iter().filter_map(|heard| Some(format!("{} does not count: {}", heard.source, heard.failed.as_ref()?)))
}

/// What the sources came to, as it may be kept and shown.
fn told(work: &Work<'_>, heard: &[Heard]) -> Vec<Heard> {
    let hidden = |heard: &Heard| heard.failed.as_ref().map(|failed| work.secrets.hide(failed));
    heard.iter().map(|heard| Heard { failed: hidden(heard), ..heard.clone() }).collect()
}

/// The verified manifest of a release, from the first source that has it. Where none has, the first one's reason counts.
pub(super) fn manifest(look: &mut Look, version: &ReleaseVersion) -> Result<Verified<Manifest>, Failure> {
    let candidate = candidate(look, version)?.clone();
    let mut failed = None;
    for source in look.sources.each() {
        match look.trust.manifest(&candidate, Some(source)) {
            Ok(manifest) => return Ok(manifest),
            Err(error) => failed = failed.or(Some(Failure::of(error.exit(), &error))),
        }
    }
    Err(failed.expect("there is always a source"))
}

pub(super) fn candidate<'a>(look: &'a Look, version: &ReleaseVersion) -> Result<&'a Candidate, Failure> {
    if let Some(refused) = look.releases.refused.iter().find(|refused| refused.version.as_ref() == Some(version)) {
        return Err(Failure::new(Exit::NotTrusted, format!("{version} is refused: {}", refused.reason)));
    }
    let found = look.releases.sound.iter().find(|candidate| candidate.custom.version == *version);
    found.ok_or_else(|| Failure::new(Exit::NotFound, format!("the source has no release {version}")))
}

/// `surefoot show VERSION`.
pub(super) fn show(work: &mut Work<'_>, settings: &Settings, version: &ReleaseVersion) -> Result<Reply, Failure> {
    let mut look = look(work, settings)?;
    let manifest = manifest(&mut look, version)?;
    let answer = serde_json::to_value(&*manifest).expect("a manifest has only text keys");
    Ok(Reply { exit: Exit::Ok, message: String::new(), answer: Some(answer) })
}
