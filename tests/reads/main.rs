//! What is read often: kept in memory, and given up by all who keep it when it is changed.

#![cfg(test)]

mod sharing;
#[path = "../support/mod.rs"]
mod support;
