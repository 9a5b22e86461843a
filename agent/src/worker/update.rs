//! Updating: from a decision to a plan, and through the engine.

use std::path::{Path, PathBuf};

use manifest_schema::manifest::Manifest;
use manifest_schema::path::Name;
use manifest_schema::tuf::Verified;
use manifest_schema::version::ReleaseVersion;

use super::check::{self, LastCheck, Look};
use super::outcome::told;
use super::preflight::{Examined, baseline, check_kept, check_manager, check_units, examine};
use super::{Asker, Reply, Work, room, services};
use crate::clock::steady::{self, Sight};
use crate::config::{self, Settings};
use crate::decide::{Approval, Verdict, Wish, read_approvals, write_approval};
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::standing::standing;
use crate::journal::{Journal, history};
use crate::plan::{self, ArtifactRef, Facts, Plan, Step};
use crate::update::{self, Delivery, World};

/// What the schedule asks, of every instance. One that fails does not keep the others waiting.
pub(super) fn poll(work: &mut Work<'_>) -> Result<Reply, Failure> {
    let all = config::load(work.layout).map_err(|error| Failure::of(Exit::Configuration, &error))?;
    let polled: Vec<&Name> = all.iter().map(|settings| &settings.instance.name).collect();
    let forgotten = work.recovered.others(&polled).map(|failure| (failure.exit, failure.message.clone()));
    let mut bad: Vec<(Exit, String)> = forgotten.collect();
    for settings in &all {
        match poll_one(work, settings) {
            Ok(reply) if reply.exit == Exit::Ok => work.note(reply.message),
            Ok(reply) => bad.push((reply.exit, reply.message)),
            Err(failure) => bad.push((failure.exit, failure.message)),
        }
    }
    let Some((exit, _)) = bad.first() else { return Ok(Reply::well("nothing new")) };
    let messages: Vec<&str> = bad.iter().map(|(_, message)| message.as_str()).collect();
    Ok(Reply { exit: *exit, message: messages.join("; "), answer: None })
}

fn poll_one(work: &mut Work<'_>, settings: &Settings) -> Result<Reply, Failure> {
    if let Err(failure) = work.recovered.is_free(&settings.instance.name) {
        // Written down as any other check that failed, or the next one would be due at once.
        check::remember(work, settings, &LastCheck::new(work.now(), failure.exit, failure.message.clone()))?;
        return Err(failure);
    }
    let journals = check::journals(work, settings)?;
    expire(work, settings, &journals);
    if history::installed(&journals).is_none() {
        let message = format!("{}: nothing is installed yet", settings.instance.name);
        check::remember(work, settings, &LastCheck::new(work.now(), Exit::Ok, message.clone()))?;
        return Ok(Reply::well(message));
    }
    decide_and_apply(work, settings, Wish::Poll)
}

/// Removes what is older than the client's days, by a clock that can be believed.
fn expire(work: &mut Work<'_>, settings: &Settings, journals: &[Journal]) {
    let now = work.now();
    // An update that was abandoned had not come as far as giving it up.
    if let Err(error) = update::step::reserve::sweep(&work.here(settings), &settings.app()) {
        work.note(format!("room that was set aside cannot be given up: {}", crate::exit::chain(&error)));
    }
    if !steady::look(&work.layout.clock(), Sight::take(now)).is_enough() {
        return;
    }
    if let Err(error) = update::keep::expire(journals, &work.here(settings), settings.keep_previous_days, now) {
        work.note(format!("old backups cannot be removed: {}", crate::exit::chain(&error)));
    }
}

/// `surefoot update`.
pub(super) fn update(
    work: &mut Work<'_>,
    settings: &Settings,
    version: Option<&ReleaseVersion>,
    again: bool,
    by: &str,
) -> Result<Reply, Failure> {
    let journals = check::journals(work, settings)?;
    if history::installed(&journals).is_none() {
        return Err(Failure::new(
            Exit::NotFound,
            format!("{} is not managed yet: run 'surefoot install' or 'surefoot adopt' first", settings.instance.name),
        ));
    }
    decide_and_apply(work, settings, wish(version, again, by))
}

/// `surefoot install`.
pub(super) fn install(
    work: &mut Work<'_>,
    settings: &Settings,
    version: Option<&ReleaseVersion>,
    by: &str,
) -> Result<Reply, Failure> {
    let journals = check::journals(work, settings)?;
    if let Some(installed) = history::installed(&journals) {
        return Err(Failure::new(
            Exit::NotFound,
            format!("{} is installed already: run 'surefoot update'", installed.version),
        ));
    }
    if std::fs::symlink_metadata(&settings.instance.directory).is_ok() {
        let directory = settings.instance.directory.display();
        return Err(Failure::new(
            Exit::Refused,
            format!("{directory} exists already: 'surefoot adopt' makes it managed"),
        ));
    }
    decide_and_apply(work, settings, wish(version, false, by))
}

fn wish(version: Option<&ReleaseVersion>, again: bool, by: &str) -> Wish {
    let by = by.to_owned();
    match version {
        Some(version) => Wish::Named { version: version.clone(), by, again },
        None => Wish::Newest { by },
    }
}

/// `surefoot approve`: binds the manifest's hash, then looks whether it goes in now.
pub(super) fn approve(
    work: &mut Work<'_>,
    settings: &Settings,
    version: &ReleaseVersion,
    by: &str,
) -> Result<Reply, Failure> {
    let look = check::look(work, settings)?;
    let candidate = check::candidate(&look, version)?;
    let approval = Approval {
        at: work.now(),
        version: version.clone(),
        manifest: candidate.manifest,
        by: by.to_owned(),
        after: look.journals.last().map_or(0, |journal| journal.plan().id),
    };
    // Nothing is added to a file that nobody can read.
    let path = work.here(settings).approvals();
    read_approvals(&path).map_err(|error| Failure::of(Exit::Configuration, &error))?;
    write_approval(&path, &approval).map_err(|error| Failure::early(&error))?;
    work.audit_approved(settings, &approval);
    if look.installed.is_none() {
        // A first install asks for more than an approval: see `install`.
        let name = &settings.instance.name;
        return Ok(Reply::well(format!(
            "{name}: {version} is approved; nothing is installed yet: run 'surefoot install' or 'surefoot adopt'"
        )));
    }
    drop(look);
    decide_and_apply(work, settings, Wish::Poll)
}

/// Where the wanted release needs one in between, that one goes in first, as an update of its own, and the question is asked
/// again until nothing more goes in.
fn decide_and_apply(work: &mut Work<'_>, settings: &Settings, wish: Wish) -> Result<Reply, Failure> {
    let polled = wish == Wish::Poll;
    let mut look = check::look(work, settings)?;
    let decision = check::decide(work, settings, &look, wish.clone())?;
    if !matches!(decision.verdict, Verdict::Apply { .. }) {
        return nothing_to_apply(work, settings, &look, &decision, polled);
    }
    let mut last = apply_decided(work, settings, &mut look, &decision)?;
    while last.exit == Exit::Ok {
        look.journals = check::journals(work, settings)?;
        look.installed = history::installed(&look.journals);
        let decision = check::decide(work, settings, &look, wish.clone())?;
        if !matches!(decision.verdict, Verdict::Apply { .. }) {
            break;
        }
        work.note(last.message);
        last = apply_decided(work, settings, &mut look, &decision)?;
    }
    Ok(last)
}

fn apply_decided(
    work: &mut Work<'_>,
    settings: &Settings,
    look: &mut Look,
    decision: &crate::decide::Decision,
) -> Result<Reply, Failure> {
    let Verdict::Apply { version, why } = &decision.verdict else { return Ok(Reply::well("")) };
    let (exit, message) = check::with_warnings(decision, format!("{version} goes in: {why}"));
    check::note_decision(work, settings, look, decision, exit, message)?;
    let outcome = apply(work, settings, look, version, why);
    if let Err(failure) = &outcome {
        let message = format!("{version} cannot go in: {}", failure.message);
        let (expires, sources) = (look.trust.expires(), look.heard.clone());
        let last = LastCheck::new(work.now(), failure.exit, message);
        check::remember(work, settings, &LastCheck { expires, sources, ..last })?;
    }
    outcome
}

fn nothing_to_apply(
    work: &mut Work<'_>,
    settings: &Settings,
    look: &Look,
    decision: &crate::decide::Decision,
    polled: bool,
) -> Result<Reply, Failure> {
    let name = &settings.instance.name;
    let message = match &decision.verdict {
        Verdict::Await { version, severity, because } => {
            format!("{name}: {version} ({severity}) waits for approval{}", check::exception(*because))
        }
        Verdict::Nothing | Verdict::Apply { .. } => format!("{name}: nothing new"),
    };
    let (exit, message) = check::with_warnings(decision, message);
    check::note_decision(work, settings, look, decision, exit, message.clone())?;
    if polled {
        return Ok(Reply { exit, message, answer: None });
    }
    let reasons: Vec<String> = decision
        .trace
        .iter()
        .filter(|finding| finding.says != "is not the one that was asked for")
        .map(|finding| format!("\n  {} {}", finding.version, finding.says))
        .collect();
    let exit = if exit == Exit::Ok { Exit::NotFound } else { exit };
    Err(Failure::new(exit, format!("{name}: there is nothing to install{}", reasons.concat())))
}

/// Everything that can go wrong before anything is touched goes wrong here, then the journal begins.
fn apply(
    work: &mut Work<'_>,
    settings: &Settings,
    look: &mut Look,
    version: &ReleaseVersion,
    why: &str,
) -> Result<Reply, Failure> {
    let manifest = check::manifest(look, version)?;
    let plan = prepare_plan(work, settings, look, &manifest, why)?;
    room::check_release(work, settings, &manifest, &plan)?;
    let hashed_path = artifact_of(&plan)
        .map(|artifact| look.trust.artifact_path(version, artifact))
        .transpose()
        .map_err(|error| Failure::of(error.exit(), &error))?
        .unwrap_or_default();
    let mut journal = begin(work, settings, plan)?;
    let directory = journal.directory().to_owned();
    durable::write_atomic(&manifest_of(&directory), &manifest.write(), 0o640)
        .map_err(|error| Failure::early(&error))?;
    execute(work, &mut journal, Some(Delivery { sources: look.sources.each(), manifest: &manifest, hashed_path }))
}

/// Where an update's directory holds the manifest of the release.
pub(super) fn manifest_of(update: &Path) -> PathBuf {
    update.join("manifest.json")
}

/// Begins the journal of a plan.
pub(super) fn begin(work: &Work<'_>, settings: &Settings, plan: Plan) -> Result<Journal, Failure> {
    let directory = work.here(settings).update(plan.id, &plan.to.version);
    let journal = Journal::begin(&directory, plan, work.now()).map_err(|error| Failure::early(&error))?;
    work.audit_began(journal.plan());
    Ok(journal)
}

/// Runs a journal's plan.
pub(super) fn execute(
    work: &mut Work<'_>,
    journal: &mut Journal,
    delivery: Option<Delivery<'_>>,
) -> Result<Reply, Failure> {
    let plan = journal.plan().clone();
    work.look_before(journal);
    let mut services = services(&plan.instance, journal.directory().to_owned());
    let mut asker = Asker::new(work.layout);
    let mut world = World {
        layout: work.layout,
        services: &mut *services,
        ask: &mut asker,
        clock: &work.clock,
        tell: &mut *work.tell,
        delivery,
    };
    let outcome = update::run(journal, &mut world).map_err(|error| Failure::of(Exit::Unexpected, &error))?;
    work.explain_later(journal, &outcome);
    let reply = told(&plan, outcome);
    work.audit_ended(&plan, reply.exit, &reply.message);
    Ok(reply)
}

fn artifact_of(plan: &Plan) -> Option<&ArtifactRef> {
    plan.steps.iter().find_map(|step| if let Step::Fetch { artifact } = step { Some(artifact) } else { None })
}

fn prepare_plan(
    work: &mut Work<'_>,
    settings: &Settings,
    look: &Look,
    manifest: &Verified<Manifest>,
    why: &str,
) -> Result<Plan, Failure> {
    let wrong = |error: config::ConfigError| Failure::of(Exit::Configuration, &error);
    let profile = settings.localise(manifest.application.clone()).map_err(wrong)?;
    check_manager(settings, &profile)?;
    check_units(work, settings, &profile)?;
    check_kept(settings, &profile)?;
    let installed = look.installed.as_ref().map(|side| &side.version);
    let migrations = plan::migrations_ahead(manifest, installed, &standing(&look.journals));
    let migrated: Vec<Name> = migrations.iter().map(|step| step.database.clone()).collect();
    let Examined { ways, extents } = examine(work, settings, &profile, &migrated)?;
    let already_failing = match &look.installed {
        Some(installed) => baseline(work, settings, &installed.profile),
        None => Vec::new(),
    };
    let candidate = check::candidate(look, &manifest.version)?;
    Ok(plan::plan_update(Facts {
        id: work.next_id(settings, &look.journals)?,
        instance: settings.instance.clone(),
        installed: look.installed.clone(),
        migrations,
        manifest,
        manifest_hash: candidate.manifest,
        profile,
        ways,
        extents,
        already_failing,
        applied_by: why.to_owned(),
        now: work.now(),
    }))
}
