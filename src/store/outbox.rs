//! The outbox: events in the transaction of what they tell of. Whoever publishes them reads them from here.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::work::{Work, param};
use crate::error::Result;
use crate::model::NewEvent;

/// The outbox of the tenant of a transaction.
#[derive(Debug)]
pub struct Outbox<'w>(&'w Work);

impl Work {
    /// The outbox of the tenant of a transaction.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }
}

impl Outbox<'_> {
    const INSERT: &'static str = "INSERT INTO outbox (tenant_id, event_id, topic, key, payload)
    VALUES ($1, $2, $3, $4, $5)";

    /// Adds an event.
    ///
    /// # Errors
    /// The database fails.
    pub async fn append(&self, new: &NewEvent) -> Result<()> {
        let (tenant, id) = (self.0.tenant()?.uuid(), Uuid::now_v7());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&new.topic, Type::TEXT),
            param(&new.key, Type::TEXT),
            param(&new.payload, Type::JSONB),
        ];
        self.0.query(Self::INSERT, &values).await.map(drop)
    }
}
