//! Products of a tenant. Those that were deleted are kept for what refers to them, and not seen.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::listing::{Column, Shape, is_common};
use super::row::Cells;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Count, Expected, Listing, Money, Page, Product, ProductDraft, ProductField, ProductId, ProductStatus,
};

/// The products of the tenant of a transaction.
#[derive(Debug)]
pub struct Products<'w>(&'w Work);

impl Work {
    /// The products of the tenant of a transaction.
    pub fn products(&self) -> Products<'_> {
        Products(self)
    }
}

impl Products<'_> {
    const INSERT: &'static str = "INSERT INTO products
        (tenant_id, id, sku, name, description, price, currency, stock, status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        RETURNING id, sku, name, description, price, currency, stock, status, version, created_at, updated_at";

    /// A new product.
    ///
    /// # Errors
    /// Another product has its number.
    pub async fn create(&self, id: ProductId, draft: &ProductDraft) -> Result<Product> {
        let (tenant, id, status) = (self.0.tenant()?.uuid(), id.uuid(), draft.status.as_str());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&draft.sku, Type::TEXT),
            param(&draft.name, Type::TEXT),
            param(&draft.description, Type::TEXT),
            param(&draft.price.minor, Type::INT8),
            param(&draft.price.currency, Type::BPCHAR),
            param(&draft.stock, Type::INT4),
            param(&status, Type::TEXT),
        ];
        one(self.0.find(Self::INSERT, &values).await?)
    }

    const GET: &'static str = "SELECT id, sku, name, description, price, currency, stock, status, version,
        created_at, updated_at
        FROM products WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";

    /// The product of this id.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn get(&self, id: ProductId) -> Result<Product> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        one(self.0.find(Self::GET, &[param(&tenant, Type::UUID), param(&id, Type::UUID)]).await?)
    }

    const THESE: &'static str = "SELECT id, sku, name, description, price, currency, stock, status, version,
        created_at, updated_at
        FROM products WHERE tenant_id = $1 AND id = ANY($2) AND deleted_at IS NULL";

    /// Those of these ids that are there, in no order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn these(&self, ids: &[ProductId]) -> Result<Vec<Product>> {
        let tenant = self.0.tenant()?.uuid();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let values = [param(&tenant, Type::UUID), param(&ids, Type::UUID_ARRAY)];
        self.0.query(Self::THESE, &values).await?.iter().map(product).collect()
    }

    const LIST: &'static str = "SELECT id, sku, name, description, price, currency, stock, status, version,
        created_at, updated_at
        FROM products WHERE deleted_at IS NULL AND tenant_id = ";

    /// A page of the products that fit.
    ///
    /// # Errors
    /// The place is of another list.
    pub async fn list(&self, listing: &Listing<ProductField>) -> Result<Page<Product>> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        fitting(select, listing)?.listing(self.0, listing, &Shape { column, read: product }).await
    }

    const COUNT: &'static str = "SELECT count(*) AS count FROM (SELECT FROM products
        WHERE deleted_at IS NULL AND tenant_id = ";

    /// How many products fit, wherever a page begins; exact up to so many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count(&self, listing: &Listing<ProductField>, most: u32) -> Result<Count> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::COUNT).with("?", [param(&tenant, Type::UUID)]);
        fitting(select, listing)?.count(self.0, most, is_common(listing)).await
    }

    const UPDATE: &'static str = "UPDATE products SET sku = $4, name = $5, description = $6, price = $7,
        currency = $8, stock = $9, status = $10, version = version + 1, updated_at = now()
        WHERE tenant_id = $1 AND id = $2 AND coalesce((version = ANY($3)) = $11, true) AND deleted_at IS NULL
        RETURNING id, sku, name, description, price, currency, stock, status, version, created_at, updated_at";

    /// Replaces what is said of a product, if it is of an expected version.
    ///
    /// # Errors
    /// There is none; it was changed meanwhile; another product has the number.
    pub async fn update(&self, id: ProductId, expected: &Expected, draft: &ProductDraft) -> Result<Product> {
        let (tenant, uuid, status) = (self.0.tenant()?.uuid(), id.uuid(), draft.status.as_str());
        let (versions, is_wanted) = expected.versions();
        let values = [
            param(&tenant, Type::UUID),
            param(&uuid, Type::UUID),
            param(&versions, Type::INT8_ARRAY),
            param(&draft.sku, Type::TEXT),
            param(&draft.name, Type::TEXT),
            param(&draft.description, Type::TEXT),
            param(&draft.price.minor, Type::INT8),
            param(&draft.price.currency, Type::BPCHAR),
            param(&draft.stock, Type::INT4),
            param(&status, Type::TEXT),
            param(&is_wanted, Type::BOOL),
        ];
        match self.0.find(Self::UPDATE, &values).await? {
            Some(row) => product(&row),
            None => Err(expected.unmet("product", self.get(id).await?.version)),
        }
    }

    const DELETE: &'static str = "UPDATE products SET deleted_at = now(), version = version + 1, updated_at = now()
        WHERE tenant_id = $1 AND id = $2 AND coalesce((version = ANY($3)) = $4, true) AND deleted_at IS NULL
        RETURNING id, sku, name, description, price, currency, stock, status, version, created_at, updated_at";

    /// Deletes a product of an expected version. Orders of it keep its id.
    ///
    /// # Errors
    /// There is none; it was changed meanwhile.
    pub async fn delete(&self, id: ProductId, expected: &Expected) -> Result<Product> {
        let (tenant, uuid) = (self.0.tenant()?.uuid(), id.uuid());
        let (versions, is_wanted) = expected.versions();
        let values = [
            param(&tenant, Type::UUID),
            param(&uuid, Type::UUID),
            param(&versions, Type::INT8_ARRAY),
            param(&is_wanted, Type::BOOL),
        ];
        match self.0.find(Self::DELETE, &values).await? {
            Some(row) => product(&row),
            None => Err(expected.unmet("product", self.get(id).await?.version)),
        }
    }
}

fn fitting<'v>(select: Select<'v>, listing: &'v Listing<ProductField>) -> Result<Select<'v>> {
    let select = select.fitting(listing, column)?;
    let found = " AND id IN (SELECT found FROM matching_products(?) AS found)";
    Ok(match &listing.words {
        Some(words) => select.with(found, [param(words, Type::TEXT)]),
        None => select,
    })
}

fn column(field: ProductField) -> Column {
    match field {
        ProductField::Id => ("id", Type::UUID),
        ProductField::Sku => ("sku COLLATE \"C\"", Type::TEXT),
        ProductField::Name => ("name", Type::TEXT),
        ProductField::Price => ("price", Type::INT8),
        ProductField::Currency => ("currency", Type::BPCHAR),
        ProductField::Stock => ("stock", Type::INT8),
        ProductField::Status => ("status", Type::TEXT),
        ProductField::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
        ProductField::UpdatedAt => ("updated_at", Type::TIMESTAMPTZ),
    }
}

fn one(found: Option<Row>) -> Result<Product> {
    let row = found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such product"))?;
    product(&row)
}

fn product(row: &Row) -> Result<Product> {
    let found = Cells::of(row);
    Ok(Product {
        id: ProductId::from(found.read::<Uuid>("id")?),
        sku: found.read("sku")?,
        name: found.read("name")?,
        description: found.read("description")?,
        price: Money { minor: found.read("price")?, currency: found.read("currency")? },
        stock: found.read("stock")?,
        status: found.word("status", ProductStatus::from_word)?,
        version: found.read("version")?,
        created_at: found.read("created_at")?,
        updated_at: found.read("updated_at")?,
    })
}
