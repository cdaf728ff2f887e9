//! The description of the API: that it is what it was, that it says what is served, and that pages show it.

#![cfg(test)]

mod bodies;
mod document;
mod pages;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "made for tests of sessions, which use more of it")]
#[path = "../accounts/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
