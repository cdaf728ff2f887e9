//! Orders and what they need: requests that are done once, reservations that are settled whatever crashes.

#![cfg(test)]

mod once;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
