//! Tenants, for those who run the platform. A tenant that is suspended is shut out on every instance at once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Once, Visit};
use crate::config::{Limit, LimitKey};
use crate::error::{Error, Kind, Result};
use crate::identity::{Caller, Feed, Reach, Revocation, Thing};
use crate::limits::Quota;
use crate::model::{
    Expected, NewAuditEntry, NewTenant, Page, Permission, Recorded, Tenant, TenantChange, TenantId,
    TenantStatus,
};
use crate::store::{Store, Work};

/// What is done with tenants. A cheap handle.
#[derive(Debug, Clone)]
pub struct Tenants {
    store: Store,
    feed: Feed,
}

impl Tenants {
    /// The tenants in this database; who tells other instances of changes.
    pub fn new(store: Store, feed: Feed) -> Self {
        Self { store, feed }
    }

    /// So many tenants after this short name, in the order of these names; their own, for those who may see no other.
    ///
    /// # Errors
    /// They may see none; the database does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        (after, limit): (&str, u16),
        visit: &Visit,
    ) -> Result<Page<Tenant>> {
        let wanted = limit.saturating_add(1);
        let mut items = match caller.require_some(Permission::TenantsRead)? {
            Reach::All => {
                let list = |work: Work| async move { work.tenants().list(after, wanted).await };
                self.store.platform().within(visit.left()).run(list).await?
            }
            Reach::Own | Reach::Nothing => vec![self.get(caller, caller.tenant, visit).await?],
        };
        items.retain(|tenant| *tenant.slug > *after);
        let has_more = items.len() > usize::from(limit);
        items.truncate(usize::from(limit));
        Ok(Page { items, has_more })
    }

    /// One tenant.
    ///
    /// # Errors
    /// There is none, as far as they may know; the database does not answer.
    pub async fn get(&self, caller: &Caller, id: TenantId, visit: &Visit) -> Result<Tenant> {
        require(caller, Permission::TenantsRead, id)?;
        let get = |work: Work| async move { work.tenants().get(id).await };
        self.store.platform().within(visit.left()).run(get).await
    }

    /// A new tenant.
    ///
    /// # Errors
    /// They may not; its short name is taken or none; the database does not answer.
    pub async fn create(
        &self,
        caller: &Caller,
        new: &NewTenant,
        (visit, once): (&Visit, &Once<Tenant>),
    ) -> Result<Tenant> {
        caller.require(Permission::TenantsCreate)?;
        let entry = &entry(caller, visit, ("tenant.created", new.id));
        let create = |work: Work| async move {
            let made = work.tenants().create(new).await?;
            work.audit().append(entry).await?;
            once.settle(&work, &made).await?;
            Ok(made)
        };
        self.store.platform_with(new.id).within(visit.left()).run(create).await
    }

    /// Changes the name or the limits of a tenant of an expected version. Limits are held against those of the
    /// configuration.
    ///
    /// # Errors
    /// They may not; there is none, as far as they may know; it is of another version; a limit is none.
    pub async fn update(
        &self,
        caller: &Caller,
        (id, expected): (TenantId, &Expected),
        change: &TenantChange,
        (rules, visit, once): (&BTreeMap<String, Limit>, &Visit, &Once<Tenant>),
    ) -> Result<Tenant> {
        require(caller, Permission::TenantsUpdate, id)?;
        if let Some(limits) = &change.limits {
            check_limits(limits, rules)?;
        }
        let mut entry = entry(caller, visit, ("tenant.updated", id));
        let name = change.name.clone().map(|name| ("name".to_owned(), Value::String(name)));
        let limits = change.limits.clone().map(|limits| ("limits".to_owned(), Value::Object(limits)));
        entry.details = name.into_iter().chain(limits).collect();
        let (change, entry) = (&TenantChange { status: None, ..change.clone() }, &entry);
        let update = |work: Work| async move {
            let changed = work.tenants().update(id, expected, change).await?;
            work.audit().append(entry).await?;
            once.settle(&work, &changed).await?;
            Ok(changed)
        };
        let changed = self.store.platform_with(id).within(visit.left()).run(update).await?;
        self.feed.announce_tenants();
        Ok(changed)
    }

    /// Shuts a tenant out: all of its tokens are taken back, and no new ones are believed until it is resumed.
    ///
    /// # Errors
    /// They may not, or would shut themselves out; there is none; it is of another version.
    pub async fn suspend(
        &self,
        caller: &Caller,
        (id, expected): (TenantId, &Expected),
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<Tenant> {
        self.turn(caller, (id, expected), TenantStatus::Suspended, (visit, now)).await
    }

    /// Lets a tenant in again. Its users log in anew; their API keys are good again.
    ///
    /// # Errors
    /// They may not; there is none; it is of another version.
    pub async fn resume(
        &self,
        caller: &Caller,
        (id, expected): (TenantId, &Expected),
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<Tenant> {
        self.turn(caller, (id, expected), TenantStatus::Active, (visit, now)).await
    }

    /// Changes the status of a tenant that has another one.
    async fn turn(
        &self,
        caller: &Caller,
        (id, expected): (TenantId, &Expected),
        status: TenantStatus,
        (visit, now): (&Visit, DateTime<Utc>),
    ) -> Result<Tenant> {
        require(caller, Permission::TenantsSuspend, id)?;
        let action = match status {
            TenantStatus::Active => "tenant.resumed",
            TenantStatus::Suspended if caller.tenant == id => {
                return Err(Error::new(Kind::Conflict, "who suspends their own tenant could not resume it"));
            }
            TenantStatus::Suspended => "tenant.suspended",
        };
        let change = &TenantChange { status: Some(status), ..TenantChange::default() };
        let entry = &entry(caller, visit, (action, id));
        let turn = |work: Work| async move {
            let before = work.tenants().get(id).await?;
            if before.status == status && expected.is_met_by(before.version) {
                return Ok((before, Vec::new()));
            }
            let changed = work.tenants().update(id, expected, change).await?;
            work.audit().append(entry).await?;
            Ok((changed, shut_out(&work, id, status, now).await?))
        };
        let (tenant, recorded) = self.store.platform_with(id).within(visit.left()).run(turn).await?;
        self.feed.announce(recorded);
        self.feed.announce_tenants();
        Ok(tenant)
    }
}

/// Takes all tokens of a tenant back that is suspended.
async fn shut_out(
    work: &Work,
    id: TenantId,
    status: TenantStatus,
    now: DateTime<Utc>,
) -> Result<Vec<Recorded>> {
    match status {
        TenantStatus::Active => Ok(Vec::new()),
        TenantStatus::Suspended => {
            let what = Revocation::Tenant(id, now);
            Ok(vec![work.revocations().insert(id, &what, now + Revocation::MEMORY).await?])
        }
    }
}

/// One's own tenant is one's own; others are nobody's.
fn require(caller: &Caller, permission: Permission, id: TenantId) -> Result<()> {
    let owner = (id == caller.tenant).then_some(&*caller.subject);
    caller.require_with(permission, Thing { id: &id.to_string(), owner })
}

fn entry(caller: &Caller, visit: &Visit, (action, id): (&str, TenantId)) -> NewAuditEntry {
    visit.entry(&caller.subject, action, format!("tenant/{id}"))
}

/// Whether these are limits of the configuration that count by tenant, with quotas that admit a request.
fn check_limits(limits: &Map<String, Value>, rules: &BTreeMap<String, Limit>) -> Result<()> {
    let invalid = |message: String| Err(Error::new(Kind::Invalid, message).about("limits"));
    for (name, value) in limits {
        let Some(rule) = rules.get(name) else { return invalid(format!("there is no limit `{name}`")) };
        if !rule.key.contains(&LimitKey::Tenant) {
            return invalid(format!("the limit `{name}` does not count by tenant"));
        }
        match Quota::read(value) {
            Ok(quota) if quota.burst() < u64::from(rule.cost) => {
                return invalid(format!("`{name}`: a burst of less than {} would admit nothing", rule.cost));
            }
            Ok(_) => {}
            Err(error) => return invalid(format!("`{name}`: {error}")),
        }
    }
    Ok(())
}
