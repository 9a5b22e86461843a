//! What the vendor's code is given and what not: its environment, rights, groups, descriptors.

use super::*;

#[test]
fn a_program_of_the_release_is_named_in_full_and_variables_are_left_to_it() {
    let words = |argv: &[&str]| {
        words(&VendorCommand {
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            env: Vec::new(),
            directory: "/srv/app/1.1.0".into(),
            timeout: Duration::from_secs(1),
        })
    };
    assert_eq!(words(&["hooks/prepare.sh", "a/b"]), ["/srv/app/1.1.0/hooks/prepare.sh", "a/b"]);
    assert_eq!(words(&["./prepare.sh"]), ["/srv/app/1.1.0/./prepare.sh"]);
    assert_eq!(words(&["sh", "-c", "echo $HOME"]), ["sh", "-c", "echo $$HOME"]);
    assert_eq!(words(&["/usr/bin/python3"]), ["/usr/bin/python3"]);
}

#[test]
fn a_secret_stays_one_word_in_an_environment_file() {
    let text = environment_file(&[("PGPASSWORD".to_owned(), r#"p@s"s\w#r$d"#.to_owned())]);
    assert_eq!(text, "PGPASSWORD=\"p@s\\\"s\\\\w#r\\$d\"\n");
}

/// What a command says that runs as a child of the agent, as where there is no systemd.
fn said(script: &str, env: &[(&str, &str)]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let vendor = Vendor {
        manager: Manager::Command,
        // Whom it becomes is for `Child` to see to, and tested there.
        user: None,
        instance: "kkt".parse().unwrap(),
        update: 7,
        scratch: scratch.path().join("scratch"),
        log: scratch.path().join("log"),
        redactor: Redactor::default(),
    };
    let command = VendorCommand {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        directory: scratch.path().to_owned(),
        timeout: Duration::from_secs(30),
    };
    vendor.run("prepare", &command).unwrap().out.text()
}

/// A line of `/proc/self/status` as the command sees itself.
fn status(name: &str) -> Vec<String> {
    let text = said(&format!("grep '^{name}:' /proc/self/status"), &[]);
    text.split_whitespace().skip(1).map(str::to_owned).collect()
}

#[test]
fn its_environment_is_what_it_is_given_and_two_usual_ones() {
    // What a test has around it, cargo's own variables among others, stands for what the agent has.
    assert!(std::env::vars_os().count() > 4);
    let text = said("/usr/bin/env", &[("DATABASE_URL", "postgresql://a b'c\"d$e@/kkt")]);
    let mut lines: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=")).collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "DATABASE_URL=postgresql://a b'c\"d$e@/kkt");
    assert!(lines[1].starts_with("LC_ALL=") && lines[2].starts_with("PATH="), "{lines:?}");
}

#[test]
fn it_cannot_gain_rights_and_leaves_no_core() {
    assert_eq!(status("NoNewPrivs"), ["1"]);
    assert_eq!(said("ulimit -c; ulimit -H -c", &[]), "0\n0\n");
}

#[test]
fn its_files_are_made_with_the_usual_access() {
    // Each test is a process of its own.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    assert_eq!(said("umask", &[]).trim().trim_start_matches('0'), "22");
}

#[test]
fn it_inherits_no_descriptor_of_the_agents() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let _lock = crate::lock::Lock::take(&secret.path().with_extension("lock"), Duration::ZERO).unwrap();
    let listed = said("ls /proc/$$/fd", &[]);
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(said("readlink /proc/$$/fd/0", &[]).trim(), "/dev/null");
    let _ = durable::remove_file(&secret.path().with_extension("lock"));
}

#[test]
fn in_a_unit_the_same_is_asked_of_systemd_and_no_secret_is_in_its_arguments() {
    let vendor = Vendor {
        manager: Manager::Systemd,
        user: Some(User { name: "kktapp".to_owned(), uid: 1000, gid: 1000 }),
        instance: "kkt".parse().unwrap(),
        update: 7,
        scratch: "/var/lib/surefoot/kkt/scratch".into(),
        log: "/nonexistent".into(),
        redactor: Redactor::default(),
    };
    let command = VendorCommand {
        argv: vec!["hooks/prepare.sh".to_owned()],
        env: vec![("DATABASE_URL".to_owned(), "postgresql://kkt:canary@/kkt".to_owned())],
        directory: "/srv/kkt".into(),
        timeout: Duration::from_secs(60),
    };
    let arguments = vendor.unit_arguments("prepare", &command, Path::new("/var/lib/surefoot/kkt/scratch/prepare.env"));
    for wanted in ["User=kktapp", "NoNewPrivileges=yes", "UMask=0022", "LimitCORE=0", "RuntimeMaxSec=60"] {
        assert!(arguments.iter().any(|argument| argument == wanted), "{wanted}: {arguments:?}");
    }
    let all = [arguments, words(&command)].concat().join(" ");
    assert!(!all.contains("canary"), "{all}");
}
