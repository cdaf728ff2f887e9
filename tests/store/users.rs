//! What the store promises of users and of pages, and which faults are the caller's.

use olympus_gateway::error::Kind;
use olympus_gateway::model::{
    Direction, Key, NewTenant, Place, TenantId, User, UserChange, UserSort, UserStatus, Window,
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
    let update = |work: Work| async move { work.users().update(ada.id, 1, change).await };
    let changed = acme.run(update).await.expect("changed");
    assert_eq!((changed.version, changed.status, changed.name.as_str()), (2, UserStatus::Suspended, "Ada"));
    let late = acme.run(update).await.expect_err("too late");
    assert_eq!((late.kind(), late.field()), (Kind::Conflict, Some("version")));
    acme.run(|work| async move { work.users().delete(ada.id, 2).await }).await.expect("deleted");
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

fn place(user: &User, sort: UserSort) -> Place {
    let key = match sort {
        UserSort::CreatedAt => Key::Time(user.created_at),
        UserSort::Name => Key::Text(user.name.clone()),
        UserSort::Email => Key::Text(user.email.to_lowercase()),
    };
    Place { key, id: user.id.uuid() }
}

#[tokio::test]
async fn pages_show_everyone_once_in_every_order() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    for number in 0..7 {
        // All have one name, so that only their ids tell them apart there.
        user(&store, acme, &format!("User{}@shop.example", number * 5 % 7)).await.expect("a user");
    }
    for sort in [UserSort::CreatedAt, UserSort::Name, UserSort::Email] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut window = Window { sort, direction, after: None, limit: 3 };
            let (mut seen, mut pages) = (Vec::new(), 0);
            loop {
                let wanted = &window;
                let list = |work: Work| async move { work.users().list(wanted).await };
                let page = store.tenant(acme).run(list).await.expect("a page");
                seen.extend(page.items);
                pages += 1;
                window.after = seen.last().map(|last| place(last, sort));
                if !page.has_more {
                    break;
                }
            }
            let mut emails: Vec<_> = seen.iter().map(|user| user.email.clone()).collect();
            if sort == UserSort::Email {
                let first = if direction == Direction::Ascending {
                    "User0@shop.example"
                } else {
                    "User6@shop.example"
                };
                assert_eq!(emails[0], first);
            }
            emails.sort();
            emails.dedup();
            assert_eq!((emails.len(), seen.len(), pages), (7, 7, 3), "{sort:?} {direction:?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let store = Database::new().await.store();
    let acme = tenant(&store, "acme").await.id;
    let after = Some(Place { key: Key::Number(1), id: acme.uuid() });
    let window = &Window { sort: UserSort::Name, direction: Direction::Ascending, after, limit: 3 };
    let page = store.tenant(acme).run(|work| async move { work.users().list(window).await }).await;
    assert_eq!(page.expect_err("refused").kind(), Kind::Invalid);
}
