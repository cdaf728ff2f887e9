//! What an order will be: its lines at the prices of the moment, and their exact sum. Pure.

use std::collections::BTreeSet;

use crate::error::{Error, Flaw, Kind, Result};
use crate::model::{Money, OrderItem, Product, ProductStatus, WantedItem};

/// The lines of an order and what they cost together.
///
/// # Errors
/// Every item that cannot be ordered, at once: one that is not there, is not sold, comes twice or costs another currency
/// than the first; or a sum that is too large.
pub(super) fn draft(wanted: &[WantedItem], products: &[Product]) -> Result<(Vec<OrderItem>, Money)> {
    let (mut lines, mut flaws, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut currency: Option<&str> = None;
    let mut total: Option<i64> = Some(0);
    for (index, item) in wanted.iter().enumerate() {
        let mut refuse = |code, message: &str| {
            let (place, message) = (format!("items/{index}/product_id"), message.to_owned());
            flaws.push(Flaw { place, code, message });
        };
        let found = products.iter().find(|product| product.id == item.product);
        match found {
            None => refuse("unknown_product", "there is no such product"),
            Some(_) if !seen.insert(item.product) => {
                refuse("repeated", "is in the order already: add the quantities up");
            }
            Some(product) if product.status != ProductStatus::Active => {
                refuse("not_for_sale", "is not for sale now");
            }
            Some(product) if currency.is_some_and(|currency| currency != product.price.currency) => {
                refuse("other_currency", "is sold in another currency than what comes before it");
            }
            Some(product) => {
                currency = Some(&product.price.currency);
                let price = product.price.minor;
                let sum = price.checked_mul(item.quantity.into());
                total = total.zip(sum).and_then(|(total, sum)| total.checked_add(sum));
                lines.push(OrderItem { product: product.id, quantity: item.quantity, price });
            }
        }
    }
    if flaws.is_empty() && total.is_none() {
        let message = "costs more than can be counted".to_owned();
        flaws.push(Flaw { place: "items".to_owned(), code: "too_expensive", message });
    }
    match (flaws.is_empty(), total, currency) {
        (true, Some(minor), Some(currency)) => Ok((lines, Money { minor, currency: currency.to_owned() })),
        _ => Err(unfit(flaws)),
    }
}

/// An order that cannot be as it is wanted.
pub(super) fn unfit(flaws: Vec<Flaw>) -> Error {
    let message = "the order cannot be placed as it is: see `errors`";
    Error::new(Kind::Invalid, message).coded("validation_failed").with_flaws(flaws)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::ProductId;

    fn product(minor: i64, currency: &str, status: ProductStatus) -> Product {
        Product {
            id: ProductId::new(),
            sku: String::new(),
            name: String::new(),
            description: String::new(),
            price: Money { minor, currency: currency.to_owned() },
            stock: 0,
            status,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn of(product: &Product, quantity: i32) -> WantedItem {
        WantedItem { product: product.id, quantity }
    }

    #[test]
    fn a_total_is_the_exact_sum_of_its_lines() {
        let products =
            [product(1999, "EUR", ProductStatus::Active), product(1, "EUR", ProductStatus::Active)];
        let wanted = [of(&products[0], 3), of(&products[1], 10_000)];
        let (lines, total) = draft(&wanted, &products).unwrap();
        assert_eq!((lines.len(), total.minor, total.currency.as_str()), (2, 15_997, "EUR"));
    }

    #[test]
    fn every_item_that_cannot_be_ordered_is_told_at_once() {
        let products = [
            product(1, "EUR", ProductStatus::Active),
            product(1, "USD", ProductStatus::Active),
            product(1, "EUR", ProductStatus::Archived),
        ];
        let stranger = WantedItem { product: ProductId::new(), quantity: 1 };
        let wanted =
            [of(&products[0], 1), of(&products[1], 1), of(&products[2], 1), of(&products[0], 1), stranger];
        let refused = draft(&wanted, &products).unwrap_err();
        let codes: Vec<_> = refused.flaws().iter().map(|flaw| (flaw.place.as_str(), flaw.code)).collect();
        let expected = [
            ("items/1/product_id", "other_currency"),
            ("items/2/product_id", "not_for_sale"),
            ("items/3/product_id", "repeated"),
            ("items/4/product_id", "unknown_product"),
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_sum_that_cannot_be_counted_is_refused() {
        let dear = product(i64::MAX / 2, "EUR", ProductStatus::Active);
        let refused = draft(&[of(&dear, 3)], std::slice::from_ref(&dear)).unwrap_err();
        assert_eq!(refused.flaws()[0].code, "too_expensive");
        let (one, other) = (dear, product(i64::MAX / 2 + 2, "EUR", ProductStatus::Active));
        let refused = draft(&[of(&one, 1), of(&other, 1)], &[one.clone(), other.clone()]).unwrap_err();
        assert_eq!(refused.flaws()[0].code, "too_expensive");
    }
}
