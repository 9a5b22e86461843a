//! The token: from a file or the environment, never from the command line, never printed.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;

use crate::disk::{self, DiskError};

/// Where a token is looked for when no file is named, in this order.
pub const VARIABLES: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];

/// Names a file that holds the token, for systemd credentials and CI secrets that are files.
pub const FILE_VARIABLE: &str = "GITHUB_TOKEN_FILE";

/// A token that shows itself to nobody but a request.
#[derive(Clone)]
pub struct Token(HeaderValue);

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file is not there.
    #[error("{} does not exist: it should hold a GitHub token", .0.display())]
    Missing(PathBuf),
    /// Others on this machine can read the file.
    #[error("{} can be read by others: chmod 600 it, and consider the token known", .0.display())]
    Exposed(PathBuf),
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
        let file = disk::open(path)?;
        let mode = file.metadata().map_err(disk::failed("look at", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(TokenError::Exposed(path.to_owned()));
        }
        let text = disk::read_text(path, 4096)?.ok_or_else(|| TokenError::Missing(path.to_owned()))?;
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
        assert!(matches!(refused, TokenError::Exposed(_)), "{refused}");
    }

    #[test]
    fn an_empty_variable_is_no_token() {
        assert!(Token::find(|name| (name != FILE_VARIABLE).then(String::new)).unwrap().is_none());
    }
}
