//! What the store promises of users and of pages, and which faults are the caller's.

use olympus_gateway::error::Kind;
use olympus_gateway::model::{
    Condition, Direction, Expected, Listing, Mark, NewTenant, Operator, Start, TenantId, UserChange,
    UserField, UserStatus, Value,
};
use olympus_gateway::store::{Store, Work};

use super::postgres::Database;
use super::{tenant, user};

#[tokio::test]
async fn an_address_is_unique_in_its_tenant_whatever_its_case() {
    let store = Database::new().await.store();
    let (acme, globex) = (tenant(&store, "acme").await.id, tenant(&store, "globex").await.id);
    let ada = user(&store, acme, "Ada@shop.example").await.expect("a user");
    let taken = user(&store, acme, "ada@SHOP.example").await.expect_err("taken");
    assert_eq!((taken.kind(), taken.field()), (Kind::Conflict, Some("email")), "{taken}");
    user(&store, globex, "ada@shop.example").await.expect("another tenant's");
    let found =
        store.tenant(acme).run(|work| async move { work.users().find("ADA@shop.EXAMPLE").await }).await;
    assert_eq!(found.expect("an answer"), Some(ada));
}

#[tokio::test]
async fn a_value_that_a_table_refuses_is_the_fault_of_its_field() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    let error = user(&store, acme, "no address").await.expect_err("refused");
    assert_eq!((error.kind(), error.field()), (Kind::Invalid, Some("email")));
    let new = &NewTenant { id: TenantId::new(), slug: "Not A Slug".into(), name: "N".into() };
    let made = store.platform().run(|work| async move { work.tenants().create(new).await }).await;
    let error = made.expect_err("refused");
    assert_eq!((error.kind(), error.field()), (Kind::Invalid, Some("slug")));
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_seen() {
    let store = Database::new().await.store();
    let acme = store.tenant(tenant(&store, "acme").await.id);
    let ada = user(&store, acme_id(&store).await, "ada@shop.example").await.expect("a user");
    let change = &UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    let update =
        |work: Work| async move { work.users().update(ada.id, &Expected::OneOf(vec![1]), change).await };
    let changed = acme.run(update).await.expect("changed");
    assert_eq!((changed.version, changed.status, changed.name.as_str()), (2, UserStatus::Suspended, "Ada"));
    let late = acme.run(update).await.expect_err("too late");
    assert_eq!(late.kind(), Kind::Outdated);
    acme.run(|work| async move { work.users().delete(ada.id, &Expected::OneOf(vec![2])).await })
        .await
        .expect("deleted");
    let gone = acme.run(|work| async move { work.users().get(ada.id).await }).await.expect_err("gone");
    assert_eq!(gone.kind(), Kind::NotFound);
    user(&store, acme_id(&store).await, "ada@shop.example").await.expect("the address is free again");
}

async fn acme_id(store: &Store) -> TenantId {
    let found = store.platform().run(|work| async move { work.tenants().find("acme").await }).await;
    found.expect("an answer").expect("acme").id
}

#[tokio::test]
async fn roles_are_given_once_and_taken_once() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    let ada = user(&store, acme, "ada@shop.example").await.expect("a user").id;
    let scope = store.tenant(acme);
    let done = scope.run(|work| async move {
        let users = work.users();
        let given = [
            users.grant(ada, "manager", "test").await?,
            users.grant(ada, "auditor", "test").await?,
            users.grant(ada, "manager", "test").await?,
        ];
        let roles = users.get(ada).await?.roles;
        let taken = [users.take(ada, "manager").await?, users.take(ada, "manager").await?];
        Ok((given, roles, taken, users.get(ada).await?.roles))
    });
    let (given, roles, taken, left) = done.await.expect("done");
    assert_eq!((given, taken), ([true, true, false], [true, false]));
    assert_eq!((roles, left), (vec!["auditor".to_owned(), "manager".to_owned()], vec!["auditor".to_owned()]));
}

#[tokio::test]
async fn pages_show_everyone_once_in_every_order() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    for number in 0..7 {
        // All have one name, so that only their ids tell them apart there.
        user(&store, acme, &format!("User{}@shop.example", number * 5 % 7)).await.expect("a user");
    }
    for field in [UserField::CreatedAt, UserField::UpdatedAt, UserField::Name, UserField::Email] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut listing = Listing::by(field, direction, 3);
            let (mut seen, mut pages) = (Vec::new(), 0);
            loop {
                let wanted = &listing;
                let list = |work: Work| async move { work.users().list(wanted).await };
                let page = store.tenant(acme).run(list).await.expect("a page");
                seen.extend(page.items);
                pages += 1;
                if !page.has_more {
                    break;
                }
                listing.start = Start::After(listing.mark(seen.last().expect("somebody")));
            }
            let mut emails: Vec<_> = seen.iter().map(|user| user.email.clone()).collect();
            if field == UserField::Email {
                let first = if direction == Direction::Ascending {
                    "User0@shop.example"
                } else {
                    "User6@shop.example"
                };
                assert_eq!(emails[0], first);
            }
            emails.sort();
            emails.dedup();
            assert_eq!((emails.len(), seen.len(), pages), (7, 7, 3), "{field:?} {direction:?}");
        }
    }
}

#[tokio::test]
async fn users_are_found_by_address_whatever_its_case_and_by_any_of_their_roles() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    let (ada, eve) = (
        user(&store, acme, "Ada@shop.example").await.expect("a user").id,
        user(&store, acme, "zoë@shop.example").await.expect("a user").id,
    );
    let grant = |work: Work| async move {
        work.users().grant(ada, "manager", "test").await?;
        work.users().grant(ada, "viewer", "test").await?;
        work.users().grant(eve, "viewer", "test").await
    };
    store.tenant(acme).run(grant).await.expect("granted");
    let text = |text: &str| Value::Text(text.to_owned());
    let is = |field, words: &[&str]| {
        let values = words.iter().map(|word| text(word)).collect();
        Condition { field, operator: Operator::In, values }
    };
    for (conditions, expected) in [
        (vec![Condition::equal(UserField::Email, text("ADA@SHOP.example"))], vec![ada]),
        (vec![Condition::prefix(UserField::Email, "AD")], vec![ada]),
        (vec![Condition::prefix(UserField::Email, "Z")], vec![eve]),
        (vec![is(UserField::Role, &["viewer", "member"])], vec![ada, eve]),
        (vec![is(UserField::Role, &["viewer"]), is(UserField::Role, &["manager"])], vec![ada]),
        (vec![is(UserField::Role, &["nobody"])], vec![]),
    ] {
        let listing = &Listing { conditions, ..Listing::by(UserField::Email, Direction::Ascending, 10) };
        let list = |work: Work| async move {
            Ok((work.users().list(listing).await?, work.users().count(listing, 100).await?))
        };
        let (page, count) = store.tenant(acme).run(list).await.expect("a page");
        let found: Vec<_> = page.items.iter().map(|user| user.id).collect();
        assert_eq!(
            (found, count.rows),
            (expected.clone(), expected.len() as u64),
            "{:?}",
            listing.conditions
        );
    }
}

#[tokio::test]
async fn of_two_who_go_at_once_one_hears_that_nobody_remains() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    let (ada, eve) = (
        user(&store, acme, "ada@shop.example").await.expect("a user").id,
        user(&store, acme, "eve@shop.example").await.expect("a user").id,
    );
    let scope = store.tenant(acme);
    let grant = |work: Work| async move {
        work.users().grant(ada, "admin", "test").await?;
        work.users().grant(eve, "admin", "test").await
    };
    scope.run(grant).await.expect("granted");
    let admins = &["admin".to_owned()];
    let go = |id| {
        let scope = scope.clone();
        async move {
            let go = |work: Work| async move {
                let others = work.users().others_hold(admins, id).await?;
                if others {
                    work.users().take(id, "admin").await?;
                }
                Ok(others)
            };
            scope.run(go).await
        }
    };
    let (one, other) = tokio::join!(go(ada), go(eve));
    assert_ne!(one.expect("an answer"), other.expect("an answer"));
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    let start = Start::After(Mark { values: vec![Value::Number(1)], id: acme.uuid() });
    let listing = &Listing { start, ..Listing::by(UserField::Name, Direction::Ascending, 3) };
    let page = store.tenant(acme).run(|work| async move { work.users().list(listing).await }).await;
    assert_eq!(page.expect_err("refused").kind(), Kind::Invalid);
}
