//! What `[github]` comes to: which GitHub, and whether it is asked with a token.

use std::path::Path;

use super::GitHubFile;
use crate::exit::chain;
use crate::source::{Hosts, SourceSpec, TokenPlace};

/// The addresses, and where the token is kept; or what is wrong, in a sentence. Files are named from `directory` on.
pub(super) fn resolve(file: &GitHubFile, directory: &Path) -> Result<(Hosts, Option<TokenPlace>), String> {
    let (api, downloads) = (file.api.as_deref(), file.downloads.as_deref());
    let token = match (&file.token_file, &file.token_credential) {
        (Some(_), Some(_)) => return Err("say token_file or token_credential, not both".to_owned()),
        (Some(path), None) if !path.to_string_lossy().contains(['/', '.']) => {
            return Err(
                "token_file names a file, such as kkt.token; a token itself must not be written here".to_owned()
            );
        }
        (Some(path), None) => Some(TokenPlace::File(directory.join(path))),
        (None, Some(name)) => Some(TokenPlace::Credential(name.clone())),
        (None, None) => None,
    };
    let hosts = match (&token, api) {
        (Some(_), _) => Hosts::private(downloads, api),
        (None, Some(_)) => {
            return Err("api is asked with a token only: say token_file or token_credential too".to_owned());
        }
        (None, None) => Hosts::public(downloads),
    };
    Ok((hosts.map_err(|error| chain(&error))?, token))
}

pub(super) fn is_there(source: &SourceSpec) -> bool {
    matches!(source, SourceSpec::GitHub(_))
}
