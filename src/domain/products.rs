//! Products of a tenant. Each change is in the audit log, and tells of itself by an event.

use std::time::Duration;

use serde_json::json;

use super::{Once, Visit};
use crate::cache::{Cache, Found, Shelf, What};
use crate::error::Result;
use crate::identity::{Caller, Thing};
use crate::model::{
    Count, Expected, Listing, NewAuditEntry, NewEvent, Noun, Page, Permission, Product, ProductDraft,
    ProductField, ProductId, TenantId,
};
use crate::store::{Store, Work, counted};

/// What is done with products. A cheap handle.
#[derive(Debug, Clone)]
pub struct Products {
    store: Store,
    pub(super) cache: Cache,
    one: Shelf<Product>,
    pages: Shelf<Listed>,
}

/// A page of products, and how many there are.
pub type Listed = (Page<Product>, Count);

impl Products {
    /// The products in this database.
    pub fn new(store: Store) -> Self {
        Self::cached(store, Cache::off())
    }

    /// The same, where what is read often is kept in memory.
    pub fn cached(store: Store, cache: Cache) -> Self {
        Self {
            store,
            one: cache.shelf("product", Noun::Products, weigh),
            pages: cache.shelf("products", Noun::Products, |(page, _)| page.items.iter().map(weigh).sum()),
            cache,
        }
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
    ) -> Result<Found<Listed>> {
        caller.require(Permission::ProductsRead)?;
        self.page(caller.tenant, (listing, most), visit.left()).await
    }

    /// One product.
    ///
    /// # Errors
    /// There is none, as far as they may know; the database does not answer.
    pub async fn get(&self, caller: &Caller, id: ProductId, visit: &Visit) -> Result<Found<Product>> {
        require(caller, Permission::ProductsRead, id)?;
        self.one(caller.tenant, id, visit.left()).await
    }

    /// A page of a tenant's products, from memory or the database. Nobody is asked whether they may.
    pub(super) async fn page(
        &self,
        tenant: TenantId,
        (listing, most): (&Listing<ProductField>, u32),
        left: Duration,
    ) -> Result<Found<Listed>> {
        let list = |work: Work| async move {
            let products = work.products();
            counted(listing, products.list(listing), products.count(listing, most)).await
        };
        // Everything that it depends on is in the text, and texts in it are quoted.
        let what = || What::Query(format!("{most} {listing:?}").into());
        let load = || async { self.store.tenant(tenant).within(left).run(list).await };
        self.pages.read((tenant, what), left, load).await
    }

    /// A product of a tenant, in the same way.
    pub(super) async fn one(
        &self,
        tenant: TenantId,
        id: ProductId,
        left: Duration,
    ) -> Result<Found<Product>> {
        let get = |work: Work| async move { work.products().get(id).await };
        let load = || async { self.store.tenant(tenant).within(left).run(get).await };
        self.one.read((tenant, || What::Id(id.uuid())), left, load).await
    }

    /// The tenant of a short name, if there is one.
    pub(super) async fn tenant(&self, slug: &str, left: Duration) -> Result<Option<TenantId>> {
        let find = |work: Work| async move { work.tenants().find(slug).await };
        Ok(self.store.platform().within(left).run(find).await?.map(|tenant| tenant.id))
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

/// What a product takes in memory, roughly.
fn weigh(product: &Product) -> usize {
    let Product { sku, name, description, .. } = product;
    size_of::<Product>() + sku.len() + name.len() + description.len()
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
