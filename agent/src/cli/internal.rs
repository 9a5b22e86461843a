//! The verbs that the agent calls itself by. Not for people.

use std::ffi::OsString;
use std::io::{BufReader, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Subcommand;
use rustix::process::{Signal, getpgrp, getpid, set_parent_process_death_signal, setsid};

use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::store::sqlite::Act;
use crate::{host, program, source, store, worker};

#[derive(Debug, Subcommand)]
pub(super) enum Internal {
    /// Carries out one request from standard input
    Worker,
    /// Fetches bytes for the worker, without privileges
    Fetch,
    /// Closes or opens the door at boot, as the journals say
    Guard,
    /// Applies an SQL file to an SQLite database
    Sqlite {
        file: PathBuf,
        database: PathBuf,
        #[arg(long)]
        transaction: bool,
    },
    /// Reads the application's SQLite database
    SqliteExamine { database: PathBuf },
    /// Copies the application's SQLite database
    SqliteCopy { database: PathBuf, to: PathBuf, seconds: u64 },
    /// Folds the log of the application's SQLite database into it
    SqliteFold { database: PathBuf },
    /// Becomes another program that ends with its parent, or that outlives it in a session of its own
    Exec {
        #[arg(long)]
        session: bool,
        /// Gives up first what code of the vendor's needs not
        #[arg(long)]
        confined: bool,
        #[arg(long)]
        log: Option<PathBuf>,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

pub(super) fn run(layout: &Layout, verb: Internal) -> Result<Exit, Failure> {
    match verb {
        Internal::Worker => {
            // A worker without its daemon would hold the lock and tell nobody.
            end_with_parent()?;
            program::speak();
            worker::serve(layout, BufReader::new(stdin().lock()), stdout().lock());
            Ok(Exit::Ok)
        }
        Internal::Fetch => {
            source::child::serve(stdin().lock(), stdout().lock()).map(|()| Exit::Ok).map_err(|error| failure(&error))
        }
        Internal::Guard => host::guard::at_boot(layout).map(|()| Exit::Ok),
        Internal::Sqlite { file, database, transaction } => {
            store::sqlite::apply(&database, &file, transaction).map(|()| Exit::Ok).map_err(|error| failure(&error))
        }
        Internal::SqliteExamine { database } => sqlite(&database, &Act::Examine),
        Internal::SqliteCopy { database, to, seconds } => {
            sqlite(&database, &Act::Copy { to, patience: Duration::from_secs(seconds) })
        }
        Internal::SqliteFold { database } => sqlite(&database, &Act::Fold),
        Internal::Exec { session, confined, log, command } => {
            if confined {
                host::vendor::confine().map_err(|error| failure(&error))?;
            }
            exec(session, log, &command)
        }
    }
}

fn sqlite(database: &Path, act: &Act) -> Result<Exit, Failure> {
    end_with_parent()?;
    store::sqlite::serve(act, database, stdout().lock()).map(|()| Exit::Ok).map_err(|error| failure(&error))
}

fn exec(session: bool, log: Option<PathBuf>, command: &[OsString]) -> Result<Exit, Failure> {
    if session {
        // The leader of a process group cannot begin a session (setsid(2)): its child can.
        if getpgrp() == getpid() {
            return follow_child();
        }
        setsid().map_err(|error| failure(&error))?;
    } else {
        end_with_parent()?;
    }
    if let Some(path) = log {
        redirect(&path)?;
    }
    let (program, arguments) = command.split_first().expect("clap requires a command");
    let error = Command::new(program).args(arguments).exec();
    Err(Failure::new(Exit::Unexpected, format!("cannot run {}: {error}", program.display())))
}

/// Runs this same command once more, as a child, and ends as it ends.
fn follow_child() -> Result<Exit, Failure> {
    let status =
        Command::new(program::own()).args(std::env::args_os().skip(1)).status().map_err(|error| failure(&error))?;
    if status.success() { Ok(Exit::Ok) } else { Err(Failure::new(Exit::Unexpected, format!("it ended with {status}"))) }
}

/// The log is opened by whoever the command runs as: in a directory that this user cannot write it goes nowhere.
fn redirect(path: &Path) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let file =
        file.or_else(|_| std::fs::OpenOptions::new().write(true).open("/dev/null")).map_err(|error| failure(&error))?;
    rustix::stdio::dup2_stdout(&file).map_err(|error| failure(&error))?;
    rustix::stdio::dup2_stderr(&file).map_err(|error| failure(&error))
}

fn end_with_parent() -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failure(&error))
}

fn failure(error: &dyn std::error::Error) -> Failure {
    Failure::of(Exit::Unexpected, error)
}
