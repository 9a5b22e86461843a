//! Commands that carry the vendor's code: this room says what is to be run, somebody else runs it as the application's user.

use std::path::PathBuf;
use std::time::Duration;

/// A command that must never run with the agent's own rights.
#[derive(Clone, PartialEq, Eq)]
pub struct VendorCommand {
    /// Program and arguments; never a secret, since every user of the machine can read them.
    pub argv: Vec<String>,
    /// The variables it needs besides the usual ones. Some are secrets.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub directory: PathBuf,
    /// When it is ended.
    pub timeout: Duration,
}

/// Runs a vendor's command as the application's user, and fails when the command does.
pub type RunVendor<'a> = dyn Fn(&VendorCommand) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + 'a;

impl std::fmt::Debug for VendorCommand {
    /// Names the variables and keeps their values to itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("VendorCommand")
            .field("argv", &self.argv)
            .field("env", &names)
            .field("directory", &self.directory)
            .field("timeout", &self.timeout)
            .finish()
    }
}
