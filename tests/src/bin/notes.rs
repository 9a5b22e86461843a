//! `notes`: a small server application that keeps notes in SQLite. It is what the demo and the tests without a machine
//! publish, install and break. It knows nothing of Surefoot.
//!
//! It runs in its release's directory: `VERSION` is what it says it is, `settings.txt` in `data/` holds its port, and a
//! release whose `BEHAVIOUR` says `ill` answers 500 when asked for its health. What `confession.txt` in `data/` says, it repeats there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

const DATABASE: &str = "data/notes.sqlite3";
const PID: &str = "data/notes.pid";

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("start") => start(),
        Some("stop") => stop(),
        Some("serve") => serve(),
        _ => anyhow::bail!("usage: notes start | stop | serve"),
    }
}

fn start() -> anyhow::Result<()> {
    let child = Command::new(std::env::current_exe()?).arg("serve").stdin(Stdio::null()).spawn()?;
    std::fs::write(PID, child.id().to_string())?;
    Ok(())
}

fn stop() -> anyhow::Result<()> {
    let pid = std::fs::read_to_string(PID)?.trim().parse()?;
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::TERM);
    }
    Ok(())
}

fn serve() -> anyhow::Result<()> {
    let port = std::fs::read_to_string("data/settings.txt")?.trim().to_owned();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let database = Connection::open(DATABASE)?;
    database.busy_timeout(Duration::from_secs(5))?;
    for stream in listener.incoming() {
        // One bad client is no reason to end.
        let _ = stream.map_err(anyhow::Error::from).and_then(|stream| answer(stream, &database));
    }
    Ok(())
}

fn answer(mut stream: TcpStream, database: &Connection) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let length = read_headers(&mut reader)?;
    let (status, body) = if first.starts_with("GET /health ") {
        health()
    } else if first.starts_with("GET /pid ") {
        (200, std::process::id().to_string())
    } else if first.starts_with("POST /notes ") {
        let mut text = vec![0; length];
        reader.read_exact(&mut text)?;
        database.execute("insert into notes (text) values (?1)", [String::from_utf8_lossy(&text)])?;
        (200, "kept".to_owned())
    } else if first.starts_with("GET /notes ") {
        let count: i64 = database.query_row("select count(*) from notes", [], |row| row.get(0))?;
        (200, count.to_string())
    } else {
        (404, "not found".to_owned())
    };
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    Ok(())
}

fn read_headers(reader: &mut impl BufRead) -> anyhow::Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            return Ok(length);
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
}

fn health() -> (u16, String) {
    let version = std::fs::read_to_string("VERSION").unwrap_or_default();
    let ill = std::fs::read_to_string("BEHAVIOUR").is_ok_and(|text| text.trim() == "ill");
    let (status, word) = if ill { (500, "ill") } else { (200, "ok") };
    let confession = std::fs::read_to_string("data/confession.txt").unwrap_or_default();
    let more = if confession.is_empty() { String::new() } else { format!(r#","error":"{confession}""#) };
    (status, format!(r#"{{"status":"{word}","version":"{}"{more}}}"#, version.trim()))
}
