//! The JSON Schema of the settings, derived from their types, and what is asked of it.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::settings::Settings;

/// The JSON Schema (draft 2020-12) of a configuration file.
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(Settings).to_value();
    let kinds = schema.get("$defs").cloned().unwrap_or_default();
    spell_out_partials(&mut schema, &kinds);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), "Olympus gateway configuration".into());
    }
    schema
}

/// Gives a table marked as part of another kind that kind's keys, none of them required.
fn spell_out_partials(schema: &mut Value, kinds: &Value) {
    if let Some(whole) = schema.get("x-partial-of").and_then(Value::as_str).and_then(|kind| kinds.get(kind)) {
        let mut partial = whole.as_object().cloned().unwrap_or_default();
        partial.remove("required");
        partial.insert("description".to_owned(), schema.get("description").cloned().unwrap_or_default());
        *schema = partial.into();
    }
    match schema {
        Value::Object(entries) => entries.values_mut().for_each(|inner| spell_out_partials(inner, kinds)),
        Value::Array(items) => items.iter_mut().for_each(|inner| spell_out_partials(inner, kinds)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One schema within the whole, over the vocabulary that the settings' types produce.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema<'s> {
    root: &'s Value,
    here: &'s Value,
}

impl Schema<'static> {
    /// The schema of a whole file, derived once: it never changes.
    pub(super) fn of_settings() -> Self {
        static SCHEMA: LazyLock<Value> = LazyLock::new(json_schema);
        Self::root(&SCHEMA)
    }
}

impl<'s> Schema<'s> {
    /// The schema of a whole file.
    pub(super) fn root(root: &'s Value) -> Self {
        Self { root, here: root }
    }

    fn at(self, here: &'s Value) -> Self {
        let name = here.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
        let meant = name.and_then(|name| self.root.get("$defs")?.get(name));
        Self { here: meant.unwrap_or(here), ..self }
    }

    fn list(self, keyword: &str) -> &'s [Value] {
        self.here.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn text(self, keyword: &str) -> Option<&'s str> {
        self.here.get(keyword).and_then(Value::as_str)
    }

    /// The kinds of value this may be: itself, or the branches of a union. `null` is left out: TOML has none.
    pub(super) fn branches(self) -> Vec<Self> {
        let branches = self.list("anyOf");
        match branches.is_empty() {
            true => vec![self],
            false => branches
                .iter()
                .map(|branch| self.at(branch))
                .filter(|branch| !branch.has_type("null"))
                .collect(),
        }
    }

    /// Whether a value of this JSON type is taken by this schema itself; a number takes integers.
    pub(super) fn has_type(self, name: &str) -> bool {
        match self.here.get("type") {
            Some(Value::Array(names)) => names.iter().any(|one| one == name),
            Some(Value::String(one)) => one == name || (one == "number" && name == "integer"),
            _ => name == "string" && !self.words().is_empty(),
        }
    }

    /// The words of an enumeration; empty when this is none.
    pub(super) fn words(self) -> Vec<&'s str> {
        let constants = self.list("oneOf").iter().filter_map(|branch| branch.get("const"));
        constants.chain(self.list("enum")).filter_map(Value::as_str).collect()
    }

    /// The name of the leaf type whose text this is.
    pub(super) fn format(self) -> Option<&'s str> {
        self.text("format")
    }

    /// The name of the leaf type whose texts the keys of this table are.
    pub(super) fn key_format(self) -> Option<&'s str> {
        self.here.get("propertyNames")?.get("format")?.as_str()
    }

    /// The least and the greatest number taken.
    pub(super) fn range(self) -> (Option<f64>, Option<f64>) {
        let bound = |keyword| self.here.get(keyword).and_then(Value::as_f64);
        (bound("minimum"), bound("maximum"))
    }

    /// Whether an array needs an element.
    pub(super) fn needs_item(self) -> bool {
        self.here.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 0)
    }

    /// The schema of the elements of an array.
    pub(super) fn item(self) -> Option<Self> {
        self.here.get("items").map(|item| self.at(item))
    }

    /// The keys of a table that are known by name.
    pub(super) fn keys(self) -> Vec<&'s str> {
        let keys = self.here.get("properties").and_then(Value::as_object).map(Map::keys);
        keys.into_iter().flatten().map(String::as_str).collect()
    }

    /// The keys a table must have.
    pub(super) fn required(self) -> Vec<&'s str> {
        self.list("required").iter().filter_map(Value::as_str).collect()
    }

    /// The schema under a key; `None` when the key is not known.
    pub(super) fn under(self, key: &str) -> Option<Self> {
        let named = self.here.get("properties").and_then(|keys| keys.get(key));
        named.map(|schema| self.at(schema)).or_else(|| self.entry())
    }

    /// What a change under a key asks for, where the settings' types say so. Beside a reference the word stands with
    /// the reference, so it is asked of the table that holds the key.
    pub(super) fn reload_under(self, key: &str) -> Option<&'s str> {
        self.here.get("properties")?.get(key)?.get("x-reload")?.as_str()
    }

    /// The schema of what a table holds under names of the user's choice, if it is such a table.
    pub(super) fn entry(self) -> Option<Self> {
        self.here.get("additionalProperties").filter(|entry| entry.is_object()).map(|entry| self.at(entry))
    }
}
