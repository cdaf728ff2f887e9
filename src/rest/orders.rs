//! `/api/v1/orders`: the orders of a tenant.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::asked::{Asked, moment, problem};
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged, of_list, of_thing};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::products::ShownMoney;
use super::representation::Representation;
use super::selection::{Members, Selection};
use crate::domain::{Items, Orders, Terms};
use crate::error::{Kind, Result};
use crate::http::Problem;
use crate::model::{
    Direction, Money, Order, OrderField, OrderId, OrderItem, OrderRemarks, OrderStatus, ProductId, UserId,
    WantedItem, WantedOrder,
};

/// Longest texts, in characters.
const LONGEST_NOTE: usize = 1000;
const LONGEST_ADDRESS: usize = 500;
/// Most items of an order, and most of one product: what the commerce service holds for one order.
const MOST_ITEMS: usize = 100;
const MOST_QUANTITY: i64 = 10_000;

/// What nobody sets, and what may come back with the rest of a document.
const GIVEN: &[&str] = &["id", "user_id", "status", "total", "items", "version", "created_at", "updated_at"];

const OFFER: Offer<OrderField> = Offer {
    noun: "orders",
    sort: (OrderField::CreatedAt, Direction::Descending),
    is_searched: false,
    members: Members {
        fields: &[
            "id",
            "user_id",
            "status",
            "total",
            "note",
            "shipping_address",
            "version",
            "created_at",
            "updated_at",
        ],
        includes: &["items"],
    },
};

pub(super) fn routes() -> OpenApiRouter<Orders> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace)).routes(routes!(move_on))
}

/// What may be asked of the list.
struct OfList;

impl IntoParams for OfList {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_list(&OFFER)
    }
}

/// What may be asked of one.
struct OfOne;

impl IntoParams for OfOne {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_thing(OFFER.members)
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
struct Shown {
    #[schema(format = "uuid")]
    id: String,
    /// Whose it is.
    #[schema(format = "uuid")]
    user_id: String,
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// The exact sum of its items.
    total: ShownMoney,
    /// What its buyer says of it.
    note: Option<String>,
    shipping_address: Option<String>,
    /// It grows with each change.
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// What it is of: in the answer that placed it, and where `include=items` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    items: Option<Vec<ShownItem>>,
}

/// One line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderItem)]
struct ShownItem {
    #[schema(format = "uuid")]
    product_id: String,
    quantity: i32,
    /// Of one, when the order was placed.
    price: ShownMoney,
}

fn statuses() -> Object {
    words(OrderStatus::WORDS.iter().copied())
}

/// What an order is made from.
#[derive(Debug, ToSchema)]
#[schema(as = NewOrder)]
#[serde(deny_unknown_fields)]
struct Made {
    /// For whom, where the caller may order for others. Else for themselves.
    #[schema(value_type = Option<String>, format = "uuid", nullable = false)]
    user_id: Option<Uuid>,
    /// Each product once.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<MadeItem>,
    #[schema(min_length = 1, max_length = 1000)]
    note: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    shipping_address: Option<String>,
}

/// What is bought, and how many.
#[derive(Debug, ToSchema)]
#[schema(as = NewOrderItem)]
#[serde(deny_unknown_fields)]
struct MadeItem {
    #[schema(value_type = String, format = "uuid")]
    product_id: Uuid,
    #[schema(minimum = 1, maximum = 10000)]
    quantity: i32,
}

impl Made {
    fn take(document: &mut Document) -> Self {
        Self {
            user_id: document.optional_id("user_id"),
            items: document.objects("items", 1..=MOST_ITEMS, MadeItem::take),
            note: document.nullable_prose("note", LONGEST_NOTE),
            shipping_address: document.nullable_prose("shipping_address", LONGEST_ADDRESS),
        }
    }

    fn wanted(self) -> WantedOrder {
        let item = |item: MadeItem| WantedItem {
            product: ProductId::from(item.product_id),
            quantity: item.quantity,
        };
        WantedOrder {
            user: self.user_id.map(UserId::from),
            items: self.items.into_iter().map(item).collect(),
            note: self.note,
            shipping_address: self.shipping_address,
        }
    }
}

impl MadeItem {
    fn take(document: &mut Document) -> Self {
        let product_id = document.optional_id("product_id");
        let quantity = document.optional_integer("quantity", 1..=MOST_QUANTITY);
        let quantity = quantity.and_then(|quantity| quantity.try_into().ok());
        Self {
            product_id: document.needed("product_id", product_id),
            quantity: document.needed("quantity", quantity),
        }
    }
}

/// What is said of an order from now on.
#[derive(Debug, ToSchema)]
#[schema(as = OrderReplacement)]
struct Replaced {
    #[schema(min_length = 1, max_length = 1000)]
    note: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    shipping_address: Option<String>,
}

impl Replaced {
    fn take(document: &mut Document) -> Self {
        Self {
            note: document.nullable_prose("note", LONGEST_NOTE),
            shipping_address: document.nullable_prose("shipping_address", LONGEST_ADDRESS),
        }
    }
}

/// Where an order is to go on to.
#[derive(Debug, ToSchema)]
#[schema(as = OrderStatusChange)]
#[serde(deny_unknown_fields)]
struct Move {
    #[schema(schema_with = statuses)]
    status: OrderStatus,
}

impl Move {
    fn take(document: &mut Document) -> Self {
        let status = document.optional_word("status", OrderStatus::WORDS, OrderStatus::from_word);
        Self { status: document.needed("status", status) }
    }
}

/// List orders
///
/// The newest first, unless `sort` says otherwise; one's own, for callers who may see no others.
#[utoipa::path(
    get, path = "/api/v1/orders", tag = "orders", operation_id = "listOrders",
    params(OfList),
    responses((status = 200, description = "A page of orders.", body = Paged<Shown>,
               headers(("ETag" = String, description = "A digest of the page."),
                       ("Link" = String, description = "The first, next and previous page (RFC 8288)."),
                       ("X-Total-Count" = u64, description = "How many there are, at least.")))),
)]
async fn list(State(orders): State<Orders>, asked: Asked) -> Result<Response, Problem> {
    let caller = asked.acting()?;
    let wanted = asked.listing(&OFFER, &caller)?;
    let (items, most) = (items(&wanted.selection), asked.settings.rest.count_cap);
    let listed = orders.list(&caller, &wanted.listing, items, (most, &asked.visit)).await;
    let (page, count) = listed.map_err(problem)?;
    Ok(wanted.page(&page, count, shown).map_err(problem)?.read(&asked.headers))
}

/// Show an order
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "getOrder",
    params(("id" = Uuid, Path, description = "The id of the order."), OfOne),
    responses((status = 200, description = "The order.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it.")))),
)]
async fn show(
    State(orders): State<Orders>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let order = orders.get(&caller, id_of(&id)?, items(&selection), &asked.visit).await;
    let order = order.map_err(problem)?;
    Ok(represented(&order, &selection).map_err(problem)?.read(&asked.headers))
}

/// Place an order
///
/// At the prices of now; what it is of is held for a while, until the order is confirmed.
#[utoipa::path(
    post, path = "/api/v1/orders", tag = "orders", operation_id = "placeOrder",
    params(OfOne, IdempotencyKey,
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Made,
    responses((status = 201, description = "The new order.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."),
                       ("Location" = String, description = "Its path.")))),
)]
async fn create(
    State(orders): State<Orders>,
    Extension(terms): Extension<Arc<Terms>>,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let wanted = Made::take(&mut document).wanted();
    let keyed = document.keyed();
    document.finish()?;
    let (by, visit) = (caller.clone(), asked.visit.clone());
    let place = move |once| async move { orders.place(&by, &terms, &wanted, (&visit, &once)).await };
    let headers = asked.headers.clone();
    let show = move |order: &Order| answer(order, &selection, (StatusCode::CREATED, &headers));
    asked.once((&caller, keyed), show, place).await
}

/// Replace what is said of an order
///
/// Until it is sent. What is left out is taken away; all else that is shown of it may come along, unread.
#[utoipa::path(
    put, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "replaceOrder",
    params(("id" = Uuid, Path, description = "The id of the order."), OfOne,
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version."),
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Replaced,
    responses((status = 200, description = "The order as it is now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."))),
              (status = 204, description = "The same, where no document is wanted.")),
)]
async fn replace(
    State(orders): State<Orders>,
    asked: Asked,
    Path(id): Path<String>,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let which = (id_of(&id)?, &asked.expected()?);
    document.ignore(GIVEN);
    let Replaced { note, shipping_address } = Replaced::take(&mut document);
    let remarks = OrderRemarks { note, shipping_address };
    document.finish()?;
    let order = orders.update(&caller, which, &remarks, &asked.visit).await.map_err(problem)?;
    Ok(represented(&order, &selection).map_err(problem)?.written(StatusCode::OK, &asked.headers))
}

/// Move an order on to another status
///
/// From `pending` to `confirmed`, `paid`, `shipped` and `delivered`; `cancelled` until it is paid, `refunded` afterwards.
#[utoipa::path(
    patch, path = "/api/v1/orders/{id}/status", tag = "orders", operation_id = "moveOrder",
    params(("id" = Uuid, Path, description = "The id of the order."), OfOne, IdempotencyKey,
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version."),
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Move,
    responses((status = 200, description = "The order as it is now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."))),
              (status = 204, description = "The same, where no document is wanted.")),
)]
async fn move_on(
    State(orders): State<Orders>,
    Extension(terms): Extension<Arc<Terms>>,
    asked: Asked,
    Path(id): Path<String>,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let (id, expected) = (id_of(&id)?, asked.expected()?);
    let Move { status } = Move::take(&mut document);
    let keyed = document.keyed();
    document.finish()?;
    let (by, visit) = (caller.clone(), asked.visit.clone());
    let go = move |once| async move {
        orders.move_on(&by, &terms, (id, &expected, status), (&visit, &once)).await
    };
    let headers = asked.headers.clone();
    let show = move |order: &Order| answer(order, &selection, (StatusCode::OK, &headers));
    asked.once((&caller, keyed), show, go).await
}

/// What is no id is no order's.
fn id_of(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such thing"))
}

fn items(selection: &Selection) -> Items {
    if selection.includes("items") { Items::Included } else { Items::Left }
}

/// The answer to a change.
fn answer(order: &Order, selection: &Selection, (status, asked): (StatusCode, &HeaderMap)) -> Response {
    let place = format!("/api/v1/orders/{}", order.id);
    match represented(order, selection) {
        Ok(made) if status == StatusCode::CREATED => made.located(&place).written(status, asked),
        Ok(changed) => changed.written(status, asked),
        Err(error) => problem(error).into_response(),
    }
}

fn represented(order: &Order, selection: &Selection) -> Result<Representation> {
    match selection.is_whole() {
        true => Representation::of_version(order.version, shown(order)),
        false => Representation::of_version(order.version, selection.of(shown(order))?),
    }
}

fn shown(order: &Order) -> Shown {
    let item = |item: &OrderItem| {
        let price = Money { minor: item.price, currency: order.total.currency.clone() };
        ShownItem {
            product_id: item.product.to_string(),
            quantity: item.quantity,
            price: ShownMoney::from(&price),
        }
    };
    Shown {
        id: order.id.to_string(),
        user_id: order.user.to_string(),
        status: order.status.as_str(),
        total: ShownMoney::from(&order.total),
        note: order.note.clone(),
        shipping_address: order.shipping_address.clone(),
        version: order.version,
        created_at: moment(order.created_at),
        updated_at: moment(order.updated_at),
        items: order.items.as_ref().map(|items| items.iter().map(item).collect()),
    }
}
