//! From TOML text to a tree. All faults of the syntax come at once, each with its place.

use std::collections::BTreeSet;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::locator::Locator;
use super::{Entry, Node, Source, Table, Value, at_index, at_key, duplicates};
use crate::config::mistakes::Mistake;

/// A file is parsed again for each duplicate key that is looked up; no more of its faults than this.
const MOST_LOOKED_UP: usize = 16;

/// Parses a whole file.
pub(in crate::config) fn parse_document(path: &Path, text: &str) -> Result<Table, Vec<Mistake>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { places: Locator::new(path, text), faults: Vec::new() };
    // One fault of the syntax often shows as several in its line; the first is the one to mend.
    let mut lines = BTreeSet::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        if !lines.insert(reader.places.line_of(span.start)) {
            continue;
        }
        let place = reader.places.locate(span.start);
        let message = error.message().trim_end_matches(", expected nothing");
        let is_duplicate = message == "duplicate key" && reader.faults.len() < MOST_LOOKED_UP;
        let duplicate = is_duplicate.then(|| duplicates::find_first(text, span)).flatten();
        let (key, first) = duplicate.unwrap_or_default();
        let first = first.map(|offset| format!(", first at {}", reader.places.locate(offset).brief()));
        let message = format!("invalid TOML: {message}{}", first.unwrap_or_default());
        reader.faults.push(Mistake::new(place, key, message));
    }
    let table = reader.table(document.into_inner(), "");
    match reader.faults.is_empty() {
        true => Ok(table),
        false => Err(reader.faults),
    }
}

/// Parses a single value that comes from `source`; `None` when it is no TOML value.
pub(in crate::config) fn parse_value(text: &str, source: &Source) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let mut reader = Reader { places: Locator::fixed(source), faults: Vec::new() };
    let node = reader.node(value, "");
    node.filter(|_| reader.faults.is_empty())
}

/// The place where a file stops being UTF-8.
pub(in crate::config) fn locate_encoding_fault(path: &Path, bytes: &[u8], valid_up_to: usize) -> Source {
    let text = String::from_utf8_lossy(bytes.get(..valid_up_to).unwrap_or_default());
    Locator::new(path, &text).locate(valid_up_to)
}

struct Reader<'t> {
    places: Locator<'t>,
    faults: Vec<Mistake>,
}

impl Reader<'_> {
    fn table(&mut self, table: DeTable<'_>, path: &str) -> Table {
        let mut entries = Table::new();
        for (key, value) in table {
            let source = self.places.locate(key.span().start);
            if let Some(node) = self.node(value, &at_key(path, key.get_ref())) {
                entries.insert(key.into_inner().into_owned(), Entry { key: source, node });
            }
        }
        entries
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>, path: &str) -> Option<Node> {
        let source = self.places.locate(value.span().start);
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Boolean(flag) => Value::Boolean(flag),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Array(items) => {
                let items = items.into_iter().enumerate();
                Value::Array(
                    items.filter_map(|(index, item)| self.node(item, &at_index(path, index))).collect(),
                )
            }
            DeValue::Table(table) => Value::Table(self.table(table, path)),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => {
                    self.faults.push(Mistake::new(
                        source,
                        path,
                        format!("integer {number} does not fit 64 bits"),
                    ));
                    return None;
                }
            },
        };
        Some(Node { value, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Table, Vec<String>> {
        let shown = |faults: Vec<Mistake>| faults.iter().map(ToString::to_string).collect();
        parse_document(Path::new("a.toml"), text).map_err(shown)
    }

    #[test]
    fn columns_count_characters() {
        let table = parse("x = { \"ü\" = 'é', b = 1 }\n[t.u]\nv = 2\n").expect("valid");
        let inner = table["x"].node.as_table().expect("a table");
        assert_eq!(inner["b"].key.to_string(), "a.toml:1:18");
        assert_eq!(inner["b"].node.source.to_string(), "a.toml:1:22");
        let outer = table["t"].node.as_table().expect("a table");
        assert_eq!(outer["u"].node.source.to_string(), "a.toml:2:1");
        assert_eq!(outer["u"].key.to_string(), "a.toml:2:4");
    }

    #[test]
    fn all_faults_of_the_syntax_come_at_once() {
        let faults = parse("a = \nb = 1\nb = 2\nc = 99999999999999999999\n[x\n").expect_err("invalid");
        for place in [
            "a.toml:1:5:",
            "a.toml:3:1: b: invalid TOML: duplicate key, first at a.toml:2",
            "a.toml:4:5: c: integer 99999999999999999999 does not",
            "a.toml:5:3:",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place}: {faults:#?}");
        }
        assert_eq!(faults.len(), 4);
    }

    #[test]
    fn deep_nesting_is_refused_before_it_can_exhaust_the_stack() {
        let deep = vec!["a"; 500].join(".");
        let faults = parse(&format!("{deep} = 1")).expect_err("too deep");
        assert!(faults[0].contains("recursion limit"), "{faults:?}");
    }
}
