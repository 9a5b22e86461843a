//! The application as its users see it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, chown};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::Client;

impl Client {
    /// Asks the application.
    ///
    /// # Errors
    /// When it does not answer with 200.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.contains(" 200 "), "{head}");
        Ok(body.to_owned())
    }

    /// Writes a note.
    ///
    /// # Errors
    /// When the application does not take it.
    pub fn note(&self, text: &str) -> anyhow::Result<()> {
        self.ask("POST", "/notes", text).map(drop)
    }

    /// How many notes the application has.
    ///
    /// # Errors
    /// When it does not say.
    pub fn notes(&self) -> anyhow::Result<u64> {
        Ok(self.ask("GET", "/notes", "")?.parse()?)
    }

    /// The version that serves.
    ///
    /// # Errors
    /// When nothing does.
    pub fn version(&self) -> anyhow::Result<String> {
        let answer: serde_json::Value = serde_json::from_str(&self.ask("GET", "/health", "")?)?;
        Ok(answer["version"].as_str().unwrap_or_default().to_owned())
    }

    /// The database, opened to be looked at.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn database(&self) -> anyhow::Result<rusqlite::Connection> {
        Ok(rusqlite::Connection::open(self.shared().join("data/notes.sqlite3"))?)
    }

    /// Leaves a file of the application's among those that survive an update, with the owner of the others.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.shared().join(name);
        let owner = std::fs::metadata(self.shared())?;
        std::fs::write(&path, text)?;
        Ok(chown(&path, Some(owner.uid()), Some(owner.gid()))?)
    }
}
