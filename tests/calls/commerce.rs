//! The commerce service as the gateway asks it: what its answers mean, and that nothing else is taken for one.

use std::io;
use std::time::{Duration, Instant};

use olympus_gateway::backends::{Commerce, Committed, Errand, Released, Reserved, Wanted};
use olympus_gateway::error::{Kind, Result};
use olympus_gateway::model::{OrderId, ProductId};

use crate::auth::answering;
use crate::support::double::Double;
use crate::support::http::get;
use crate::support::process::Process;
use crate::support::wait::until;
use crate::{SOON, backend, kind, on_errand, pool};

/// Where it listens, and an order of two of a product.
struct Order {
    address: String,
    id: OrderId,
    product: ProductId,
    quantity: i32,
}

impl Order {
    fn at(address: &str) -> Self {
        Self { address: address.to_owned(), id: OrderId::new(), product: ProductId::new(), quantity: 2 }
    }

    /// The same product for another order.
    fn another(&self) -> Self {
        Self { address: self.address.clone(), id: OrderId::new(), ..*self }
    }

    fn ask<T>(
        &self,
        limit: Duration,
        act: impl AsyncFnOnce(&Commerce, &Errand<'_>) -> Result<T>,
    ) -> Result<T> {
        let pool = pool(std::slice::from_ref(&self.address), "retry = { max_retries = 0 }");
        let commerce = Commerce::new(backend(&pool).unwrap());
        on_errand(limit, async |errand| act(&commerce, &errand).await)
    }

    fn reserve_for(&self, ttl: Duration) -> Result<Reserved> {
        let wanted = Wanted::from([(self.product, self.quantity)]);
        self.ask(SOON, async |commerce, errand| commerce.reserve(errand, self.id, (&wanted, ttl)).await)
    }

    fn reserve(&self) -> Result<Reserved> {
        self.reserve_for(Duration::from_secs(60))
    }

    fn commit_within(&self, limit: Duration) -> Result<Committed> {
        self.ask(limit, async |commerce, errand| commerce.commit(errand, self.id).await)
    }

    fn commit(&self) -> Result<Committed> {
        self.commit_within(SOON)
    }

    fn release(&self) -> Result<Released> {
        self.ask(SOON, async |commerce, errand| commerce.release(errand, self.id).await)
    }

    /// What its reservation looks like in this state.
    fn shown(&self, state: &str) -> String {
        format!(r#"{{"order_id":"{}","state":"{state}","items":[],"ttl_seconds":60}}"#, self.id)
    }

    /// The refusal for want of the product.
    fn too_few(&self, available: &str) -> String {
        format!(r#"{{"code":"not_enough_stock","product_id":"{}","available":{available}}}"#, self.product)
    }
}

/// What an order makes of an answer with this status and body.
fn of_answer<T>(
    status: &str,
    body: impl Fn(&Order) -> String,
    act: impl Fn(&Order) -> Result<T>,
) -> Result<T> {
    let mut order = Order::at("");
    let double = answering(status, &body(&order));
    order.address = double.address().to_string();
    act(&order)
}

#[test]
fn goods_are_held_and_go_or_are_given_back() {
    let service = Process::example("commerce", "commerce-1", &[]);
    let order = Order::at(&service.address().to_string());
    assert_eq!(order.release().unwrap(), Released::Free);
    assert_eq!(order.commit().unwrap(), Committed::NotHeld);
    for _ in 0..2 {
        assert_eq!(order.reserve().unwrap(), Reserved::Held);
    }
    assert_eq!(Order { quantity: 3, ..order.another() }.reserve().unwrap(), Reserved::Held);
    assert_eq!(
        Order { quantity: 3, address: order.address.clone(), ..order }.reserve().unwrap(),
        Reserved::Differs
    );
    for _ in 0..2 {
        assert_eq!(order.commit().unwrap(), Committed::Gone);
    }
    assert_eq!(order.reserve().unwrap(), Reserved::Held, "they were given to it");
    assert_eq!(order.release().unwrap(), Released::Gone);
    let greedy = Order { quantity: 9_999, ..order.another() };
    let level = get(&service.url(&format!("/stock/{}", order.product))).json();
    let available = u32::try_from(level["available"].as_u64().unwrap()).unwrap();
    assert_eq!(greedy.reserve().unwrap(), Reserved::NotEnough { product: order.product, available });
    let late = order.another();
    assert_eq!(late.reserve_for(Duration::from_secs(1)).unwrap(), Reserved::Held);
    until("its time is over", || {
        let found = get(&service.url(&format!("/reservations/{}", late.id))).json();
        (found["state"] == "expired").then_some(())
    });
    assert_eq!(late.commit().unwrap(), Committed::NotHeld);
    assert_eq!(late.reserve().unwrap(), Reserved::Held, "anew");
}

#[test]
fn what_was_agreed_on_is_believed() {
    for (status, state) in [("201 Created", "held"), ("200 OK", "held"), ("200 OK", "committed")] {
        assert_eq!(of_answer(status, |it| it.shown(state), Order::reserve).unwrap(), Reserved::Held);
    }
    let refused = of_answer("409 Conflict", |it| it.too_few("1"), Order::reserve).unwrap();
    assert!(matches!(refused, Reserved::NotEnough { available: 1, .. }), "{refused:?}");
    assert_eq!(of_answer("200 OK", |it| it.shown("committed"), Order::commit).unwrap(), Committed::Gone);
    assert_eq!(of_answer("404 Not Found", |_| String::new(), Order::commit).unwrap(), Committed::NotHeld);
    for status in ["204 No Content", "404 Not Found"] {
        assert_eq!(of_answer(status, |_| String::new(), Order::release).unwrap(), Released::Free);
    }
}

#[test]
fn nonsense_is_never_taken_for_success() {
    let (ok, conflict) = ("200 OK", "409 Conflict");
    let code = |code: &str| format!(r#"{{"code":"{code}"}}"#);
    let everywhere = [
        (ok, String::new()),
        (ok, "garbage".to_owned()),
        (ok, "<html>Welcome</html>".to_owned()),
        (ok, "{}".to_owned()),
        (ok, "[1]".to_owned()),
        (ok, "null".to_owned()),
        (ok, Order::at("").shown("held")),
        (ok, Order::at("").shown("committed")),
        (ok, " ".repeat(100_000)),
        ("202 Accepted", String::new()),
        ("302 Found", String::new()),
        ("400 Bad Request", String::new()),
        ("401 Unauthorized", String::new()),
        ("500 Oh", String::new()),
        ("502 Bad Gateway", String::new()),
        (conflict, String::new()),
        (conflict, "garbage".to_owned()),
        (conflict, "{}".to_owned()),
        (conflict, code("injected_fault")),
        (conflict, code("not_enough_stock")),
    ];
    for (status, body) in &everywhere {
        let what = |call: &str| format!("{call}: {status} {body:.60}");
        let body = |_: &Order| body.clone();
        assert_eq!(kind(of_answer(status, body, Order::reserve)), Kind::BadGateway, "{}", what("reserve"));
        assert_eq!(kind(of_answer(status, body, Order::commit)), Kind::BadGateway, "{}", what("commit"));
        assert_eq!(kind(of_answer(status, body, Order::release)), Kind::BadGateway, "{}", what("release"));
    }
    for available in ["-1", "1.5", "\"many\"", "null", "4294967296", "{}"] {
        let refused = of_answer(conflict, |it| it.too_few(available), Order::reserve);
        assert_eq!(kind(refused), Kind::BadGateway, "{available}");
    }
    // Of a product that nobody asked for.
    let refused = of_answer(conflict, |_| Order::at("").too_few("1"), Order::reserve);
    assert_eq!(kind(refused), Kind::BadGateway);
    // Each of these is an answer, to something else.
    for (status, state) in
        [(ok, "expired"), (ok, "released"), ("204 No Content", "held"), ("202 Accepted", "held")]
    {
        let reserved = of_answer(status, |it| it.shown(state), Order::reserve);
        assert_eq!(kind(reserved), Kind::BadGateway, "{status} {state}");
    }
    for (status, state) in [(ok, "held"), (ok, "expired"), ("201 Created", "committed")] {
        let committed = of_answer(status, |it| it.shown(state), Order::commit);
        assert_eq!(kind(committed), Kind::BadGateway, "{status} {state}");
    }
    let large = of_answer(ok, |it| it.shown("held") + &" ".repeat(100_000), Order::reserve);
    assert_eq!(kind(large), Kind::BadGateway, "larger than was agreed");
    for wrong in ["reservation_committed", "reservation_expired"] {
        let reserved = of_answer(conflict, |_| code(wrong), Order::reserve);
        assert_eq!(kind(reserved), Kind::BadGateway, "{wrong}");
    }
    assert_eq!(kind(of_answer(conflict, |_| code("reservation_committed"), Order::commit)), Kind::BadGateway);
    assert_eq!(kind(of_answer(conflict, |_| code("reservation_expired"), Order::release)), Kind::BadGateway);
}

#[test]
fn a_service_that_cannot_is_told_apart_from_one_that_breaks_off() {
    let busy = answering("503 Service Unavailable", "");
    let closing = Double::start(|_, _| Err(io::ErrorKind::ConnectionReset.into()));
    let half = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")?;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    let half_a_head = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 O")?;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    let no_http = Double::answering("SSH-2.0-OpenSSH_9.6\r\n\r\n");
    let endless = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            wire.try_send("8\r\nolympus \r\n")?;
        }
    });
    for (double, expected) in [
        (&busy, Kind::Unavailable),
        (&closing, Kind::BadGateway),
        (&half, Kind::BadGateway),
        (&half_a_head, Kind::BadGateway),
        (&no_http, Kind::BadGateway),
        (&endless, Kind::BadGateway),
    ] {
        let order = Order::at(&double.address().to_string());
        assert_eq!(kind(order.reserve()), expected, "{:?}", double.heads());
        assert_eq!(kind(order.commit()), expected, "{:?}", double.heads());
        assert_eq!(kind(order.release()), expected, "{:?}", double.heads());
    }
}

#[test]
fn a_slow_service_costs_no_more_than_the_errands_time() {
    let silent = Double::start(|_, wire| wire.take(1 << 20).map(drop));
    let stuck = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")?;
        wire.take(1 << 20).map(drop)
    });
    let limit = Duration::from_millis(200);
    for double in [&silent, &stuck] {
        let began = Instant::now();
        assert_eq!(kind(Order::at(&double.address().to_string()).commit_within(limit)), Kind::GatewayTimeout);
        assert!(began.elapsed() >= limit && began.elapsed() < SOON, "{:?}", began.elapsed());
    }
}
