//! Products of a tenant. Each change is in the audit log, and tells of itself by an event.

use serde_json::json;

use super::{Once, Visit};
use crate::error::Result;
use crate::identity::{Caller, Thing};
use crate::model::{
    Count, Expected, Listing, NewAuditEntry, NewEvent, Page, Permission, Product, ProductDraft, ProductField,
    ProductId, Start,
};
use crate::store::{Store, Work};

/// What is done with products. A cheap handle.
#[derive(Debug, Clone)]
pub struct Products {
    store: Store,
}

impl Products {
    /// The products in this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// A page of the products that fit, and how many there are, exact up to so many.
    ///
    /// # Errors
    /// They may see none; the place is of another list; the database does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        listing: &Listing<ProductField>,
        (most, visit): (u32, &Visit),
    ) -> Result<(Page<Product>, Count)> {
        caller.require(Permission::ProductsRead)?;
        let list = |work: Work| async move {
            let page = work.products().list(listing).await?;
            let count = match whole(listing, &page) {
                Some(count) => count,
                None => work.products().count(listing, most).await?,
            };
            Ok((page, count))
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(list).await
    }

    /// One product.
    ///
    /// # Errors
    /// There is none, as far as they may know; the database does not answer.
    pub async fn get(&self, caller: &Caller, id: ProductId, visit: &Visit) -> Result<Product> {
        require(caller, Permission::ProductsRead, id)?;
        self.store
            .tenant(caller.tenant)
            .within(visit.left())
            .run(|work| async move { work.products().get(id).await })
            .await
    }

    /// A new product.
    ///
    /// # Errors
    /// They may not; another product has its number; the database does not answer.
    pub async fn create(
        &self,
        caller: &Caller,
        draft: &ProductDraft,
        (visit, once): (&Visit, &Once<Product>),
    ) -> Result<Product> {
        caller.require(Permission::ProductsCreate)?;
        let id = ProductId::new();
        let entry = &entry(caller, visit, ("product.created", id));
        let create = |work: Work| async move {
            let made = work.products().create(id, draft).await?;
            work.audit().append(entry).await?;
            work.outbox().append(&event("product.created", &made)).await?;
            once.settle(&work, &made).await?;
            Ok(made)
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(create).await
    }

    /// Replaces what is said of a product, if it is of an expected version.
    ///
    /// # Errors
    /// They may not; there is none, as far as they may know; it is of another version; another product has its number.
    pub async fn update(
        &self,
        caller: &Caller,
        (id, expected): (ProductId, &Expected),
        draft: &ProductDraft,
        visit: &Visit,
    ) -> Result<Product> {
        require(caller, Permission::ProductsUpdate, id)?;
        let entry = &entry(caller, visit, ("product.updated", id));
        let update = |work: Work| async move {
            let changed = work.products().update(id, expected, draft).await?;
            work.audit().append(entry).await?;
            work.outbox().append(&event("product.updated", &changed)).await?;
            Ok(changed)
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(update).await
    }

    /// Takes a product of an expected version away. Orders of it keep its id.
    ///
    /// # Errors
    /// They may not; there is none, as far as they may know; it is of another version.
    pub async fn delete(
        &self,
        caller: &Caller,
        (id, expected): (ProductId, &Expected),
        visit: &Visit,
    ) -> Result<()> {
        require(caller, Permission::ProductsDelete, id)?;
        let entry = &entry(caller, visit, ("product.deleted", id));
        let delete = |work: Work| async move {
            let deleted = work.products().delete(id, expected).await?;
            work.audit().append(entry).await?;
            work.outbox().append(&event("product.deleted", &deleted)).await
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(delete).await
    }
}

/// How many there are, where one page shows all of them.
fn whole(listing: &Listing<ProductField>, page: &Page<Product>) -> Option<Count> {
    let is_whole = listing.start == Start::Beginning && !page.has_more;
    let rows = u64::try_from(page.items.len()).ok()?;
    is_whole.then_some(Count { rows, is_exact: true })
}

/// Products are nobody's own.
fn require(caller: &Caller, permission: Permission, id: ProductId) -> Result<()> {
    caller.require_with(permission, Thing { id: &id.to_string(), owner: None })
}

fn entry(caller: &Caller, visit: &Visit, (action, id): (&str, ProductId)) -> NewAuditEntry {
    visit.entry(&caller.subject, action, format!("product/{id}"))
}

/// An event that tells how a product is now, or was when it went.
fn event(topic: &'static str, product: &Product) -> NewEvent {
    let payload = json!({
        "product_id": product.id,
        "sku": product.sku,
        "name": product.name,
        "price_minor": product.price.minor,
        "currency": product.price.currency,
        "stock": product.stock,
        "status": product.status.as_str(),
        "version": product.version,
    });
    NewEvent { topic, key: product.id.to_string(), payload }
}
