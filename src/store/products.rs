//! Products of a tenant.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{Money, Page, Product, ProductFilter, ProductId, ProductSort, ProductStatus, Window};

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
    const GET: &'static str = "SELECT id, sku, name, description, price, currency, stock, status, version,
        created_at, updated_at
        FROM products WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";

    /// The product of this id.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn get(&self, id: ProductId) -> Result<Product> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let found = self.0.find(Self::GET, &[param(&tenant, Type::UUID), param(&id, Type::UUID)]).await?;
        product(&found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such product"))?)
    }

    const LIST: &'static str = "SELECT id, sku, name, description, price, currency, stock, status, version,
        created_at, updated_at
        FROM products WHERE deleted_at IS NULL AND tenant_id = ";

    /// A page of the products that fit.
    ///
    /// # Errors
    /// The place is of a list sorted by something else.
    pub async fn list(&self, filter: &ProductFilter, window: &Window<ProductSort>) -> Result<Page<Product>> {
        let tenant = self.0.tenant()?.uuid();
        let status = filter.status.map(ProductStatus::as_str);
        let column = match window.sort {
            ProductSort::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
            ProductSort::Name => ("name", Type::TEXT),
            ProductSort::Price => ("price", Type::INT8),
        };
        let mut select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        if let Some(status) = &status {
            select = select.with(" AND status = ?", [param(status, Type::TEXT)]);
        }
        if let Some(price) = &filter.price_from {
            select = select.with(" AND price >= ?", [param(price, Type::INT8)]);
        }
        if let Some(price) = &filter.price_to {
            select = select.with(" AND price <= ?", [param(price, Type::INT8)]);
        }
        if let Some(words) = &filter.words {
            let found = " AND id IN (SELECT found.id FROM search_products(?, 1000) AS found)";
            select = select.with(found, [param(words, Type::TEXT)]);
        }
        select.page(self.0, window, column, product).await
    }
}

fn product(found: &Row) -> Result<Product> {
    Ok(Product {
        id: ProductId::from(row::get::<Uuid>(found, "id")?),
        sku: row::get(found, "sku")?,
        name: row::get(found, "name")?,
        description: row::get(found, "description")?,
        price: Money { minor: row::get(found, "price")?, currency: row::get(found, "currency")? },
        stock: row::get(found, "stock")?,
        status: row::word(found, "status", ProductStatus::from_word)?,
        version: row::get(found, "version")?,
        created_at: row::get(found, "created_at")?,
        updated_at: row::get(found, "updated_at")?,
    })
}
