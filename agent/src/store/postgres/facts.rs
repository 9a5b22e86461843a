//! What the application's role can find out about its database and about its own rights, in one question.

use std::time::Duration;

use serde::Deserialize;

use super::super::StoreError;
use super::session::Session;

/// Facts about a live database, as its application's role sees them.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Facts {
    /// Such as 150014.
    pub(super) number: u32,
    /// Such as `15.14`.
    pub(super) version: String,
    /// Bytes.
    pub(super) size: u64,
    /// The database's object id.
    pub(super) oid: u32,
    /// Why nothing can be changed in it.
    pub(super) read_only: Option<String>,
    /// Whether the role may make databases.
    pub(super) may_create: bool,
    /// Whether the role is the database's owner or a member of it.
    pub(super) owns: bool,
    /// Other roles that the database keeps settings for, which only a superuser can set.
    pub(super) foreign_settings: Vec<String>,
    /// Owners, not this role, of what is in the database: a dump could not be brought back with them.
    pub(super) foreign_owners: Vec<String>,
    /// Extensions that only a superuser can make.
    pub(super) untrusted: Vec<String>,
    /// Schemas that the role could not remove.
    pub(super) foreign_schemas: Vec<String>,
}

/// For how long the server has been up.
pub(super) fn up_for(session: &Session) -> Result<Duration, StoreError> {
    let question = "SELECT greatest(0, extract(epoch FROM now() - pg_postmaster_start_time()))::bigint;";
    let seconds = session.ask(&session.target.database, "ask the server since when it is up", question)?;
    Ok(Duration::from_secs(seconds))
}

const QUESTION: &str = "
WITH me AS (SELECT oid, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user),
own_schemas AS (
    SELECT n.oid, n.nspname, n.nspowner FROM pg_namespace n
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
SELECT json_build_object(
    'number', current_setting('server_version_num')::int,
    'version', split_part(current_setting('server_version'), ' ', 1),
    'size', pg_database_size(current_database()),
    'oid', d.oid::bigint,
    'read_only', CASE WHEN pg_is_in_recovery() THEN 'its server is a standby, which can only be read'
        WHEN current_setting('transaction_read_only')::boolean THEN 'default_transaction_read_only is on for its role' END,
    'may_create', me.rolsuper OR me.rolcreatedb,
    'owns', pg_has_role(d.datdba, 'MEMBER'),
    'foreign_settings', (SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(setrole)), '[]') FROM pg_db_role_setting
        WHERE setdatabase = d.oid AND setrole NOT IN (0, me.oid) AND NOT me.rolsuper),
    'foreign_owners', (SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(owner)), '[]') FROM (
            SELECT relowner AS owner, oid, 'pg_class'::regclass AS of FROM pg_class WHERE relnamespace IN (SELECT oid FROM own_schemas)
            UNION ALL SELECT proowner, oid, 'pg_proc'::regclass FROM pg_proc WHERE pronamespace IN (SELECT oid FROM own_schemas)
            UNION ALL SELECT typowner, oid, 'pg_type'::regclass FROM pg_type
                WHERE typnamespace IN (SELECT oid FROM own_schemas) AND typrelid = 0 AND typcategory <> 'A') o
        WHERE NOT pg_has_role(owner, 'MEMBER')
            AND NOT EXISTS (SELECT FROM pg_depend p WHERE p.classid = o.of AND p.objid = o.oid AND p.deptype = 'e')),
    'untrusted', (SELECT coalesce(json_agg(e.extname), '[]') FROM pg_extension e
        JOIN pg_available_extension_versions v ON v.name = e.extname AND v.version = e.extversion
        WHERE e.extname <> 'plpgsql' AND NOT me.rolsuper AND v.superuser
            AND NOT coalesce((to_jsonb(v) ->> 'trusted')::boolean, false)),
    'foreign_schemas', (SELECT coalesce(json_agg(nspname), '[]') FROM own_schemas WHERE NOT pg_has_role(nspowner, 'MEMBER')))
FROM pg_database d, me WHERE d.datname = current_database();";

/// Asks for the facts about the session's own database.
pub(super) fn ask(application: &Session) -> Result<Facts, StoreError> {
    application.ask(&application.target.database, "look at the database", QUESTION)
}

impl Facts {
    /// The server's major version, as in the names of packages.
    pub(super) fn major(&self) -> u32 {
        self.number / 10_000
    }

    /// Why the role by itself cannot copy and rename the database.
    pub(super) fn why_no_own_power(&self) -> Option<String> {
        if !self.may_create {
            return Some("its role may not create databases".to_owned());
        }
        if !self.owns {
            return Some("its role does not own it".to_owned());
        }
        let others = self.foreign_settings.join(", ");
        (!others.is_empty()).then(|| format!("it keeps settings for other roles: {others}"))
    }

    /// Why a dump could not be brought back by the role; `in_place`: into the live database itself.
    pub(super) fn why_no_dump(&self, in_place: bool) -> Option<String> {
        let foreign = |what: &str, list: &[String]| {
            (!list.is_empty()).then(|| format!("a dump could not be brought back: {what} {}", list.join(", ")))
        };
        foreign("its role is no member of the owners", &self.foreign_owners)
            .or_else(|| foreign("only a superuser can make the extensions", &self.untrusted))
            .or_else(|| {
                foreign("its role does not own the schemas", if in_place { &self.foreign_schemas } else { &[] })
            })
    }
}
