//! What tests of running programs share. Each test includes it and uses what it needs.

#![expect(dead_code, reason = "no single test uses everything")]
#![expect(unreachable_pub, reason = "a test is a crate of its own and has no public face")]

pub mod http;
pub mod process;
