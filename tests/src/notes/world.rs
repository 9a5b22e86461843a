//! A vendor, a web server with what the vendor publishes, and a client that follows it: one world a test.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tempfile::TempDir;

use super::{Change, Client, Vendor, open_to_all};
use crate::static_server::StaticServer;

/// How long to wait for what happens in moments on any machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Short times, so that a test takes seconds; and no check but those that a test asks for.
const QUICK: &str = "[health]\nstart_within_seconds = 2\nsoak_seconds = 1\n[schedule]\ncheck = \"@every 24h\"\n";

/// The world. Its fields end in their order: the client with its daemon and application first, the directory last.
pub struct World {
    /// Who installs.
    pub client: Client,
    /// Who publishes.
    pub vendor: Vendor,
    server: StaticServer,
    directory: TempDir,
}

impl World {
    /// A world where nothing is published and nothing installed; the daemon runs.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        Self::below(tempfile::Builder::new().prefix("surefoot-world-").tempdir()?)
    }

    /// A world where 1.0.0 serves with three notes.
    ///
    /// # Errors
    /// When that does not come about.
    pub fn installed() -> anyhow::Result<Self> {
        Self::new()?.with_notes()
    }

    /// A world where 1.0.0 serves with three notes, below a directory of the test's own.
    ///
    /// # Errors
    /// When that does not come about.
    pub fn installed_below(directory: TempDir) -> anyhow::Result<Self> {
        Self::below(directory)?.with_notes()
    }

    /// A world where nothing is installed, below a directory of the test's own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn below(directory: TempDir) -> anyhow::Result<Self> {
        // Root plays the client as another user, who must be able to come here.
        open_to_all(directory.path())?;
        let vendor = Vendor::new(directory.path())?;
        let server = StaticServer::serve(vendor.releases());
        let mut client = Client::new(directory.path(), server.base_url(), &vendor.root(), QUICK)?;
        client.looked_last(jiff::Timestamp::now())?;
        client.start()?;
        Ok(Self { client, vendor, server, directory })
    }

    fn with_notes(mut self) -> anyhow::Result<Self> {
        self.vendor.release("1.0.0", "Notes can be kept", Change::default())?;
        self.client.surefoot(&["install"])?.well()?;
        for note in ["buy milk", "call Ada", "water the plants"] {
            self.client.note(note)?;
        }
        self.serves("1.0.0", 3)?;
        Ok(self)
    }

    /// Where all of it is.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where the releases are served.
    pub fn source(&self) -> &str {
        self.server.base_url()
    }

    /// Configures the client anew, with its usual short times.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, source: &str, more: &str) -> anyhow::Result<()> {
        self.client.configure(source, &format!("{more}\n{QUICK}"))
    }

    /// Lets the daemon's schedule be due now.
    ///
    /// # Errors
    /// When the daemon does not come back.
    pub fn poll(&mut self) -> anyhow::Result<()> {
        self.client.stop()?;
        self.client.looked_last(jiff::Timestamp::UNIX_EPOCH)?;
        self.client.start()
    }

    /// Insists on what serves and how many notes it has.
    ///
    /// # Errors
    /// When it is otherwise.
    pub fn serves(&self, version: &str, notes: u64) -> anyhow::Result<()> {
        let (found, kept) = (self.client.version()?, self.client.notes()?);
        ensure!(found == version && kept == notes, "{found} serves with {kept} notes, not {version} with {notes}");
        Ok(())
    }

    /// The columns of the table of notes: which schema the database has.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn columns(&self) -> anyhow::Result<Vec<String>> {
        let database = self.client.database()?;
        let mut statement = database.prepare("select name from pragma_table_info('notes')")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}
