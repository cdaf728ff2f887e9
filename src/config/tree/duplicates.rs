//! Which key a duplicate repeats, and where it stood first: the TOML parser says only where the second stands.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{at_index, at_key};

/// What the second is called while the first is looked for. Nobody calls a key that.
const STAND_IN: &str = "the-second-key-of-this-name";

/// The path of the key that stands a second time at `second`, and the offset of the first.
///
/// The text is parsed again with another name for the second: then both are in one table.
pub(super) fn find_first(text: &str, second: Range<usize>) -> Option<(String, Option<usize>)> {
    let (before, after) = (text.get(..second.start)?, text.get(second.end..)?);
    let written = text.get(second.clone())?;
    let name = read_key(written).unwrap_or_else(|| written.to_owned());
    let renamed = format!("{before}{STAND_IN}{after}");
    let (document, _) = DeTable::parse_recoverable(&renamed);
    let found = in_table(document.get_ref(), &name, "");
    Some(found.map_or((at_key("", &name), None), |(path, first)| {
        (path, Some(first).filter(|first| *first < second.start))
    }))
}

/// A key without its quotes.
fn read_key(written: &str) -> Option<String> {
    let line = format!("{written} = 0");
    let (table, errors) = DeTable::parse_recoverable(&line);
    let name = table.get_ref().keys().next().map(|key| key.get_ref().to_string());
    name.filter(|_| errors.is_empty())
}

/// The path and the offset of the key `name` in the table that has the stand-in.
fn in_table(table: &DeTable<'_>, name: &str, path: &str) -> Option<(String, usize)> {
    let is_here = table.keys().any(|key| key.get_ref() == STAND_IN);
    let first = table.keys().find(|key| is_here && key.get_ref() == name);
    if let Some(first) = first {
        return Some((at_key(path, name), first.span().start));
    }
    table.iter().find_map(|(key, value)| in_value(value.get_ref(), name, &at_key(path, key.get_ref())))
}

fn in_value(value: &DeValue<'_>, name: &str, path: &str) -> Option<(String, usize)> {
    match value {
        DeValue::Table(table) => in_table(table, name, path),
        DeValue::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| in_value(item.get_ref(), name, &at_index(path, index)))
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_of(text: &str, second: &str) -> (String, Option<usize>) {
        let start = text.rfind(second).expect("there");
        find_first(text, start..start + second.len()).expect("a key")
    }

    #[test]
    fn the_first_is_found_in_its_own_table() {
        assert_eq!(first_of("b = 1\n[t]\nb = 2\nc = { b = 3 }\nb = 4\n", "b"), ("t.b".to_owned(), Some(10)));
        assert_eq!(first_of("[a.x]\n[b.x]\n[a.x]\n", "x"), ("a.x".to_owned(), Some(3)));
        assert_eq!(first_of("t = [{ \"é\" = 1, \"é\" = 2 }]", "\"é\"").1, Some(7));
    }

    #[test]
    fn a_key_whose_first_is_not_found_is_named_all_the_same() {
        assert_eq!(first_of("\"a b\" = 1\n", "\"a b\""), ("\"a b\"".to_owned(), None));
    }
}
