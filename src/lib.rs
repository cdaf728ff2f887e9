//! Olympus: an API gateway for multi-tenant commerce platforms, built on Pingora.
//!
//! The map of the modules and who may import whom is in ARCHITECTURE.md; `tests/architecture.rs` holds it true.

pub mod admin;
pub mod app;
pub mod backends;
pub mod cache;
pub mod cli;
pub mod config;
pub mod domain;
pub mod edge;
pub mod error;
pub mod http;
pub mod identity;
pub mod limits;
pub mod model;
pub mod pipeline;
pub mod redis;
pub mod rest;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod upstream;
