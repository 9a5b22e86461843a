//! What a database has besides its contents: owner, grants, settings, limit, comment. Neither `CREATE DATABASE … TEMPLATE` nor a
//! dump carries them, so they are read, kept and applied here.

use serde::{Deserialize, Serialize};

use super::super::StoreError;
use super::names::{identifier, literal};
use super::session::{SHORT, Session};

/// Owner, grants, settings and the like of a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Properties {
    /// The role that owns it.
    pub owner: String,
    /// Most sessions at a time; -1: no limit.
    pub connection_limit: i32,
    /// Its comment.
    pub comment: Option<String>,
    /// Who may do what with the database itself; `None`: what PostgreSQL grants by default.
    pub grants: Option<Vec<Grant>>,
    /// Settings for sessions in it.
    pub settings: Vec<SessionSetting>,
    /// Character encoding.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// Locale provider, as in `pg_database.datlocprovider`; `None` before version 15.
    pub provider: Option<String>,
    /// The provider's locale.
    pub locale: Option<String>,
    /// The default tablespace.
    pub tablespace: String,
}

/// A privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The role; `None`: everybody.
    pub to: Option<String>,
    /// What it may do.
    pub privilege: Privilege,
    /// Whether the role may pass it on.
    pub grantable: bool,
}

/// What may be granted on a database (PostgreSQL's manual, "Privileges"). Words of the server's own would become a part of what
/// `psql` runs for us, and `psql` can run programs (`\!`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Privilege {
    /// To connect.
    Connect,
    /// To make schemas.
    Create,
    /// To make temporary tables.
    Temporary,
}

impl Privilege {
    fn word(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Create => "CREATE",
            Self::Temporary => "TEMPORARY",
        }
    }
}

/// A setting that sessions in the database begin with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSetting {
    /// Only for this role; `None`: for all.
    pub role: Option<String>,
    /// The parameter's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Parameters whose value is a list of names that are quoted one by one (`GUC_LIST_QUOTE`, as in pg_dump's
/// `variable_is_guc_list_quote`).
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Reads the properties of a database, from any database of the same server.
pub(super) fn read(session: &Session, from: &str, database: &str) -> Result<Properties, StoreError> {
    understand(&session.run(from, READ, &question(database), SHORT)?)
}

const READ: &str = "read the properties of the database";

pub(crate) fn understand(answer: &str) -> Result<Properties, StoreError> {
    let wrong = |source| StoreError::Answer { act: READ.to_owned(), source };
    let mut properties: Properties = serde_json::from_str(answer.trim()).map_err(wrong)?;
    properties.settings.sort();
    properties.grants.iter_mut().for_each(|grants| grants.sort());
    Ok(properties)
}

fn question(database: &str) -> String {
    format!(
        "SELECT json_build_object(
            'owner', pg_get_userbyid(d.datdba), 'connection_limit', d.datconnlimit,
            'comment', shobj_description(d.oid, 'pg_database'),
            'grants', CASE WHEN d.datacl IS NULL THEN NULL ELSE (
                SELECT coalesce(json_agg(json_build_object(
                    'to', CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END,
                    'privilege', a.privilege_type, 'grantable', a.is_grantable)), '[]')
                FROM aclexplode(d.datacl) a) END,
            'settings', (
                SELECT coalesce(json_agg(json_build_object(
                    'role', CASE WHEN s.setrole = 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END,
                    'name', split_part(c, '=', 1), 'value', substr(c, strpos(c, '=') + 1))), '[]')
                FROM pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setdatabase = d.oid),
            'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate, 'ctype', d.datctype,
            'provider', to_jsonb(d) ->> 'datlocprovider',
            'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
            'tablespace', t.spcname)
        FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = {};",
        literal(database)
    )
}

/// Gives a new database these properties, all or none, and looks whether it has them.
pub(super) fn apply(session: &Session, from: &str, database: &str, wanted: &Properties) -> Result<(), StoreError> {
    let statements = statements(database, wanted).join(";\n");
    let sql = format!("BEGIN;\n{statements};\nCOMMIT;\n{}", question(database));
    let found = understand(&session.run(from, "set the properties of the copy", &sql, SHORT)?)?;
    if found == *wanted {
        return Ok(());
    }
    Err(StoreError::NotPossible {
        database: database.to_owned(),
        reason: format!(
            "the copy's owner, grants or settings differ from the original's: {found:?} instead of {wanted:?}"
        ),
    })
}

pub(crate) fn statements(database: &str, properties: &Properties) -> Vec<String> {
    let name = identifier(database);
    let mut all = vec![format!("ALTER DATABASE {name} CONNECTION LIMIT {}", properties.connection_limit)];
    all.push(match &properties.comment {
        Some(comment) => format!("COMMENT ON DATABASE {name} IS {}", literal(comment)),
        None => format!("COMMENT ON DATABASE {name} IS NULL"),
    });
    if let Some(grants) = &properties.grants {
        all.push(format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC, {}", identifier(&properties.owner)));
        all.extend(grants.iter().map(|grant| grant.statement(&name)));
    }
    all.extend(properties.settings.iter().map(|setting| setting.statement(&name)));
    all
}

impl Grant {
    fn statement(&self, database: &str) -> String {
        let to = self.to.as_deref().map_or("PUBLIC".to_owned(), identifier);
        let option = if self.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON DATABASE {database} TO {to}{option}", self.privilege.word())
    }
}

impl SessionSetting {
    fn statement(&self, database: &str) -> String {
        let whom = match &self.role {
            Some(role) => format!("ROLE {} IN DATABASE {database}", identifier(role)),
            None => format!("DATABASE {database}"),
        };
        let value = if LISTS.contains(&self.name.as_str()) { list(&self.value) } else { literal(&self.value) };
        // A parameter's name may be of two parts, `app.tenant`; each is quoted by itself.
        let name: Vec<String> = self.name.split('.').map(identifier).collect();
        format!("ALTER {whom} SET {} TO {value}", name.join("."))
    }
}

/// `"$user", public` as literals: `'$user', 'public'`.
fn list(value: &str) -> String {
    let mut elements = vec![String::new()];
    let mut quoted = false;
    for character in value.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => elements.push(String::new()),
            ' ' if !quoted => {}
            other => elements.last_mut().expect("never empty").push(other),
        }
    }
    elements.iter().map(|element| literal(element)).collect::<Vec<_>>().join(", ")
}

impl Properties {
    /// The statement that makes an empty database of the same kind. Its settings come later, by [`apply`].
    pub(crate) fn creation(&self, database: &str) -> String {
        let provider = match (self.provider.as_deref(), &self.locale) {
            (Some("i"), Some(locale)) => format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(locale)),
            (Some("b"), Some(locale)) => format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(locale)),
            (Some("c"), _) => " LOCALE_PROVIDER libc".to_owned(),
            (Some(_) | None, _) => String::new(),
        };
        // Naming the usual one needs a right that is not needed for not naming it.
        let tablespace = match self.tablespace.as_str() {
            "pg_default" => String::new(),
            other => format!(" TABLESPACE {}", identifier(other)),
        };
        format!(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}{provider}{tablespace};",
            identifier(database),
            identifier(&self.owner),
            literal(&self.encoding),
            literal(&self.collate),
            literal(&self.ctype),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_answer_with_a_privilege_that_is_a_command() {
        let answer = |privilege: &str| {
            let answer = serde_json::json!({
                "owner": "kkt", "connection_limit": -1, "comment": null, "settings": [], "encoding": "UTF8",
                "collate": "C", "ctype": "C", "provider": "c", "locale": null, "tablespace": "pg_default",
                "grants": [{ "to": null, "privilege": privilege, "grantable": false }]
            });
            understand(&answer.to_string())
        };
        let grant = &statements("kkt", &answer("CONNECT").unwrap())[3];
        assert_eq!(grant, "GRANT CONNECT ON DATABASE \"kkt\" TO PUBLIC");
        let refused = answer("CONNECT ON DATABASE kkt TO public; \\! id\n").unwrap_err();
        assert!(matches!(refused, StoreError::Answer { .. }), "{refused}");
    }
}
