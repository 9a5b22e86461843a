//! What the worker tells the audit log: who asked, what was decided, what was done. None of it can fail the work.

use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;

use super::check::LastCheck;
use super::{Reply, Work};
use crate::audit::{Did, Said};
use crate::config::{self, Settings};
use crate::decide::Approval;
use crate::exit::{Exit, Failure};
use crate::plan::{Act, Plan};
use crate::request::Request;

impl Work<'_> {
    /// Somebody asks for something that changes something.
    pub(super) fn audit_asked(&self, request: &Request) {
        if let Some(words) = words(request) {
            let instance = self.meant(request);
            self.audit(Said { version: named(request).cloned(), ..Said::new(Did::Asked, instance.as_ref(), words) });
        }
    }

    /// What came of it, where that is not told already as the end of an update.
    pub(super) fn audit_answered(&self, request: &Request, answer: &Result<Reply, Failure>) {
        if let (Some(_), Err(failure)) = (words(request), answer) {
            let instance = self.meant(request);
            let said = Said::new(Did::Failed, instance.as_ref(), &failure.message);
            self.audit(Said { version: named(request).cloned(), exit: Some(failure.exit), ..said });
        }
    }

    /// What came of looking for releases. The schedule decides the same all day long: that is told once.
    pub(super) fn audit_decided(&self, settings: &Settings, last: &LastCheck) {
        let name = &settings.instance.name;
        let before = self.audit.borrow().last_decision(name);
        if before.is_some_and(|before| before.exit == Some(last.exit) && before.says == last.message) {
            return;
        }
        let said = Said::new(Did::Decided, Some(name), &last.message);
        self.audit(Said { version: last.waiting.clone(), exit: Some(last.exit), ..said });
    }

    /// A release was approved.
    pub(super) fn audit_approved(&self, settings: &Settings, approval: &Approval) {
        let words = format!("{} is approved", approval.version);
        let said = Said::new(Did::Approved, Some(&settings.instance.name), words);
        self.audit(Said { version: Some(approval.version.clone()), manifest: Some(approval.manifest), ..said });
    }

    /// An update begins.
    pub(super) fn audit_began(&self, plan: &Plan) {
        let from = plan.from.as_ref().map_or_else(String::new, |from| format!(" from {}", from.version));
        let words = format!("{} {}{from}: {}", act(plan.act), plan.to.version, plan.applied_by);
        self.audit(of_update(Did::Began, plan, words));
    }

    /// An update has come to an end, or to where a person is needed.
    pub(super) fn audit_ended(&self, plan: &Plan, exit: Exit, message: &str) {
        self.audit(Said { exit: Some(exit), ..of_update(Did::Ended, plan, message.to_owned()) });
    }

    /// A person has left an update as it is.
    pub(super) fn audit_abandoned(&self, instance: &Name, words: &str) {
        self.audit(Said::new(Did::Abandoned, Some(instance), words));
    }

    /// Tells what kept lines from being written: a full disk, as a rule.
    pub(super) fn tell_audit_trouble(&mut self) {
        let trouble = self.audit.borrow_mut().trouble();
        if let Some(error) = trouble {
            self.note(format!("not all of this is in the audit log: {}", crate::exit::chain(&error)));
        }
    }

    fn audit(&self, said: Said) {
        let said = Said { says: self.secrets.hide(&said.says), ..said };
        self.audit.borrow_mut().write(self.now(), self.by, said);
    }

    /// The instance that is meant, also where it need not be named.
    fn meant(&self, request: &Request) -> Option<Name> {
        let only = || config::select(self.layout, None).ok().map(|settings| settings.instance.name);
        request.instance().cloned().or_else(only)
    }
}

fn of_update(did: Did, plan: &Plan, words: String) -> Said {
    Said {
        version: Some(plan.to.version.clone()),
        manifest: plan.to.manifest,
        update: Some(plan.id),
        ..Said::new(did, Some(&plan.instance.name), words)
    }
}

fn act(act: Act) -> &'static str {
    match act {
        Act::Install => "install",
        Act::Adopt => "adopt",
        Act::Release => "release",
        Act::Update => "update to",
        Act::Rollback => "back to",
    }
}

/// A request as it was typed; nothing where it only reads, or is the agent's own: what that comes to is told by itself.
fn words(request: &Request) -> Option<String> {
    let with = |word: &str, flags: &[(bool, &str)]| {
        let flags = flags.iter().filter(|(given, _)| *given).map(|(_, flag)| format!(" {flag}"));
        let version = named(request).map_or_else(String::new, |version| format!(" {version}"));
        Some(format!("{word}{version}{}", flags.collect::<String>()))
    };
    match request {
        Request::Recover | Request::Poll | Request::Check { .. } | Request::Show { .. } => None,
        Request::Adopt { dry_run: true, .. }
        | Request::Rollback { dry_run: true, .. }
        | Request::Abandon { dry_run: true, .. } => None,
        Request::Update { again, .. } => with("update", &[(*again, "--again")]),
        Request::Approve { .. } => with("approve", &[]),
        Request::Rollback { force, .. } => with("rollback", &[(*force, "--force")]),
        Request::Install { .. } => with("install", &[]),
        Request::Adopt { .. } => with("adopt", &[]),
        Request::Release { .. } => with("release", &[]),
        Request::Resume { .. } => with("resume", &[]),
        Request::Abandon { .. } => with("abandon", &[]),
    }
}

fn named(request: &Request) -> Option<&ReleaseVersion> {
    match request {
        Request::Update { version, .. } | Request::Install { version, .. } | Request::Adopt { version, .. } => {
            version.as_ref()
        }
        Request::Approve { version, .. } | Request::Show { version, .. } => Some(version),
        Request::Recover
        | Request::Poll
        | Request::Check { .. }
        | Request::Rollback { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Abandon { .. } => None,
    }
}
