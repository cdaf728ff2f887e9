//! How long it takes to ask a policy: the check itself, what a caller may do, and the demands of a route.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use olympus_gateway::config;
use olympus_gateway::identity::{Caller, Grant, Policy, Thing};
use olympus_gateway::model::{Permission, TenantId};

criterion_group!(benches, policy);
criterion_main!(benches);

fn policy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy");
    let settings = config::Policy::default();
    let policy = Arc::new(Policy::compile(&settings));
    let expires = chrono::DateTime::<chrono::Utc>::MAX_UTC;
    let caller = Caller::new(TenantId::new(), "ada", &["manager"], expires).ruled_by(&policy, &[]);
    group.bench_function("require", |bencher| {
        bencher.iter(|| black_box(&caller).require(black_box(Permission::OrdersUpdate)).is_ok());
    });
    group.bench_function("require_own", |bencher| {
        bencher.iter(|| black_box(&caller).require_own(black_box(Permission::OrdersUpdate), "ada").is_ok());
    });
    let grant = Grant {
        name: "g".into(),
        tenant: None,
        only: Some("one".into()),
        role: None,
        allow: Vec::new(),
        deny: ["orders:update".parse().expect("a permission")].into(),
    };
    let granted = caller.clone().ruled_by(&policy, &[grant]);
    let thing = Thing { id: "two", owner: Some("ada") };
    group.bench_function("require_with_a_grant", |bencher| {
        bencher.iter(|| black_box(&granted).require_with(Permission::OrdersUpdate, black_box(thing)).is_ok());
    });
    group.bench_function("rights_of_a_caller", |bencher| {
        let mut caller = Some(caller.clone());
        bencher.iter(|| caller = caller.take().map(|it| it.ruled_by(black_box(&policy), &[])));
    });
    let demands = config::Demands {
        roles: vec!["member".to_owned()],
        permissions: ["orders:read", "analytics:read"].map(|it| it.parse().expect("a permission")).into(),
    };
    let demand = policy.demand(&demands);
    group.bench_function("demands_of_a_route", |bencher| {
        bencher.iter(|| black_box(&caller).rights.meets(black_box(&demand)).is_ok());
    });
    group.bench_function("compile", |bencher| bencher.iter(|| Policy::compile(black_box(&settings))));
    group.finish();
}
