//! Tenants: made, found and changed by the platform.

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{Expected, NewTenant, Tenant, TenantChange, TenantId, TenantStanding, TenantStatus};

/// Tenants, in a transaction of the platform; a tenant may get itself.
#[derive(Debug)]
pub struct Tenants<'w>(&'w Work);

impl Work {
    /// Tenants, in a transaction of the platform; a tenant may get itself.
    pub fn tenants(&self) -> Tenants<'_> {
        Tenants(self)
    }
}

impl Tenants<'_> {
    const INSERT: &'static str = "INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $3)
    RETURNING id, slug, name, status, limits, version, created_at, updated_at";

    /// A new tenant.
    ///
    /// # Errors
    /// Its slug is taken, or not one.
    pub async fn create(&self, new: &NewTenant) -> Result<Tenant> {
        let id = new.id.uuid();
        let values = [param(&id, Type::UUID), param(&new.slug, Type::TEXT), param(&new.name, Type::TEXT)];
        one(self.0.find(Self::INSERT, &values).await?)
    }

    const GET: &'static str = "SELECT id, slug, name, status, limits, version, created_at, updated_at
    FROM tenants WHERE id = $1";

    /// The tenant of this id, if the transaction may see it: a tenant sees itself.
    ///
    /// # Errors
    /// There is none.
    pub async fn get(&self, tenant: TenantId) -> Result<Tenant> {
        one(self.0.find(Self::GET, &[param(&tenant.uuid(), Type::UUID)]).await?)
    }

    const FIND: &'static str = "SELECT id, slug, name, status, limits, version, created_at, updated_at
    FROM tenants WHERE slug = $1";

    /// The tenant of this short name, if there is one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, slug: &str) -> Result<Option<Tenant>> {
        self.0.find(Self::FIND, &[param(&slug, Type::TEXT)]).await?.as_ref().map(tenant).transpose()
    }

    const LIST: &'static str = "SELECT id, slug, name, status, limits, version, created_at, updated_at
    FROM tenants WHERE slug > $1 ORDER BY slug LIMIT $2";

    /// So many tenants after this short name, in the order of these names.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list(&self, after: &str, limit: u16) -> Result<Vec<Tenant>> {
        let limit = i64::from(limit);
        let rows = self.0.query(Self::LIST, &[param(&after, Type::TEXT), param(&limit, Type::INT8)]).await?;
        rows.iter().map(tenant).collect()
    }

    const APART: &'static str =
        "SELECT id, status, limits FROM tenants WHERE status <> 'active' OR limits <> '{}'";

    /// Those that are not active or have limits of their own.
    ///
    /// # Errors
    /// The database fails.
    pub async fn apart(&self) -> Result<Vec<TenantStanding>> {
        let rows = self.0.query(Self::APART, &[]).await?;
        let standing = |row: &Row| {
            let found = Cells::of(row);
            Ok(TenantStanding {
                id: TenantId::from(found.read::<uuid::Uuid>("id")?),
                status: found.word("status", TenantStatus::from_word)?,
                limits: found.object("limits")?,
            })
        };
        rows.iter().map(standing).collect()
    }

    const UPDATE: &'static str =
        "UPDATE tenants SET name = coalesce($3, name), limits = coalesce($4, limits),
    status = coalesce($5, status), version = version + 1, updated_at = now()
    WHERE id = $1 AND coalesce((version = ANY($2)) = $6, true)
    RETURNING id, slug, name, status, limits, version, created_at, updated_at";

    /// Changes a tenant of an expected version.
    ///
    /// # Errors
    /// There is none; it is of another version.
    pub async fn update(
        &self,
        tenant: TenantId,
        expected: &Expected,
        change: &TenantChange,
    ) -> Result<Tenant> {
        let limits = change.limits.clone().map(Value::Object);
        let (id, status) = (tenant.uuid(), change.status.map(TenantStatus::as_str));
        let (versions, is_wanted) = expected.versions();
        let values = [
            param(&id, Type::UUID),
            param(&versions, Type::INT8_ARRAY),
            param(&change.name, Type::TEXT),
            param(&limits, Type::JSONB),
            param(&status, Type::TEXT),
            param(&is_wanted, Type::BOOL),
        ];
        match self.0.find(Self::UPDATE, &values).await? {
            Some(row) => self::tenant(&row),
            None => Err(expected.unmet("tenant", self.get(tenant).await?.version)),
        }
    }
}

fn one(found: Option<Row>) -> Result<Tenant> {
    let row = found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such tenant"))?;
    tenant(&row)
}

fn tenant(row: &Row) -> Result<Tenant> {
    let found = Cells::of(row);
    Ok(Tenant {
        id: TenantId::from(found.read::<uuid::Uuid>("id")?),
        slug: found.read("slug")?,
        name: found.read("name")?,
        status: found.word("status", TenantStatus::from_word)?,
        limits: found.object("limits")?,
        version: found.read("version")?,
        created_at: found.read("created_at")?,
        updated_at: found.read("updated_at")?,
    })
}
