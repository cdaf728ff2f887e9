//! Tenants, what is taken back and API keys, against real Postgres and Redis.

#![cfg(test)]
// A request passes so many layers that the type of its future is deeper than the default allows.
#![recursion_limit = "256"]

mod api_keys;
mod feed;
#[expect(dead_code, unreachable_pub, reason = "made for tests of the store, which use more of it")]
#[path = "../support/postgres.rs"]
mod postgres;
mod stage;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod tenants;
