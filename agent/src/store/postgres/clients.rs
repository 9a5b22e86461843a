//! Who else works in the database: asked of the server, and sent away when it must be still.
//!
//! What can be known depends on who asks. The administrator sees each session's address and since when its transaction has been
//! open; the application's role sees that of its own sessions only (manual, `pg_read_all_stats`), but everybody's role, program
//! and locks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::super::clients::{Client, ClientKind, Farewell, Stubborn, called_off, list};
use super::super::error::StoreError;
use super::Postgres;
use super::catalog::Catalog;
use super::names::literal;
use super::session::Session;

/// A transaction that has been open for so many seconds will not be gone in a moment.
const LASTING: f64 = 5.0;
/// Where its beginning is hidden, it is looked at twice, so far apart.
const SECOND_LOOK: Duration = Duration::from_secs(3);
/// How long sessions of services that have just been stopped, and others' that hold nothing, get to end by themselves.
const SHORTEST: Duration = Duration::from_secs(2);

/// How well-known clients that people and their tools use call themselves. With the application's own role nothing else tells
/// them from the application.
const TOOLS: [&str; 6] = ["psql", "pg_dump", "pg_restore", "pgAdmin", "DBeaver", "DataGrip"];

/// A session in the live database, as the server tells of it.
#[derive(Clone, Debug, Deserialize)]
struct Seen {
    pid: i32,
    role: String,
    program: String,
    address: Option<String>,
    since: Option<String>,
    /// Seconds for which its transaction, or where it has none its state, has lasted.
    age: Option<f64>,
    /// The transaction that is open, so that a later look can tell whether it still is.
    transaction: Option<String>,
    /// Whether it holds a lock, be it only its transaction's own.
    holds: bool,
}

#[derive(Deserialize)]
struct Prepared {
    name: String,
    owner: String,
    since: String,
}

/// The sessions in a database but this room's own; the server's own workers have no role.
fn question(live: &str, called: &str) -> String {
    format!(
        "SELECT coalesce(json_agg(json_build_object('pid', a.pid, 'role', a.usename, 'program', a.application_name,
            'address', host(a.client_addr), 'since', to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
            'age', extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change)),
            'transaction', (SELECT min(l.virtualxid) FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted),
            'holds', EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted))), '[]')
        FROM pg_stat_activity a
        WHERE a.datname = {} AND a.pid <> pg_backend_pid() AND a.usename IS NOT NULL AND a.application_name <> {};",
        literal(live),
        literal(called)
    )
}

/// Those who hold something in the live database, and are not the application itself as far as can be told.
pub(super) fn lasting(store: &Postgres) -> Result<Vec<Client>, StoreError> {
    let seen = seen(store)?;
    let strangers = |seen: Vec<Seen>| seen.into_iter().filter(|seen| seen.holds && is_stranger(store, seen));
    let mut found: Vec<Seen> = strangers(seen).filter(|seen| seen.age.is_none_or(|age| age >= LASTING)).collect();
    if found.iter().any(|seen| seen.age.is_none()) {
        std::thread::sleep(SECOND_LOOK);
        let later: Vec<Seen> = strangers(self::seen(store)?).collect();
        let still = |seen: &Seen| later.iter().any(|l| l.pid == seen.pid && l.transaction == seen.transaction);
        found.retain(|seen| seen.age.is_some() || still(seen));
    }
    let mut clients = named(store, &found)?;
    clients.extend(prepared(store)?);
    Ok(clients)
}

fn is_stranger(store: &Postgres, seen: &Seen) -> bool {
    seen.role != store.application.role() || TOOLS.iter().any(|tool| seen.program.starts_with(tool))
}

/// Asked of the server by whoever may know most.
fn seen(store: &Postgres) -> Result<Vec<Seen>, StoreError> {
    let sql = question(store.live(), &store.application.called);
    let act = "ask who works in the database";
    match store.administrator()? {
        Some(session) => session.ask(&session.target.database, act, &sql),
        None => store.application.ask(store.live(), act, &sql),
    }
}

/// Names what each of them holds. The names of relations are known in their own database only.
fn named(store: &Postgres, seen: &[Seen]) -> Result<Vec<Client>, StoreError> {
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT coalesce(json_object_agg(pid, holds), '{}') FROM (
        SELECT pid, json_agg(DISTINCT CASE locktype WHEN 'advisory' THEN 'an advisory lock'
            ELSE format('%s on %s', replace(mode, 'Lock', ''), relation::regclass) END) AS holds
        FROM pg_locks LEFT JOIN pg_class c ON c.oid = relation
        WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND granted
            AND (locktype = 'advisory' OR locktype = 'relation' AND c.relkind IN ('r', 'p', 'm')
                AND c.relnamespace <> 'pg_catalog'::regnamespace)
        GROUP BY pid) l;";
    let locks: BTreeMap<i32, Vec<String>> =
        store.application.ask(store.live(), "ask for the locks in the database", sql)?;
    let client = |seen: &Seen| Client {
        kind: ClientKind::Session,
        who: seen.role.clone(),
        program: if seen.program.is_empty() { "no name".to_owned() } else { seen.program.clone() },
        address: seen.address.as_ref().map(|address| format!("from {address}")),
        since: seen.since.clone(),
        holds: locks.get(&seen.pid).cloned().unwrap_or_default(),
    };
    Ok(seen.iter().map(client).collect())
}

/// Prepared transactions hold their locks without any session, and neither a copy nor a renaming is possible beside them.
fn prepared(store: &Postgres) -> Result<Vec<Client>, StoreError> {
    let sql = "SELECT coalesce(json_agg(json_build_object('name', gid, 'owner', owner,
        'since', to_char(prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))), '[]')
        FROM pg_prepared_xacts WHERE database = current_database();";
    let found: Vec<Prepared> = store.application.ask(store.live(), "ask for prepared transactions", sql)?;
    let client = |prepared: Prepared| Client {
        kind: ClientKind::Prepared,
        who: prepared.owner,
        program: prepared.name,
        address: None,
        since: Some(prepared.since),
        holds: Vec::new(),
    };
    Ok(found.into_iter().map(client).collect())
}

/// After the stop: whoever still works in the database is waited for, named, and disconnected, or the update is called off.
/// Sessions that hold nothing lose nothing by being ended, and are not waited for beyond a moment.
pub(super) fn send_away(store: &Postgres, catalog: &Catalog, farewell: &Farewell<'_>) -> Result<Stillness, StoreError> {
    let (live, limit) = (store.live(), Duration::from_secs(farewell.clients.wait_seconds));
    let first = wait(&catalog.session, &catalog.from, store, "true", SHORTEST.min(limit))?;
    if first.is_empty() {
        return Ok(Stillness::Reached);
    }
    if !first.iter().any(|seen| seen.holds) {
        return Ok(Stillness::SessionsAreLeft);
    }
    let holding = |seen: Vec<Seen>| seen.into_iter().filter(|seen| seen.holds).collect::<Vec<_>>();
    let named = named(store, &holding(first))?;
    (farewell.tell)(format!("database {live}: waiting for {}", list(&named)));
    let left = wait(&catalog.session, &catalog.from, store, HOLDS, limit.saturating_sub(SHORTEST))?;
    let left = holding(left);
    let clients = self::named(store, &left)?;
    // What the application itself left running was to be stopped: that is not a reason to call anything off.
    let strangers = left.iter().zip(&clients).filter(|(seen, _)| is_stranger(store, seen));
    let strangers: Vec<Client> = strangers.map(|(_, client)| client.clone()).collect();
    match farewell.clients.stubborn {
        Stubborn::CallOff if !strangers.is_empty() => return Err(called_off(live, &strangers)),
        Stubborn::CallOff | Stubborn::Disconnect => {}
    }
    if !clients.is_empty() {
        (farewell.tell)(format!("database {live}: disconnecting {}", list(&clients)));
    }
    Ok(Stillness::SessionsAreLeft)
}

/// How a farewell went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stillness {
    /// Nobody is there any more.
    Reached,
    /// There are sessions to be ended.
    SessionsAreLeft,
}

const HOLDS: &str = "EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted)";

/// Waits until there is no session in the live database for which `condition` holds, at most for `limit`; answers all that are
/// there then.
fn wait(
    session: &Session,
    from: &str,
    store: &Postgres,
    condition: &str,
    limit: Duration,
) -> Result<Vec<Seen>, StoreError> {
    let (live, called) = (store.live(), &store.application.called);
    let sql = format!(
        "DO $$ DECLARE deadline timestamptz := clock_timestamp() + interval '{} ms'; BEGIN
            WHILE clock_timestamp() < deadline AND EXISTS (SELECT FROM pg_stat_activity a
                WHERE datname = {} AND pid <> pg_backend_pid() AND usename IS NOT NULL AND application_name <> {} AND {condition})
            LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP;
        END $$;\n{}",
        limit.as_millis(),
        literal(live),
        literal(called),
        question(live, called)
    );
    let act = "wait for sessions to end";
    let answer = session.run(from, act, &sql, super::session::SHORT + limit)?;
    serde_json::from_str(answer.trim()).map_err(|source| StoreError::Answer { act: act.to_owned(), source })
}

/// The same before a dump, with whatever rights there are: a dump can be made beside sessions that nobody may end, as long as
/// they do not lock its tables.
pub(super) fn clear(store: &Postgres, farewell: &Farewell<'_>) -> Result<(), StoreError> {
    let catalog = match store.catalog()? {
        Ok(catalog) => catalog,
        Err(_) => Catalog::open(store.application.clone())?,
    };
    if send_away(store, &catalog, farewell)? == Stillness::Reached {
        return Ok(());
    }
    match catalog.end_sessions(store.live()) {
        Err(StoreError::InUse { sessions, .. }) => {
            (farewell.tell)(format!("database {}: sessions that may not be ended: {sessions}", store.live()));
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Who keeps a table from being read, if that is why `error` came.
pub(super) fn in_the_way(store: &Postgres, error: StoreError) -> StoreError {
    let holds_all = |client: &Client| client.holds.iter().any(|holds| holds.starts_with("AccessExclusive "));
    let found = seen(store).and_then(|seen| named(store, &seen));
    let clients: Vec<Client> = found.unwrap_or_default().into_iter().filter(holds_all).collect();
    if clients.is_empty() {
        return error;
    }
    StoreError::InUse { database: store.live().to_owned(), sessions: list(&clients) }
}
