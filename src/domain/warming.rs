//! Reads that are in memory before anybody asks for them: at the start, and again whenever they were given up. It does
//! nothing for anybody, so nobody is asked whether they may; who asks for them later is.

use std::time::Duration;

use tokio::time::sleep;

use super::Products;
use crate::error::{Error, Kind, Result};
use crate::model::{Listing, ProductField, ProductId};

/// How long one of them may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Changes that come in a row are waited for, so that they cost one round.
const PAUSE: Duration = Duration::from_millis(250);

/// A read that is wanted in memory.
#[derive(Debug, Clone)]
pub struct Warm {
    /// The short name of the tenant.
    pub tenant: String,
    /// What is read.
    pub read: WarmRead,
}

/// What is read.
#[derive(Debug, Clone)]
pub enum WarmRead {
    /// One product.
    Product(ProductId),
    /// A page of products, with a count that is exact up to so many.
    Products(Box<Listing<ProductField>>, u32),
}

impl Products {
    /// Keeps these reads in memory for as long as the process runs: one after the other, and no more often than the
    /// pause between two rounds allows.
    pub async fn keep_warm(self, wanted: Vec<Warm>) {
        let Some(ttl) = self.cache.ttl().filter(|_| !wanted.is_empty()) else { return };
        let mut had_trouble = false;
        loop {
            let mut trouble = None;
            for warm in &wanted {
                trouble = self.warm(warm).await.err().or(trouble);
            }
            match &trouble {
                Some(error) if !had_trouble => {
                    tracing::warn!(%error, "load what is to be in memory (cache.warm)")
                }
                Some(_) | None => {}
            }
            had_trouble = trouble.is_some();
            tokio::select! {
                () = self.cache.changed() => {}
                () = sleep(ttl) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Loads one of them, unless it is there.
    ///
    /// # Errors
    /// There is no such tenant or product; the database does not answer.
    pub async fn warm(&self, warm: &Warm) -> Result<()> {
        let missing = || Error::new(Kind::NotFound, format!("there is no tenant `{}`", warm.tenant));
        let tenant = self.tenant(&warm.tenant, LIMIT).await?.ok_or_else(missing)?;
        match &warm.read {
            WarmRead::Product(id) => self.one(tenant, *id, LIMIT).await.map(drop),
            WarmRead::Products(listing, most) => self.page(tenant, (listing, *most), LIMIT).await.map(drop),
        }
    }
}
