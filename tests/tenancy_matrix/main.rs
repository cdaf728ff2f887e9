//! Who may do what to whose data: every endpoint and every function of the store, as each kind of caller, with what is
//! expected computed from the policy; and row-level security with all filters of the program taken away.

#![cfg(test)]

mod confined;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
