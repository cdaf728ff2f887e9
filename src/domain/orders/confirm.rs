//! The confirmation of an order: its intent committed; then the goods let go, outside any transaction; then the status.
//! From the intent on it goes forward only: what a crash leaves is finished by the job. Just a lack of stock ends it. The
//! intent and the audit log hold the client's key, so that a request that was cut short is known when it is sent again.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::change::check;
use super::{COMMITTING, KIND, Orders, Step, busy, expect, object, seen, subject, turn};
use crate::domain::{Once, Terms, Visit};
use crate::error::{Error, Kind, Result};
use crate::identity::Caller;
use crate::model::{
    Expected, Intent, NewAuditEntry, NewIntent, Order, OrderId, OrderItem, OrderStatus, TenantId,
};
use crate::store::Work;

/// What the key of a client is called in intents and in the audit log.
pub(super) const KEY: &str = "idempotency_key";
/// What the audit log calls it.
pub(super) const ACTION: &str = "order.status_changed";
/// How much longer than its calls an intent is left alone.
const SLACK: Duration = Duration::from_secs(15);

/// What stands before a confirmation.
enum Standing {
    /// These goods are to be let go.
    Open(Vec<OrderItem>),
    /// It was done before, by this very request.
    Done(Order),
}

/// A request for a confirmation.
struct Wish<'w> {
    caller: &'w Caller,
    id: OrderId,
    expected: &'w Expected,
    once: &'w Once<Order>,
    due_in: Duration,
}

impl Orders {
    /// Lets the goods of a pending order go, and confirms it. Where this was begun before by the same request, which was
    /// cut short and is sent again, it goes on with that, or tells how the order is that was confirmed by it.
    pub(super) async fn confirm(
        &self,
        caller: &Caller,
        terms: &Terms,
        (id, expected): (OrderId, &Expected),
        (visit, once): (&Visit, &Once<Order>),
    ) -> Result<Order> {
        terms.stock.require()?;
        let wish = &Wish { caller, id, expected, once, due_in: terms.stock.patience() + SLACK };
        let intend = |work: Work| async move { wish.intend(&work).await };
        let items = match self.store.tenant(caller.tenant).within(visit.left()).run(intend).await? {
            Standing::Open(items) => items,
            Standing::Done(order) => return Ok(order),
        };
        self.steps.after(Step::Intended).await;
        let errand = visit.origin.errand(terms.stock.until(Some(visit.by)));
        if let Err(error) = terms.stock.let_go(&errand, id, &items).await {
            return Err(self.unconfirmed(caller.tenant, id, error).await);
        }
        self.steps.after(Step::Gone).await;
        let mut entry = visit.entry(&caller.subject, ACTION, subject(id));
        entry.details = keyed(once.key());
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

impl Wish<'_> {
    /// Writes the intent, unless the same request did before.
    async fn intend(&self, work: &Work) -> Result<Standing> {
        let Self { caller, id, expected, once, due_in } = *self;
        let order = seen(work, caller, id).await?;
        if self.was_done(work, &order).await? {
            once.settle(work, &order).await?;
            return Ok(Standing::Done(order));
        }
        let mut payload = keyed(once.key());
        payload.insert("actor".to_owned(), json!(&*caller.subject));
        let begun = work.intents().find(KIND, id.uuid()).await?;
        let is_ours = |begun: &Intent| begun.state == COMMITTING && object(begun.payload.clone()) == payload;
        if once.key().is_some() && begun.as_ref().is_some_and(is_ours) {
            return work.orders().items(id).await.map(Standing::Open);
        }
        let order = expect(order, expected)?;
        check(order.status, OrderStatus::Confirmed)?;
        let payload = Value::Object(payload);
        let intent = NewIntent { kind: KIND, subject: id.uuid(), state: COMMITTING, payload, due_in };
        if !work.intents().begin(&intent).await? {
            return Err(busy());
        }
        // From now on the order is another one to whoever saw it before: of many who saw the same, one goes on.
        work.orders().touch(id).await?;
        work.orders().items(id).await.map(Standing::Open)
    }

    /// Whether the same caller confirmed the order under the same key. The audit log knows it, whoever finished it.
    async fn was_done(&self, work: &Work, order: &Order) -> Result<bool> {
        let key = self.once.key();
        if key.is_none() || order.status == OrderStatus::Pending {
            return Ok(false);
        }
        let mut details = keyed(key);
        details.insert("to".to_owned(), json!(OrderStatus::Confirmed.as_str()));
        let entry = NewAuditEntry {
            actor: self.caller.subject.to_string(),
            action: ACTION.to_owned(),
            subject: subject(order.id),
            details,
            ..NewAuditEntry::default()
        };
        work.audit().has(&entry).await
    }
}

/// What is noted of the key that a client sent.
pub(super) fn keyed(key: Option<&str>) -> Map<String, Value> {
    key.map(|key| (KEY.to_owned(), json!(key))).into_iter().collect()
}
