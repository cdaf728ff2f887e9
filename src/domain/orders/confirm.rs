//! The confirmation of an order: its intent committed; then the goods let go, outside any transaction; then the status.
//! From the intent on it goes forward only: what a crash leaves is finished by the job. Just a lack of stock ends it.

use std::time::Duration;

use serde_json::json;

use super::change::check;
use super::{COMMITTING, KIND, Orders, Step, busy, open, subject, turn};
use crate::domain::{Once, Terms, Visit};
use crate::error::{Error, Kind, Result};
use crate::identity::Caller;
use crate::model::{Expected, NewAuditEntry, NewIntent, Order, OrderId, OrderItem, OrderStatus, TenantId};
use crate::store::Work;

/// How much longer than its calls an intent is left alone.
const SLACK: Duration = Duration::from_secs(15);

impl Orders {
    /// Lets the goods of a pending order go, and confirms it.
    pub(super) async fn confirm(
        &self,
        caller: &Caller,
        terms: &Terms,
        (id, expected): (OrderId, &Expected),
        (visit, once): (&Visit, &Once<Order>),
    ) -> Result<Order> {
        terms.stock.require()?;
        let intent = &NewIntent {
            kind: KIND,
            subject: id.uuid(),
            state: COMMITTING,
            payload: json!({ "actor": &*caller.subject }),
            due_in: terms.stock.patience() + SLACK,
        };
        let intend = |work: Work| async move {
            let order = open(&work, caller, (id, expected)).await?;
            check(order.status, OrderStatus::Confirmed)?;
            if !work.intents().begin(intent).await? {
                return Err(busy());
            }
            // From now on the order is another one to whoever saw it before: of many who saw the same, one goes on.
            work.orders().touch(id).await?;
            work.orders().items(id).await
        };
        let items = self.store.tenant(caller.tenant).within(visit.left()).run(intend).await?;
        self.steps.after(Step::Intended).await;
        let errand = visit.origin.errand(terms.stock.until(Some(visit.by)));
        if let Err(error) = terms.stock.let_go(&errand, id, &items).await {
            return Err(self.unconfirmed(caller.tenant, id, error).await);
        }
        self.steps.after(Step::Gone).await;
        let entry = visit.entry(&caller.subject, "order.status_changed", subject(id));
        let confirmed = self.confirmed((caller.tenant, id), entry, once).await;
        self.steps.after(Step::Confirmed).await;
        confirmed
    }

    /// Confirms an order whose goods have gone, unless somebody else was faster. It has all the time the database gives, not
    /// only the request's.
    pub(super) async fn confirmed(
        &self,
        (tenant, id): (TenantId, OrderId),
        entry: NewAuditEntry,
        once: &Once<Order>,
    ) -> Result<Order> {
        let entry = &entry;
        let confirm = |work: Work| async move {
            let order = work.orders().lock(id).await?;
            let changed = match work.intents().end(KIND, id.uuid(), COMMITTING).await? {
                true => turn(&work, &order, OrderStatus::Confirmed, entry.clone()).await?,
                // The job was faster.
                false if order.status == OrderStatus::Confirmed => order,
                false => return Err(busy()),
            };
            once.settle(&work, &changed).await?;
            Ok(changed)
        };
        self.store.tenant(tenant).run(confirm).await
    }

    /// What is told where the goods did not go. A lack of stock ends it; whatever else it was, the job goes on. The time of
    /// the request may be over by now.
    async fn unconfirmed(&self, tenant: TenantId, id: OrderId, error: Error) -> Error {
        let is_over = error.kind() == Kind::Conflict;
        let settle = |work: Work| async move {
            let intents = work.intents();
            match is_over {
                true => intents.end(KIND, id.uuid(), COMMITTING).await,
                false => {
                    intents.turn(KIND, id.uuid(), (COMMITTING, COMMITTING), Duration::from_secs(1)).await
                }
            }
        };
        if let Err(error) = self.store.tenant(tenant).run(settle).await {
            tracing::warn!(%error, order = %id, "confirm an order: gone on with by the job later");
        }
        self.left.notify_one();
        error
    }

    /// Takes a confirmation back of which nothing came.
    pub(super) async fn give_up(&self, (tenant, id): (TenantId, OrderId)) -> Result<()> {
        let end = |work: Work| async move { work.intents().end(KIND, id.uuid(), COMMITTING).await };
        self.store.tenant(tenant).run(end).await.map(drop)
    }

    /// What an order is of.
    pub(super) async fn items_of(&self, (tenant, id): (TenantId, OrderId)) -> Result<Vec<OrderItem>> {
        self.store.tenant(tenant).run(|work| async move { work.orders().items(id).await }).await
    }
}
