//! `auth`: a reference backend that keeps credentials, checks them, and vouches for opaque tokens.
//!
//! Run it with `cargo run --example auth -- --listen 127.0.0.1:9011 --name auth-1 --database auth.db
//! --service-token-file token --seed-demo`. It never logs a password or a token.

mod accounts;
mod demo;
mod passwords;
mod routes;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use passwords::Passwords;
use secrets::Digest;
use support::args::Common;
use support::database::Database;
use support::{log, serve};

/// Logins, token introspection and credentials in a SQLite file of its own.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,

    /// SQLite file with credentials and tokens; `:memory:` forgets them at the end.
    #[arg(long)]
    database: PathBuf,

    /// File whose first line is the bearer token of services that introspect and change credentials.
    #[arg(long)]
    service_token_file: PathBuf,

    /// Fill an empty database with the demo users, see examples/README.md.
    #[arg(long)]
    seed_demo: bool,

    /// Seconds for which a token is good.
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..))]
    token_ttl: u32,

    /// Memory in KiB that hashing a password takes (argon2id, two passes).
    #[arg(long, default_value_t = 19_456, value_parser = clap::value_parser!(u32).range(8..))]
    hash_memory: u32,
}

/// What the handlers reach.
#[derive(Debug, Clone)]
struct Service {
    database: Database,
    passwords: Passwords,
    service_token: Digest,
    token_ttl: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    log::start();
    let service = Service {
        database: Database::open(&arguments.database, &[accounts::SCHEMA, tokens::SCHEMA].concat())?,
        passwords: Passwords::new(arguments.hash_memory)?,
        service_token: service_token(&arguments)?,
        token_ttl: Duration::from_secs(arguments.token_ttl.into()),
    };
    if arguments.seed_demo {
        demo::seed(&service).await?;
    }
    serve::serve(&arguments.common, routes::router(service)).await?;
    Ok(())
}

fn service_token(arguments: &Arguments) -> Result<Digest, Box<dyn Error>> {
    let path = &arguments.service_token_file;
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("read the service token `{}`: {error}", path.display()))?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() => Ok(Digest::of(token)),
        _ => Err(format!("the service token file `{}` is empty", path.display()).into()),
    }
}
