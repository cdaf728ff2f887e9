//! How many of each product there are. Stock appears when a product is first asked for, so any id works.

use rusqlite::{Transaction, params};
use serde::Serialize;

use crate::support::problem::Problem;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stock (
        product_id TEXT PRIMARY KEY,
        on_hand INTEGER NOT NULL CHECK (on_hand >= 0),
        reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved BETWEEN 0 AND on_hand)
    ) STRICT;
";

/// What is on the shelf, and how much of that is promised to orders.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) product_id: String,
    pub(crate) on_hand: u32,
    pub(crate) reserved: u32,
    pub(crate) available: u32,
}

const APPEAR: &str = "INSERT OR IGNORE INTO stock (product_id, on_hand) VALUES (?1, ?2)";
const LEVEL: &str = "SELECT on_hand, reserved FROM stock WHERE product_id = ?1";

/// The stock of a product, which begins to exist here if it is new.
pub(crate) fn level(transaction: &Transaction<'_>, product_id: &str) -> Result<Level, Problem> {
    transaction.prepare_cached(APPEAR)?.execute(params![product_id, first_quantity(product_id)])?;
    let level = transaction.prepare_cached(LEVEL)?.query_row([product_id], |row| {
        let (on_hand, reserved): (u32, u32) = (row.get("on_hand")?, row.get("reserved")?);
        Ok(Level {
            product_id: product_id.to_owned(),
            on_hand,
            reserved,
            available: on_hand.saturating_sub(reserved),
        })
    })?;
    Ok(level)
}

/// What happens to stock: promised to an order, given back, or gone to the customer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Hold,
    Free,
    Ship,
}

/// Moves `quantity` of a product; the table's checks refuse what is not there.
pub(crate) fn change(
    transaction: &Transaction<'_>,
    product_id: &str,
    quantity: u32,
    change: Change,
) -> Result<(), Problem> {
    let statement = match change {
        Change::Hold => "UPDATE stock SET reserved = reserved + ?2 WHERE product_id = ?1",
        Change::Free => "UPDATE stock SET reserved = reserved - ?2 WHERE product_id = ?1",
        Change::Ship => {
            "UPDATE stock SET reserved = reserved - ?2, on_hand = on_hand - ?2 WHERE product_id = ?1"
        }
    };
    transaction.prepare_cached(statement)?.execute(params![product_id, quantity])?;
    Ok(())
}

/// From 50 to 249, derived from the id (FNV-1a), so that every run and every instance agrees.
fn first_quantity(product_id: &str) -> u32 {
    let hash = product_id
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    50 + hash % 200
}
