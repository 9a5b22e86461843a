//! Gives up what fetching does not need.
//!
//! The user is changed by the engine when it starts this process; a process may only give up its own rights here.

use rustix::process::{Resource, Rlimit, Signal, geteuid, getuid, set_parent_process_death_signal, setrlimit};
use rustix::thread::set_no_new_privs;

/// Leaves this process unable to gain rights, to write files, to dump its memory, or to outlive the engine's thread.
/// Called before there is a second thread, because `no_new_privs` is inherited and not shared (`prctl(2)`).
///
/// Fails with a sentence where the process is root: whatever a server sends would be parsed with all rights.
pub(super) fn confine() -> Result<(), String> {
    if getuid().is_root() || geteuid().is_root() {
        return Err("the fetch process must not run as root: it needs the user surefoot".to_owned());
    }
    let told = |what: &'static str| move |error| format!("the fetch process cannot {what}: {error}");
    set_no_new_privs(true).map_err(told("give up gaining privileges"))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(told("be tied to the agent"))?;
    for resource in [Resource::Core, Resource::Fsize] {
        setrlimit(resource, nothing()).map_err(told("give up writing files"))?;
    }
    Ok(())
}

fn nothing() -> Rlimit {
    Rlimit { current: Some(0), maximum: Some(0) }
}
