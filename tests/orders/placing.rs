//! Orders as they go well, and as they are refused.

use futures_util::future::join_all;
use olympus_gateway::domain::{Items, Once};
use olympus_gateway::error::{Kind, Result};
use olympus_gateway::model::{
    Direction, Expected, Listing, Order, OrderField, OrderId, OrderRemarks, OrderStatus, ProductId,
    ProductStatus, WantedItem, WantedOrder,
};
use olympus_gateway::store::Work;

use crate::stage::{Stage, visit};
use crate::support::wait::until;

impl Stage {
    pub(crate) async fn place(&self, wanted: &WantedOrder) -> Result<Order> {
        self.orders().place(&self.caller, &self.terms, wanted, (&visit(), &Once::unkeyed())).await
    }

    pub(crate) async fn go(&self, id: OrderId, expected: &Expected, to: OrderStatus) -> Result<Order> {
        let orders = self.orders();
        orders.move_on(&self.caller, &self.terms, (id, expected, to), (&visit(), &Once::unkeyed())).await
    }

    /// The order as it is now.
    pub(crate) async fn now(&self, id: OrderId) -> Order {
        let get = |work: Work| async move { work.orders().get(id).await };
        self.store.tenant(self.tenant).run(get).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_goes_its_way_and_each_step_is_told() {
    let stage = Stage::new().await;
    let shelf = stage.stock().0;
    let order = stage.place(&stage.wanted(3)).await.unwrap();
    assert_eq!((order.total.minor, order.total.currency.as_str()), (5997, "EUR"));
    assert_eq!((order.status, stage.stock()), (OrderStatus::Pending, (shelf, 3)));
    for to in [OrderStatus::Confirmed, OrderStatus::Paid, OrderStatus::Shipped, OrderStatus::Delivered] {
        let version = stage.now(order.id).await.version;
        let moved = stage.go(order.id, &Expected::OneOf(vec![version]), to).await.unwrap();
        assert_eq!(moved.status, to);
        assert!(moved.version > version);
    }
    assert_eq!(stage.stock(), (shelf - 3, 0));
    assert_eq!(stage.counts().await, [1, 5, 0]);
    let audited = stage.number("SELECT count(*) FROM audit_log WHERE subject LIKE 'order/%'").await;
    assert_eq!(audited, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_leads_only_where_it_does_and_says_where() {
    let stage = Stage::new().await;
    let order = stage.place(&stage.wanted(1)).await.unwrap();
    let refused = stage.go(order.id, &Expected::Any, OrderStatus::Shipped).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, Some("illegal_transition")));
    assert!(
        refused.message().contains("leads to `confirmed`, `cancelled` and not to `shipped`"),
        "{refused}"
    );
    stage.go(order.id, &Expected::Any, OrderStatus::Cancelled).await.unwrap();
    assert_eq!(stage.orders().settle(&stage.terms).await.unwrap(), 1);
    assert_eq!((stage.reservation(order.id).as_str(), stage.stock().1), ("none", 0));
    let refused = stage.go(order.id, &Expected::Any, OrderStatus::Confirmed).await.unwrap_err();
    assert!(refused.message().contains("leads nowhere"), "{refused}");
    let (remarks, id) = (OrderRemarks { note: None, shipping_address: None }, (order.id, &Expected::Any));
    let refused = stage.orders().update(&stage.caller, id, &remarks, &visit()).await.unwrap_err();
    assert_eq!(refused.code(), Some("order_closed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_changes_of_the_same_version_one_goes_through() {
    for to in [OrderStatus::Confirmed, OrderStatus::Cancelled] {
        let stage = Stage::new().await;
        let order = stage.place(&stage.wanted(1)).await.unwrap();
        let expected = Expected::OneOf(vec![order.version]);
        let all = join_all((0..100).map(|_| stage.go(order.id, &expected, to))).await;
        let (done, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1, "{to:?}");
        for error in refused.into_iter().map(Result::unwrap_err) {
            assert_eq!(error.kind(), Kind::Outdated, "{error}");
        }
        assert_eq!(stage.events().await, ["order.created", "order.status_changed"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_ordered_is_told_with_its_place() {
    let stage = Stage::new().await;
    let archived = stage.another("EUR", ProductStatus::Archived).await;
    let foreign = stage.another("USD", ProductStatus::Active).await;
    let item = |product| WantedItem { product, quantity: 1 };
    let mut wanted = stage.wanted(1);
    wanted.items.extend([item(archived), item(foreign), item(ProductId::new()), item(stage.product)]);
    let refused = stage.place(&wanted).await.unwrap_err();
    let codes: Vec<_> = refused.flaws().iter().map(|flaw| (flaw.place.as_str(), flaw.code)).collect();
    let expected = [
        ("items/1/product_id", "not_for_sale"),
        ("items/2/product_id", "other_currency"),
        ("items/3/product_id", "unknown_product"),
        ("items/4/product_id", "repeated"),
    ];
    assert_eq!(codes, expected);
    let refused = stage.place(&stage.wanted(9_999)).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, Some("not_enough_stock")));
    assert!(refused.message().contains(&stage.product.to_string()), "{refused}");
    stage.orders().settle(&stage.terms).await.unwrap();
    assert_eq!((stage.counts().await, stage.stock().1), ([0, 0, 0], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_goods_are_held_no_longer_reserves_them_anew() {
    let stage = Stage::holding("1s").await;
    let order = stage.place(&stage.wanted(2)).await.unwrap();
    until("its goods are held no longer", || (stage.reservation(order.id) == "expired").then_some(()));
    assert_eq!(stage.stock().1, 0);
    let confirmed = stage.go(order.id, &Expected::Any, OrderStatus::Confirmed).await.unwrap();
    assert_eq!(
        (confirmed.status, stage.reservation(order.id).as_str()),
        (OrderStatus::Confirmed, "committed")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_their_buyers_own() {
    let stage = Stage::new().await;
    let order = stage.place(&stage.wanted(1)).await.unwrap();
    let stranger = stage.caller_as("member");
    let seen = stage.orders().get(&stranger, order.id, Items::Included, &visit()).await;
    assert_eq!(seen.unwrap_err().kind(), Kind::NotFound);
    let listing = Listing::by(OrderField::CreatedAt, Direction::Descending, 10);
    let listed = stage.orders().list(&stranger, &listing, Items::Left, (100, &visit())).await.unwrap();
    assert_eq!((listed.0.items.len(), listed.1.rows), (0, 0));
    let (page, count) =
        stage.orders().list(&stage.caller, &listing, Items::Included, (100, &visit())).await.unwrap();
    assert_eq!((page.items[0].items.as_ref().map(Vec::len), count.rows), (Some(1), 1));
    let for_another = WantedOrder { user: Some(stage.user), ..stage.wanted(1) };
    let (viewer, request) = (stage.caller_as("viewer"), (&visit(), &Once::unkeyed()));
    let placed = stage.orders().place(&viewer, &stage.terms, &for_another, request).await;
    assert_eq!(placed.unwrap_err().kind(), Kind::Forbidden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_confirms_and_cancels_and_says_nothing_of_payment() {
    let stage = Stage::new().await;
    let (buyer, orders, once) = (stage.buyer_as("member"), stage.orders(), Once::unkeyed());
    let order = orders.place(&buyer, &stage.terms, &stage.wanted(1), (&visit(), &once)).await.unwrap();
    let go = async |to| {
        let which = (order.id, &Expected::Any, to);
        orders.move_on(&buyer, &stage.terms, which, (&visit(), &Once::unkeyed())).await
    };
    assert_eq!(go(OrderStatus::Confirmed).await.unwrap().status, OrderStatus::Confirmed);
    for to in [OrderStatus::Paid, OrderStatus::Shipped, OrderStatus::Delivered, OrderStatus::Refunded] {
        assert_eq!(go(to).await.unwrap_err().kind(), Kind::Forbidden, "{to:?}");
    }
    assert_eq!(go(OrderStatus::Cancelled).await.unwrap().status, OrderStatus::Cancelled);
}
