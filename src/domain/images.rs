//! Pictures of products. Each change is in the audit log and in the outbox.

use serde_json::json;

use super::Visit;
use crate::error::Result;
use crate::identity::{Caller, Thing};
use crate::model::{Image, ImageKind, KeptImage, NewAuditEntry, NewEvent, Permission, ProductId};
use crate::store::{Store, Work};

/// What is done with the pictures of products. A cheap handle.
#[derive(Debug, Clone)]
pub struct Images {
    store: Store,
}

impl Images {
    /// The pictures in this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The picture of a product.
    ///
    /// # Errors
    /// There is none, as far as they may know; the database does not answer.
    pub async fn get(&self, caller: &Caller, product: ProductId, visit: &Visit) -> Result<KeptImage> {
        require(caller, Permission::ProductsRead, product)?;
        let get = |work: Work| async move { work.images().get(product).await };
        self.store.tenant(caller.tenant).within(visit.left()).run(get).await
    }

    /// Gives a product this picture, in the place of the one it had; answers the SHA-256 of its bytes.
    ///
    /// # Errors
    /// They may not; there is no such product, as far as they may know; the database does not answer.
    pub async fn put(
        &self,
        caller: &Caller,
        product: ProductId,
        image: &Image,
        visit: &Visit,
    ) -> Result<Vec<u8>> {
        require(caller, Permission::ProductsUpdate, product)?;
        let (entry, event) = (&entry(caller, visit, product), &event(product, Some(image.kind)));
        let put = |work: Work| async move {
            let digest = work.images().put(product, image).await?;
            work.audit().append(entry).await?;
            work.outbox().append(event).await?;
            Ok(digest)
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(put).await
    }

    /// Takes the picture of a product away.
    ///
    /// # Errors
    /// They may not; there is none, as far as they may know; the database does not answer.
    pub async fn delete(&self, caller: &Caller, product: ProductId, visit: &Visit) -> Result<()> {
        require(caller, Permission::ProductsUpdate, product)?;
        let (entry, event) = (&entry(caller, visit, product), &event(product, None));
        let delete = |work: Work| async move {
            work.images().delete(product).await?;
            work.audit().append(entry).await?;
            work.outbox().append(event).await
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(delete).await
    }
}

/// Products are nobody's own.
fn require(caller: &Caller, permission: Permission, product: ProductId) -> Result<()> {
    caller.require_with(permission, Thing { id: &product.to_string(), owner: None })
}

fn entry(caller: &Caller, visit: &Visit, product: ProductId) -> NewAuditEntry {
    visit.entry(&caller.subject, "product.image_changed", format!("product/{product}"))
}

/// What others are told: what the picture is now, if there is one.
fn event(product: ProductId, kind: Option<ImageKind>) -> NewEvent {
    let payload = json!({ "id": product, "content_type": kind.map(ImageKind::media_type) });
    NewEvent { topic: "product.image_changed", key: product.to_string(), payload }
}
