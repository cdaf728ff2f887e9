//! `/api/v1/orders`: the orders of a tenant.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::asked::moment;
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::products::ShownMoney;
use super::resource::{
    Answer, Call, Conditions, Listed, Many, OfList, OfNew, OfOne, Prefer, Resource, Which,
};
use super::selection::{Members, Selection};
use crate::domain::{Found, Items, Orders};
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
        of_tenant: true,
    },
};

pub(super) fn routes() -> OpenApiRouter<Orders> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace)).routes(routes!(move_on))
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

impl Resource for Shown {
    type Thing = Order;
    const NAME: &'static str = "order";
    const PATH: &'static str = "/api/v1/orders";
    const MEMBERS: Members = OFFER.members;

    fn of(order: &Order) -> Self {
        let item = |item: &OrderItem| ShownItem::of(item, &order.total.currency);
        Self {
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

    fn place(&self) -> (&str, i64) {
        (&self.id, self.version)
    }
}

impl ShownItem {
    fn of(item: &OrderItem, currency: &str) -> Self {
        let price = Money { minor: item.price, currency: currency.to_owned() };
        Self {
            product_id: item.product.to_string(),
            quantity: item.quantity,
            price: ShownMoney::from(&price),
        }
    }
}

impl Listed for Shown {
    type Field = OrderField;
    const OFFER: Offer<OrderField> = OFFER;
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
#[expect(dead_code, reason = "it describes a document that is taken apart member by member")]
struct Replaced {
    #[schema(min_length = 1, max_length = 1000)]
    note: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    shipping_address: Option<String>,
}

impl Replaced {
    fn take(document: &mut Document) -> OrderRemarks {
        OrderRemarks {
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
    params(OfList<Shown>),
    responses((status = 200, description = "A page of orders.", body = Paged<Shown>)),
)]
async fn list(State(orders): State<Orders>, many: Many<Shown>) -> Answer {
    let (items, to) = (items(&many.wanted.selection), (many.most, &many.by.visit));
    let listed = orders.list(&many.by.caller, &many.wanted.listing, items, to).await;
    many.read(listed.map(Found::fresh))
}

/// Show an order
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "getOrder",
    params(OfOne<Shown>),
    responses((status = 200, description = "The order.", body = Success<Shown>)),
)]
async fn show(State(orders): State<Orders>, call: Call<Shown>, which: Which<OrderId>) -> Answer {
    call.read(orders.get(&call.by.caller, which.id, items(&call.selection), &call.by.visit).await)
}

/// Place an order
///
/// At the prices of now; what it is of is held for a while, until the order is confirmed.
#[utoipa::path(
    post, path = "/api/v1/orders", tag = "orders", operation_id = "placeOrder",
    params(OfNew<Shown>, IdempotencyKey, Prefer),
    request_body = Made,
    responses((status = 201, description = "The new order.", body = Success<Shown>)),
)]
async fn create(State(orders): State<Orders>, call: Call<Shown>, mut document: Document) -> Answer {
    let wanted = Made::take(&mut document).wanted();
    let keyed = document.keyed();
    document.finish()?;
    call.once((StatusCode::CREATED, keyed), move |by, once| async move {
        orders.place(&by.caller, by.terms()?, &wanted, (&by.visit, &once)).await
    })
    .await
}

/// Replace what is said of an order
///
/// Until it is sent. What is left out is taken away; all else that is shown of it may come along, unread.
#[utoipa::path(
    put, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "replaceOrder",
    params(OfOne<Shown>, Conditions, Prefer),
    request_body = Replaced,
    responses((status = 200, description = "The order as it is now.", body = Success<Shown>)),
)]
async fn replace(
    State(orders): State<Orders>,
    call: Call<Shown>,
    which: Which<OrderId>,
    mut document: Document,
) -> Answer {
    document.ignore(GIVEN);
    let remarks = Replaced::take(&mut document);
    document.finish()?;
    let which = (which.id, &which.expected);
    call.changed(orders.update(&call.by.caller, which, &remarks, &call.by.visit).await)
}

/// Move an order on to another status
///
/// From `pending` to `confirmed`, `paid`, `shipped` and `delivered`; `cancelled` until it is paid, `refunded` afterwards.
#[utoipa::path(
    patch, path = "/api/v1/orders/{id}/status", tag = "orders", operation_id = "moveOrder",
    params(OfOne<Shown>, IdempotencyKey, Conditions, Prefer),
    request_body = Move,
    responses((status = 200, description = "The order as it is now.", body = Success<Shown>)),
)]
async fn move_on(
    State(orders): State<Orders>,
    call: Call<Shown>,
    which: Which<OrderId>,
    mut document: Document,
) -> Answer {
    let Move { status } = Move::take(&mut document);
    let keyed = document.keyed();
    document.finish()?;
    call.once((StatusCode::OK, keyed), move |by, once| async move {
        let to = (which.id, &which.expected, status);
        orders.move_on(&by.caller, by.terms()?, to, (&by.visit, &once)).await
    })
    .await
}

fn items(selection: &Selection) -> Items {
    if selection.includes("items") { Items::Included } else { Items::Left }
}
