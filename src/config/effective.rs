//! Prints the effective configuration: every key with its value, and on request where it came from.

use std::fmt::Write as _;

use toml::Value;

use super::settings::Settings;
use super::tree::{Places, at_key, quote_key};

/// Whether each line says where its value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    /// Values only.
    Hidden,
    /// A comment at the end of each line: file and line, environment variable, or `default`.
    Shown,
}

/// The settings as TOML. Secrets print themselves redacted.
pub(super) fn print(settings: &Settings, places: &Places, origins: Origins) -> String {
    let mut printer = Printer { places, origins, text: String::new() };
    match toml::Table::try_from(settings) {
        Ok(table) => printer.table(&table, ""),
        // Every setting was read from TOML, so it can be written as such.
        Err(error) => printer.text = format!("# cannot be shown: {error}\n"),
    }
    printer.text
}

struct Printer<'p> {
    places: &'p Places,
    origins: Origins,
    text: String,
}

impl Printer<'_> {
    /// Values before tables, as TOML wants it.
    fn table(&mut self, table: &toml::Table, path: &str) {
        let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
        if !values.is_empty() && !path.is_empty() {
            let gap = if self.text.is_empty() { "" } else { "\n" };
            let _infallible = writeln!(self.text, "{gap}[{path}]");
        }
        for (key, value) in values {
            self.line(key, value, &at_key(path, key));
        }
        for (key, value) in tables {
            if let Value::Table(inner) = value {
                self.table(inner, &at_key(path, key));
            }
        }
    }

    fn line(&mut self, key: &str, value: &Value, path: &str) {
        let line = format!("{} = {value}", quote_key(key));
        let _infallible = match self.origins {
            Origins::Hidden => writeln!(self.text, "{line}"),
            Origins::Shown => {
                let origin = self.places.get(path).map_or_else(|| "default".to_owned(), super::Source::brief);
                writeln!(self.text, "{line:<60} # {origin}")
            }
        };
    }
}
