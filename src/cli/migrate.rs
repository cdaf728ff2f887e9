//! `olympus migrate`: brings the tables up to date, or says what would be done.

use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Runtime;

use crate::config::{Postgres, Settings};
use crate::error::{Error, Kind, Result};
use crate::store::{Migrations, Progress};
use crate::tasks::Lifecycle;

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// Say which migrations were applied and which wait, and change nothing.
    #[arg(long, conflicts_with_all = ["dry_run", "seed_demo"])]
    list: bool,
    /// Say what would be applied, and change nothing.
    #[arg(long, conflicts_with = "seed_demo")]
    dry_run: bool,
    /// Then add the demo tenants acme and globex with users, products and orders, where they are missing.
    #[arg(long)]
    seed_demo: bool,
}

/// Does it, and says what was done.
pub(super) fn migrate(settings: &Settings, asked: &Asked) -> ExitCode {
    match done(settings, asked) {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("olympus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn done(settings: &Settings, asked: &Asked) -> Result<Vec<String>> {
    let none = || Error::new(Kind::Invalid, "migrate: there is no [postgres] in the configuration");
    let postgres = settings.postgres.as_ref().ok_or_else(none)?;
    let runtime = Runtime::new().map_err(|error| Error::internal("start a runtime").caused_by(error))?;
    runtime.block_on(answer(postgres, asked, &Lifecycle::new(runtime.handle().clone())))
}

async fn answer(postgres: &Postgres, asked: &Asked, lifecycle: &Lifecycle) -> Result<Vec<String>> {
    let mut migrations = Migrations::connect(postgres, lifecycle).await?;
    if asked.list || asked.dry_run {
        let list = migrations.list().await?;
        let wanted = list.iter().filter(|it| asked.list || it.progress == Progress::Pending);
        let lines: Vec<String> = wanted.map(ToString::to_string).collect();
        return Ok(or_else(lines, "nothing to do: the tables are up to date"));
    }
    let applied = migrations.apply().await?.iter().map(|name| format!("applied  {name}")).collect();
    let mut lines = or_else(applied, "the tables are up to date");
    if asked.seed_demo {
        lines.push(migrations.seed_demo().await?);
    }
    Ok(lines)
}

fn or_else(lines: Vec<String>, otherwise: &str) -> Vec<String> {
    if lines.is_empty() { vec![otherwise.to_owned()] } else { lines }
}
