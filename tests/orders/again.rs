//! A confirmation that was cut short and is sent again with its key: whoever finished it, the client is told that it was
//! done; and nobody else is.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use olympus_gateway::domain::{Onces, Orders, Outcome, Pause, Render, Step};
use olympus_gateway::error::Result;
use olympus_gateway::identity::Caller;
use olympus_gateway::model::{Expected, OnceKey, Order, OrderStatus, StoredAnswer};
use olympus_gateway::tasks::Lifecycle;
use tokio::sync::Notify;

use crate::stage::{Stage, lifecycle, request, visit};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn render() -> Render<Order> {
    Arc::new(|order: &Order| {
        Ok(StoredAnswer { status: 200, headers: Vec::new(), body: order.status.as_str().into() })
    })
}

/// The key of a request for a confirmation.
fn key(stage: &Stage, (caller, key): (&Caller, &str)) -> OnceKey {
    let caller = caller.subject.to_string();
    OnceKey { tenant: stage.tenant, caller, key: key.to_owned(), request: request() }
}

/// Asks for the confirmation of an order that was seen in a version, at an instance that lives as long as the lifecycle.
async fn confirm(
    stage: &Stage,
    (orders, life): (Orders, &Lifecycle),
    (caller, name): (&Arc<Caller>, &str),
    order: &Order,
) -> Result<Outcome<Order>> {
    let (by, terms, id, version) = (caller.clone(), stage.terms.clone(), order.id, order.version);
    let confirm = move |once| async move {
        let to = (id, &Expected::OneOf(vec![version]), OrderStatus::Confirmed);
        orders.move_on(&by, &terms, to, (&visit(), &once)).await
    };
    let key = key(stage, (caller, name));
    Onces::new(stage.store.clone(), life.clone()).run(Some(key), (DAY, DAY), render(), confirm).await
}

/// The same at an instance that lives on, by the one who asked first.
async fn again(stage: &Stage, name: &str, order: &Order) -> Result<Outcome<Order>> {
    confirm(stage, (stage.orders(), &lifecycle()), (&stage.caller, name), order).await
}

/// The same at an instance that dies after a step.
async fn confirm_and_die(stage: &Stage, step: Step, order: &Order) {
    let (reached, life) = (Arc::new(Notify::new()), lifecycle());
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
    let dying = (stage.orders().pausing(pause), &life);
    tokio::select! {
        outcome = confirm(stage, dying, (&stage.caller, "k"), order) => panic!("it lived: {outcome:?}"),
        () = reached.notified() => life.stop(),
    }
}

/// The status that an answer tells, made now or before.
fn status(outcome: &Outcome<Order>) -> &str {
    match outcome {
        Outcome::Done(order) => order.status.as_str(),
        Outcome::Repeated(answer) => std::str::from_utf8(&answer.body).unwrap(),
        Outcome::InProgress | Outcome::Mismatch => panic!("{outcome:?}"),
    }
}

/// That the goods left once, and that it was told once.
async fn is_done_once(stage: &Stage, shelf: u64, step: Step) {
    assert_eq!(stage.stock(), (shelf - 2, 0), "{step:?}");
    assert_eq!(stage.events().await, ["order.created", "order.status_changed"], "{step:?}");
    assert_eq!(stage.counts().await, [1, 2, 0], "{step:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_job_finished_is_answered_to_who_asked_for_it() {
    for step in [Step::Intended, Step::Gone, Step::Confirmed] {
        let stage = Stage::new().await;
        let shelf = stage.stock().0;
        let order = stage.place(&stage.wanted(2)).await.unwrap();
        confirm_and_die(&stage, step, &order).await;
        stage.time_passes().await;
        stage.orders().settle(&stage.terms).await.unwrap();
        let told = again(&stage, "k", &order).await.unwrap();
        assert_eq!(matches!(told, Outcome::Repeated(_)), step == Step::Confirmed, "{step:?}");
        assert_eq!(status(&told), "confirmed", "{step:?}");
        assert!(matches!(again(&stage, "k", &order).await.unwrap(), Outcome::Repeated(_)), "{step:?}");
        is_done_once(&stage, shelf, step).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_again_before_the_job_came_goes_on_with_it() {
    for step in [Step::Intended, Step::Gone] {
        let stage = Stage::new().await;
        let shelf = stage.stock().0;
        let order = stage.place(&stage.wanted(2)).await.unwrap();
        confirm_and_die(&stage, step, &order).await;
        assert_eq!(again(&stage, "k", &order).await.unwrap(), Outcome::InProgress, "it may live");
        stage.time_passes().await;
        assert_eq!(status(&again(&stage, "k", &order).await.unwrap()), "confirmed", "{step:?}");
        assert_eq!(stage.orders().settle(&stage.terms).await.unwrap(), 0, "{step:?}");
        is_done_once(&stage, shelf, step).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_failed_and_was_done_later_is_told_as_the_order_is_now() {
    let stage = Stage::new().await;
    let order = stage.place(&stage.wanted(2)).await.unwrap();
    stage.fault("truncate");
    assert!(again(&stage, "k", &order).await.is_err(), "nobody knows whether the goods have gone");
    stage.fault("");
    stage.time_passes().await;
    stage.orders().settle(&stage.terms).await.unwrap();
    stage.go(order.id, &Expected::Any, OrderStatus::Paid).await.unwrap();
    assert_eq!(status(&again(&stage, "k", &order).await.unwrap()), "paid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_did_not_ask_for_it_is_not_told_that_they_did_it() {
    let stage = Stage::new().await;
    let order = stage.place(&stage.wanted(2)).await.unwrap();
    confirm_and_die(&stage, Step::Gone, &order).await;
    let (stranger, now) = (stage.caller_as("manager"), stage.now(order.id).await);
    let strange = || async {
        let instance = (stage.orders(), &lifecycle());
        confirm(&stage, instance, (&stranger, "k"), &now).await.unwrap_err().code()
    };
    let other = || async { again(&stage, "other", &now).await.unwrap_err().code() };
    assert_eq!((strange().await, other().await), (Some("order_busy"), Some("order_busy")));
    stage.time_passes().await;
    stage.orders().settle(&stage.terms).await.unwrap();
    let now = stage.now(order.id).await;
    let strange = confirm(&stage, (stage.orders(), &lifecycle()), (&stranger, "k"), &now).await;
    let refused = (strange.unwrap_err().code(), again(&stage, "other", &now).await.unwrap_err().code());
    assert_eq!(refused, (Some("illegal_transition"), Some("illegal_transition")));
    let unkeyed = stage.go(order.id, &Expected::Any, OrderStatus::Confirmed).await.unwrap_err();
    assert_eq!(unkeyed.code(), Some("illegal_transition"));
}
