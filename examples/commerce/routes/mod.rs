//! The routes of `commerce`, in one table.

mod parameters;
mod products;
mod reservations;
mod wire;

use axum::Router;
use axum::routing::{any, get, post};

use crate::Shop;

pub(crate) fn router(shop: Shop) -> Router {
    Router::new()
        .route("/products", get(products::list))
        .route("/products/{id}", get(products::show))
        .route("/prices", get(products::prices))
        .route("/stock/{product}", get(products::stock))
        .route(
            "/reservations/{order_id}",
            get(reservations::show).put(reservations::place).delete(reservations::release),
        )
        .route("/reservations/{order_id}/commit", post(reservations::commit))
        .with_state(shop)
        .route("/echo", any(wire::echo))
        .route("/count", post(wire::count).put(wire::count))
        .route("/bytes/{count}", get(wire::bytes))
        .route("/headers", any(wire::headers))
        .route("/events", get(wire::events))
        .route("/ws", any(wire::socket))
}
