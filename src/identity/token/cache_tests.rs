//! What is remembered of tokens, and for how long.

use std::sync::Arc;

use chrono::DateTime;

use super::cache::Cache;
use super::claims::Verified;
use crate::identity::{Caller, Rights};
use crate::model::TenantId;

fn verified(expires: i64) -> Arc<Verified> {
    let caller = Caller {
        tenant: TenantId::new(),
        subject: "ada".into(),
        roles: [].into(),
        session: None,
        token: None,
        key: None,
        issued: DateTime::UNIX_EPOCH,
        expires: DateTime::UNIX_EPOCH,
        rights: Rights::default(),
    };
    Arc::new(Verified { caller: Arc::new(caller), grants: Vec::new(), expires })
}

#[test]
fn nothing_is_remembered_past_its_end_or_under_other_keys() {
    let cache = Cache::new();
    cache.keep("a.b.c", verified(100), 1);
    assert!(cache.get("a.b.c", 1, 99).is_some());
    assert!(cache.get("a.b.c", 1, 100).is_none());
    assert!(cache.get("a.b.c", 2, 99).is_none());
}

#[test]
fn tokens_that_end_alike_are_not_taken_for_each_other() {
    let cache = Cache::new();
    let end = "x".repeat(100);
    cache.keep(&format!("a{end}"), verified(100), 1);
    assert!(cache.get(&format!("b{end}"), 1, 0).is_none());
    assert!(cache.get(&end, 1, 0).is_none());
    assert!(cache.get(&format!("a{end}"), 1, 0).is_some());
}
