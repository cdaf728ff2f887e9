//! `commerce`: a reference backend with a catalogue, prices, stock, and reservations that expire.
//!
//! Run it with `cargo run --example commerce -- --listen 127.0.0.1:9001 --name commerce-1`.

mod catalogue;
mod reservations;
mod routes;
mod stock;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use catalogue::Catalogue;
use support::args::Common;
use support::clock::Moment;
use support::database::Database;
use support::{log, serve};

/// Catalogue, prices, stock and reservations, in memory or in a SQLite file that several processes share.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,

    /// SQLite file with stock and reservations; instances given the same file agree.
    #[arg(long, default_value = ":memory:")]
    data: PathBuf,

    /// Milliseconds between two sweeps for reservations that ran out.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    sweep_ms: u64,
}

/// What the handlers reach.
#[derive(Debug, Clone)]
struct Shop {
    catalogue: Arc<Catalogue>,
    database: Database,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    log::start();
    let database = Database::open(&arguments.data, &[stock::SCHEMA, reservations::SCHEMA].concat())?;
    let shop = Shop { catalogue: Arc::new(Catalogue::seeded()), database: database.clone() };

    // Dropped, and so ended, when serving ends.
    let mut background = JoinSet::new();
    background.spawn(sweep(database, Duration::from_millis(arguments.sweep_ms)));
    serve::serve(&arguments.common, routes::router(shop)).await?;
    Ok(())
}

/// Gives the stock of reservations that ran out back, even when nobody asks.
async fn sweep(database: Database, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let swept = database.write(|transaction| reservations::expire(transaction, Moment::now())).await;
        match swept {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "reservations expired"),
            // Written to the log where it arose; the next sweep tries again.
            Err(problem) => tracing::warn!(code = problem.code, "sweep failed"),
        }
    }
}
