//! The reference backends through their sockets: what the demonstrations and the gateway's tests rely on.

#![cfg(test)]

mod auth;
mod commerce;
mod faults;
#[path = "../support/mod.rs"]
mod support;

use support::folder::Folder;
use support::process::Process;

fn commerce() -> Process {
    Process::example("commerce", "commerce-1", &["--sweep-ms", "20"])
}
