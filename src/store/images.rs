//! Pictures of products, one each. That of a deleted product is not seen.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{Image, ImageKind, KeptImage, ProductId};

/// The pictures of the tenant of a transaction.
#[derive(Debug)]
pub struct Images<'w>(&'w Work);

impl Work {
    /// The pictures of the tenant of a transaction.
    pub fn images(&self) -> Images<'_> {
        Images(self)
    }
}

impl Images<'_> {
    const PUT: &'static str = "INSERT INTO product_images (tenant_id, product_id, kind, width, height, bytes)
        SELECT tenant_id, id, $3, $4, $5, $6 FROM products
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
        ON CONFLICT (tenant_id, product_id) DO UPDATE
        SET kind = excluded.kind, width = excluded.width, height = excluded.height, bytes = excluded.bytes,
            updated_at = now()
        RETURNING digest";

    /// Keeps the picture of a product, in the place of the one it had; answers the SHA-256 of its bytes.
    ///
    /// # Errors
    /// There is no such product in this tenant.
    pub async fn put(&self, product: ProductId, image: &Image) -> Result<Vec<u8>> {
        let (tenant, product, kind) = (self.0.tenant()?.uuid(), product.uuid(), image.kind.as_str());
        let values = [
            param(&tenant, Type::UUID),
            param(&product, Type::UUID),
            param(&kind, Type::TEXT),
            param(&image.width, Type::INT4),
            param(&image.height, Type::INT4),
            param(&image.bytes, Type::BYTEA),
        ];
        let missing = || Error::new(Kind::NotFound, "there is no such product");
        Cells::of(&self.0.find(Self::PUT, &values).await?.ok_or_else(missing)?).read("digest")
    }

    const GET: &'static str = "SELECT i.kind, i.width, i.height, i.bytes, i.digest
        FROM product_images i JOIN products p ON p.tenant_id = i.tenant_id AND p.id = i.product_id
        WHERE i.tenant_id = $1 AND i.product_id = $2 AND p.deleted_at IS NULL";

    /// The picture of a product.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn get(&self, product: ProductId) -> Result<KeptImage> {
        let (tenant, product) = (self.0.tenant()?.uuid(), product.uuid());
        let values = [param(&tenant, Type::UUID), param(&product, Type::UUID)];
        kept(&self.0.find(Self::GET, &values).await?.ok_or_else(none)?)
    }

    const DELETE: &'static str =
        "DELETE FROM product_images WHERE tenant_id = $1 AND product_id = $2 RETURNING kind";

    /// Takes the picture of a product away.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn delete(&self, product: ProductId) -> Result<()> {
        let (tenant, product) = (self.0.tenant()?.uuid(), product.uuid());
        let values = [param(&tenant, Type::UUID), param(&product, Type::UUID)];
        self.0.find(Self::DELETE, &values).await?.map(drop).ok_or_else(none)
    }
}

fn none() -> Error {
    Error::new(Kind::NotFound, "the product has no image")
}

fn kept(row: &Row) -> Result<KeptImage> {
    let found = Cells::of(row);
    let image = Image {
        kind: found.word("kind", ImageKind::from_word)?,
        width: found.read("width")?,
        height: found.read("height")?,
        bytes: found.read("bytes")?,
    };
    Ok(KeptImage { image, digest: found.read("digest")? })
}
