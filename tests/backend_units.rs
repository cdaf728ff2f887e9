//! Runs the unit tests that live beside the code of the reference backends.
//!
//! Cargo builds examples for `cargo test`, but an example marked `test = true` is built only as a test, and
//! `tests/backends` needs the program.

#![expect(dead_code, reason = "only what has unit tests is used here")]

#[path = "../examples/auth/accounts.rs"]
mod accounts;
#[path = "../examples/commerce/catalogue.rs"]
mod catalogue;
#[path = "../examples/commerce/reservations.rs"]
mod reservations;
#[path = "../examples/auth/secrets.rs"]
mod secrets;
#[path = "../examples/commerce/stock.rs"]
mod stock;
#[path = "../examples/support/mod.rs"]
mod support;
#[path = "../examples/auth/tokens.rs"]
mod tokens;
