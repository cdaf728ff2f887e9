//! Which reads are to be in memory, from their paths: read as those of clients are, so that they are the same.

use std::sync::Arc;

use uuid::Uuid;

use super::listing::{self, Around};
use super::products;
use crate::config::{self, Settings};
use crate::domain::{Warm, WarmRead};
use crate::http::Fault;
use crate::identity::Authenticator;
use crate::model::{ProductId, TenantId};

const PRODUCTS: &str = "/api/v1/products";

/// What `cache.warm` asks for. What cannot be read is said in the log and left out.
pub fn warm(settings: &Settings, identity: &Arc<Authenticator>) -> Vec<Warm> {
    let wanted = settings.cache.iter().flat_map(|cache| &cache.warm);
    let read = wanted.filter_map(|wanted| match one(wanted, settings, identity) {
        Ok(read) => Some(Warm { tenant: wanted.tenant.clone(), read }),
        Err(reason) => {
            tracing::warn!(path = wanted.path, reason, "this path of cache.warm is left out");
            None
        }
    });
    read.collect()
}

fn one(
    wanted: &config::WarmPath,
    settings: &Settings,
    identity: &Arc<Authenticator>,
) -> Result<WarmRead, String> {
    let (path, query) = wanted.path.split_once('?').unwrap_or((&wanted.path, ""));
    let rest = path.strip_prefix(PRODUCTS).ok_or_else(|| format!("only {PRODUCTS} is kept in memory"))?;
    if let Some(id) = rest.strip_prefix('/') {
        let id = id.parse::<Uuid>().map_err(|_| "it ends in no id of a product".to_owned())?;
        return Ok(WarmRead::Product(ProductId::from(id)));
    }
    // Only cursors depend on the tenant, and there is none in a path that is the same for ever.
    let around = Around { tenant: TenantId::from(Uuid::nil()), settings: &settings.rest, identity, path };
    let read = listing::read(query, &products::OFFER, &around).map_err(|problem| {
        let of =
            |fault: &Fault| format!("{}: {}", fault.parameter.as_deref().unwrap_or("query"), fault.message);
        let faults = problem.faults.iter().map(of);
        faults.collect::<Vec<_>>().join("; ")
    })?;
    Ok(WarmRead::Products(Box::new(read.listing), settings.rest.count_cap))
}
