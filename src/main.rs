//! The `olympus` binary: all it does is in [`olympus_gateway::cli`].

fn main() {}
