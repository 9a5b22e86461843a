//! What is signed, in words: what changes, from what to what. Pure; for people who must decide whether to sign.

use std::collections::{BTreeMap, BTreeSet};

use manifest_schema::canonical;
use manifest_schema::manifest::ReleaseCustom;
use manifest_schema::strict::Value;
use manifest_schema::tuf::{KeyId, Partial, Role, RoleKeys, RoleName, Root, TargetDescription, TargetPath};

use crate::metadata::{Ground, Proposal, Standing};

type Described = BTreeMap<TargetPath, TargetDescription>;

/// A key's id as people compare it.
pub fn id(id: &KeyId) -> String {
    format!("{id:.16}")
}

/// From one root to the next.
pub fn root(old: &Root, new: &Root) -> Vec<String> {
    let mut lines = vec![
        format!("root      version {} -> {}", old.version, new.version),
        format!("          expires {} -> {}", day(old.expires), day(new.expires)),
    ];
    for role in RoleName::ALL {
        let (before, after) = (old.role(role), new.role(role));
        if before == after {
            lines.push(format!("{role:<9} {}, as before", quorum(after)));
            continue;
        }
        lines.push(format!("{role:<9} {} -> {}", quorum(before), quorum(after)));
        lines.extend(
            before.key_ids.difference(&after.key_ids).map(|key| format!("          - {}  loses the role", id(key))),
        );
        lines.extend(
            after.key_ids.difference(&before.key_ids).map(|key| format!("          + {}  gets the role", id(key))),
        );
    }
    lines
}

fn quorum(keys: &RoleKeys) -> String {
    format!("{} of {}", keys.threshold, keys.key_ids.len())
}

/// From what is published to what is proposed.
pub fn proposal(ground: &Ground<'_>, proposal: &Proposal) -> Vec<String> {
    let mut lines = Vec::new();
    let published = ground.current.map(|current| current.targets().clone()).unwrap_or_default();
    match &proposal.targets {
        None => lines.push("targets   as they are published".to_owned()),
        Some(partial) => {
            lines.extend(part(ground, partial));
            let vouched = ground.current.is_none_or(|current| current.standing != Standing::ReplacedTargets);
            lines.extend(targets(&published, &partial.metadata().targets, vouched));
        }
    }
    lines.extend(proposal.snapshot.as_ref().map(|partial| part(ground, partial)).into_iter().flatten());
    lines.extend(proposal.timestamp.as_ref().map(|partial| part(ground, partial)).into_iter().flatten());
    lines
}

fn part<R: Role>(ground: &Ground<'_>, partial: &Partial<R>) -> Vec<String> {
    let before = ground.current.map_or(0, |current| current.of(R::NAME).0);
    let (new, root) = (partial.metadata(), ground.roots.newest());
    let signers: Vec<String> = partial.signers(root).iter().map(id).collect();
    let by = if signers.is_empty() { String::new() } else { format!(": {}", signers.join(", ")) };
    let (role, version, have, threshold) = (R::NAME, new.version(), signers.len(), root.role(R::NAME).threshold);
    vec![
        format!("{role:<9} version {before} -> {version}, until {}", day(new.expires())),
        format!("          {have} of {threshold} signatures{by}"),
    ]
}

/// By release: what comes, goes, and changes. Where nobody vouches for what is published, what stays as well.
fn targets(before: &Described, after: &Described, vouched: bool) -> Vec<String> {
    let releases: BTreeSet<&str> = before.keys().chain(after.keys()).map(release).collect();
    let mut lines = Vec::new();
    let mut same = 0;
    for name in releases {
        let of = |all: &Described| -> Described {
            all.iter().filter(|(path, _)| release(path) == name).map(|(path, it)| (path.clone(), it.clone())).collect()
        };
        let (old, new) = (of(before), of(after));
        if old == new && vouched {
            same += 1;
        } else if old == new {
            lines.push(format!("          = {name}: signed by the old keys only, {} files{}", new.len(), custom(&new)));
            lines.extend(manifest(&new));
        } else if old.is_empty() {
            lines.push(format!("          + {name}: comes, {} files{}", new.len(), custom(&new)));
            lines.extend(manifest(&new));
        } else if new.is_empty() {
            lines.push(format!("          - {name}: GOES, {} files", old.len()));
        } else {
            lines.push(format!("          ! {name}: CHANGES{}", custom(&new)));
            let differs = |path: &&TargetPath| old.get(*path) != new.get(*path);
            let paths: BTreeSet<&TargetPath> = old.keys().chain(new.keys()).filter(differs).collect();
            lines.extend(paths.into_iter().map(|path| format!("              {path}")));
            lines.extend(decisions(&old, &new));
        }
    }
    if same > 0 {
        lines.push(format!("            as they are: {same} other {}", if same == 1 { "release" } else { "releases" }));
    }
    lines
}

fn release(path: &TargetPath) -> &str {
    path.as_str().split('/').next().unwrap_or_default()
}

fn manifest(targets: &Described) -> Option<String> {
    let (_, target) = targets.iter().find(|(path, _)| path.as_str().ends_with("/manifest.json"))?;
    Some(format!("              manifest {}", target.sha256))
}

/// What is decided otherwise about a release, member by member, as it is signed.
fn decisions(old: &Described, new: &Described) -> Vec<String> {
    let members = |of: &Described| {
        let custom =
            of.iter().find(|(path, _)| path.file_name() == "manifest.json").and_then(|(_, it)| it.custom.clone());
        if let Some(Value::Object(members)) = custom { members } else { BTreeMap::new() }
    };
    let (old, new) = (members(old), members(new));
    let text = |value: Option<&Value>| {
        value.map_or_else(
            || "nothing".to_owned(),
            |value| String::from_utf8_lossy(&canonical::encode(value)).into_owned(),
        )
    };
    let names: BTreeSet<&String> =
        old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).collect();
    let line = |name: &String| format!("              {name}: {} -> {}", text(old.get(name)), text(new.get(name)));
    names.into_iter().map(line).collect()
}

/// What is decided about a release.
fn custom(targets: &Described) -> String {
    let custom = targets.values().find_map(|target| target.custom.as_ref()?.to::<ReleaseCustom>().ok());
    let Some(custom) = custom else { return String::new() };
    let channels: Vec<String> = custom.channels.iter().map(ToString::to_string).collect();
    let severity = serde_json::to_string(&custom.severity).unwrap_or_default();
    format!(", {}, {}", severity.trim_matches('"'), channels.join(" "))
}

/// A moment to the minute.
pub fn day(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
