//! The `olympus` binary: all it does is in [`olympus_gateway::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    olympus_gateway::cli::main()
}
