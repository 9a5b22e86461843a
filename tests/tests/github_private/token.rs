//! The token: who sees it, and what is said where it cannot be used.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use surefoot_tests::execs;
use surefoot_tests::forge::Host;

use super::{
    Outcome, configure, is_as_it_must_be, is_untouched, publish, since, then_it_goes_in, token_file, world, write_token,
};

/// All files below a directory that hold a text, and all whose names do.
fn files_with(text: &str, directory: &Path, found: &mut Vec<String>) -> Outcome {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            files_with(text, &path, found)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path)?;
            let holds = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            found.extend((holds || path.to_string_lossy().contains(text)).then(|| path.display().to_string()));
        }
    }
    Ok(())
}

/// A whole update, one that fails, and whatever tells of them.
#[test]
fn the_token_is_on_the_api_s_origin_and_in_no_file_log_argument_or_environment() -> Outcome {
    let (forge, mut world) = world()?;
    let token = forge.reader_token();
    let record = world.directory().join("record");
    let watch = execs::Watch::of(&[world.client.daemon().unwrap()], &record)?;
    let before = forge.requests().len();
    publish(&mut world, "1.1.0")?;
    let published = forge.requests().len();
    let mut said = String::new();
    for verb in [
        &["check"][..],
        &["update"],
        &["check", "--json"],
        &["status", "--json"],
        &["history"],
        &["log"],
        &["config", "check"],
        &["doctor"],
        &["audit", "verify"],
    ] {
        let answer = world.client.surefoot(verb)?;
        said.push_str(&format!("{verb:?}\n{}{}", answer.out, answer.err));
    }
    world.serves("1.1.0", 1)?;
    // Refused, so that an error tells of it too.
    write_token(&world, &format!("{token}0"))?;
    let refused = world.client.surefoot(&["check"])?.says(4, "has expired, was revoked, or is mistyped")?;
    said.push_str(&format!("{}{}", refused.out, refused.err));
    watch.end()?;

    assert!(!said.contains(token), "{said}");
    assert!(!world.client.log().contains(token), "{}", world.client.log());
    let started = execs::read(&record)?;
    assert!(started.iter().any(|exec| exec.arguments.contains("\"fetch\"")), "{started:?}");
    assert!(started.iter().all(|exec| !exec.arguments.contains(token) && !exec.environment.contains(token)));
    let mut files = Vec::new();
    for directory in [world.client.root(), world.client.directory().parent().unwrap()] {
        files_with(token, directory, &mut files)?;
    }
    assert_eq!(files, [token_file(&world).display().to_string()]);
    let asked = since(&forge, published.max(before));
    let shown: Vec<_> = asked.iter().filter(|request| request.authorization.is_some()).collect();
    assert!(!shown.is_empty() && shown.iter().all(|request| request.host == Host::Api), "{shown:#?}");
    let refused = asked.iter().filter(|request| request.status == Some(401)).count();
    assert_eq!(asked.iter().filter(|request| !is_as_it_must_be(&forge, request)).count(), refused, "{asked:#?}");
    Ok(())
}

#[test]
fn a_token_that_github_refuses_is_told_by_its_file_and_the_right_that_is_missing() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    let good = forge.reader_token();
    let path = token_file(&world).display().to_string();
    write_token(&world, "ghp_revoked")?;
    let answer = world.client.surefoot(&["update"])?.says(4, "has expired, was revoked, or is mistyped")?;
    assert!(answer.err.contains(&path) && answer.err.contains("Contents: read"), "{}", answer.err);
    is_untouched(&world)?;
    let status = world.client.surefoot(&["status"])?.out;
    assert!(status.contains("revoked") && !status.contains("ghp_"), "{status}");

    // A token that may read, but not this repository: GitHub says that there is none.
    write_token(&world, good)?;
    world.configure("github:acme/other", &github(&forge))?;
    world.client.surefoot(&["update"])?.says(4, "lacks the right Contents: read")?;
    is_untouched(&world)?;

    configure(&world, forge.api_base(), &forge.public_base(), "token_file = \"notes.token\"")?;
    then_it_goes_in(&world)
}

fn github(forge: &surefoot_tests::forge::Forge) -> String {
    let (api, downloads) = (forge.api_base(), forge.public_base());
    format!("[github]\napi = \"{api}\"\ndownloads = \"{downloads}\"\ntoken_file = \"notes.token\"")
}

#[test]
fn a_token_that_is_0644_a_link_hard_linked_missing_or_none_is_not_used() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    let path = token_file(&world);
    let elsewhere = world.client.root().join("elsewhere");
    let good = forge.reader_token();
    type Spoil<'a> = (&'a str, &'a dyn Fn() -> Outcome);
    let cases: [Spoil<'_>; 5] = [
        ("chmod 600", &|| Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?)),
        ("not a regular file", &|| {
            fs::rename(&path, &elsewhere)?;
            Ok(symlink(&elsewhere, &path)?)
        }),
        ("hard links", &|| Ok(fs::hard_link(&path, &elsewhere)?)),
        ("does not exist", &|| Ok(fs::remove_file(&path)?)),
        ("does not hold a GitHub token", &|| Ok(fs::write(&path, "two\nlines\n")?)),
    ];
    for (words, spoil) in cases {
        let _ = fs::remove_file(&elsewhere);
        write_token(&world, good)?;
        spoil()?;
        let before = forge.requests().len();
        let answer = world.client.surefoot(&["update"])?.says(3, words)?;
        assert!(answer.err.contains("notes.token") && !answer.err.contains(good), "{}", answer.err);
        let checked = world.client.surefoot(&["config", "check"])?.says(3, "notes.token")?;
        assert!(!checked.out.contains(good), "{}", checked.out);
        assert_eq!(since(&forge, before).len(), 0, "{words}: nobody may be asked");
        is_untouched(&world)?;
    }
    write_token(&world, good)?;
    then_it_goes_in(&world)
}

#[test]
fn without_a_token_a_private_repository_is_not_there() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    let downloads = forge.public_base();
    world.configure("github:acme/notes", &format!("[github]\ndownloads = \"{downloads}\""))?;
    let before = forge.requests().len();
    world.client.surefoot(&["update"])?.says(4, "timestamp.json")?;
    is_untouched(&world)?;
    assert!(since(&forge, before).iter().all(|request| request.authorization.is_none()));
    configure(&world, forge.api_base(), &downloads, "token_file = \"notes.token\"")?;
    then_it_goes_in(&world)
}
