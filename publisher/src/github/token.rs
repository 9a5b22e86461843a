//! The token: from a file or the environment, never from the command line, never printed.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;

use crate::secret::{self, SecretError};

/// Where a token is looked for when no file is named, in this order.
pub const VARIABLES: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];

/// Names a file that holds the token, for systemd credentials and CI secrets that are files.
pub const FILE_VARIABLE: &str = "GITHUB_TOKEN_FILE";

/// Larger files hold no token.
const LARGEST: u64 = 4096;

/// A token that shows itself to nobody but a request.
#[derive(Clone)]
pub struct Token(HeaderValue);

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file is not one that a secret may lie in.
    #[error(transparent)]
    Secret(SecretError),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is no token.
    #[error("{0} does not hold a GitHub token: one line of letters, digits and underscores")]
    Illegal(String),
}

impl Token {
    /// The token in the file that [`FILE_VARIABLE`] names, or else in one of [`VARIABLES`], as `variable` reads the
    /// environment. `None` where none of them is set.
    ///
    /// # Errors
    /// When the named file is missing or readable by others, or what is found is no token.
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TokenError> {
        if let Some(path) = variable(FILE_VARIABLE) {
            return Self::read(Path::new(&path)).map(Some);
        }
        let set = |name: &&str| variable(name).is_some_and(|value| !value.trim().is_empty());
        match VARIABLES.into_iter().find(set) {
            Some(name) => Self::new(&variable(name).unwrap_or_default(), name).map(Some),
            None => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Self, TokenError> {
        let mut text = String::new();
        let file = secret::open(path).map_err(TokenError::Secret)?;
        let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
        file.take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
        Self::new(&text, &path.display().to_string())
    }

    fn new(text: &str, place: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let illegal = || TokenError::Illegal(place.to_owned());
        if text.is_empty() || !text.chars().all(legal) {
            return Err(illegal());
        }
        let mut header: HeaderValue = format!("Bearer {text}").parse().map_err(|_| illegal())?;
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[test]
    fn a_token_is_never_printed() {
        let token = Token::find(|name| (name != FILE_VARIABLE).then(|| "ghp_secret".to_owned())).unwrap().unwrap();
        let shown = format!("{token:?} {:?}", token.header());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        disk::replace(file.path(), b"ghp_secret\n").unwrap();
        let refused = Token::find(|_| file.path().to_str().map(str::to_owned)).unwrap_err();
        assert!(matches!(refused, TokenError::Secret(SecretError::Exposed { .. })), "{refused}");
    }

    #[test]
    fn an_empty_variable_is_no_token() {
        assert!(Token::find(|name| (name != FILE_VARIABLE).then(String::new)).unwrap().is_none());
    }
}
