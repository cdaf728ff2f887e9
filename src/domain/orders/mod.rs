//! Orders: placed against stock that is reserved first, moved on from status to status. What a backend is asked for is
//! written down before as an intent; whatever a crash leaves of it is settled by a job.

mod change;
mod confirm;
mod draft;
mod place;
mod settle;
mod steps;
mod stock;

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::Visit;
use crate::cache::{Cache, Found, Shelf, What};
use crate::error::{Error, Kind, Result};
use crate::identity::{Caller, Reach, Thing};
use crate::model;
use crate::model::{
    Condition, Count, Expected, Intent, IntentKind, Listing, NewAuditEntry, NewEvent, Noun, Order,
    OrderField, OrderId, OrderItem, OrderStatus, Page, Permission, UserId,
};
use crate::store::{Store, Work, counted};

use self::steps::Steps;
pub use self::steps::{Pause, Step};
pub use self::stock::Stock;

const KIND: IntentKind = IntentKind::Reservation;
/// Goods are about to be reserved for an order that is not there yet.
const RESERVING: &str = "reserving";
/// The goods of an order that is being confirmed are about to leave.
const COMMITTING: &str = "committing";
/// What is held for an order that is not there, or was given up, is about to be given back.
const RELEASING: &str = "releasing";

/// What is done with orders. A cheap handle.
#[derive(Debug, Clone)]
pub struct Orders {
    store: Store,
    /// Without and with their items.
    bare: Shelf<Order>,
    whole: Shelf<Order>,
    /// Wakes the job where something is left for it.
    left: Arc<Notify>,
    steps: Steps,
}

/// Whether what an order is of comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Items {
    /// It does.
    Included,
    /// It does not.
    Left,
}

impl Orders {
    /// The orders in this database.
    pub fn new(store: Store) -> Self {
        Self::cached(store, &Cache::off())
    }

    /// The same, where what is read often is kept in memory.
    pub fn cached(store: Store, cache: &Cache) -> Self {
        let shelf = |kind| cache.shelf(kind, Noun::Orders, weigh);
        let (bare, whole) = (shelf("order"), shelf("order_with_items"));
        Self { store, bare, whole, left: Arc::default(), steps: Steps::default() }
    }

    /// The same, with something to wait for after each step: for tests, which stop there.
    #[must_use]
    pub fn pausing(self, pause: Pause) -> Self {
        Self { steps: Steps::with(pause), ..self }
    }

    /// A page of the orders that fit, and how many there are, exact up to so many: their own, for those who may see no
    /// other.
    ///
    /// # Errors
    /// They may see none; the place is of another list; the database does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        listing: &Listing<OrderField>,
        items: Items,
        (most, visit): (u32, &Visit),
    ) -> Result<(Page<Order>, Count)> {
        let mut listing = listing.clone();
        match caller.require_some(Permission::OrdersRead)? {
            Reach::All => {}
            Reach::Own | Reach::Nothing => match caller.subject.parse::<UserId>() {
                Ok(user) => {
                    let own = Condition::equal(OrderField::UserId, model::Value::Id(user.uuid()));
                    listing.conditions.push(own);
                }
                Err(_) => return Ok(nothing()),
            },
        }
        let listing = &listing;
        let list = |work: Work| async move {
            let orders = work.orders();
            let (mut page, count) =
                counted(listing, orders.list(listing), orders.count(listing, most)).await?;
            if items == Items::Included {
                work.orders().fill(&mut page.items).await?;
            }
            Ok((page, count))
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(list).await
    }

    /// One order, from memory or the database. Whose it is says whether they may see it, so that is asked of what was
    /// found.
    ///
    /// # Errors
    /// There is none, as far as they may know; the database does not answer.
    pub async fn get(
        &self,
        caller: &Caller,
        id: OrderId,
        items: Items,
        visit: &Visit,
    ) -> Result<Found<Order>> {
        caller.require_any(Permission::OrdersRead)?;
        let get = |work: Work| async move {
            let mut order = work.orders().get(id).await?;
            if items == Items::Included {
                work.orders().fill(std::slice::from_mut(&mut order)).await?;
            }
            Ok(order)
        };
        let load = || async { self.store.tenant(caller.tenant).within(visit.left()).run(get).await };
        let shelf = if items == Items::Included { &self.whole } else { &self.bare };
        let found = shelf.read((caller.tenant, || What::Id(id.uuid())), visit.left(), load).await?;
        require(caller, Permission::OrdersRead, &found.value)?;
        Ok(found)
    }
}

/// What an order takes in memory, roughly.
fn weigh(order: &Order) -> usize {
    let texts = [&order.note, &order.shipping_address].into_iter().flatten().map(String::len);
    let items = order.items.as_ref().map_or(0, |items| size_of_val(items.as_slice()));
    size_of::<Order>() + texts.sum::<usize>() + items
}

fn nothing() -> (Page<Order>, Count) {
    (Page { items: Vec::new(), has_more: false }, Count { rows: 0, is_exact: true })
}

/// Whether they may do this with an order. Orders are their buyers' own.
fn require(caller: &Caller, permission: Permission, order: &Order) -> Result<()> {
    let owner = order.user.to_string();
    caller.require_with(permission, Thing { id: &order.id.to_string(), owner: Some(&owner) })
}

/// The order, which nobody else changes until the transaction ends, if they may change it and it is as they expect.
async fn open(work: &Work, caller: &Caller, (id, expected): (OrderId, &Expected)) -> Result<Order> {
    expect(seen(work, caller, id).await?, expected)
}

/// The same, however it is.
async fn seen(work: &Work, caller: &Caller, id: OrderId) -> Result<Order> {
    let order = work.orders().lock(id).await?;
    require(caller, Permission::OrdersUpdate, &order)?;
    Ok(order)
}

fn expect(order: Order, expected: &Expected) -> Result<Order> {
    expected.require("order", order.version)?;
    Ok(order)
}

/// Somebody is doing something with the stock of this order.
fn busy() -> Error {
    let message = "the order is being changed together with its stock; ask again in a moment";
    Error::new(Kind::Conflict, message).coded("order_busy")
}

/// Moves a locked order to another status, and tells of it.
async fn turn(work: &Work, order: &Order, to: OrderStatus, mut entry: NewAuditEntry) -> Result<Order> {
    let changed = work.orders().set_status(order.id, to).await?;
    let details = json!({ "from": order.status.as_str(), "to": to.as_str() });
    entry.details.extend(object(details));
    work.audit().append(&entry).await?;
    work.outbox().append(&event("order.status_changed", &changed, Some(order.status))).await?;
    Ok(changed)
}

/// An event that tells how an order is now.
fn event(topic: &'static str, order: &Order, before: Option<OrderStatus>) -> NewEvent {
    let item = |item: &OrderItem| {
        let OrderItem { product, quantity, price } = item;
        json!({ "product_id": product, "quantity": quantity, "price_minor": price })
    };
    let items = order.items.as_ref().map(|items| items.iter().map(item).collect::<Vec<_>>());
    let payload = json!({
        "order_id": order.id,
        "user_id": order.user,
        "status": order.status.as_str(),
        "previous_status": before.map(OrderStatus::as_str),
        "total_minor": order.total.minor,
        "currency": order.total.currency,
        "version": order.version,
        "items": items,
    });
    NewEvent { topic, key: order.id.to_string(), payload }
}

fn subject(id: OrderId) -> String {
    format!("order/{id}")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// The order that an intent is about.
fn order_of(intent: &Intent) -> OrderId {
    OrderId::from(intent.subject)
}
