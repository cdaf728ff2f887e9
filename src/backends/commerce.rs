//! The service that keeps stock: it holds goods for an order, lets them go to the customer, or takes them back. All of it
//! may be repeated: an order has one reservation, by its id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, bad};
use super::backend::{Backend, Request};
use super::errand::Errand;
use crate::error::Result;
use crate::model::{OrderId, ProductId};
use crate::upstream::Pool;

/// The commerce service behind a pool.
#[derive(Debug, Clone)]
pub struct Commerce {
    backend: Backend,
}

/// How many of each product an order needs.
pub type Wanted = BTreeMap<ProductId, i32>;

/// What became of a reservation that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The goods are held, from now or before.
    Held,
    /// There are too few of a product, and nothing is held.
    NotEnough {
        /// Of which.
        product: ProductId,
        /// How many there are.
        available: u32,
    },
    /// The order holds, or was given, other goods.
    Differs,
}

/// What became of goods that should go to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// They went, now or before.
    Gone,
    /// None are held for the order, or no longer.
    NotHeld,
}

/// What became of goods that should be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// None are held for the order now.
    Free,
    /// They went to the customer before.
    Gone,
}

impl Commerce {
    /// The service behind a pool.
    pub fn new(backend: Backend) -> Self {
        Self { backend }
    }

    /// The same for the pool as a reload left it.
    ///
    /// # Errors
    /// Those of [`Backend::new`].
    pub fn renewed(&self, pool: &Arc<Pool>) -> Result<Self> {
        Ok(Self { backend: self.backend.renewed(pool)? })
    }

    /// Holds goods for an order, for so long. Again for the same goods it changes nothing, unless their time is over.
    ///
    /// # Errors
    /// Those of [`Backend::ask`].
    pub async fn reserve(
        &self,
        errand: &Errand<'_>,
        order: OrderId,
        (wanted, ttl): (&Wanted, Duration),
    ) -> Result<Reserved> {
        let item = |(product_id, quantity): (&ProductId, &i32)| Item {
            product_id: *product_id,
            quantity: *quantity,
        };
        let items = wanted.iter().map(item).collect();
        let document = Reservation { items, ttl_seconds: ttl.as_secs().max(1) };
        let request = Request::new(Method::PUT, format!("/reservations/{order}")).with_json(&document)?;
        let read = |answer: &Answer| match answer.status {
            200 | 201 => match Existing::of(order, answer)? {
                State::Held | State::Committed => Ok(Reserved::Held),
                State::Other => Err(bad("the commerce service took goods that it does not hold")),
            },
            409 => match answer.json::<Refusal>()? {
                Refusal {
                    code: Code::NotEnoughStock,
                    product_id: Some(product),
                    available: Some(available),
                } if wanted.contains_key(&product) => Ok(Reserved::NotEnough { product, available }),
                Refusal { code: Code::ReservationDiffers, .. } => Ok(Reserved::Differs),
                _ => {
                    Err(bad("the commerce service refused a reservation without a reason that was agreed on"))
                }
            },
            _ => Err(answer.unexpected()),
        };
        self.backend.ask(errand, request, read).await
    }

    /// Lets the goods of an order go to the customer.
    ///
    /// # Errors
    /// Those of [`Backend::ask`].
    pub async fn commit(&self, errand: &Errand<'_>, order: OrderId) -> Result<Committed> {
        let request = Request::new(Method::POST, format!("/reservations/{order}/commit")).repeatable();
        let read = |answer: &Answer| match answer.status {
            200 => match Existing::of(order, answer)? {
                State::Committed => Ok(Committed::Gone),
                State::Held | State::Other => Err(bad("the commerce service let goods go that are not gone")),
            },
            404 => Ok(Committed::NotHeld),
            409 if answer.json::<Refusal>()?.code == Code::ReservationExpired => Ok(Committed::NotHeld),
            _ => Err(answer.unexpected()),
        };
        self.backend.ask(errand, request, read).await
    }

    /// Takes the goods of an order back. It is as good if none are held.
    ///
    /// # Errors
    /// Those of [`Backend::ask`].
    pub async fn release(&self, errand: &Errand<'_>, order: OrderId) -> Result<Released> {
        let request = Request::new(Method::DELETE, format!("/reservations/{order}"));
        let read = |answer: &Answer| match answer.status {
            204 | 404 => Ok(Released::Free),
            409 if answer.json::<Refusal>()?.code == Code::ReservationCommitted => Ok(Released::Gone),
            _ => Err(answer.unexpected()),
        };
        self.backend.ask(errand, request, read).await
    }
}

#[derive(Serialize)]
struct Reservation {
    items: Vec<Item>,
    ttl_seconds: u64,
}

#[derive(Serialize)]
struct Item {
    product_id: ProductId,
    quantity: i32,
}

/// What is read of a reservation.
#[derive(Deserialize)]
struct Existing {
    order_id: OrderId,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Held,
    Committed,
    #[serde(other)]
    Other,
}

impl Existing {
    /// How the reservation of an order is. A status alone is not believed: whoever stands between might say 200.
    fn of(order: OrderId, answer: &Answer) -> Result<State> {
        let found: Self = answer.json()?;
        let is_meant = found.order_id == order;
        is_meant.then_some(found.state).ok_or_else(|| bad("the commerce service answered for another order"))
    }
}

/// What is read of a problem of the service.
#[derive(Deserialize)]
struct Refusal {
    code: Code,
    product_id: Option<ProductId>,
    available: Option<u32>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Code {
    NotEnoughStock,
    ReservationDiffers,
    ReservationExpired,
    ReservationCommitted,
    #[serde(other)]
    Other,
}
