//! The passphrase of the keys: from a file, a descriptor or the terminal, never from the command line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pkcs8::der::zeroize::Zeroizing;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Longest passphrase, in bytes.
const LONGEST: u64 = 4096;

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
    /// Others can read it.
    #[error("the passphrase file {} has mode {mode:04o}, others can read it: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
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

/// The passphrase, asked for once and then remembered; wiped when dropped.
pub struct Passphrases {
    file: Option<PathBuf>,
    known: Option<Zeroizing<String>>,
}

impl Passphrases {
    /// From `file` where there is one (`/dev/fd/3` for a descriptor), else from the terminal.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, known: None }
    }

    /// A passphrase that is known already.
    pub fn fixed(passphrase: &str) -> Self {
        Self { file: None, known: Some(Zeroizing::new(passphrase.to_owned())) }
    }

    /// The passphrase of existing keys.
    ///
    /// # Errors
    /// When there is nobody to ask, or the file cannot be used.
    pub fn ask(&mut self) -> Result<&str, PassphraseError> {
        self.known(|| from_terminal("Passphrase of the keys: "))
    }

    /// The passphrase for new keys: typed twice on a terminal.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and when the two differ.
    pub fn choose(&mut self) -> Result<&str, PassphraseError> {
        self.known(|| {
            let first = from_terminal("Passphrase for the new keys: ")?;
            let second = from_terminal("The same again: ")?;
            if first == second { Ok(first) } else { Err(PassphraseError::Different) }
        })
    }

    fn known(
        &mut self,
        terminal: impl FnOnce() -> Result<Zeroizing<String>, PassphraseError>,
    ) -> Result<&str, PassphraseError> {
        if self.known.is_none() {
            let passphrase = match &self.file {
                Some(file) => from_file(file)?,
                None => terminal()?,
            };
            if passphrase.is_empty() {
                return Err(PassphraseError::Empty);
            }
            self.known = Some(passphrase);
        }
        Ok(self.known.as_ref().expect("it was just put there"))
    }
}

/// The first line of the file.
fn from_file(path: &Path) -> Result<Zeroizing<String>, PassphraseError> {
    let unreadable = |source| PassphraseError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    let mode = found.mode() & 0o7777;
    // A pipe behind a descriptor has no mode that means anything.
    if found.is_file() && mode & 0o077 != 0 {
        return Err(PassphraseError::Exposed { path: path.to_owned(), mode });
    }
    first_line(file).map_err(unreadable)
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
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}
