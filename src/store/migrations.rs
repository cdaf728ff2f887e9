//! Migrations: embedded, forward only, never edited. One instance at a time applies them, and each is applied whole
//! or not at all.

use std::fmt;
use std::time::Duration;

use refinery::{Runner, Target};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::Store;
use super::connect::Server;
use super::failure;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::tasks::Lifecycle;

/// Where what was applied is written down.
const TABLE: &str = "olympus_migrations";

/// How long an instance waits for another one that migrates.
const PATIENCE: Duration = Duration::from_secs(600);

/// Held by the one who migrates. Locks end with their session, so one that dies leaves none.
const LOCK: &str = "SELECT pg_advisory_lock(hashtextextended('olympus.migrations', 0))";
const UNLOCK: &str = "SELECT pg_advisory_unlock(hashtextextended('olympus.migrations', 0))";
const HAS_TABLE: &str = "SELECT to_regclass('public.olympus_migrations') IS NOT NULL";

const EMBEDDED: [(&str, &str); 11] = [
    ("V1__tenants", include_str!("../../migrations/V1__tenants.sql")),
    ("V2__users", include_str!("../../migrations/V2__users.sql")),
    ("V3__shop", include_str!("../../migrations/V3__shop.sql")),
    ("V4__sessions", include_str!("../../migrations/V4__sessions.sql")),
    ("V5__records", include_str!("../../migrations/V5__records.sql")),
    ("V6__standings", include_str!("../../migrations/V6__standings.sql")),
    ("V7__lists", include_str!("../../migrations/V7__lists.sql")),
    ("V8__settling", include_str!("../../migrations/V8__settling.sql")),
    ("V10__images", include_str!("../../migrations/V10__images.sql")),
    ("V11__words", include_str!("../../migrations/V11__words.sql")),
    ("V12__prefixes", include_str!("../../migrations/V12__prefixes.sql")),
];

/// Whether a migration was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was.
    Applied,
    /// It waits.
    Pending,
}

/// One step of the tables' history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its name, with its number.
    pub name: String,
    /// Whether it was applied.
    pub progress: Progress,
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.progress {
            Progress::Applied => "applied",
            Progress::Pending => "pending",
        };
        write!(f, "{word}  {}", self.name)
    }
}

/// The tables' history, on a connection of its owner.
#[derive(Debug)]
pub struct Migrations {
    pub(super) owner: Client,
    /// Whose task the connection is: it ends with the last handle.
    _lifecycle: Lifecycle,
}

impl Migrations {
    /// Connects as the owner.
    ///
    /// # Errors
    /// The settings cannot be used, or the server cannot be reached.
    pub async fn connect(settings: &config::Postgres, lifecycle: &Lifecycle) -> Result<Self> {
        let owner = Server::new(settings)?.connect_as_owner(lifecycle).await?;
        Ok(Self { owner, _lifecycle: lifecycle.clone() })
    }

    /// All migrations, in order.
    ///
    /// # Errors
    /// The history in the database is not that of this program, or it cannot be read.
    pub async fn list(&mut self) -> Result<Vec<Migration>> {
        let found = self.owner.query_one(HAS_TABLE, &[]).await.map_err(failure::of)?;
        let runner = runner()?;
        let applied = match found.get(0) {
            false => Vec::new(),
            true => runner.get_applied_migrations_async(&mut self.owner).await.map_err(refused)?,
        };
        if let Some(strange) = applied.iter().find(|it| !runner.get_migrations().contains(it)) {
            return Err(Error::new(Kind::Conflict, strange_history(runner.get_migrations(), strange)));
        }
        let is_applied = |version| applied.iter().any(|migration| migration.version() == version);
        let list = runner.get_migrations().iter().map(|migration| Migration {
            name: migration.to_string(),
            progress: if is_applied(migration.version()) { Progress::Applied } else { Progress::Pending },
        });
        Ok(list.collect())
    }

    /// Applies those that wait, and names them. Waits for another instance that does the same.
    ///
    /// # Errors
    /// One that was applied was changed since, or is not known here; one fails; another instance takes ten minutes.
    pub async fn apply(&mut self) -> Result<Vec<String>> {
        let locked = timeout(PATIENCE, self.owner.batch_execute(LOCK)).await;
        let late = |_| Error::new(Kind::Unavailable, "wait for another instance that migrates");
        locked.map_err(late)?.map_err(failure::of)?;
        let done = runner()?.run_async(&mut self.owner).await;
        // The lock ends with the connection, too.
        let _ = self.owner.batch_execute(UNLOCK).await;
        let report = done.map_err(refused)?;
        Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
    }
}

impl Store {
    /// Applies what waits, the first time this succeeds, where the settings say that this instance migrates.
    pub(super) async fn migrate_once(&self) -> Result<()> {
        if !self.0.state.must_migrate() {
            return Ok(());
        }
        let owner = self.0.server.connect_as_owner(&self.0.lifecycle).await?;
        let applied = Migrations { owner, _lifecycle: self.0.lifecycle.clone() }.apply().await?;
        tracing::info!(?applied, "the tables are up to date");
        self.0.state.has_migrated();
        Ok(())
    }
}

fn runner() -> Result<Runner> {
    let read = |(name, sql): &(&str, &str)| refinery::Migration::unapplied(name, sql);
    let migrations: Vec<_> =
        EMBEDDED.iter().map(read).collect::<std::result::Result<_, _>>().map_err(refused)?;
    let mut runner = Runner::new(&migrations).set_target(Target::Latest);
    runner.set_migration_table_name(TABLE);
    Ok(runner)
}

fn refused(error: refinery::Error) -> Error {
    use refinery::error::Kind as Refusal;
    if let Refusal::DivergentVersion(applied, _) = error.kind() {
        return Error::new(Kind::Conflict, edited(applied));
    }
    if let Refusal::MissingVersion(applied) = error.kind() {
        return Error::new(Kind::Conflict, unknown(applied));
    }
    Error::internal("migrate").caused_by(error)
}

fn strange_history(known: &[refinery::Migration], strange: &refinery::Migration) -> String {
    let is_known = known.iter().any(|it| it.version() == strange.version());
    if is_known { edited(strange) } else { unknown(strange) }
}

fn edited(applied: &refinery::Migration) -> String {
    format!(
        "migrate: {applied} was applied with another text than this program has for it; a migration is never \
         edited: restore its file, and add a new one"
    )
}

fn unknown(applied: &refinery::Migration) -> String {
    format!("migrate: {applied} was applied, and this program does not know it: it is older than the tables")
}

#[cfg(test)]
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|(_, sql)| *sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_embedded() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        let number = |file: &String| file[1..].split("__").next().unwrap().parse::<u32>().unwrap();
        files.sort_by_key(number);
        assert_eq!(files, EMBEDDED.map(|(name, _)| format!("{name}.sql")));
    }
}
