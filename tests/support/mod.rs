//! What tests of running programs share. Each test includes it and uses what it needs.

#![expect(dead_code, reason = "no single test uses everything")]
#![expect(unreachable_pub, reason = "a test is a crate of its own and has no public face")]

pub mod certificates;
pub mod collector;
pub mod double;
pub mod folder;
pub mod gateway;
pub mod http;
pub mod lines;
pub mod port;
pub mod process;
pub mod redis;
pub mod secure;
pub mod wait;
pub mod wire;
