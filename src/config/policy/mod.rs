//! Reads the policy file: the same tree, the same checks of shape and the same words for mistakes as the settings.
//! Where none is named, the policy that the gateway ships holds.

mod check;

use std::path::Path;

pub(super) use check::Known;
pub use check::{MOST_PERMISSIONS, MOST_ROLES};
use serde_json::Value;

use super::check::{Findings, prune_misfits};
use super::load::Sources;
use super::mistakes::{Mistake, Mistakes};
use super::regular;
use super::schema::Schema;
use super::settings::Policy;
use super::tree::{Node, Places, Source, Table, locate_encoding_fault, parse_document, table_to_json};

/// The text of `conf/policy.toml`, which is not beside the sources everywhere they are built.
const SHIPPED: &str = include_str!("default.toml");

/// Tables that only a policy has at its root.
const SIGNS: [&str; 3] = ["roles", "grants", "resources"];

impl Default for Policy {
    fn default() -> Self {
        // It is held to be valid by a test.
        parse(Path::new("the shipped policy"), SHIPPED).unwrap_or_else(|_| Self::empty())
    }
}

impl Policy {
    fn empty() -> Self {
        Self { resources: Default::default(), roles: Default::default(), grants: Default::default() }
    }
}

/// Reads a policy by itself, not as part of a configuration.
///
/// # Errors
/// Every mistake found, sorted by place.
pub fn load_policy(path: &Path) -> Result<Policy, Mistakes> {
    let mut sources = Sources::default();
    sources.note(path);
    let whole = Source::whole(path);
    read(path, &whole, "").map_err(|mistakes| Mistakes::new(mistakes, sources))
}

/// Whether a file is a policy and no configuration, by the tables it has.
pub fn is_policy(path: &Path) -> bool {
    let text = regular::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let table = text.and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    !table.contains_key("version") && SIGNS.iter().any(|sign| table.contains_key(*sign))
}

/// The policy that the settings name; the shipped one where they name none, and nothing after a mistake.
pub(super) fn of_settings(table: &Table, findings: &mut Findings) -> Option<Policy> {
    let named = table.get("policy").map(|entry| &entry.node);
    let Some((Node { source, .. }, Some(path))) = named.map(|node| (node, node.as_text())) else {
        return Some(Policy::default());
    };
    match read(Path::new(path), source, "policy") {
        Ok(policy) => Some(policy),
        Err(mistakes) => {
            findings.mistakes.extend(mistakes);
            findings.doubt("policy".to_owned());
            None
        }
    }
}

/// The JSON Schema of a policy file.
pub(super) fn schema() -> Value {
    schemars::schema_for!(Policy).to_value()
}

/// Reads the file; `named_at` and `key` are where it was asked for.
fn read(path: &Path, named_at: &Source, key: &str) -> Result<Policy, Vec<Mistake>> {
    let bytes = regular::read(path).map_err(|why| vec![Mistake::new(named_at.clone(), key, why)])?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = locate_encoding_fault(path, error.as_bytes(), error.utf8_error().valid_up_to());
        vec![Mistake::new(place, "", "invalid TOML: not UTF-8")]
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Policy, Vec<Mistake>> {
    let mut table = parse_document(path, text)?;
    let (schema, root, mut findings) = (schema(), Source::whole(path), Findings::default());
    prune_misfits(Schema::root(&schema), &mut table, &root, &mut findings);
    let mut whole = table_to_json(&table);
    if let Some(entries) = whole.as_object_mut() {
        // That it is missing was reported, and must not hide the other mistakes.
        entries.entry("roles").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    let places = Places::of(&table, root.clone(), &|array, index| findings.written_index(array, index));
    match serde_json::from_value(whole) {
        Ok(policy) => {
            check::check(&policy, &places, &mut findings);
            if findings.mistakes.is_empty() { Ok(policy) } else { Err(findings.mistakes) }
        }
        Err(error) => {
            findings.report(&root, "", error.to_string());
            Err(findings.mistakes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policy_is_valid_and_the_one_in_the_conf_folder() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/policy.toml");
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            SHIPPED,
            "src/config/policy/default.toml differs"
        );
        let policy = load_policy(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(policy, Policy::default());
        assert!(is_policy(&file) && !is_policy(&file.with_file_name("gateway.toml")));
    }
}
