//! Sessions as their users live them: through the sockets of running gateways, with the auth service, Postgres and
//! Redis.

#![cfg(test)]

mod compressed;
mod cookies;
mod deadlines;
mod devices;
mod digests;
mod documents;
mod grants;
mod journey;
mod people;
mod pictures;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
mod refreshing;
mod refusals;
mod stage;
#[path = "../support/mod.rs"]
mod support;
