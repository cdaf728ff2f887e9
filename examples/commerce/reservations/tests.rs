//! Reservations against a clock that the test moves.

use std::path::Path;

use super::*;
use crate::support::database::Database;

const START: Moment = Moment(1_000_000);
const LAMP: &str = "p-0001";

struct Shelf(Database);

impl Shelf {
    fn new() -> Self {
        let schema = [stock::SCHEMA, SCHEMA].concat();
        Self(Database::open(Path::new(":memory:"), &schema).unwrap())
    }

    fn place(&self, order_id: &str, wanted: &Wanted, now: Moment) -> Result<Placed, Problem> {
        self.0.write_now(|transaction| place(transaction, order_id, wanted, now))
    }

    fn commit(&self, order_id: &str, now: Moment) -> Result<Reservation, Problem> {
        self.0.write_now(|transaction| commit(transaction, order_id, now))
    }

    fn release(&self, order_id: &str, now: Moment) -> Result<(), Problem> {
        self.0.write_now(|transaction| release(transaction, order_id, now))
    }

    fn lamps(&self) -> stock::Level {
        self.0.write_now(|transaction| stock::level(transaction, LAMP)).unwrap()
    }
}

fn lamps(quantity: u32) -> Wanted {
    Wanted { items: Items::from([(LAMP.to_owned(), quantity)]), ttl_seconds: 60 }
}

#[test]
fn a_repeated_request_holds_stock_once() {
    let shelf = Shelf::new();
    let Placed::Created(first) = shelf.place("o1", &lamps(3), START).unwrap() else { panic!("not created") };
    let later = START.after(Duration::from_secs(30));
    assert_eq!(shelf.place("o1", &lamps(3), later).unwrap(), Placed::Repeated(first));
    assert_eq!(shelf.lamps().reserved, 3);
}

#[test]
fn a_different_request_for_the_same_order_is_refused() {
    let shelf = Shelf::new();
    shelf.place("o1", &lamps(3), START).unwrap();
    assert_eq!(shelf.place("o1", &lamps(4), START).unwrap_err().code, "reservation_differs");
    assert_eq!(shelf.lamps().reserved, 3);
}

#[test]
fn what_is_not_there_cannot_be_held_and_nothing_else_is_kept() {
    let shelf = Shelf::new();
    let available = shelf.lamps().available;
    let mut wanted = lamps(1);
    wanted.items.insert("p-0002".to_owned(), 10_000);
    assert_eq!(shelf.place("o1", &wanted, START).unwrap_err().code, "not_enough_stock");
    assert_eq!(shelf.lamps().available, available);
}

#[test]
fn expiry_frees_stock_and_the_order_may_ask_again() {
    let shelf = Shelf::new();
    let all = lamps(shelf.lamps().available);
    shelf.place("o1", &all, START).unwrap();
    let expiry = START.after(Duration::from_secs(60));
    assert_eq!(shelf.place("o2", &all, Moment(expiry.0 - 1)).unwrap_err().code, "not_enough_stock");
    shelf.place("o2", &all, expiry).unwrap();
    assert_eq!(shelf.commit("o1", expiry).unwrap_err().code, "reservation_expired");
    shelf.release("o2", expiry).unwrap();
    assert!(matches!(shelf.place("o1", &all, expiry).unwrap(), Placed::Created(_)));
}

#[test]
fn a_commit_ships_once_and_outlives_the_expiry() {
    let shelf = Shelf::new();
    let before = shelf.lamps().on_hand;
    shelf.place("o1", &lamps(2), START).unwrap();
    shelf.commit("o1", START).unwrap();
    let later = START.after(Duration::from_secs(3600));
    assert_eq!(shelf.commit("o1", later).unwrap().state, State::Committed);
    assert_eq!((shelf.lamps().on_hand, shelf.lamps().reserved), (before - 2, 0));
    assert_eq!(shelf.release("o1", later).unwrap_err().code, "reservation_committed");
}

#[test]
fn release_frees_stock_and_may_be_repeated() {
    let shelf = Shelf::new();
    shelf.place("o1", &lamps(2), START).unwrap();
    shelf.release("o1", START).unwrap();
    shelf.release("o1", START).unwrap();
    assert_eq!(shelf.lamps().reserved, 0);
}
