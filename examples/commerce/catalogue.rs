//! The catalogue: two hundred products, the same at every start.

use serde::Serialize;

const SIZE: usize = 200;
const KINDS: [(&str, &str); 8] = [
    ("lamp", "lighting"),
    ("kettle", "kitchen"),
    ("backpack", "travel"),
    ("notebook", "office"),
    ("blanket", "bedroom"),
    ("headphones", "audio"),
    ("bottle", "sports"),
    ("clock", "decoration"),
];
const STYLES: [&str; 5] = ["Linen", "Copper", "Nordic", "Walnut", "Slate"];

/// One thing for sale.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) category: &'static str,
    #[serde(flatten)]
    pub(crate) price: Price,
}

/// An amount in minor units (cents) of a currency.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Price {
    pub(crate) price_minor: u64,
    pub(crate) currency: &'static str,
}

/// All products, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Catalogue(Vec<Product>);

impl Catalogue {
    pub(crate) fn seeded() -> Self {
        let styled = STYLES.iter().cycle().zip(KINDS.iter().cycle());
        Self((1..=SIZE).zip(styled).map(|(number, (style, kind))| product(number, style, *kind)).collect())
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Product> {
        let at = self.0.binary_search_by(|product| product.id.as_str().cmp(id)).ok()?;
        self.0.get(at)
    }

    /// At most `limit` products whose ids come after `after`, and whether there are more.
    pub(crate) fn page(&self, after: Option<&str>, limit: usize) -> (&[Product], bool) {
        let start = after.map_or(0, |id| self.0.partition_point(|product| product.id.as_str() <= id));
        let rest = self.0.get(start..).unwrap_or_default();
        (rest.get(..limit).unwrap_or(rest), rest.len() > limit)
    }
}

fn product(number: usize, style: &str, (kind, category): (&str, &'static str)) -> Product {
    // A step that is prime to 20 000 spreads prices from 1.99 to 201.98 without repeating.
    let price_minor = 199 + (number as u64 * 7_919) % 20_000;
    Product {
        id: format!("p-{number:04}"),
        name: format!("{style} {kind} no. {number}"),
        category,
        price: Price { price_minor, currency: "EUR" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_catalogue_once() {
        let catalogue = Catalogue::seeded();
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let (page, more) = catalogue.page(after.as_deref(), 33);
            seen.extend(page.iter().map(|product| product.id.clone()));
            after = seen.last().cloned();
            if !more {
                break;
            }
        }
        assert_eq!(seen.len(), SIZE);
        assert!(seen.is_sorted());
        assert!(seen.iter().all(|id| catalogue.find(id).is_some()));
    }
}
