//! Stock promised to orders: held, then committed or released, or given back when the time runs out.
//!
//! One order has at most one reservation. Every function runs in the caller's transaction and takes the time as an
//! argument.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use crate::stock::{self, Change};
use crate::support::clock::Moment;
use crate::support::problem::Problem;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS reservations (
        order_id TEXT PRIMARY KEY,
        items TEXT NOT NULL,
        ttl_seconds INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'expired')),
        expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS reservations_due ON reservations (expires_at) WHERE state <> 'committed';
";

/// How long the memory of an expired reservation is kept.
const REMEMBERED: i64 = 3_600_000;

/// Quantities by product. The order of the map makes equal requests equal text.
pub(crate) type Items = BTreeMap<String, u32>;

/// What an order asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) items: Items,
    pub(crate) ttl_seconds: u32,
}

/// What an order has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) wanted: Wanted,
    pub(crate) state: State,
    pub(crate) expires_at: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Held,
    Committed,
    Expired,
}

/// Whether a reservation was made now or had been made before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Created(Reservation),
    Repeated(Reservation),
}

const INSERT: &str = "INSERT OR REPLACE INTO reservations (order_id, items, ttl_seconds, state, expires_at)
    VALUES (?1, ?2, ?3, 'held', ?4)";

/// Holds stock for an order. The same request again changes nothing, not even the expiry; a different one is refused
/// while the first is held or committed.
pub(crate) fn place(
    transaction: &Transaction<'_>,
    order_id: &str,
    wanted: &Wanted,
    now: Moment,
) -> Result<Placed, Problem> {
    match find(transaction, order_id, now)? {
        Some(found) if found.state != State::Expired => {
            return if found.wanted == *wanted {
                Ok(Placed::Repeated(found))
            } else {
                Err(conflict("reservation_differs", "the order has another reservation; release it first"))
            };
        }
        Some(_) | None => {}
    }
    for (product_id, quantity) in &wanted.items {
        hold(transaction, product_id, *quantity)?;
    }
    let expires_at = now.after(Duration::from_secs(wanted.ttl_seconds.into()));
    let items = serde_json::to_string(&wanted.items)?;
    transaction.prepare_cached(INSERT)?.execute(params![
        order_id,
        items,
        wanted.ttl_seconds,
        expires_at.0
    ])?;
    Ok(Placed::Created(Reservation { wanted: wanted.clone(), state: State::Held, expires_at }))
}

const SELECT: &str = "SELECT items, ttl_seconds, state, expires_at FROM reservations WHERE order_id = ?1";

/// The reservation of an order, expired ones included while they are remembered.
pub(crate) fn find(
    transaction: &Transaction<'_>,
    order_id: &str,
    now: Moment,
) -> Result<Option<Reservation>, Problem> {
    expire(transaction, now)?;
    Ok(transaction.prepare_cached(SELECT)?.query_row([order_id], reservation).optional()?)
}

const COMMIT: &str = "UPDATE reservations SET state = 'committed' WHERE order_id = ?1";

/// The goods leave the shelf. Committing again changes nothing.
pub(crate) fn commit(
    transaction: &Transaction<'_>,
    order_id: &str,
    now: Moment,
) -> Result<Reservation, Problem> {
    let found = find(transaction, order_id, now)?.ok_or_else(|| Problem::not_found("such reservation"))?;
    match found.state {
        State::Committed => return Ok(found),
        State::Expired => {
            return Err(conflict("reservation_expired", "the reservation expired and its stock was freed"));
        }
        State::Held => {}
    }
    move_all(transaction, &found.wanted.items, Change::Ship)?;
    transaction.prepare_cached(COMMIT)?.execute([order_id])?;
    Ok(Reservation { state: State::Committed, ..found })
}

const DELETE: &str = "DELETE FROM reservations WHERE order_id = ?1";

/// Gives the stock back and forgets the reservation. Releasing what is not there changes nothing.
pub(crate) fn release(transaction: &Transaction<'_>, order_id: &str, now: Moment) -> Result<(), Problem> {
    let Some(found) = find(transaction, order_id, now)? else { return Ok(()) };
    match found.state {
        State::Committed => {
            return Err(conflict("reservation_committed", "the goods have left; nothing can be released"));
        }
        State::Held => move_all(transaction, &found.wanted.items, Change::Free)?,
        State::Expired => {}
    }
    transaction.prepare_cached(DELETE)?.execute([order_id])?;
    Ok(())
}

const FORGET: &str = "DELETE FROM reservations WHERE state = 'expired' AND expires_at <= ?1";
const EXPIRE: &str = "UPDATE reservations SET state = 'expired' WHERE state = 'held' AND expires_at <= ?1
    RETURNING items";

/// Gives back what reservations past their time held. Answers how many there were.
pub(crate) fn expire(transaction: &Transaction<'_>, now: Moment) -> Result<usize, Problem> {
    transaction.prepare_cached(FORGET)?.execute([now.0.saturating_sub(REMEMBERED)])?;
    let due = transaction
        .prepare_cached(EXPIRE)?
        .query_map([now.0], |row| row.get::<_, String>("items"))?
        .collect::<Result<Vec<_>, _>>()?;
    for items in &due {
        move_all(transaction, &serde_json::from_str(items)?, Change::Free)?;
    }
    Ok(due.len())
}

fn hold(transaction: &Transaction<'_>, product_id: &str, quantity: u32) -> Result<(), Problem> {
    let available = stock::level(transaction, product_id)?.available;
    if available < quantity {
        return Err(conflict("not_enough_stock", "there is not enough stock")
            .with("product_id", product_id)
            .with("requested", quantity)
            .with("available", available));
    }
    stock::change(transaction, product_id, quantity, Change::Hold)
}

fn move_all(transaction: &Transaction<'_>, items: &Items, change: Change) -> Result<(), Problem> {
    items
        .iter()
        .try_for_each(|(product_id, quantity)| stock::change(transaction, product_id, *quantity, change))
}

fn reservation(row: &Row<'_>) -> rusqlite::Result<Reservation> {
    let items: String = row.get("items")?;
    let state = match row.get_ref("state")?.as_str()? {
        "held" => State::Held,
        "committed" => State::Committed,
        _ => State::Expired,
    };
    let items = serde_json::from_str(&items).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Reservation {
        wanted: Wanted { items, ttl_seconds: row.get("ttl_seconds")? },
        state,
        expires_at: Moment(row.get("expires_at")?),
    })
}

fn conflict(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}

#[cfg(test)]
#[path = "reservations/tests.rs"]
mod tests;
