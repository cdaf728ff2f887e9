//! The gateway dies after each step of what it does with the commerce service: whatever was left is settled by another
//! instance, nothing is half done, and nothing is told twice or not at all.

use std::future::pending;
use std::sync::Arc;

use olympus_gateway::domain::{Once, Orders, Outcome, Pause, Step};
use olympus_gateway::model::{Expected, Order, OrderStatus};
use tokio::sync::Notify;

use crate::stage::{Stage, id_of, lifecycle, visit};

/// Stands still for ever after a step, and says so.
fn stopping_after(step: Step) -> (Pause, Arc<Notify>) {
    let reached = Arc::new(Notify::new());
    let telling = reached.clone();
    let pause: Pause = Arc::new(move |done| {
        let telling = telling.clone();
        Box::pin(async move {
            if done == step {
                telling.notify_one();
                pending::<()>().await;
            }
        })
    });
    (pause, reached)
}

/// Places an order by an instance that dies after a step.
async fn place_and_die(stage: &Stage, step: Step) {
    let ((pause, reached), life) = (stopping_after(step), lifecycle());
    tokio::select! {
        outcome = stage.place_once(stage.orders().pausing(pause), &life) => panic!("it lived: {outcome:?}"),
        () = reached.notified() => life.stop(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_steps_of_an_order_leaves_no_half_of_it() {
    for step in [Step::Recorded, Step::Reserved, Step::Placed] {
        let stage = Stage::new().await;
        let shelf = stage.stock().0;
        place_and_die(&stage, step).await;
        stage.time_passes().await;
        let (survivor, life) = (stage.orders(), lifecycle());
        survivor.settle(&stage.terms).await.unwrap();
        let is_placed = step == Step::Placed;
        let placed = i64::from(is_placed);
        assert_eq!(stage.counts().await, [placed, placed, 0], "{step:?}");
        let held = if is_placed { 2 } else { 0 };
        assert_eq!(stage.stock(), (shelf, held), "{step:?}");
        // Who never got an answer asks again.
        let again = stage.place_once(survivor, &life).await.unwrap();
        assert_eq!(matches!(again, Outcome::Repeated(_)), is_placed, "{step:?}");
        assert_eq!(stage.counts().await, [1, 1, 0], "{step:?}");
        assert_eq!(stage.stock(), (shelf, 2), "{step:?}");
        assert_eq!(stage.reservation(id_of(&again)), "held", "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_again_before_it_is_settled_gets_one_order_all_the_same() {
    for step in [Step::Recorded, Step::Reserved, Step::Placed] {
        let stage = Stage::new().await;
        place_and_die(&stage, step).await;
        stage.time_passes().await;
        let (survivor, life) = (stage.orders(), lifecycle());
        stage.place_once(survivor.clone(), &life).await.unwrap();
        survivor.settle(&stage.terms).await.unwrap();
        assert_eq!(stage.counts().await, [1, 1, 0], "{step:?}");
        assert_eq!(stage.stock().1, 2, "{step:?}");
    }
}

async fn confirm(stage: &Stage, orders: &Orders, order: &Order) -> olympus_gateway::error::Result<Order> {
    let to = (order.id, &Expected::OneOf(vec![order.version]), OrderStatus::Confirmed);
    orders.move_on(&stage.caller, &stage.terms, to, (&visit(), &Once::unkeyed())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_steps_of_a_confirmation_is_rolled_forward() {
    for step in [Step::Intended, Step::Gone, Step::Confirmed] {
        let stage = Stage::new().await;
        let (shelf, orders) = (stage.stock().0, stage.orders());
        let wanted = stage.wanted(3);
        let order = stage.place(&wanted).await.unwrap();
        let (pause, reached) = stopping_after(step);
        let dying = stage.orders().pausing(pause);
        tokio::select! {
            outcome = confirm(&stage, &dying, &order) => panic!("it lived: {outcome:?}"),
            () = reached.notified() => {}
        }
        let is_confirmed = stage.status(order.id).await == OrderStatus::Confirmed;
        assert_eq!(is_confirmed, step == Step::Confirmed, "{step:?}");
        if !is_confirmed {
            let refused = confirm(&stage, &orders, &stage.now(order.id).await).await.unwrap_err();
            assert_eq!(refused.code(), Some("order_busy"), "{step:?}");
        }
        stage.time_passes().await;
        orders.settle(&stage.terms).await.unwrap();
        assert_eq!(stage.status(order.id).await, OrderStatus::Confirmed, "{step:?}");
        assert_eq!(stage.stock(), (shelf - 3, 0), "{step:?}");
        assert_eq!(stage.events().await, ["order.created", "order.status_changed"], "{step:?}");
        assert_eq!(stage.counts().await, [1, 2, 0], "{step:?}");
        assert_eq!(orders.settle(&stage.terms).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_does_not_answer_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let orders = stage.orders();
    let (wanted, unkeyed) = (stage.wanted(2), Once::unkeyed());
    // No answer is whole: nobody knows what was reserved.
    stage.fault("truncate");
    let place = || async { orders.place(&stage.caller, &stage.terms, &wanted, (&visit(), &unkeyed)).await };
    assert!(place().await.is_err());
    assert_eq!(orders.settle(&stage.terms).await.unwrap(), 1);
    assert_eq!(stage.counts().await, [0, 0, 1], "it cannot be given back yet");
    stage.fault("");
    stage.time_passes().await;
    orders.settle(&stage.terms).await.unwrap();
    assert_eq!((stage.counts().await, stage.stock().1), ([0, 0, 0], 0));
    let order = place().await.unwrap();
    // Nobody knows whether the goods have gone.
    stage.fault("truncate");
    assert!(confirm(&stage, &orders, &order).await.is_err());
    assert_eq!(stage.status(order.id).await, OrderStatus::Pending);
    stage.fault("");
    stage.time_passes().await;
    orders.settle(&stage.terms).await.unwrap();
    assert_eq!(stage.status(order.id).await, OrderStatus::Confirmed);
    assert_eq!((stage.counts().await, stage.stock().1), ([1, 2, 0], 0));
}
