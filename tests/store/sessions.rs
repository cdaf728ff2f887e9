//! What the store promises of sessions and refresh tokens, and that tenants do not meet there either.

use chrono::{DateTime, TimeDelta, Utc};
use olympus_gateway::error::Kind;
use olympus_gateway::model::{
    Device, FamilyId, NewSession, RefreshOwner, RefreshRecord, SessionEnd, SessionId, TenantId, UserId,
};
use olympus_gateway::store::{Store, Work};

use super::postgres::Database;
use super::{tenant, user};

fn device() -> Device {
    Device { agent: "phone".to_owned(), address: "10.0.0.1".to_owned() }
}

fn record(session: SessionId, hash: u8, now: DateTime<Utc>) -> RefreshRecord {
    RefreshRecord {
        hash: [hash; 32],
        session,
        family: FamilyId::from(session.uuid()),
        generation: i32::from(hash),
        created_at: now,
        expires_at: now + TimeDelta::hours(1),
        used_at: None,
        revoked_at: None,
    }
}

/// A session of a user that ends by itself so much later, with a refresh token.
async fn begin(store: &Store, (tenant, user): (TenantId, UserId), hash: u8, ttl: TimeDelta) -> SessionId {
    let (id, now) = (SessionId::new(), Utc::now());
    let new = &NewSession { id, user, device: device(), created_at: now, expires_at: now + ttl };
    let token = &record(id, hash, now);
    let begin = |work: Work| async move {
        work.sessions().create(new).await?;
        work.refresh_tokens().add(token).await
    };
    store.tenant(tenant).run(begin).await.expect("a session");
    id
}

#[tokio::test]
async fn sessions_and_their_tokens_are_found_by_their_tenant_only() {
    let database = Database::new().await;
    let store = database.store();
    let (acme, globex) = (tenant(&store, "acme").await.id, tenant(&store, "globex").await.id);
    let ada = user(&store, acme, "ada@acme.example").await.expect("a user").id;
    let id = begin(&store, (acme, ada), 1, TimeDelta::hours(1)).await;
    let (now, hash) = (Utc::now(), &[1; 32]);
    let device = &device();
    for stranger in [store.tenant(globex), store.tenant(TenantId::new())] {
        let lock = stranger.run(|work| async move { work.sessions().lock(id).await }).await;
        assert_eq!(lock.expect_err("not theirs").kind(), Kind::NotFound);
        let seen = stranger.run(|work| async move {
            work.sessions().see(id, device, (now, now)).await?;
            work.refresh_tokens().use_up(hash, now).await?;
            work.refresh_tokens().revoke(FamilyId::from(id.uuid()), now).await?;
            let later = now + TimeDelta::days(1);
            let cleared =
                work.sessions().clear(later, 10).await? + work.refresh_tokens().clear(later, 10).await?;
            let others = work.sessions().end_others(ada, None, (SessionEnd::Revoked, now)).await?.len();
            let ended = work.sessions().end(id, SessionEnd::Logout, now).await?;
            let listed = work.sessions().list(ada, now, 10).await?.len();
            let found = work.refresh_tokens().find(hash).await?;
            Ok((cleared, others, ended, listed, found, work.refresh_tokens().owner(hash).await?))
        });
        assert_eq!(seen.await.expect("answers"), (0, 0, false, 0, None, None));
        let token = &record(id, 2, now);
        let added = stranger.run(|work| async move { work.refresh_tokens().add(token).await }).await;
        assert!(added.is_err(), "a token for a session of others");
    }
    let scope = store.tenant(acme);
    let own = scope.run(|work| async move {
        Ok((work.sessions().lock(id).await?, work.refresh_tokens().find(hash).await?))
    });
    let (session, token) = own.await.expect("answers");
    let token = token.expect("its token");
    assert_eq!((session.ended, session.device), (None, device.clone()));
    assert_eq!((token.used_at, token.revoked_at), (None, None));
    let owner = store.platform().run(|work| async move { work.refresh_tokens().owner(hash).await }).await;
    assert_eq!(owner.expect("an answer"), Some(RefreshOwner { tenant: acme, session: id, user: ada }));
    let lock = store.platform().run(|work| async move { work.sessions().lock(id).await }).await;
    assert_eq!(lock.expect_err("a mistake of ours").kind(), Kind::Internal);
}

#[tokio::test]
async fn a_session_ends_once_and_its_others_with_one_word() {
    let database = Database::new().await;
    let store = database.store();
    let acme = tenant(&store, "acme").await.id;
    let ada = user(&store, acme, "ada@acme.example").await.expect("a user").id;
    let mut ids = Vec::new();
    for hash in 1..=3 {
        ids.push(begin(&store, (acme, ada), hash, TimeDelta::hours(1)).await);
    }
    let (kept, now) = (ids[0], Utc::now());
    let scope = store.tenant(acme);
    let ended = scope.run(|work| async move {
        let sessions = work.sessions();
        let mut others = sessions.end_others(ada, Some(kept), (SessionEnd::Revoked, now)).await?;
        others.sort();
        let left: Vec<_> = sessions.list(ada, now, 10).await?.iter().map(|it| it.id).collect();
        let twice = [
            sessions.end(kept, SessionEnd::Logout, now).await?,
            sessions.end(kept, SessionEnd::Reuse, now).await?,
        ];
        Ok((others, left, twice, sessions.lock(kept).await?.ended.map(|end| end.1)))
    });
    let (others, left, twice, why) = ended.await.expect("answers");
    assert_eq!((others, left), (ids[1..].to_vec(), vec![kept]));
    assert_eq!((twice, why), ([true, false], Some(SessionEnd::Logout)));
}

#[tokio::test]
async fn what_expired_goes_with_its_tokens_and_the_rest_stays() {
    let database = Database::new().await;
    let store = database.store();
    let acme = tenant(&store, "acme").await.id;
    let ada = user(&store, acme, "ada@acme.example").await.expect("a user").id;
    begin(&store, (acme, ada), 1, TimeDelta::minutes(1)).await;
    let young = begin(&store, (acme, ada), 2, TimeDelta::hours(2)).await;
    let later = Utc::now() + TimeDelta::minutes(10);
    let platform = store.platform();
    let cleared = platform.run(|work| async move {
        let sessions = work.sessions().clear(later, 10).await?;
        let owner = work.refresh_tokens().owner(&[2; 32]).await?.map(|owner| owner.session);
        Ok((sessions, work.refresh_tokens().owner(&[1; 32]).await?, owner))
    });
    assert_eq!(cleared.await.expect("answers"), (1, None, Some(young)));
    let much_later = Utc::now() + TimeDelta::minutes(90);
    let tokens = |work: Work| async move { work.refresh_tokens().clear(much_later, 10).await };
    assert_eq!(platform.run(tokens).await.expect("an answer"), 1);
}
