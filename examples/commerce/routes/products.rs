//! Reading the catalogue, prices and stock.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::Shop;
use crate::catalogue::Product;
use crate::reservations;
use crate::stock::{self, Level};
use crate::support::clock::Moment;
use crate::support::extract::Segments;
use crate::support::problem::Problem;

const MAX_LIMIT: usize = 100;
const MAX_IDS: usize = 100;
const MAX_ID_LENGTH: usize = 128;

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default = "default_limit")]
    limit: usize,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ids {
    ids: String,
}

/// `GET /products?limit&after`
pub(super) async fn list(
    State(shop): State<Shop>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<Value>, Problem> {
    if !(1..=MAX_LIMIT).contains(&page.limit) {
        return Err(Problem::invalid(format!("limit must be from 1 to {MAX_LIMIT}")));
    }
    let (products, has_more) = shop.catalogue.page(page.after.as_deref(), page.limit);
    let next = products.last().filter(|_| has_more).map(|product| &product.id);
    Ok(Json(json!({ "products": products, "has_more": has_more, "next": next })))
}

/// `GET /products/{id}`
pub(super) async fn show(
    State(shop): State<Shop>,
    Segments(id): Segments<String>,
) -> Result<Json<Product>, Problem> {
    shop.catalogue.find(&id).cloned().map(Json).ok_or_else(|| Problem::not_found("such product"))
}

/// `GET /prices?ids=a,b`: what is known, in the order asked, and what is not.
pub(super) async fn prices(
    State(shop): State<Shop>,
    Parameters(Ids { ids }): Parameters<Ids>,
) -> Result<Json<Value>, Problem> {
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(Problem::invalid(format!("ids must name from 1 to {MAX_IDS} products")));
    }
    let (mut prices, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match shop.catalogue.find(id) {
            Some(Product { price, .. }) => prices.push(json!({
                "product_id": id,
                "price_minor": price.price_minor,
                "currency": price.currency,
            })),
            None => missing.push(id),
        }
    }
    Ok(Json(json!({ "prices": prices, "missing": missing })))
}

/// `GET /stock/{product}`
pub(super) async fn stock(
    State(shop): State<Shop>,
    Segments(product_id): Segments<String>,
) -> Result<Json<Level>, Problem> {
    check_id("product", &product_id)?;
    let level = shop.database.write(move |transaction| {
        reservations::expire(transaction, Moment::now())?;
        stock::level(transaction, &product_id)
    });
    level.await.map(Json)
}

/// Ids are the caller's own, but not of any length.
pub(super) fn check_id(what: &str, id: &str) -> Result<(), Problem> {
    if id.is_empty() || id.len() > MAX_ID_LENGTH {
        return Err(Problem::invalid(format!("the {what} id must have from 1 to {MAX_ID_LENGTH} bytes")));
    }
    Ok(())
}

fn default_limit() -> usize {
    20
}
