//! How stock is reserved under one configuration: by the commerce service, with what every answer of it means here.

use std::time::{Duration, Instant};

use crate::backends::{Commerce, Committed, Errand, Released, Reserved, Wanted};
use crate::config::Settings;
use crate::error::{Error, Flaw, Kind, Result};
use crate::model::{OrderId, OrderItem};

/// Who keeps the stock.
#[derive(Debug)]
pub struct Stock {
    commerce: Option<Commerce>,
    patience: Duration,
    ttl: Duration,
}

impl Stock {
    /// What these settings say, with who keeps it.
    pub fn new(settings: &Settings, commerce: Option<Commerce>) -> Self {
        let own = settings.backends.commerce.as_ref();
        let time = |it: fn(&crate::config::CommerceBackend) -> crate::config::Period| {
            own.map_or(Duration::ZERO, |own| it(own).get())
        };
        Self { commerce, patience: time(|own| own.timeout), ttl: time(|own| own.reservation_ttl) }
    }

    /// Who keeps it, for the configuration that follows.
    pub fn commerce(&self) -> Option<&Commerce> {
        self.commerce.as_ref()
    }

    /// How long one call may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Until when a call may take that begins now.
    pub(super) fn until(&self, by: Option<Instant>) -> Instant {
        let until = Instant::now() + self.patience;
        by.map_or(until, |by| by.min(until))
    }

    /// Whether there is anybody to ask.
    pub(super) fn require(&self) -> Result<&Commerce> {
        let missing = || Error::new(Kind::Unavailable, "nobody keeps stock: there is no [backends.commerce]");
        self.commerce.as_ref().ok_or_else(missing)
    }

    /// Holds what an order is of.
    ///
    /// # Errors
    /// There is not enough, of which the place in the order is told; the service does not answer.
    pub(super) async fn reserve(&self, errand: &Errand<'_>, id: OrderId, items: &[OrderItem]) -> Result<()> {
        let wanted: Wanted = items.iter().map(|item| (item.product, item.quantity)).collect();
        match self.require()?.reserve(errand, id, (&wanted, self.ttl)).await? {
            Reserved::Held => Ok(()),
            Reserved::NotEnough { product, available } => {
                let index = items.iter().position(|item| item.product == product).unwrap_or_default();
                let message = format!("there is not enough stock of product {product}: {available} left");
                let place = format!("items/{index}/quantity");
                let flaw = Flaw { place, code: "not_enough_stock", message: message.clone() };
                Err(Error::new(Kind::Conflict, message).coded("not_enough_stock").with_flaws(vec![flaw]))
            }
            Reserved::Differs => {
                Err(Error::new(Kind::BadGateway, "the commerce service holds other goods for the order"))
            }
        }
    }

    /// Lets go what is held for an order; what is not held any more is reserved anew.
    ///
    /// # Errors
    /// There is not enough any more; the service does not answer.
    pub(super) async fn let_go(&self, errand: &Errand<'_>, id: OrderId, items: &[OrderItem]) -> Result<()> {
        let commerce = self.require()?;
        if commerce.commit(errand, id).await? == Committed::Gone {
            return Ok(());
        }
        self.reserve(errand, id, items).await?;
        match commerce.commit(errand, id).await? {
            Committed::Gone => Ok(()),
            Committed::NotHeld => Err(Error::new(
                Kind::Unavailable,
                "the commerce service does not hold what it took a moment ago",
            )),
        }
    }

    /// Gives back what is held for an order, if anything is.
    ///
    /// # Errors
    /// The service does not answer.
    pub(super) async fn release(&self, errand: &Errand<'_>, id: OrderId) -> Result<()> {
        match self.require()?.release(errand, id).await? {
            Released::Free => {}
            Released::Gone => tracing::warn!(order = %id, "the goods of an order that was given up had left"),
        }
        Ok(())
    }
}
