//! The making of an order: checked and its intent committed; then the goods reserved, outside any transaction; then the
//! order, its event and the answer committed at once. A crash between leaves an intent, of which the job gives back what
//! was reserved.

use std::time::Duration;

use serde_json::json;

use super::draft::{draft, unfit};
use super::{KIND, Orders, RELEASING, RESERVING, Step, event, subject};
use crate::domain::{Once, Terms, Visit};
use crate::error::{Error, Flaw, Kind, Result};
use crate::identity::{Caller, Reach};
use crate::model::{Money, NewIntent, NewOrder, Order, OrderId, OrderItem, Permission, UserId, WantedOrder};
use crate::store::Work;

/// How much longer than its call an intent is left alone: for the two transactions around it.
const SLACK: Duration = Duration::from_secs(15);

impl Orders {
    /// A new order, of what is held for it from now on.
    ///
    /// # Errors
    /// They may not; an item cannot be ordered; there is not enough stock; the commerce service or the database does not
    /// answer. Then there is no order, and what was reserved is given back.
    pub async fn place(
        &self,
        caller: &Caller,
        terms: &Terms,
        wanted: &WantedOrder,
        (visit, once): (&Visit, &Once<Order>),
    ) -> Result<Order> {
        let user = buyer(caller, wanted)?;
        terms.stock.require()?;
        let id = OrderId::new();
        let (items, total) = self.record(caller, (id, user), wanted, (terms, visit)).await?;
        self.steps.after(Step::Recorded).await;
        let errand = visit.origin.errand(terms.stock.until(Some(visit.by)));
        if let Err(error) = terms.stock.reserve(&errand, id, &items).await {
            self.abandon(caller, id).await;
            return Err(error);
        }
        self.steps.after(Step::Reserved).await;
        let new = NewOrder {
            id,
            user,
            items,
            total,
            note: wanted.note.clone(),
            shipping_address: wanted.shipping_address.clone(),
        };
        let placed = self.commit(caller, &new, (visit, once)).await;
        if placed.is_err() {
            self.abandon(caller, id).await;
        }
        self.steps.after(Step::Placed).await;
        placed
    }

    /// Checks what is wanted and commits the intent to reserve it. Gives the lines at the prices of now.
    async fn record(
        &self,
        caller: &Caller,
        (id, user): (OrderId, UserId),
        wanted: &WantedOrder,
        (terms, visit): (&Terms, &Visit),
    ) -> Result<(Vec<OrderItem>, Money)> {
        let intent = &NewIntent {
            kind: KIND,
            subject: id.uuid(),
            state: RESERVING,
            payload: json!({}),
            due_in: terms.stock.patience() + SLACK,
        };
        let ids: &Vec<_> = &wanted.items.iter().map(|item| item.product).collect();
        let record = |work: Work| async move {
            match work.users().get(user).await {
                Ok(_) => {}
                Err(error) if error.kind() == Kind::NotFound => return Err(no_user()),
                Err(error) => return Err(error),
            }
            let drafted = draft(&wanted.items, &work.products().these(ids).await?)?;
            work.intents().begin(intent).await?;
            Ok(drafted)
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(record).await
    }

    /// Commits the order. Past the reservation it has all the time the database gives, not only the request's.
    async fn commit(
        &self,
        caller: &Caller,
        new: &NewOrder,
        (visit, once): (&Visit, &Once<Order>),
    ) -> Result<Order> {
        let entry = &visit.entry(&caller.subject, "order.created", subject(new.id));
        let commit = |work: Work| async move {
            // Of this and the job that gives back, one comes first.
            if !work.intents().end(KIND, new.id.uuid(), RESERVING).await? {
                let message = "the order took so long that what was reserved for it was given back";
                return Err(Error::new(Kind::Unavailable, message));
            }
            let made = work.orders().create(new).await?;
            work.audit().append(entry).await?;
            work.outbox().append(&event("order.created", &made, None)).await?;
            once.settle(&work, &made).await?;
            Ok(made)
        };
        self.store.tenant(caller.tenant).run(commit).await
    }

    /// Leaves it to the job to give back what may have been reserved, in all the time the database gives. Where that fails,
    /// the job comes by itself.
    async fn abandon(&self, caller: &Caller, id: OrderId) {
        let abandon = |work: Work| async move {
            work.intents().turn(KIND, id.uuid(), (RESERVING, RELEASING), Duration::ZERO).await
        };
        match self.store.tenant(caller.tenant).run(abandon).await {
            Ok(_) => self.left.notify_one(),
            Err(error) => tracing::warn!(%error, order = %id, "give up an order: done by the job later"),
        }
    }
}

/// Whose the order will be: the caller's, or somebody's for whom they may order.
fn buyer(caller: &Caller, wanted: &WantedOrder) -> Result<UserId> {
    let reach = caller.require_some(Permission::OrdersCreate)?;
    let own = caller.subject.parse::<UserId>().ok();
    match (wanted.user, own) {
        (None, Some(own)) => Ok(own),
        (None, None) => Err(unfit(vec![Flaw {
            place: "user_id".to_owned(),
            code: "required",
            message: "is needed: who orders here is no user of the tenant".to_owned(),
        }])),
        (Some(user), own) if reach == Reach::All || own == Some(user) => Ok(user),
        (Some(_), _) => Err(Error::new(Kind::Forbidden, "this needs the permission `orders:create` for all")),
    }
}

fn no_user() -> Error {
    let message = "there is no such user".to_owned();
    unfit(vec![Flaw { place: "user_id".to_owned(), code: "unknown_user", message }])
}
