//! Holding stock for orders.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::products::check_id;
use crate::Shop;
use crate::reservations::{self, Items, Placed, Reservation, Wanted};
use crate::support::clock::Moment;
use crate::support::extract::{Document, Segments};
use crate::support::problem::Problem;

const MAX_ITEMS: usize = 100;
const MAX_QUANTITY: u32 = 10_000;
const MAX_TTL_SECONDS: u32 = 86_400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    items: Vec<Item>,
    #[serde(default = "default_ttl")]
    ttl_seconds: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    product_id: String,
    quantity: u32,
}

/// `PUT /reservations/{order_id}`: 201 when made now, 200 when it had been made before.
pub(super) async fn place(
    State(shop): State<Shop>,
    Segments(order_id): Segments<String>,
    Document(body): Document<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    check_id("order", &order_id)?;
    let wanted = body.wanted()?;
    let id = order_id.clone();
    let placed = shop
        .database
        .write(move |transaction| reservations::place(transaction, &id, &wanted, Moment::now()))
        .await?;
    Ok(match placed {
        Placed::Created(made) => (StatusCode::CREATED, shown(&order_id, &made)),
        Placed::Repeated(found) => (StatusCode::OK, shown(&order_id, &found)),
    })
}

/// `GET /reservations/{order_id}`
pub(super) async fn show(
    State(shop): State<Shop>,
    Segments(order_id): Segments<String>,
) -> Result<Json<Value>, Problem> {
    let id = order_id.clone();
    let found =
        shop.database.write(move |transaction| reservations::find(transaction, &id, Moment::now())).await?;
    found.map(|found| shown(&order_id, &found)).ok_or_else(|| Problem::not_found("such reservation"))
}

/// `POST /reservations/{order_id}/commit`
pub(super) async fn commit(
    State(shop): State<Shop>,
    Segments(order_id): Segments<String>,
) -> Result<Json<Value>, Problem> {
    let id = order_id.clone();
    let committed =
        shop.database.write(move |transaction| reservations::commit(transaction, &id, Moment::now())).await?;
    Ok(shown(&order_id, &committed))
}

/// `DELETE /reservations/{order_id}`
pub(super) async fn release(
    State(shop): State<Shop>,
    Segments(order_id): Segments<String>,
) -> Result<StatusCode, Problem> {
    shop.database
        .write(move |transaction| reservations::release(transaction, &order_id, Moment::now()))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Body {
    /// Checks the request; quantities of a product named twice add up.
    fn wanted(self) -> Result<Wanted, Problem> {
        if !(1..=MAX_ITEMS).contains(&self.items.len()) {
            return Err(Problem::invalid(format!("items must have from 1 to {MAX_ITEMS} entries")));
        }
        if !(1..=MAX_TTL_SECONDS).contains(&self.ttl_seconds) {
            return Err(Problem::invalid(format!("ttl_seconds must be from 1 to {MAX_TTL_SECONDS}")));
        }
        let mut items = Items::new();
        for Item { product_id, quantity } in self.items {
            check_id("product", &product_id)?;
            if !(1..=MAX_QUANTITY).contains(&quantity) {
                return Err(Problem::invalid(format!("quantity must be from 1 to {MAX_QUANTITY}")));
            }
            *items.entry(product_id).or_default() += quantity;
        }
        Ok(Wanted { items, ttl_seconds: self.ttl_seconds })
    }
}

fn shown(order_id: &str, reservation: &Reservation) -> Json<Value> {
    let items: Vec<Value> = reservation
        .wanted
        .items
        .iter()
        .map(|(product_id, quantity)| json!({ "product_id": product_id, "quantity": quantity }))
        .collect();
    Json(json!({
        "order_id": order_id,
        "state": reservation.state,
        "items": items,
        "ttl_seconds": reservation.wanted.ttl_seconds,
        "expires_at_unix_ms": reservation.expires_at.0,
    }))
}

fn default_ttl() -> u32 {
    900
}
