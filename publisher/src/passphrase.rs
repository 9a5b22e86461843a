//! The passphrases of the keys: from a file, a descriptor or the terminal, never from the command line.
//!
//! Keys may have different ones, as a new key has that replaces a stolen one. Those that are known are tried in turn.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use pkcs8::der::zeroize::Zeroizing;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::secret::{self, SecretError};

/// Longest passphrase, in bytes.
const LONGEST: u64 = 4096;

/// How many a file may hold: each is tried, and each try takes some tenths of a second.
const MOST: usize = 8;

/// How often a person may mistype.
const TRIES: usize = 3;

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// Nobody to ask.
    #[error("no passphrase: name a file with --passphrase-file or SUREFOOT_PASSPHRASE_FILE, or run this on a terminal")]
    Nobody,
    /// The file cannot be read.
    #[error("cannot read the passphrase from {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Its file is not one that a secret may lie in.
    #[error(transparent)]
    Secret(SecretError),
    /// The terminal cannot be used.
    #[error("cannot ask for the passphrase on the terminal")]
    Terminal(#[source] io::Error),
    /// Nothing was given.
    #[error("the passphrase is empty")]
    Empty,
    /// Typed differently the second time.
    #[error("the two passphrases differ")]
    Different,
}

/// The passphrases, read or asked for once and then remembered; wiped when dropped.
pub struct Passphrases {
    file: Option<PathBuf>,
    known: Vec<Zeroizing<String>>,
}

impl Passphrases {
    /// From `file` where there is one (`/dev/fd/3` for a descriptor), a line each, else from the terminal.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, known: Vec::new() }
    }

    /// A passphrase that is known already.
    pub fn fixed(passphrase: &str) -> Self {
        Self { file: None, known: vec![Zeroizing::new(passphrase.to_owned())] }
    }

    /// What `open` makes of the passphrase of `key`, a file; `None` where none opens it.
    ///
    /// # Errors
    /// When there is nobody to ask, or the file of the passphrases cannot be used.
    pub fn open<T>(&mut self, key: &Path, open: impl Fn(&str) -> Option<T>) -> Result<Option<T>, PassphraseError> {
        if let Some(file) = self.file.as_ref().filter(|_| self.known.is_empty()) {
            self.known = from_file(file)?;
        }
        if let Some(opened) = self.known.iter().find_map(|known| open(known)) {
            return Ok(Some(opened));
        }
        // A passphrase that was handed in is what there is; only a person can be asked again.
        let may_ask = self.file.is_none() && (self.known.is_empty() || io::stdin().is_terminal());
        for _ in 0..if may_ask { TRIES } else { 0 } {
            let typed = from_terminal(&format!("Passphrase of {}: ", key.display()))?;
            if typed.is_empty() {
                return Err(PassphraseError::Empty);
            }
            let opened = open(&typed);
            if opened.is_some() {
                self.known.push(typed);
                return Ok(opened);
            }
        }
        Ok(None)
    }

    /// The passphrase for new keys: the first in the file, or typed twice on a terminal.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the two differ.
    pub fn choose(&mut self) -> Result<&str, PassphraseError> {
        if self.known.is_empty() {
            self.known = match &self.file {
                Some(file) => from_file(file)?,
                None => vec![chosen()?],
            };
        }
        Ok(self.known.first().expect("a file without any is an error"))
    }
}

fn chosen() -> Result<Zeroizing<String>, PassphraseError> {
    let first = from_terminal("Passphrase for the new keys: ")?;
    let second = from_terminal("The same again: ")?;
    match first == second {
        true if first.is_empty() => Err(PassphraseError::Empty),
        true => Ok(first),
        false => Err(PassphraseError::Different),
    }
}

/// The lines of the file.
fn from_file(path: &Path) -> Result<Vec<Zeroizing<String>>, PassphraseError> {
    let unreadable = |source| PassphraseError::Unreadable { path: path.to_owned(), source };
    let file = secret::open(path).map_err(PassphraseError::Secret)?;
    let mut lines = BufReader::new(file.take(LONGEST * MOST as u64));
    let mut passphrases = Vec::new();
    while passphrases.len() < MOST {
        let mut line = Zeroizing::new(String::new());
        if lines.read_line(&mut line).map_err(unreadable)? == 0 {
            break;
        }
        passphrases.push(without_end(line));
    }
    passphrases.retain(|passphrase| !passphrase.is_empty());
    if passphrases.is_empty() { Err(PassphraseError::Empty) } else { Ok(passphrases) }
}

fn from_terminal(prompt: &str) -> Result<Zeroizing<String>, PassphraseError> {
    if !io::stdin().is_terminal() {
        return Err(PassphraseError::Nobody);
    }
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|_| PassphraseError::Nobody)?;
    without_echo(&terminal, prompt).map_err(PassphraseError::Terminal)
}

fn without_echo(terminal: &File, prompt: &str) -> io::Result<Zeroizing<String>> {
    let before = tcgetattr(terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    let mut screen = terminal;
    write!(screen, "{prompt}")?;
    tcsetattr(terminal, OptionalActions::Flush, &silent)?;
    let line = first_line(terminal);
    tcsetattr(terminal, OptionalActions::Now, &before)?;
    writeln!(screen)?;
    line
}

fn first_line(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(from.take(LONGEST)).read_line(&mut line)?;
    Ok(without_end(line))
}

fn without_end(mut line: Zeroizing<String>) -> Zeroizing<String> {
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    line
}
