//! The policy from its outer face: what holds for every policy, and what the shipped one amounts to.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use olympus_gateway::config::{self, Permitted, load, load_policy};
use olympus_gateway::error::Kind;
use olympus_gateway::identity::{Caller, Decision, Grant, Holder, Policy, Reach, Rights, Single, Thing};
use olympus_gateway::model::{Permission, ScopedRole, TenantId};
use proptest::prelude::*;

/// From the least to the greatest.
const PEOPLE: [&str; 5] = ["viewer", "member", "manager", "tenant_admin", "platform_admin"];

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn shipped() -> Arc<Policy> {
    Arc::new(Policy::compile(&config::Policy::default()))
}

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(Policy::compile(&toml::from_str(text).unwrap()))
}

fn caller(policy: &Arc<Policy>, roles: &[&str], grants: &[Grant]) -> Caller {
    let expires = "2100-01-01T00:00:00Z".parse().unwrap();
    Caller::new(TenantId::new(), "ada", roles, expires).ruled_by(policy, grants)
}

fn list(words: &[&str]) -> Vec<Permitted> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

fn grant(only: Option<&str>, allow: &[&str], deny: &[&str]) -> Grant {
    let only = only.map(Into::into);
    Grant { name: "test".into(), tenant: None, only, role: None, allow: list(allow), deny: list(deny) }
}

fn thing<'t>(id: &'t str, owner: &'t str) -> Thing<'t> {
    Thing { id, owner: Some(owner) }
}

// ---- What holds for every policy.

fn any_permission() -> impl Strategy<Value = Permission> {
    proptest::sample::select(Permission::ALL)
}

/// One of the gateway's permissions, or several, or only for what is own.
fn any_permitted() -> impl Strategy<Value = Permitted> {
    (any_permission(), 0..5_u8).prop_map(|(it, form)| {
        let (resource, action) = (it.resource(), it.action());
        let text = match form {
            0 => format!("{resource}:{action}:own"),
            1 => format!("{resource}:*"),
            2 => format!("*:{action}:own"),
            _ => format!("{resource}:{action}"),
        };
        text.parse().unwrap()
    })
}

fn any_grants() -> impl Strategy<Value = Vec<Grant>> {
    let lists = || proptest::collection::vec(any_permitted(), 0..3);
    let only = proptest::option::of(proptest::sample::select(&["one", "two"][..]));
    let grant = (only, lists(), lists()).prop_map(|(only, allow, deny)| Grant {
        allow,
        deny,
        ..self::grant(only, &[], &[])
    });
    proptest::collection::vec(grant, 0..5)
}

/// What follows from the words of the rules, without any set: the reference.
fn expected(
    lists: (&[Permitted], &[Grant]),
    permission: Permission,
    asked: Option<(Thing<'_>, bool)>,
) -> bool {
    let (allow, grants) = lists;
    let covers = |it: &&Permitted| it.covers(permission.resource(), permission.action());
    let about: Vec<&Grant> = (grants.iter())
        .filter(|grant| grant.only.as_deref().is_none_or(|only| asked.is_some_and(|(it, _)| it.id == only)))
        .collect();
    let allowed = || allow.iter().chain(about.iter().flat_map(|grant| &grant.allow)).filter(covers);
    let mut denied = about.iter().flat_map(|grant| &grant.deny).filter(covers);
    match asked {
        None => allowed().any(|it| !it.is_own()) && denied.next().is_none(),
        Some((_, true)) => allowed().next().is_some() && denied.next().is_none(),
        Some((_, false)) => allowed().any(|it| !it.is_own()) && denied.all(|it| it.is_own()),
    }
}

fn rights(policy: &Arc<Policy>, roles: &[&str], grants: &[Grant]) -> Rights {
    let roles: Vec<Box<str>> = roles.iter().map(|role| (*role).into()).collect();
    policy.rights(Holder { tenant: TenantId::new(), subject: "ada", roles: &roles }, grants)
}

proptest! {
    #[test]
    fn every_decision_is_what_the_words_of_the_rules_say(
        allow in proptest::collection::vec(any_permitted(), 0..4),
        grants in any_grants(),
        permission in any_permission(),
        (id, owner) in (proptest::sample::select(&["one", "two", "three"][..]), proptest::sample::select(&["ada", "bob"][..])),
    ) {
        let words: Vec<String> = allow.iter().map(|it| format!("{:?}", it.to_string())).collect();
        let policy = policy(&format!("[roles.r]\nallow = [{}]", words.join(", ")));
        let rights = rights(&policy, &["r"], &grants);
        let lists = (&*allow, &*grants);
        prop_assert_eq!(rights.may(permission), expected(lists, permission, None));
        prop_assert_eq!(rights.decide(permission).is_allowed(), expected(lists, permission, None));
        let thing = thing(id, owner);
        let wanted = expected(lists, permission, Some((thing, owner == "ada")));
        prop_assert_eq!(rights.may_with(permission, "ada", thing), wanted);
        prop_assert_eq!(rights.decide_with(permission, "ada", thing).is_allowed(), wanted);
    }

    #[test]
    fn a_denial_wins_whatever_the_order(
        (grants, shuffled) in any_grants().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        permission in any_permission(),
        place in 0..6_usize,
    ) {
        let policy = shipped();
        let all = |grants: &[Grant]| {
            let rights = rights(&policy, &["manager"], grants);
            Permission::ALL.iter().map(|it| (rights.reach(*it), rights.may(*it))).collect::<Vec<_>>()
        };
        prop_assert_eq!(all(&grants), all(&shuffled));
        let denial = grant(None, &[], &[&permission.to_string()]);
        let mut denied = grants;
        denied.insert(place.min(denied.len()), denial);
        let rights = rights(&policy, &["platform_admin"], &denied);
        prop_assert_eq!(rights.reach(permission), Reach::Nothing);
        prop_assert!(!rights.may_with(permission, "ada", thing("one", "ada")));
    }

    #[test]
    fn who_stands_higher_may_no_less(permission in any_permission(), low in 0..5_usize, high in 0..5_usize) {
        let (low, high) = (low.min(high), low.max(high));
        let policy = shipped();
        let (low, high) = (rights(&policy, &[PEOPLE[low]], &[]), rights(&policy, &[PEOPLE[high]], &[]));
        prop_assert!(!low.may(permission) || high.may(permission));
        for owner in ["ada", "bob"] {
            let thing = thing("one", owner);
            prop_assert!(!low.may_with(permission, "ada", thing) || high.may_with(permission, "ada", thing));
        }
    }

    #[test]
    fn further_roles_only_add(permission in any_permission(), one in 0..5_usize, other in 0..5_usize) {
        let policy = shipped();
        let both = rights(&policy, &[PEOPLE[one], PEOPLE[other]], &[]);
        let each = [one, other].map(|it| rights(&policy, &[PEOPLE[it]], &[]).may(permission));
        prop_assert_eq!(both.may(permission), each.contains(&true));
    }
}

// ---- Callers.

#[test]
fn own_is_for_the_owner_only() {
    let ada = caller(&shipped(), &["member"], &[]);
    let update = Permission::OrdersUpdate;
    assert!(ada.require_own(update, "ada").is_ok());
    assert_eq!(ada.require_own(update, "bob").unwrap_err().kind(), Kind::NotFound, "not theirs to know of");
    assert_eq!(ada.require(update).unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(ada.require_some(update).unwrap(), Reach::Own);
    assert_eq!(ada.require_some(Permission::AuditRead).unwrap_err().kind(), Kind::Forbidden);
}

#[test]
fn who_may_see_a_thing_is_told_that_they_may_not_change_it() {
    let seer = caller(&shipped(), &["service"], &[]);
    let refusal = seer.require_own(Permission::OrdersDelete, "bob").unwrap_err();
    assert_eq!(
        (refusal.kind(), refusal.message()),
        (Kind::Forbidden, "this needs the permission `orders:delete`")
    );
}

#[test]
fn a_grant_for_one_thing_reaches_no_other() {
    let grants = [grant(Some("one"), &["orders:update"], &[]), grant(Some("two"), &[], &["orders:*"])];
    let bob = caller(&shipped(), &["viewer"], &grants);
    let may = |id, owner| bob.require_with(Permission::OrdersUpdate, thing(id, owner)).is_ok();
    assert_eq!((may("one", "cyd"), may("three", "cyd"), may("two", "ada")), (true, false, false));
    let hidden = bob.require_with(Permission::OrdersRead, thing("two", "ada")).unwrap_err();
    assert_eq!(hidden.kind(), Kind::NotFound, "their own, but denied");
}

/// Somebody of a tenant who has no role but these, each for one thing.
fn scoped(policy: &Arc<Policy>, tenant: TenantId, roles: &[(&str, &str)]) -> Rights {
    let grant = |(role, thing): &(&str, &str)| {
        Grant::of_role(tenant, &ScopedRole { role: (*role).to_owned(), thing: (*thing).to_owned() })
    };
    let grants: Vec<Grant> = roles.iter().map(grant).collect();
    policy.rights(Holder { tenant, subject: "ada", roles: &[] }, &grants)
}

#[test]
fn a_role_for_one_thing_is_had_for_no_other() {
    let (policy, tenant) = (shipped(), TenantId::new());
    let rights = scoped(&policy, tenant, &[("manager", "one"), ("emperor", "two")]);
    for permission in Permission::ALL {
        assert_eq!(rights.reach(*permission), Reach::Nothing, "{permission} with all things");
        for other in ["two", "three", ""] {
            assert!(!rights.may_with(*permission, "ada", thing(other, "ada")), "{permission} with {other}");
        }
    }
    let with_one = |permission, owner| rights.may_with(permission, "ada", thing("one", owner));
    assert!(with_one(Permission::OrdersUpdate, "bob") && with_one(Permission::ProductsDelete, "bob"));
    assert!(with_one(Permission::UsersUpdate, "ada") && !with_one(Permission::UsersUpdate, "bob"));
    assert!(rights.may_some(Permission::OrdersUpdate) && !rights.may_some(Permission::UsersDelete));
    let demand = |demands: &str| policy.demand(&toml::from_str(demands).unwrap());
    assert!(rights.meets(&demand("roles = [\"manager\"]")).is_err(), "a route asks for all things");
    assert!(rights.meets(&demand("permissions = [\"orders:read\"]")).is_err());
    let there = policy.rights(
        Holder { tenant: TenantId::new(), subject: "ada", roles: &[] },
        &[Grant::of_role(tenant, &ScopedRole { role: "manager".to_owned(), thing: "one".to_owned() })],
    );
    assert!(!there.may_with(Permission::OrdersUpdate, "ada", thing("one", "bob")), "in another tenant");
}

#[test]
fn a_role_for_one_thing_is_none_for_a_tenant() {
    let (home, other) = (TenantId::new(), TenantId::new());
    for tenant in [home, other] {
        let id = tenant.to_string();
        let rights = scoped(&shipped(), home, &[("platform_admin", &id)]);
        for permission in Permission::ALL.iter().filter(|it| it.resource() == "tenants") {
            assert!(!rights.may_with(*permission, "ada", thing(&id, "ada")), "{permission}");
        }
        assert!(rights.may_with(Permission::OrdersRead, "ada", thing(&id, "bob")));
    }
}

#[test]
fn what_grants_say_of_a_role_they_say_of_it_for_one_thing_too() {
    let (tenant, other) = (TenantId::new(), TenantId::new());
    let policy = policy(&format!(
        "roles.low.allow = [\"orders:*\"]\nroles.high.includes = [\"low\"]\n\
         [grants.freeze]\nrole = \"low\"\ndeny = [\"orders:delete\"]\n\
         [grants.first]\nrole = \"high\"\nonly = \"one\"\ndeny = [\"orders:update\"]\n\
         [grants.trust]\nrole = \"high\"\nallow = [\"audit:read\", \"tenants:*\"]\n\
         [grants.elsewhere]\nrole = \"high\"\ntenant = \"{other}\"\ndeny = [\"orders:read\"]\n"
    ));
    let rights = scoped(&policy, tenant, &[("high", "one"), ("high", "two")]);
    let decide = |permission, id| rights.decide_with(permission, "ada", thing(id, "bob")).to_string();
    assert_eq!(decide(Permission::OrdersDelete, "one"), "denied: grant `freeze` says so");
    assert_eq!(decide(Permission::OrdersUpdate, "one"), "denied: grant `first` says so");
    assert_eq!(decide(Permission::OrdersUpdate, "two"), "allowed: grant `high for two` says so");
    assert_eq!(decide(Permission::OrdersRead, "one"), "allowed: grant `high for one` says so");
    assert_eq!(decide(Permission::AuditRead, "two"), "allowed: grant `trust` says so");
    assert!(!rights.may(Permission::AuditRead));
    assert!(!rights.may_with(Permission::TenantsUpdate, "ada", thing("two", "bob")));
    let both = policy.rights(
        Holder { tenant, subject: "ada", roles: &["low".into()] },
        &[Grant::of_role(tenant, &ScopedRole { role: "high".to_owned(), thing: "one".to_owned() })],
    );
    assert!(both.may(Permission::OrdersUpdate));
    assert!(!both.may_with(Permission::OrdersUpdate, "ada", thing("one", "bob")), "what is denied wins");
}

#[test]
fn the_overview_says_with_which_things_it_is_otherwise() {
    let about = |rights: &Rights, name: &str| {
        rights.overview().into_iter().find(|entry| entry.permission == name).unwrap()
    };
    let rights = scoped(&shipped(), TenantId::new(), &[("manager", "one")]);
    let entry = about(&rights, "orders:update");
    assert_eq!((entry.reach, entry.decision), (Reach::Nothing, Decision::NotAllowed));
    let decision = Decision::AllowedByGrant("manager for one".into());
    assert_eq!(entry.single, [Single { thing: "one".into(), reach: Reach::All, decision }]);
    assert!(about(&rights, "users:delete").single.is_empty());
    let denied = self::rights(&shipped(), &["manager"], &[grant(Some("two"), &[], &["orders:update"])]);
    let entry = about(&denied, "orders:update");
    assert_eq!(entry.reach, Reach::All);
    let decision = Decision::DeniedByGrant("test".into());
    assert_eq!(entry.single, [Single { thing: "two".into(), reach: Reach::Nothing, decision }]);
}

#[test]
fn who_may_something_with_one_thing_is_asked_about_that_thing() {
    let grants = [grant(Some("one"), &["orders:read", "orders:update"], &[])];
    let ada = caller(&shipped(), &[], &grants);
    assert!(ada.require_any(Permission::OrdersUpdate).is_ok());
    assert_eq!(ada.require_any(Permission::OrdersDelete).unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(ada.require_some(Permission::OrdersRead).unwrap_err().kind(), Kind::Forbidden, "no list");
    let refused = ada.require_with(Permission::OrdersUpdate, thing("two", "bob")).unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound);
}

#[test]
fn what_is_granted_in_one_tenant_is_not_in_another() {
    let elsewhere = Grant { tenant: Some(TenantId::new()), ..grant(None, &["*:*"], &[]) };
    let caller = caller(&shipped(), &[], &[elsewhere]);
    assert!(Permission::ALL.iter().all(|it| caller.require(*it).is_err()));
}

#[test]
fn grants_of_the_file_are_for_a_role_and_all_above_or_for_one_user() {
    let tenant = TenantId::new();
    let policy = policy(&format!(
        "roles.low.allow = [\"orders:*\"]\nroles.high.includes = [\"low\"]\n\
         [grants.freeze]\nrole = \"low\"\ntenant = \"{tenant}\"\ndeny = [\"orders:delete\"]\n\
         [grants.trust]\nuser = \"ada\"\nallow = [\"audit:read\"]\n"
    ));
    let holder = |tenant, subject, roles| policy.rights(Holder { tenant, subject, roles }, &[]);
    let high = ["high".into()];
    let (inside, outside) = (holder(tenant, "bob", &high), holder(TenantId::new(), "ada", &high));
    let decide = |rights: &Rights, permission| rights.decide(permission).to_string();
    assert_eq!(decide(&inside, Permission::OrdersDelete), "denied: grant `freeze` says so");
    assert_eq!(decide(&outside, Permission::OrdersDelete), "allowed: role `low` says so");
    assert_eq!(outside.decide(Permission::AuditRead), Decision::AllowedByGrant("trust".into()));
    assert_eq!(inside.decide(Permission::AuditRead), Decision::NotAllowed);
}

#[test]
fn nobody_may_anything_without_a_policy_or_with_a_role_it_does_not_know() {
    let expires = "2100-01-01T00:00:00Z".parse().unwrap();
    let bare = Caller::new(TenantId::new(), "ada", &["platform_admin"], expires);
    let unknown = caller(&shipped(), &["emperor", ""], &[]);
    for permission in Permission::ALL {
        assert!(
            bare.require(*permission).is_err() && unknown.require_some(*permission).is_err(),
            "{permission}"
        );
    }
}

#[test]
fn a_role_is_covered_by_those_who_may_all_that_it_gives() {
    let policy = shipped();
    let covers = |role: &str, other: &str| {
        let who = caller(&policy, &[role], &[]);
        who.rights.cover_role(who.tenant, other)
    };
    for (index, role) in PEOPLE.iter().enumerate() {
        for (other_index, other) in PEOPLE.iter().enumerate() {
            assert_eq!(covers(role, other), Some(other_index <= index), "{role} {other}");
        }
    }
    // Services validate tokens, which is for those who run the platform.
    assert_eq!(covers("tenant_admin", "service"), Some(false));
    assert_eq!(covers("platform_admin", "service"), Some(true));
    assert_eq!(covers("platform_admin", "emperor"), None);
    // Who is denied something gives it to nobody.
    let denied = caller(&policy, &["platform_admin"], &[grant(None, &[], &["products:read"])]);
    assert_eq!(denied.rights.cover_role(denied.tenant, "viewer"), Some(false));
    let may = denied.rights.roles_that_may(Permission::GrantsAssign);
    assert_eq!(may, ["platform_admin", "tenant_admin"]);
}

// ---- The files.

#[test]
fn the_matrix_in_the_documents_is_current() {
    let path = at_root("docs/authorisation.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- matrix -->\n").expect("a mark where the matrix begins");
    let (stored, after) = rest.split_once("<!-- end of matrix -->").expect("a mark where it ends");
    let columns = [&PEOPLE[..], &["service"]].concat();
    let matrix = shipped().matrix(&columns);
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        let whole = format!("{before}<!-- matrix -->\n{matrix}<!-- end of matrix -->{after}");
        return std::fs::write(&path, whole).unwrap();
    }
    assert!(stored == matrix, "docs/authorisation.md is stale: run UPDATE_MATRIX=1 cargo test --test policy");
}

/// Mistakes with paths as they are from the repository's root.
fn told(mistakes: &config::Mistakes) -> String {
    mistakes.to_string().replace(&format!("{}/", env!("CARGO_MANIFEST_DIR")), "")
}

#[test]
fn every_mistake_of_a_policy_is_named_in_one_run() {
    let found = load_policy(&at_root("tests/fixtures/policy/mistakes.toml")).expect_err("mistakes");
    insta::assert_snapshot!(told(&found));
}

#[test]
fn mistakes_of_the_policy_come_with_those_of_the_settings() {
    let found = load(&at_root("tests/fixtures/policy/gateway.toml"), []).expect_err("mistakes");
    insta::assert_snapshot!(told(&found));
}

#[test]
fn what_routes_demand_is_held_against_the_policy() {
    let found = load(&at_root("tests/fixtures/policy/demands.toml"), []).expect_err("mistakes");
    insta::assert_snapshot!(told(&found));
}

#[test]
fn a_policy_that_is_not_there_is_said_so_and_nothing_follows_from_it() {
    let found = load(&at_root("tests/fixtures/policy/nowhere.toml"), []).expect_err("mistakes");
    insta::assert_snapshot!(told(&found));
}

#[test]
fn a_changed_policy_is_a_change_of_the_configuration() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("policy-diff");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let settings =
        file("gateway.toml", "version = 1\npolicy = \"p.toml\"\nlisteners.a.address = \"127.0.0.1:1\"\n");
    let policy = file("p.toml", "[roles.clerk]\nallow = [\"orders:read\"]\n");
    let before = load(&settings, []).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(before.sources().paths().any(|path| path == policy), "it is watched");
    file("p.toml", "[roles.clerk]\nallow = [\"orders:*\"]\n");
    let after = load(&settings, []).unwrap();
    let changes: Vec<String> = before.changes_to(&after).iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["live     policy.roles.clerk.allow: [\"orders:read\"] -> [\"orders:*\"]"]);
}
