//! How a migration step is run on PostgreSQL: as a command for the application's user, since a file for `psql` can run programs (`\!`).

use std::path::Path;
use std::time::Duration;

use manifest_schema::migration::{MigrationStep, MigrationType};

use super::super::{StoreError, VendorCommand};
use super::{Postgres, session};

impl Postgres {
    pub(in super::super) fn migration(
        &self,
        step: &MigrationStep,
        file: &Path,
        release: &Path,
    ) -> Result<VendorCommand, StoreError> {
        let file = file.display().to_string();
        let (argv, env) = match step.kind {
            MigrationType::Command => (vec![file], self.environment()),
            MigrationType::Sql => (self.psql_arguments(&file, step.transaction)?, self.psql_environment()),
        };
        let timeout = Duration::from_secs(step.timeout_seconds);
        Ok(VendorCommand { argv, env, directory: release.to_owned(), timeout })
    }

    fn psql_arguments(&self, file: &str, transaction: bool) -> Result<Vec<String>, StoreError> {
        let psql = session::psql()?.display().to_string();
        let conninfo = self.application.target.conninfo(self.live());
        let mut argv = vec![psql, "-X".into(), "-w".into(), "-v".into(), "ON_ERROR_STOP=1".into()];
        argv.extend(transaction.then(|| "--single-transaction".to_owned()));
        argv.extend(["--dbname".to_owned(), conninfo, "-f".to_owned(), file.to_owned()]);
        Ok(argv)
    }

    fn psql_environment(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("PGAPPNAME".to_owned(), self.application.called.clone()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ];
        env.extend(self.application.target.password.iter().map(|password| ("PGPASSWORD".to_owned(), password.clone())));
        env
    }
}
