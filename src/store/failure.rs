//! What Postgres refuses, as errors of ours: the one table from constraints and states to kinds.

use std::error::Error as StdError;

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, Kind};

/// What a row would have broken: the constraint, the kind of fault, the field, and words for a client.
const CONSTRAINTS: &[(&str, Kind, &str, &str)] = &[
    ("tenants_slug_key", Kind::Conflict, "slug", "another tenant has this name"),
    (
        "tenants_slug_shape",
        Kind::Invalid,
        "slug",
        "must be lower-case letters, digits and inner hyphens, 2 to 63",
    ),
    ("tenants_name_length", Kind::Invalid, "name", "must have 1 to 200 characters"),
    ("users_tenant_email_key", Kind::Conflict, "email", "another user has this address"),
    ("users_email_shape", Kind::Invalid, "email", "must be an address such as ada@shop.example"),
    ("users_name_length", Kind::Invalid, "name", "must have 1 to 200 characters"),
    ("grants_user_fkey", Kind::NotFound, "user_id", "there is no such user"),
    ("products_tenant_sku_key", Kind::Conflict, "sku", "another product has this number"),
    ("products_sku_length", Kind::Invalid, "sku", "must have 1 to 64 characters"),
    ("products_name_length", Kind::Invalid, "name", "must have 1 to 200 characters"),
    ("products_price_range", Kind::Invalid, "price", "must not be negative"),
    ("products_stock_range", Kind::Invalid, "stock", "must not be negative"),
    ("products_currency_shape", Kind::Invalid, "currency", "must be three capital letters, as in EUR"),
    ("orders_user_fkey", Kind::Invalid, "user_id", "there is no such user"),
    ("orders_currency_shape", Kind::Invalid, "currency", "must be three capital letters, as in EUR"),
    ("orders_note_length", Kind::Invalid, "note", "must have 1 to 1000 characters"),
    ("orders_address_length", Kind::Invalid, "shipping_address", "must have 1 to 500 characters"),
    ("orders_total_range", Kind::Invalid, "total", "must not be negative"),
    ("order_items_product_fkey", Kind::Invalid, "product_id", "there is no such product"),
    ("order_items_quantity_range", Kind::Invalid, "quantity", "must be from 1 to 1000000"),
    ("api_keys_name_length", Kind::Invalid, "name", "must have 1 to 200 characters"),
    ("sessions_user_fkey", Kind::Invalid, "user_id", "there is no such user"),
];

/// States in which the server, or the way to it, is at fault: it may serve the same statement later.
const UNAVAILABLE: &[SqlState] = &[
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::CANNOT_CONNECT_NOW,
    SqlState::TOO_MANY_CONNECTIONS,
    SqlState::OUT_OF_MEMORY,
    SqlState::DISK_FULL,
    SqlState::QUERY_CANCELED,
    SqlState::LOCK_NOT_AVAILABLE,
    // What a server says that is no longer the primary one.
    SqlState::READ_ONLY_SQL_TRANSACTION,
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
];

/// What a statement failed with.
pub(super) fn of(error: tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        // The connection broke: nothing that came from the server.
        None if is_of_the_connection(&error) => unavailable("use the database", error),
        None => Error::internal("use the database").caused_by(error),
        Some(refusal) => refused(refusal).caused_by(error),
    }
}

/// The server could not be used.
pub(super) fn unavailable(doing: &str, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::new(Kind::Unavailable, doing).caused_by(error)
}

/// Whether the same transaction may succeed if it is begun again.
pub(super) fn may_be_repeated(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>());
    let state = cause.and_then(tokio_postgres::Error::code);
    state.is_some_and(|state| {
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(state)
    })
}

fn is_of_the_connection(error: &tokio_postgres::Error) -> bool {
    let is_io = error.source().is_some_and(|cause| cause.is::<std::io::Error>());
    error.is_closed() || is_io
}

fn refused(refusal: &DbError) -> Error {
    let broken = refusal.constraint();
    if let Some((_, kind, field, words)) = CONSTRAINTS.iter().find(|row| Some(row.0) == broken) {
        return Error::new(*kind, format!("{field}: {words}")).about(field);
    }
    if broken.is_some_and(|constraint| constraint.ends_with("_tenant_id_fkey")) {
        return Error::new(Kind::NotFound, "there is no such tenant");
    }
    let state = refusal.code();
    if [SqlState::CHARACTER_NOT_IN_REPERTOIRE, SqlState::UNTRANSLATABLE_CHARACTER].contains(state) {
        return Error::new(Kind::Invalid, "a text holds a character that cannot be kept, such as U+0000");
    }
    if UNAVAILABLE.contains(state) || state.code().starts_with("08") {
        return Error::new(Kind::Unavailable, "the database cannot do this now");
    }
    Error::internal("use the database")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::migrations;

    #[test]
    fn every_constraint_of_the_table_is_in_a_migration() {
        for (constraint, _, field, _) in CONSTRAINTS {
            let is_there = migrations::texts().any(|sql| sql.contains(constraint));
            assert!(is_there, "{constraint} about {field}");
        }
    }

    #[test]
    fn no_constraint_is_named_twice() {
        let names: BTreeSet<_> = CONSTRAINTS.iter().map(|row| row.0).collect();
        assert_eq!(names.len(), CONSTRAINTS.len());
    }
}
