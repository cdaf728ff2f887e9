//! Orders and what they need: requests that are done once, reservations that are settled whatever crashes.

#![cfg(test)]

mod again;
mod claims;
mod crashes;
#[expect(dead_code, reason = "made for tests of sessions, which use more of it")]
#[path = "../accounts/stage.rs"]
mod gateways;
mod kills;
mod once;
mod placing;
mod points;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
mod sockets;
mod stage;
#[path = "../support/mod.rs"]
mod support;
