//! From TOML text to a tree. All faults of the syntax come at once, each with its place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, Node, Source, Table, Value};
use crate::config::mistakes::Mistake;

/// Parses a whole file.
pub(in crate::config) fn parse_document(path: &Path, text: &str) -> Result<Table, Vec<Mistake>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { places: Locator::new(path, text), faults: Vec::new() };
    // One fault of the syntax often shows as several in its line; the first is the one to mend.
    let mut lines = BTreeSet::new();
    for error in errors {
        let place = reader.places.locate(error.span().unwrap_or_default().start);
        let line = reader.places.line_of(error.span().unwrap_or_default().start);
        let message = error.message().trim_end_matches(", expected nothing");
        if lines.insert(line) {
            reader.faults.push(Mistake::new(place, "", format!("invalid TOML: {message}")));
        }
    }
    let table = reader.table(document.into_inner());
    match reader.faults.is_empty() {
        true => Ok(table),
        false => Err(reader.faults),
    }
}

/// Parses a single value that comes from `source`; `None` when it is no TOML value.
pub(in crate::config) fn parse_value(text: &str, source: &Source) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let mut reader = Reader { places: Locator::fixed(source), faults: Vec::new() };
    let node = reader.node(value);
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
    fn table(&mut self, table: DeTable<'_>) -> Table {
        let mut entries = Table::new();
        for (key, value) in table {
            let source = self.places.locate(key.span().start);
            if let Some(node) = self.node(value) {
                entries.insert(key.into_inner().into_owned(), Entry { key: source, node });
            }
        }
        entries
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Option<Node> {
        let source = self.places.locate(value.span().start);
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Boolean(flag) => Value::Boolean(flag),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Array(items) => {
                Value::Array(items.into_iter().filter_map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => {
                    self.faults.push(Mistake::new(
                        source,
                        "",
                        format!("integer {number} does not fit 64 bits"),
                    ));
                    return None;
                }
            },
        };
        Some(Node { value, source })
    }
}

/// Turns byte offsets into places.
struct Locator<'t> {
    path: Arc<Path>,
    text: &'t str,
    /// The offset at which each line begins.
    lines: Vec<usize>,
    fixed: Option<Source>,
}

impl<'t> Locator<'t> {
    fn new(path: &Path, text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.into(), text, lines, fixed: None }
    }

    /// Everything is at one place.
    fn fixed(source: &Source) -> Self {
        Self { path: Path::new("").into(), text: "", lines: vec![0], fixed: Some(source.clone()) }
    }

    fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    fn locate(&self, offset: usize) -> Source {
        if let Some(source) = &self.fixed {
            return source.clone();
        }
        let line = self.line_of(offset);
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or(0);
        let column = self.text.get(start..).map_or(1, |rest| columns(rest, 0..offset.saturating_sub(start)));
        Source::File { path: Arc::clone(&self.path), line, column }
    }
}

/// The column, counted in characters from 1, of what follows `range` in a line.
fn columns(line: &str, range: Range<usize>) -> usize {
    line.char_indices().take_while(|(at, _)| range.contains(at)).count() + 1
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
            "a.toml:3:1: invalid TOML: duplicate key",
            "a.toml:4:5: integer 99999999999999999999 does not",
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
