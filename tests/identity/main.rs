//! Who calls, through the whole pipeline in memory: which tokens are believed, what backends and clients are told.

#![cfg(test)]

mod callers;
mod hostile;
mod issuers;
mod maker;
mod stage;
