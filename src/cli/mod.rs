//! The command line. The only place that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]

mod explain;
mod health;
mod migrate;
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{App, Ground};
use crate::config::{self, Loaded, Mistakes, Origins};
use crate::rest;

/// Where the configuration is looked for.
const DEFAULT_FILE: &str = "conf/gateway.toml";

/// An API gateway for multi-tenant commerce platforms.
#[derive(Debug, Parser)]
#[command(name = "olympus", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve. This is what happens without a command.
    Run {
        #[command(flatten)]
        input: Input,
        /// Take the listeners over from the process that runs, which gets SIGQUIT once this one waits for them.
        #[arg(long)]
        upgrade: bool,
    },
    /// Say what is wrong with a configuration: every mistake with its place. Ends with 1 if there is one.
    Check(Inputs),
    /// Print the configuration in force, with every default; secrets are redacted.
    Config {
        #[command(flatten)]
        input: Input,
        /// Say behind each value where it comes from.
        #[arg(long)]
        origin: bool,
    },
    /// Say what a reload from one configuration to another would change, and what each change asks for: nothing
    /// (live), a pool built anew (rebuild) or a restart. Ends with 0 if nothing differs, with 1 if something does.
    Diff {
        /// The configuration before.
        #[arg(value_name = "BEFORE")]
        before: PathBuf,
        /// The configuration after.
        #[arg(value_name = "AFTER")]
        after: PathBuf,
    },
    /// Say what would happen to a request, and why: its route, its limits, its pool and how each endpoint stands.
    Explain {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        asked: explain::Asked,
    },
    /// Bring the tables of the database up to date, as their owner (postgres.owner_url). Several may do so at once.
    Migrate {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        asked: migrate::Asked,
    },
    /// Ask the running gateway whether it is ready. Ends with 0 if it is.
    Health(Input),
    /// Print the JSON Schema of the configuration, or the description of the API.
    Schema {
        /// Print the OpenAPI document of the API.
        #[arg(long)]
        openapi: bool,
    },
    /// Make an access token for development, signed with the keys of `auth.keys_dir`, or make such a key.
    Token {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        asked: token::Asked,
    },
}

#[derive(Debug, Args)]
struct Input {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct Inputs {
    /// A configuration.
    #[arg(short, long = "config", value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Further configurations.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let default = Command::Run { input: Input { config: DEFAULT_FILE.into() }, upgrade: false };
    match Cli::parse().command.unwrap_or(default) {
        Command::Run { input, upgrade: false } => run(&input.config, |app| app),
        Command::Run { input, upgrade: true } => run(&input.config, App::taking_over),
        Command::Check(inputs) => check(inputs),
        Command::Config { input, origin } => with(&input.config, |loaded| show(&loaded, origin)),
        Command::Diff { before, after } => {
            with(&before, |before| with(&after, |after| diff(&before, &after)))
        }
        Command::Explain { input, asked } => with(&input.config, |loaded| explain::ask(&loaded, asked)),
        Command::Migrate { input, asked } => {
            with(&input.config, |loaded| migrate::migrate(&loaded.settings, &asked))
        }
        Command::Health(input) => with(&input.config, |loaded| health::ask(&loaded.settings)),
        Command::Schema { openapi } => schema(openapi),
        Command::Token { input, asked } => match asked.folder() {
            Some(folder) => token::make_key(folder, &asked),
            None => with(&input.config, |loaded| token::mint(&loaded, asked)),
        },
    }
}

fn load(path: &Path) -> Result<Loaded, Mistakes> {
    config::load(path, config::process_environment())
}

/// Does something with a configuration, or says what is wrong with it.
fn with(path: &Path, act: impl FnOnce(Loaded) -> ExitCode) -> ExitCode {
    match load(path) {
        Ok(loaded) => act(loaded),
        Err(mistakes) => {
            eprintln!("{mistakes}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &Path, change: impl FnOnce(App) -> App) -> ExitCode {
    let fail = |error| {
        eprintln!("olympus: {error}");
        ExitCode::FAILURE
    };
    // First of all: a configuration may take long to read.
    let ground = match Ground::lay() {
        Ok(ground) => ground,
        Err(error) => return fail(error),
    };
    with(path, |loaded| {
        let app = App::build_on(ground, loaded).map(change);
        app.and_then(App::run).map_or_else(fail, |()| ExitCode::SUCCESS)
    })
}

fn check(inputs: Inputs) -> ExitCode {
    let mut files = inputs.config;
    files.extend(inputs.files);
    if files.is_empty() {
        files.push(DEFAULT_FILE.into());
    }
    let mut counts = Vec::new();
    for file in &files {
        let result = match config::is_policy(file) {
            true => config::load_policy(file).map(|_| "ok (a policy)"),
            false => load(file).map(|_| "ok"),
        };
        match result {
            Ok(word) => println!("{}: {word}", file.display()),
            Err(mistakes) => {
                eprintln!("{mistakes}");
                counts.push(mistakes.iter().count());
            }
        }
    }
    if counts.len() > 1 {
        let (total, wrong) = (counts.iter().sum::<usize>(), counts.len());
        eprintln!("{total} mistakes in {wrong} of {} files", files.len());
    }
    if counts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(loaded: &Loaded, origin: bool) -> ExitCode {
    print!("{}", loaded.effective(if origin { Origins::Shown } else { Origins::Hidden }));
    ExitCode::SUCCESS
}

fn diff(before: &Loaded, after: &Loaded) -> ExitCode {
    let changes = before.changes_to(after);
    changes.iter().for_each(|change| println!("{change}"));
    if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn schema(openapi: bool) -> ExitCode {
    match openapi {
        true => println!("{}", rest::openapi(&config::Rest::default())),
        false => println!("{:#}", config::json_schema()),
    }
    ExitCode::SUCCESS
}
