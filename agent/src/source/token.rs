//! The token for a private repository: where it is kept, and what it is once it has been read.
//!
//! It is never in an argument, an environment, an error or a log. From here it goes through the pipe to the fetch process, and
//! from there to the origin of the request that it came with ([`super::child`]).

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use manifest_schema::path::Name;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::durable::{Readers, SecretError, open_secret};

/// Names the directory of a unit's credentials (systemd.exec(5), `LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Larger files hold no token.
const LARGEST: u64 = 1024;

/// A token that shows itself to nobody but the pipe.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

/// Where a token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// In a file that only the agent can read.
    File(PathBuf),
    /// With systemd, which lets the agent's unit have it under this name.
    Credential(Name),
}

/// Why there is no usable token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// Its file is not one that a secret may lie in.
    #[error("the token for GitHub is not used")]
    Secret(#[source] SecretError),
    /// This process has no credentials.
    #[error("the credential {0} for GitHub is not here: only the unit surefoot.service has it, by LoadCredential=")]
    NoCredentials(Name),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no token.
    #[error("{} does not hold a GitHub token: one line of letters, digits and underscores", .0.display())]
    Illegal(PathBuf),
}

impl TokenPlace {
    /// The token as it is now.
    ///
    /// # Errors
    /// When it is not there, others can have it, or it is none.
    pub fn read(&self) -> Result<Token, TokenError> {
        match self {
            Self::File(path) => read(path, Readers::Nobody),
            Self::Credential(name) => match std::env::var_os(CREDENTIALS) {
                Some(directory) => read(&Path::new(&directory).join(name.as_str()), Readers::Credential),
                None => Err(TokenError::NoCredentials(name.clone())),
            },
        }
    }
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Credential(name) => write!(f, "the credential {name}"),
        }
    }
}

impl Token {
    /// A token, if the text is one.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        (!text.is_empty() && text.chars().all(legal)).then(|| Self(text.to_owned()))
    }

    /// The token itself, for the header of a request and for who looks for it in other texts.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn read(path: &Path, readers: Readers) -> Result<Token, TokenError> {
    let mut text = String::new();
    let file = open_secret(path, readers).map_err(TokenError::Secret)?;
    let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
    file.take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
    Token::new(&text).ok_or_else(|| TokenError::Illegal(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::write_atomic;

    #[test]
    fn a_token_is_one_line_and_is_never_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let place = TokenPlace::File(path.clone());
        write_atomic(&path, b"ghp_secret\n", 0o600).unwrap();
        let token = place.read().unwrap();
        assert_eq!(token.reveal(), "ghp_secret");
        assert!(!format!("{token:?} {place:?} {place}").contains("secret"));
        for text in ["", "\n", "two lines\n", "a\nb", "b\u{fc}cher", &"a".repeat(3000)[..0]] {
            write_atomic(&path, text.as_bytes(), 0o600).unwrap();
            let error = crate::exit::chain(&place.read().unwrap_err());
            assert!(error.contains("does not hold a GitHub token"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write_atomic(&path, b"ghp_secret\n", 0o644).unwrap();
        let error = crate::exit::chain(&TokenPlace::File(path.clone()).read().unwrap_err());
        assert!(error.contains(&format!("chmod 600 {}", path.display())) && !error.contains("ghp_"), "{error}");
    }

    #[test]
    fn a_credential_is_only_with_the_unit() {
        let place = TokenPlace::Credential("github-token".parse().unwrap());
        assert!(matches!(place.read(), Err(TokenError::NoCredentials(_))));
    }
}
