//! The `olympus` binary: all it does is in [`olympus_gateway::cli`].

use std::process::ExitCode;

/// A request makes some 150 small allocations, most of them in Pingora; docs/benchmarks.md says what this saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    olympus_gateway::cli::main()
}
