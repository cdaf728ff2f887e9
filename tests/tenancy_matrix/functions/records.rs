//! The functions about what is kept of sessions, keys, answers, events and intents.

use chrono::TimeDelta;
use olympus_gateway::identity::Revocation;
use olympus_gateway::model::{
    ApiKeyField, ApiKeyId, Device, FamilyId, IntentKind, NewApiKey, NewEvent, NewIntent, NewSession, OnceKey,
    RefreshRecord, RequestDigests, SessionEnd, SessionId, StoredAnswer, TenantId, UserId,
};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

use super::{Function, Whose, all, row};

pub(super) fn of_sessions() -> Vec<Function> {
    use Whose::{Tenant, TenantAndPlatform, Written};
    vec![
        row("sessions.create", Tenant, |work, known| {
            Box::pin(async move {
                let device = Device { agent: String::new(), address: String::new() };
                let (id, user) = (SessionId::new(), UserId::from(known.id));
                let new = NewSession { id, user, device, created_at: known.now, expires_at: known.now };
                work.sessions().create(&new).await.map(|()| 1)
            })
        }),
        row("sessions.lock", Tenant, |work, known| {
            Box::pin(async move { work.sessions().lock(SessionId::from(known.id)).await.map(|_| 1) })
        }),
        row("sessions.list", Tenant, |work, known| {
            Box::pin(async move {
                Ok(work.sessions().list(known.id.into(), known.now - TimeDelta::hours(1), 100).await?.len())
            })
        }),
        row("sessions.see", Written, |work, known| {
            Box::pin(async move {
                let device = Device { agent: "eve".to_owned(), address: String::new() };
                work.sessions().see(known.id.into(), &device, (known.now, known.now)).await.map(|()| 1)
            })
        }),
        row("sessions.end", Tenant, |work, known| {
            Box::pin(async move {
                work.sessions().end(known.id.into(), SessionEnd::Logout, known.now).await.map(usize::from)
            })
        }),
        row("sessions.end_others", Tenant, |work, known| {
            Box::pin(async move {
                Ok(work
                    .sessions()
                    .end_others(known.id.into(), None, (SessionEnd::Logout, known.now))
                    .await?
                    .len())
            })
        }),
        row("sessions.clear", TenantAndPlatform, |work, known| {
            Box::pin(async move { work.sessions().clear(known.now + TimeDelta::hours(1), 9).await })
        }),
    ]
}

pub(super) fn of_refresh_tokens() -> Vec<Function> {
    use Whose::{Tenant, TenantAndPlatform, Written};
    vec![
        row("refresh_tokens.owner", TenantAndPlatform, |work, known| {
            Box::pin(
                async move { Ok(usize::from(work.refresh_tokens().owner(&known.hash).await?.is_some())) },
            )
        }),
        row("refresh_tokens.find", Tenant, |work, known| {
            Box::pin(async move { Ok(usize::from(work.refresh_tokens().find(&known.hash).await?.is_some())) })
        }),
        row("refresh_tokens.add", Tenant, |work, known| {
            Box::pin(async move {
                let new = RefreshRecord {
                    hash: [7; 32],
                    session: known.id.into(),
                    family: FamilyId::from(known.id),
                    generation: 1,
                    created_at: known.now,
                    expires_at: known.now,
                    used_at: None,
                    revoked_at: None,
                };
                work.refresh_tokens().add(&new).await.map(|()| 1)
            })
        }),
        row("refresh_tokens.use_up", Written, |work, known| {
            Box::pin(async move { work.refresh_tokens().use_up(&known.hash, known.now).await.map(|()| 1) })
        }),
        row("refresh_tokens.revoke", Written, |work, known| {
            Box::pin(async move {
                work.refresh_tokens().revoke(FamilyId::from(known.id), known.now).await.map(|()| 1)
            })
        }),
        row("refresh_tokens.clear", TenantAndPlatform, |work, known| {
            Box::pin(async move { work.refresh_tokens().clear(known.now + TimeDelta::hours(1), 9).await })
        }),
    ]
}

pub(super) fn of_keys() -> Vec<Function> {
    use Whose::{Tenant, TenantAndPlatform, Written};
    vec![
        row("api_keys.create", Tenant, |work, known| {
            Box::pin(async move {
                let new = NewApiKey {
                    id: ApiKeyId::new(),
                    user: known.id.into(),
                    name: "k".to_owned(),
                    hash: [9; 32],
                    hint: "olk_".to_owned(),
                    scopes: Vec::new(),
                    expires_at: None,
                };
                work.api_keys().create(&new).await.map(|_| 1)
            })
        }),
        row("api_keys.count_of", Tenant, |work, known| {
            Box::pin(async move {
                Ok(usize::try_from(work.api_keys().count_of(known.id.into()).await?).unwrap_or_default())
            })
        }),
        row("api_keys.count", Tenant, |work, _known| {
            Box::pin(async move {
                let count = work.api_keys().count(&all(ApiKeyField::CreatedAt), 9).await?;
                Ok(count.rows.try_into().unwrap_or_default())
            })
        }),
        row("api_keys.get", Tenant, |work, known| {
            Box::pin(async move { work.api_keys().get(ApiKeyId::from(known.id)).await.map(|_| 1) })
        }),
        row("api_keys.list", Tenant, |work, _known| {
            Box::pin(async move { Ok(work.api_keys().list(&all(ApiKeyField::CreatedAt)).await?.items.len()) })
        }),
        row("api_keys.revoke", Tenant, |work, known| {
            Box::pin(async move { work.api_keys().revoke(ApiKeyId::from(known.id)).await.map(|_| 1) })
        }),
        row("api_keys.revoke_all", Tenant, |work, known| {
            Box::pin(async move { work.api_keys().revoke_all(known.id.into()).await })
        }),
        row("api_keys.note_use", Written, |work, known| {
            Box::pin(async move { work.api_keys().note_use(ApiKeyId::from(known.id)).await.map(|()| 1) })
        }),
        row("api_keys.find", TenantAndPlatform, |work, known| {
            Box::pin(async move { Ok(usize::from(work.api_keys().find(&known.hash).await?.is_some())) })
        }),
    ]
}

pub(super) fn of_revocations() -> Vec<Function> {
    use Whose::TenantAndPlatform;
    vec![
        row("revocations.insert", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                let what = Revocation::Tenant(known.tenant, known.now);
                work.revocations().insert(known.tenant, &what, known.now).await.map(|_| 1)
            })
        }),
        row("revocations.insert_all", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                let what = [Revocation::Tenant(known.tenant, known.now)];
                Ok(work.revocations().insert_all(known.tenant, &what, known.now).await?.len())
            })
        }),
        row("revocations.after", TenantAndPlatform, |work, _known| {
            Box::pin(async move { Ok(work.revocations().after(0, 100).await?.len()) })
        }),
        row("revocations.clear", TenantAndPlatform, |work, _known| {
            Box::pin(async move { work.revocations().clear(100).await })
        }),
    ]
}

/// The key of `rows.sql`.
fn key(tenant: TenantId) -> OnceKey {
    let request = RequestDigests::of(vec![[0; 36]]).unwrap();
    OnceKey { tenant, caller: "c".to_owned(), key: "k".to_owned(), request }
}

pub(super) fn of_idempotency() -> Vec<Function> {
    use Whose::TenantAndPlatform;
    vec![
        row("idempotency.claim", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                let times = (Duration::from_secs(60), Duration::from_secs(60));
                work.idempotency().claim(&key(known.tenant), known.id, times).await.map(|_| 1)
            })
        }),
        row("idempotency.settle", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                let answer = StoredAnswer { status: 200, headers: Vec::new(), body: Vec::new() };
                work.idempotency().settle(&key(known.tenant), known.id, &answer).await.map(usize::from)
            })
        }),
        row("idempotency.release", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                work.idempotency().release(&key(known.tenant), known.id).await.map(usize::from)
            })
        }),
        row("idempotency.clear", TenantAndPlatform, |work, known| {
            Box::pin(async move { work.idempotency().clear(known.now + TimeDelta::hours(1), 9).await })
        }),
    ]
}

pub(super) fn of_events_and_intents() -> Vec<Function> {
    use Whose::{Tenant, TenantAndPlatform, Written};
    vec![
        row("outbox.append", Written, |work, _known| {
            Box::pin(async move {
                let new = NewEvent { topic: "t", key: "k".to_owned(), payload: Value::Null };
                work.outbox().append(&new).await.map(|()| 1)
            })
        }),
        row("intents.begin", Written, |work, _known| {
            Box::pin(async move {
                let new = NewIntent {
                    kind: IntentKind::Reservation,
                    subject: Uuid::now_v7(),
                    state: "s",
                    payload: Value::Null,
                    due_in: Duration::ZERO,
                };
                work.intents().begin(&new).await.map(usize::from)
            })
        }),
        row("intents.find", Tenant, |work, known| {
            Box::pin(async move {
                Ok(usize::from(work.intents().find(IntentKind::Account, known.id).await?.is_some()))
            })
        }),
        row("intents.turn", Tenant, |work, known| {
            Box::pin(async move {
                work.intents()
                    .turn(IntentKind::Account, known.id, ("s", "t"), Duration::ZERO)
                    .await
                    .map(usize::from)
            })
        }),
        row("intents.hasten", Tenant, |work, known| {
            Box::pin(
                async move { work.intents().hasten(IntentKind::Account, known.id).await.map(usize::from) },
            )
        }),
        row("intents.end", Tenant, |work, known| {
            Box::pin(
                async move { work.intents().end(IntentKind::Account, known.id, "s").await.map(usize::from) },
            )
        }),
        row("intents.lease", TenantAndPlatform, |work, _known| {
            Box::pin(async move {
                Ok(work.intents().lease(IntentKind::Account, 99, Duration::from_secs(60)).await?.len())
            })
        }),
    ]
}
