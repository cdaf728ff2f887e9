//! The demo data: two tenants, users of every role, products and orders. Always the same, so that what is shown with
//! them can be compared.

use super::Migrations;
use super::failure;
use crate::error::Result;

const SEED: &str = include_str!("demo.sql");

impl Migrations {
    /// Adds what is missing of the demo data, all of it or nothing, and says so.
    ///
    /// # Errors
    /// The tables are not up to date, or the database fails.
    pub async fn seed_demo(&mut self) -> Result<String> {
        self.owner.batch_execute(SEED).await.map_err(failure::of)?;
        Ok("demo data: tenants acme and globex, 6 users, 200 products, 500 orders".to_owned())
    }
}
