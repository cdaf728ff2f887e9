//! Every function of the store, as the tenant whose data it is about, as another one and as the platform. Which there
//! are is read from the source, so that a function without a row here fails a test.

mod records;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use chrono::{DateTime, Utc};
use olympus_gateway::error::{Kind, Result};
use olympus_gateway::model::{
    AuditField, Direction, Expected, Field, Image, ImageKind, Listing, Money, NewAuditEntry, NewOrder,
    NewTenant, NewUser, OrderField, OrderId, OrderItem, OrderRemarks, OrderStatus, ProductDraft,
    ProductField, ProductId, ProductStatus, TenantChange, TenantId, UserChange, UserField, UserId,
};
use olympus_gateway::store::{Scope, Store, Work};
use uuid::Uuid;

use self::records::{
    of_events_and_intents, of_idempotency, of_keys, of_refresh_tokens, of_revocations, of_sessions,
};
use crate::confined::{rows, tables};
use crate::postgres::Database;

const ROWS: &str = include_str!("../store/rows.sql");

/// Whose a function's data are, and so what other transactions get of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Whose {
    /// The tenant's of the transaction: another finds nothing, and without a tenant it is a mistake of ours.
    Tenant,
    /// The tenant's itself, and the platform's.
    TenantAndPlatform,
    /// The platform's: no tenant finds anything, its own neither.
    Platform,
    /// Written for the tenant of the transaction, whichever that is: there is nothing to find.
    Written,
}

/// How much a function found, saw or changed; 0 where it says that there is nothing.
type Found = Pin<Box<dyn Future<Output = Result<usize>> + Send>>;

struct Function {
    name: &'static str,
    whose: Whose,
    call: fn(Work, Known) -> Found,
}

/// What is there: a row of each table of a tenant, all under the tenant's own id, see `rows.sql`.
#[derive(Debug, Clone, Copy)]
struct Known {
    tenant: TenantId,
    id: Uuid,
    hash: [u8; 32],
    now: DateTime<Utc>,
}

fn all<F: Field>(field: F) -> Listing<F> {
    Listing::by(field, Direction::Ascending, 100)
}

fn row(name: &'static str, whose: Whose, call: fn(Work, Known) -> Found) -> Function {
    Function { name, whose, call }
}

fn everybody() -> Listing<UserField> {
    Listing::by(UserField::Name, Direction::Ascending, 100)
}

fn of_users() -> Vec<Function> {
    use Whose::{Tenant, Written};
    vec![
        row("users.create", Written, |work, _known| {
            Box::pin(async move {
                let new = NewUser { id: UserId::new(), email: "new@b".to_owned(), name: "N".to_owned() };
                work.users().create(&new).await.map(|_| 1)
            })
        }),
        row("users.get", Tenant, |work, known| {
            Box::pin(async move { work.users().get(known.id.into()).await.map(|_| 1) })
        }),
        row("users.find", Tenant, |work, _known| {
            Box::pin(async move { Ok(usize::from(work.users().find("a@b").await?.is_some())) })
        }),
        row("users.list", Tenant, |work, _known| {
            Box::pin(async move { Ok(work.users().list(&everybody()).await?.items.len()) })
        }),
        row("users.count", Tenant, |work, _known| {
            Box::pin(async move {
                Ok(work.users().count(&everybody(), 9).await?.rows.try_into().unwrap_or_default())
            })
        }),
        row("users.lock", Tenant, |work, known| {
            Box::pin(async move { work.users().lock(known.id.into()).await.map(|_| 1) })
        }),
        row("users.update", Tenant, |work, known| {
            Box::pin(async move {
                let change = UserChange { name: Some("Eve".to_owned()), ..UserChange::default() };
                work.users().update(known.id.into(), &Expected::Any, &change).await.map(|_| 1)
            })
        }),
        row("users.delete", Tenant, |work, known| {
            Box::pin(async move { work.users().delete(known.id.into(), &Expected::Any).await.map(|_| 1) })
        }),
        row("users.grant", Tenant, |work, known| {
            Box::pin(
                async move { work.users().grant(known.id.into(), "viewer", "eve").await.map(usize::from) },
            )
        }),
        row("users.take", Tenant, |work, known| {
            Box::pin(async move { work.users().take(known.id.into(), "member").await.map(usize::from) })
        }),
        row("users.scoped_roles", Tenant, |work, known| {
            Box::pin(async move { Ok(work.users().scoped_roles(known.id.into()).await?.len()) })
        }),
        row("users.take_all", Tenant, |work, known| {
            Box::pin(async move { work.users().take_all(known.id.into()).await })
        }),
        row("users.others_hold", Tenant, |work, _known| {
            Box::pin(async move {
                let roles = ["member".to_owned()];
                work.users().others_hold(&roles, UserId::new()).await.map(usize::from)
            })
        }),
    ]
}

fn draft() -> ProductDraft {
    ProductDraft {
        sku: "new".to_owned(),
        name: "N".to_owned(),
        description: String::new(),
        price: Money { minor: 1, currency: "EUR".to_owned() },
        stock: 0,
        status: ProductStatus::Active,
    }
}

fn of_the_shop() -> Vec<Function> {
    use Whose::Tenant;
    vec![
        row("products.get", Tenant, |work, known| {
            Box::pin(async move { work.products().get(ProductId::from(known.id)).await.map(|_| 1) })
        }),
        row("products.list", Tenant, |work, _known| {
            Box::pin(async move {
                let mut listing = Listing::by(ProductField::Name, Direction::Ascending, 100);
                let all = work.products().list(&listing).await?.items.len();
                listing.words = Some("lamp".to_owned());
                Ok(all + work.products().list(&listing).await?.items.len())
            })
        }),
        row("products.count", Tenant, |work, _known| {
            Box::pin(async move {
                let listing = Listing::by(ProductField::Name, Direction::Ascending, 100);
                Ok(work.products().count(&listing, 9).await?.rows.try_into().unwrap_or_default())
            })
        }),
        row("products.create", Whose::Written, |work, _known| {
            Box::pin(async move { work.products().create(ProductId::new(), &draft()).await.map(|_| 1) })
        }),
        row("products.update", Tenant, |work, known| {
            Box::pin(async move {
                let id = ProductId::from(known.id);
                work.products().update(id, &Expected::Any, &draft()).await.map(|_| 1)
            })
        }),
        row("products.delete", Tenant, |work, known| {
            Box::pin(async move {
                let expected = Expected::OneOf(vec![1]);
                work.products().delete(ProductId::from(known.id), &expected).await.map(|_| 1)
            })
        }),
    ]
}

fn of_pictures_and_the_log() -> Vec<Function> {
    use Whose::Tenant;
    vec![
        row("images.get", Tenant, |work, known| {
            Box::pin(async move { work.images().get(ProductId::from(known.id)).await.map(|_| 1) })
        }),
        row("images.put", Tenant, |work, known| {
            Box::pin(async move {
                let image = Image { kind: ImageKind::Gif, width: 1, height: 1, bytes: b"GIF89a".to_vec() };
                work.images().put(ProductId::from(known.id), &image).await.map(|_| 1)
            })
        }),
        row("images.delete", Tenant, |work, known| {
            Box::pin(async move { work.images().delete(ProductId::from(known.id)).await.map(|()| 1) })
        }),
        row("audit.append", Whose::Written, |work, _known| {
            Box::pin(async move {
                let entry =
                    NewAuditEntry { actor: "a".into(), action: "b".into(), ..NewAuditEntry::default() };
                work.audit().append(&entry).await.map(|()| 1)
            })
        }),
        row("audit.append_all", Whose::Written, |work, _known| {
            Box::pin(async move {
                let entry =
                    NewAuditEntry { actor: "a".into(), action: "b".into(), ..NewAuditEntry::default() };
                work.audit().append_all(&[entry]).await.map(|()| 1)
            })
        }),
        row("audit.has", Tenant, |work, _known| {
            Box::pin(async move {
                let (actor, action, subject) = ("a".to_owned(), "b".to_owned(), "c".to_owned());
                let entry = NewAuditEntry { actor, action, subject, ..NewAuditEntry::default() };
                work.audit().has(&entry).await.map(usize::from)
            })
        }),
        row("audit.list", Tenant, |work, _known| {
            Box::pin(async move { Ok(work.audit().list(&all(AuditField::CreatedAt)).await?.items.len()) })
        }),
    ]
}

fn orders() -> Listing<OrderField> {
    Listing::by(OrderField::Total, Direction::Ascending, 100)
}

fn of_orders() -> Vec<Function> {
    use Whose::Tenant;
    vec![
        row("orders.get", Tenant, |work, known| {
            Box::pin(async move { work.orders().get(OrderId::from(known.id)).await.map(|_| 1) })
        }),
        row("orders.items", Tenant, |work, known| {
            Box::pin(async move { Ok(work.orders().items(OrderId::from(known.id)).await?.len()) })
        }),
        row("orders.list", Tenant, |work, _known| {
            Box::pin(async move { Ok(work.orders().list(&orders()).await?.items.len()) })
        }),
        row("orders.count", Tenant, |work, _known| {
            Box::pin(async move {
                Ok(work.orders().count(&orders(), 9).await?.rows.try_into().unwrap_or_default())
            })
        }),
        row("orders.lock", Tenant, |work, known| {
            Box::pin(async move { work.orders().lock(OrderId::from(known.id)).await.map(|_| 1) })
        }),
        row("orders.fill", Tenant, |work, known| {
            Box::pin(async move {
                let mut found = [work.orders().get(OrderId::from(known.id)).await?];
                work.orders().fill(&mut found).await?;
                Ok(found[0].items.as_ref().map_or(0, Vec::len))
            })
        }),
        row("orders.create", Tenant, |work, known| {
            Box::pin(async move {
                let new = NewOrder {
                    id: OrderId::new(),
                    user: known.id.into(),
                    items: vec![OrderItem { product: known.id.into(), quantity: 1, price: 1 }],
                    total: Money { minor: 1, currency: "EUR".to_owned() },
                    note: None,
                    shipping_address: None,
                };
                work.orders().create(&new).await.map(|_| 1)
            })
        }),
        row("orders.update", Tenant, |work, known| {
            Box::pin(async move {
                let remarks = OrderRemarks { note: Some("Eve".to_owned()), shipping_address: None };
                work.orders().update(OrderId::from(known.id), &remarks).await.map(|_| 1)
            })
        }),
        row("orders.set_status", Tenant, |work, known| {
            Box::pin(async move {
                let (id, status) = (OrderId::from(known.id), OrderStatus::Cancelled);
                work.orders().set_status(id, status).await.map(|_| 1)
            })
        }),
        row("orders.touch", Tenant, |work, known| {
            Box::pin(async move { work.orders().touch(OrderId::from(known.id)).await.map(|_| 1) })
        }),
        row("products.these", Tenant, |work, known| {
            Box::pin(async move { Ok(work.products().these(&[ProductId::from(known.id)]).await?.len()) })
        }),
    ]
}

fn of_tenants() -> Vec<Function> {
    use Whose::{Platform, TenantAndPlatform};
    vec![
        row("tenants.create", Platform, |work, _known| {
            Box::pin(async move {
                let new = NewTenant { id: TenantId::new(), slug: "new".to_owned(), name: "N".to_owned() };
                work.tenants().create(&new).await.map(|_| 1)
            })
        }),
        row("tenants.get", TenantAndPlatform, |work, known| {
            Box::pin(async move { work.tenants().get(known.tenant).await.map(|_| 1) })
        }),
        row("tenants.find", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                Ok(usize::from(work.tenants().find(&format!("tenant-{}", known.tenant)).await?.is_some()))
            })
        }),
        row("tenants.list", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                Ok(work.tenants().list("", 100).await?.iter().filter(|it| it.id == known.tenant).count())
            })
        }),
        row("tenants.apart", TenantAndPlatform, |work, known| {
            Box::pin(async move {
                Ok(work.tenants().apart().await?.iter().filter(|it| it.id == known.tenant).count())
            })
        }),
        row("tenants.update", Platform, |work, known| {
            Box::pin(async move {
                let change = TenantChange { name: Some("Eve".to_owned()), ..TenantChange::default() };
                work.tenants().update(known.tenant, &Expected::Any, &change).await.map(|_| 1)
            })
        }),
    ]
}

fn functions() -> Vec<Function> {
    let all = [
        of_users(),
        of_the_shop(),
        of_pictures_and_the_log(),
        of_orders(),
        of_tenants(),
        of_sessions(),
        of_refresh_tokens(),
        of_keys(),
        of_revocations(),
        of_idempotency(),
        of_events_and_intents(),
    ];
    all.into_iter().flatten().collect()
}

/// The functions that work in a transaction, as `file.function`.
fn written() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if text.contains("<'w>(&'w Work)") {
            let noun = path.file_stem().unwrap().to_str().unwrap();
            let names = text.split("pub async fn ").skip(1).filter_map(|after| after.split('(').next());
            found.extend(names.map(|name| format!("{noun}.{name}")));
        }
    }
    found
}

#[test]
fn every_function_of_the_store_has_a_row() {
    assert_eq!(functions().iter().map(|it| it.name.to_owned()).collect::<BTreeSet<_>>(), written());
}

/// Runs it, whatever comes of it.
async fn run(scope: &Scope, function: &Function, known: Known) -> Result<usize, Kind> {
    scope.run(|work| (function.call)(work, known)).await.map_err(|error| error.kind())
}

/// That it found nothing, in whatever words.
fn is_nothing(outcome: Result<usize, Kind>) -> bool {
    matches!(outcome, Ok(0) | Err(Kind::NotFound | Kind::Invalid | Kind::Outdated | Kind::Internal))
}

/// A new tenant with a row in every table.
async fn fill(superuser: &tokio_postgres::Client) -> Known {
    let tenant = TenantId::new();
    let limits = format!("UPDATE tenants SET limits = '{{\"a\": 1}}' WHERE id = '{tenant}'");
    let rows = format!("DO $$ DECLARE tenant uuid := '{tenant}'; BEGIN {ROWS} END $$");
    // One that is in force; that of the rows is over.
    let revocation = format!(
        "INSERT INTO revocations (tenant_id, kind, subject, expires_at)
         VALUES ('{tenant}', 'user', '{tenant}', now() + interval '1 hour')"
    );
    let scoped = format!(
        "INSERT INTO grants (tenant_id, user_id, role, resource)
         VALUES ('{tenant}', '{tenant}', 'manager', '{tenant}')"
    );
    superuser.batch_execute(&format!("{rows}; {limits}; {revocation}; {scoped}")).await.unwrap();
    let hash = format!("SELECT hash FROM refresh_tokens WHERE tenant_id = '{tenant}'");
    let hash: Vec<u8> = superuser.query_one(&hash, &[]).await.unwrap().get(0);
    Known { tenant, id: tenant.uuid(), hash: hash.try_into().unwrap(), now: Utc::now() }
}

#[tokio::test]
async fn every_function_keeps_to_the_tenant_of_its_transaction() {
    let database = Database::new().await;
    let (store, superuser): (Store, _) = (database.store(), database.connect("postgres").await);
    let tables = tables(&superuser).await;
    for function in functions() {
        // Whose lists are empty but for what is not theirs.
        let (known, other) = (fill(&superuser).await, TenantId::new());
        let before = rows(&superuser, &tables, known.tenant).await;
        let name = function.name;
        let stranger = run(&store.tenant(other), &function, known).await;
        if function.whose != Whose::Written {
            assert!(is_nothing(stranger), "{name} as another tenant: {stranger:?}");
        }
        assert_eq!(rows(&superuser, &tables, known.tenant).await, before, "{name} as another tenant");
        let (own, platform) = (store.tenant(known.tenant), store.platform());
        match function.whose {
            Whose::Tenant | Whose::Written => {
                assert_eq!(
                    run(&platform, &function, known).await,
                    Err(Kind::Internal),
                    "{name} as the platform"
                );
                assert_eq!(rows(&superuser, &tables, known.tenant).await, before, "{name} as the platform");
                assert!(matches!(run(&own, &function, known).await, Ok(1..)), "{name} as its own");
            }
            Whose::TenantAndPlatform => {
                assert!(matches!(run(&own, &function, known).await, Ok(1..)), "{name} as its own");
                let again = fill(&superuser).await;
                assert!(matches!(run(&platform, &function, again).await, Ok(1..)), "{name} as the platform");
            }
            Whose::Platform => {
                let outcome = run(&own, &function, known).await;
                assert!(is_nothing(outcome), "{name} as a tenant: {outcome:?}");
                assert!(matches!(run(&platform, &function, known).await, Ok(1..)), "{name} as the platform");
            }
        }
    }
}
