//! Changes of an order: what its buyer says of it, and the moves from status to status that need no backend first.

use std::time::Duration;

use serde_json::json;

use super::{KIND, Orders, RELEASING, busy, event, open, subject, turn};
use crate::domain::{Once, Terms, Visit};
use crate::error::{Error, Kind, Result};
use crate::identity::{Caller, Thing};
use crate::model::{Expected, NewIntent, Order, OrderId, OrderRemarks, OrderStatus, Permission};
use crate::store::Work;

impl Orders {
    /// Replaces what is said of an order that was not sent yet, if it is of an expected version.
    ///
    /// # Errors
    /// There is none, as far as they may know; they may not; it is of another version; it is on its way.
    pub async fn update(
        &self,
        caller: &Caller,
        (id, expected): (OrderId, &Expected),
        remarks: &OrderRemarks,
        visit: &Visit,
    ) -> Result<Order> {
        caller.require_any(Permission::OrdersUpdate)?;
        let entry = &visit.entry(&caller.subject, "order.updated", subject(id));
        let update = |work: Work| async move {
            let order = open(&work, caller, (id, expected)).await?;
            if !order.status.is_open() {
                let message =
                    format!("the order is {}: nothing about it changes any more", order.status.as_str());
                return Err(Error::new(Kind::Conflict, message).coded("order_closed"));
            }
            let changed = work.orders().update(id, remarks).await?;
            work.audit().append(entry).await?;
            work.outbox().append(&event("order.updated", &changed, None)).await?;
            Ok(changed)
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(update).await
    }

    /// Moves an order of an expected version to another status.
    ///
    /// # Errors
    /// There is none, as far as they may know; they may not, as buyers may only confirm and cancel; it is of another
    /// version; its status does not lead there, and the message says where it leads; there is not enough stock any more; the commerce service does not answer.
    pub async fn move_on(
        &self,
        caller: &Caller,
        terms: &Terms,
        (id, expected, to): (OrderId, &Expected, OrderStatus),
        (visit, once): (&Visit, &Once<Order>),
    ) -> Result<Order> {
        caller.require_any(Permission::OrdersUpdate)?;
        if to == OrderStatus::Confirmed {
            return self.confirm(caller, terms, (id, expected), (visit, once)).await;
        }
        let entry = &visit.entry(&caller.subject, "order.status_changed", subject(id));
        let releasing = &NewIntent {
            kind: KIND,
            subject: id.uuid(),
            state: RELEASING,
            payload: json!({}),
            due_in: Duration::ZERO,
        };
        let step = |work: Work| async move {
            let order = open(&work, caller, (id, expected)).await?;
            may_say(caller, &order, to)?;
            if work.intents().find(KIND, id.uuid()).await?.is_some() {
                return Err(busy());
            }
            check(order.status, to)?;
            // What is held for an order that was not confirmed is given back.
            if order.status == OrderStatus::Pending {
                work.intents().begin(releasing).await?;
            }
            let changed = turn(&work, &order, to, entry.clone()).await?;
            once.settle(&work, &changed).await?;
            Ok(changed)
        };
        let changed = self.store.tenant(caller.tenant).within(visit.left()).run(step).await?;
        self.left.notify_one();
        Ok(changed)
    }
}

/// Whether they may say that an order is there now. Buyers give up what is theirs; that it was paid, sent, received or
/// paid back is the shop's to say, so the order being their own does not help.
fn may_say(caller: &Caller, order: &Order, to: OrderStatus) -> Result<()> {
    match to {
        OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Cancelled => Ok(()),
        OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Refunded => {
            let thing = Thing { id: &order.id.to_string(), owner: None };
            let they_may = caller.require_with(Permission::OrdersUpdate, thing);
            // They know that it is there.
            they_may.or_else(|_| caller.require(Permission::OrdersUpdate))
        }
    }
}

/// Whether a status leads to another.
pub(super) fn check(from: OrderStatus, to: OrderStatus) -> Result<()> {
    if from.leads_to().contains(&to) {
        return Ok(());
    }
    let legal: Vec<_> = from.leads_to().iter().map(|status| format!("`{}`", status.as_str())).collect();
    let where_to = if legal.is_empty() { "nowhere".to_owned() } else { format!("to {}", legal.join(", ")) };
    let message =
        format!("the order is `{}`, which leads {where_to} and not to `{}`", from.as_str(), to.as_str());
    Err(Error::new(Kind::Conflict, message).coded("illegal_transition"))
}
