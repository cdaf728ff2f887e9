//! The audit log of a tenant. Entries are added, in the transaction of what they tell of, and never changed.

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::listing::{Column, Shape};
use super::row::Cells;
use super::select::Select;
use super::work::{Work, param};
use crate::error::Result;
use crate::model::{AuditEntry, AuditField, Listing, NewAuditEntry, Page};

/// The audit log of the tenant of a transaction.
#[derive(Debug)]
pub struct Audit<'w>(&'w Work);

impl Work {
    /// The audit log of the tenant of a transaction.
    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }
}

impl Audit<'_> {
    const INSERT: &'static str =
        "INSERT INTO audit_log (tenant_id, id, actor, action, subject, details, request_id, address)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

    /// Adds an entry.
    ///
    /// # Errors
    /// The database fails.
    pub async fn append(&self, new: &NewAuditEntry) -> Result<()> {
        let (tenant, id) = (self.0.tenant()?.uuid(), Uuid::now_v7());
        let details = Value::Object(new.details.clone());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&new.actor, Type::TEXT),
            param(&new.action, Type::TEXT),
            param(&new.subject, Type::TEXT),
            param(&details, Type::JSONB),
            param(&new.request_id, Type::TEXT),
            param(&new.address, Type::TEXT),
        ];
        self.0.query(Self::INSERT, &values).await.map(drop)
    }

    const INSERT_ALL: &'static str =
        "INSERT INTO audit_log (tenant_id, id, actor, action, subject, details, request_id, address)
    SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::text[])";

    /// Adds several entries at once.
    ///
    /// # Errors
    /// The database fails.
    pub async fn append_all(&self, new: &[NewAuditEntry]) -> Result<()> {
        let tenant = self.0.tenant()?.uuid();
        let ids: Vec<_> = new.iter().map(|_| Uuid::now_v7()).collect();
        let details: Vec<_> = new.iter().map(|entry| Value::Object(entry.details.clone())).collect();
        let each = |part: fn(&NewAuditEntry) -> &String| new.iter().map(part).collect::<Vec<_>>();
        let (actors, actions) = (each(|entry| &entry.actor), each(|entry| &entry.action));
        let subjects = each(|entry| &entry.subject);
        let (requests, addresses) = (each(|entry| &entry.request_id), each(|entry| &entry.address));
        let values = [
            param(&tenant, Type::UUID),
            param(&ids, Type::UUID_ARRAY),
            param(&actors, Type::TEXT_ARRAY),
            param(&actions, Type::TEXT_ARRAY),
            param(&subjects, Type::TEXT_ARRAY),
            param(&details, Type::JSONB_ARRAY),
            param(&requests, Type::TEXT_ARRAY),
            param(&addresses, Type::TEXT_ARRAY),
        ];
        self.0.query(Self::INSERT_ALL, &values).await.map(drop)
    }

    const WAS_DONE: &'static str = "SELECT id FROM audit_log
    WHERE tenant_id = $1 AND subject = $2 AND actor = $3 AND action = $4 AND details @> $5 LIMIT 1";

    /// Whether there is such an entry: by the same actor, of the same action and subject, with these details among its
    /// own.
    ///
    /// # Errors
    /// The database fails.
    pub async fn has(&self, entry: &NewAuditEntry) -> Result<bool> {
        let (tenant, details) = (self.0.tenant()?.uuid(), Value::Object(entry.details.clone()));
        let values = [
            param(&tenant, Type::UUID),
            param(&entry.subject, Type::TEXT),
            param(&entry.actor, Type::TEXT),
            param(&entry.action, Type::TEXT),
            param(&details, Type::JSONB),
        ];
        Ok(self.0.find(Self::WAS_DONE, &values).await?.is_some())
    }

    const LIST: &'static str = "SELECT id, actor, action, subject, details, request_id, address, created_at
    FROM audit_log WHERE tenant_id = ";

    /// A page of the entries that fit.
    ///
    /// # Errors
    /// The place is of another list.
    pub async fn list(&self, listing: &Listing<AuditField>) -> Result<Page<AuditEntry>> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        let select = select.fitting(listing, column)?;
        select.listing(self.0, listing, &Shape { column, read: entry }).await
    }
}

fn column(field: AuditField) -> Column {
    match field {
        AuditField::Subject => ("subject", Type::TEXT),
        AuditField::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
    }
}

fn entry(row: &Row) -> Result<AuditEntry> {
    let found = Cells::of(row);
    Ok(AuditEntry {
        id: found.read("id")?,
        actor: found.read("actor")?,
        action: found.read("action")?,
        subject: found.read("subject")?,
        details: found.object("details")?,
        request_id: found.read("request_id")?,
        address: found.read("address")?,
        created_at: found.read("created_at")?,
    })
}
