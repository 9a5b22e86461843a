//! Asking the daemon. The connection only watches: closing the terminal closes it, and the work goes on.

use std::io::{BufRead, BufReader, IsTerminal, Write, stderr, stdin, stdout};
use std::os::unix::net::UnixStream;

use manifest_schema::path::Name;

use super::progress::Progress;
use super::{Format, words};
use crate::event::Event;
use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::request::Request;

/// How a request ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) answer: Option<serde_json::Value>,
}

/// Asks, and passes on what the daemon tells meanwhile.
pub(super) fn request(layout: &Layout, request: &Request, tell: &mut dyn FnMut(Event)) -> Result<Ended, Failure> {
    let mut stream = connect(layout)?;
    let lost = |error: std::io::Error| Failure::new(Exit::Unexpected, format!("the agent does not answer: {error}"));
    let line = serde_json::to_string(request).expect("a request has only text keys");
    stream.write_all(format!("{line}\n").as_bytes()).map_err(lost)?;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(lost)?;
        let event = serde_json::from_str(&line).map_err(|error| {
            Failure::new(Exit::Unexpected, format!("the agent answers in a way that is not known here: {error}"))
        })?;
        match event {
            Event::Ended { exit, message, answer } => return Ok(Ended { exit, message, answer }),
            Event::Step { .. } | Event::Progress { .. } | Event::Note { .. } => tell(event),
        }
    }
    Err(Failure::new(
        Exit::Unexpected,
        "the agent was stopped; it goes on by itself at its next start: see 'surefoot status'",
    ))
}

fn connect(layout: &Layout) -> Result<UnixStream, Failure> {
    let socket = layout.socket();
    UnixStream::connect(&socket).map_err(|error| {
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            return Failure::new(Exit::Usage, "only root, or a member of the group that is configured, may ask the agent to change something: use sudo");
        }
        let socket = socket.display();
        Failure::new(Exit::NotRunning, format!("the agent does not run ({socket}: {error}): systemctl start surefoot"))
    })
}

/// Asks for an act and shows how it goes.
pub(super) fn act(layout: &Layout, asked: Request) -> Result<Exit, Failure> {
    let mut progress = Progress::new();
    let ended = request(layout, &asked, &mut |event| progress.event(&event));
    progress.finish();
    finish(ended?)
}

/// Asks for something to read.
pub(super) fn look(layout: &Layout, asked: Request, format: Format) -> Result<Exit, Failure> {
    let ended = request(layout, &asked, &mut |_| {})?;
    if !format.json || ended.exit != Exit::Ok {
        return finish(ended);
    }
    say(&serde_json::to_string_pretty(&ended.answer).expect("JSON stays JSON"));
    Ok(Exit::Ok)
}

/// Says what an abandoned update leaves, asks, and abandons it.
pub(super) fn abandon(layout: &Layout, instance: Option<Name>, dry_run: bool, yes: bool) -> Result<Exit, Failure> {
    let asked = |dry_run| Request::Abandon { instance: instance.clone(), dry_run };
    considered(layout, asked, dry_run, if yes { None } else { Some("Leave it like this?") })
}

/// Says what an act would do, asks where there is a question, and does it.
fn considered(
    layout: &Layout,
    asked: impl Fn(bool) -> Request,
    dry_run: bool,
    question: Option<&str>,
) -> Result<Exit, Failure> {
    let told = request(layout, &asked(true), &mut |_| {})?;
    if dry_run || told.exit != Exit::Ok {
        return finish(told);
    }
    say(&told.message);
    if let Some(question) = question
        && !agreed(question)?
    {
        say("nothing was done");
        return Ok(Exit::Ok);
    }
    act(layout, asked(false))
}

/// Asks a person; only a person can agree.
pub(super) fn agreed(question: &str) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "nobody is there to agree: say --yes"));
    }
    let _ = write!(stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    stdin().read_line(&mut answer).map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Says how a request ended.
pub(super) fn finish(ended: Ended) -> Result<Exit, Failure> {
    if ended.exit != Exit::Ok {
        return Err(Failure::new(ended.exit, ended.message));
    }
    if !ended.message.is_empty() {
        say(&ended.message);
    }
    Ok(Exit::Ok)
}

/// Prints a line. A reader who has gone is no error.
pub(super) fn say(text: &str) {
    let _ = writeln!(stdout(), "{}", words::clean(text));
}
