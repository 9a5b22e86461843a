//! The manual pages: surefoot(8) and one page a verb, from the same definitions that the program parses by.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;
use crate::exit::Exit;

const SECTION: &str = "8";

const EXITS: [(Exit, &str); 13] = [
    (Exit::Ok, "Done, or nothing had to be done."),
    (Exit::Unexpected, "Something that nobody thought of, such as a full disk; the message says what."),
    (Exit::Usage, "The command line is wrong, or the asker is not allowed to ask."),
    (Exit::Configuration, "A configuration file is wrong. See surefoot config check."),
    (Exit::Unreachable, "The source of releases cannot be reached."),
    (
        Exit::NotTrusted,
        "What was received cannot be verified: unsigned, tampered with, or older than what was seen before.",
    ),
    (
        Exit::Refused,
        "Refused before anything was touched: no space, a database that cannot be reached, a wrong password. Also: health found the application ill, or doctor found something missing.",
    ),
    (Exit::RolledBack, "The update failed and everything was put back; the release before runs."),
    (Exit::Stuck, "An update could neither be finished nor undone: a person is needed. See surefoot log."),
    (Exit::Busy, "Another update or check is running."),
    (Exit::NotFound, "What was named does not exist, or there is nothing to do."),
    (Exit::NotRunning, "The agent does not run: systemctl start surefoot."),
    (Exit::Stale, "The vendor's metadata has expired: nothing is installed until the vendor renews it."),
];

const STUCK: &str = "An update that can neither be finished nor undone waits for a person. So it stays, through restarts and \
    reboots, until somebody decides. The services are left as they are: what runs goes on running, and what was stopped stays \
    down where old code would meet new data. Other applications on the machine go on being updated. surefoot status, systemctl \
    status surefoot and exit code 8 say it as long as it is so. A journal that cannot be read stops an instance in the same \
    way. There is no hurry that would be worth a guess:";

const STUCK_STEPS: [(&str, &str); 5] = [
    (
        "1. Look: surefoot status, surefoot log",
        "The last lines of the log say which step could not be put back, and why: a full disk, a database that does not \
         answer, a unit that does not start.",
    ),
    (
        "2. Mend the cause",
        "Make room, start the database, correct the unit. Touch neither the application's directory nor its database: \
         the agent knows what it has still to do.",
    ),
    (
        "3. surefoot resume",
        "The update is taken up where it stopped and put back to the end; the release before runs again. Where that fails \
         once more, it is stuck once more, and nothing is worse.",
    ),
    (
        "Or put it right by hand, then surefoot abandon",
        "surefoot abandon --dry-run says where the directory leads, which services run, and under which names databases were \
         backed up or left aside. Let the directory lead to the release that is to stay and bring its data back; remove \
         /var/lib/surefoot/NAME/closed, which keeps the units down, and start them; then surefoot abandon closes the update. \
         It starts and stops nothing, and throws nothing away.",
    ),
    (
        "A damaged journal",
        "surefoot abandon keeps the damaged file beside as journal.jsonl.damaged and goes on with what can be read of it; \
         where nothing can, the update's directory is kept under its name with .damaged at the end. One that a newer version \
         of surefoot wrote is not damaged: install that version again.",
    ),
];

const FILES: [(&str, &str); 11] = [
    ("/etc/surefoot/NAME.toml", "The configuration of the instance NAME."),
    ("/etc/surefoot/NAME.d/*.toml", "Drop-ins: their keys win, in the order of the files' names."),
    ("/etc/surefoot/NAME.root.json", "The vendor's root metadata, in which all trust begins."),
    (
        "/var/lib/surefoot/NAME/updates/",
        "One directory an update, such as 0007-2.1.0: its plan and journal, what the vendor's commands said, and in evidence/ what else explains a failure.",
    ),
    ("/var/lib/surefoot/audit.jsonl", "Who asked for what, and what was done: one line each, bound to the one before."),
    (
        "/var/lib/surefoot/NAME/installation",
        "This installation's random number, for its place in rollouts; nobody is told.",
    ),
    ("/var/lib/surefoot/NAME/backups/", "The backups before updates, readable by root alone."),
    ("/var/lib/surefoot/NAME/closed", "While it exists, no unit of the application starts: an update is open."),
    (
        "DIRECTORY.surefoot/",
        "Beside the application's directory: releases/X.Y.Z, and in shared/ what survives an update.",
    ),
    ("/run/surefoot/api.sock", "Where the agent listens: to root, and to the members of `group`."),
    ("/run/surefoot-fetch.sock", "Where a process without privileges is started for what is elsewhere."),
];

/// All manual pages: file names such as `surefoot-status.8`, and their content.
pub fn man_pages() -> Vec<(String, Vec<u8>)> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, "surefoot", &mut pages);
    pages
}

fn add(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) {
    pages.push((format!("{name}.{SECTION}"), render(command.clone(), name == "surefoot")));
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    for verb in verbs {
        add(verb, &format!("{name}-{}", verb.get_name()), pages);
    }
}

/// A write to memory does not fail.
fn render(command: Command, is_main: bool) -> Vec<u8> {
    let man = Man::new(command).section(SECTION).manual("Surefoot").date("");
    let mut page = Vec::new();
    let mut write = || -> std::io::Result<()> {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if is_main {
            man.render_subcommands_section(&mut page)?;
            stuck().to_writer(&mut page)?;
        }
        exits().to_writer(&mut page)?;
        files().to_writer(&mut page)
    };
    write().expect("memory takes all that is written");
    page
}

fn stuck() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["WHEN AN UPDATE IS STUCK"]).text([roman(STUCK)]);
    for (what, how) in STUCK_STEPS {
        roff.control("TP", []).text([bold(what)]).text([roman(how)]);
    }
    roff
}

fn exits() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT CODES"]);
    for (exit, meaning) in EXITS {
        roff.control("TP", []).text([bold(exit.code().to_string())]).text([roman(meaning)]);
    }
    roff
}

fn files() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        roff.control("TP", []).text([bold(path)]).text([roman(meaning)]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_and_every_page_the_exit_codes() {
        let pages = man_pages();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for wanted in ["surefoot.8", "surefoot-status.8", "surefoot-backup-list.8", "surefoot-config-check.8"] {
            assert!(names.contains(&wanted), "{names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("internal") || name.contains("help")), "{names:?}");
        for (name, page) in &pages {
            let page = String::from_utf8(page.clone()).unwrap();
            assert!(page.contains("EXIT CODES") && page.contains("FILES"), "{name}");
        }
    }

    #[test]
    fn the_table_of_exits_is_complete_and_in_order() {
        let codes: Vec<u8> = EXITS.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, (0..13).collect::<Vec<u8>>());
    }
}
