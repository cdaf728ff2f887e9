//! What is read often: kept in memory, and given up by all who keep it when it is changed.

#![cfg(test)]

#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
mod served;
mod sharing;
#[expect(dead_code, reason = "made for tests of sessions, which use more of it")]
#[path = "../accounts/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
