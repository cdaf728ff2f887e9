//! The flags every reference backend takes.

use std::net::SocketAddr;

/// Where a backend listens and what it calls itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Address to listen on; port 0 takes a free one, which the first line on stdout names.
    #[arg(long)]
    pub(crate) listen: SocketAddr,

    /// Name of this instance, sent in `x-backend` and written in every log line.
    #[arg(long)]
    pub(crate) name: String,

    /// Ignore `x-fault` headers and do not serve `/faults`.
    #[arg(long)]
    pub(crate) no_faults: bool,

    /// Milliseconds of work that every answer takes, checks apart: then connections bound the load, not processors.
    #[arg(long, default_value_t = 0)]
    pub(crate) work_ms: u64,
}
