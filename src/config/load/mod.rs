//! From files and the environment to checked settings, or to every mistake at once.
//!
//! The order: parse with includes, apply the environment, read secret files, check the shape, merge the
//! defaults, type, read the policy, check across. What does not fit is set aside so that later steps still find their mistakes.

mod defaults;
mod environment;
mod files;
mod secrets;
mod sources;

use std::path::Path;
use std::sync::Arc;

pub use environment::process_environment;
pub use sources::{Sources, Version};

use super::check::{self, Findings};
use super::effective::{self, Origins};
use super::mistakes::{Mistake, Mistakes};
use super::policy;
use super::schema::Schema;
use super::settings::Settings;
use super::tree::{Places, Source, Table, at_key, table_to_json};

/// Checked settings, and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the gateway was told.
    pub settings: Arc<Settings>,
    places: Places,
    sources: Sources,
}

impl Loaded {
    /// Where the setting at a path such as `upstreams.commerce.try_timeout` came from.
    pub fn origin_of(&self, path: &str) -> Source {
        self.places.get(path).cloned().unwrap_or(Source::Default)
    }

    /// The effective configuration as TOML, with every key that has a value, and secrets redacted.
    pub fn effective(&self, origins: Origins) -> String {
        effective::print(&self.settings, &self.places, origins)
    }

    /// The refusal of settings that turned out not to work when they were put to use.
    pub fn refuse(&self, message: &str) -> Mistakes {
        let file = self.sources.first().unwrap_or(Path::new(""));
        Mistakes::new(vec![Mistake::new(Source::whole(file), "", message)], self.sources.clone())
    }

    /// What was read: a change there is a change of the configuration.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

/// Reads the configuration at `path` and what it includes, and lays `environment` over it.
///
/// # Errors
/// Every mistake found, sorted by place. Only files that cannot be read keep the rest from being looked at.
pub fn load(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Mistakes> {
    let schema = Schema::of_settings();
    let files::Read { mut table, mut sources, mistakes, has_holes } = files::read(path, schema);
    if has_holes {
        return Err(Mistakes::new(mistakes, sources));
    }
    let mut findings = Findings::new(mistakes);
    environment::apply(&mut table, schema, environment, &mut findings);
    secrets::read_files(&mut table, schema, &mut sources, &mut findings);

    let root = Source::whole(path);
    check::prune_misfits(schema, &mut table, &root, &mut findings);
    defaults::merge(&mut table);
    prune_orphans(schema, &mut table, &root, &mut findings);
    let places = Places::of(&table, root.clone(), &|array, index| findings.written_index(array, index));
    let mut settings = type_settings(&table, &root, &mut findings);
    let policy = policy::of_settings(&table, &mut findings);
    if let Some(settings) = &mut settings {
        settings.policy = Arc::new(policy.unwrap_or_default());
        check::check_settings(settings, &places, &mut findings);
    }
    match settings {
        Some(settings) if findings.mistakes.is_empty() => {
            Ok(Loaded { settings: Arc::new(settings), places, sources })
        }
        _ => Err(Mistakes::new(findings.mistakes, sources)),
    }
}

/// Takes out what lost a key it needs because the default for that key was taken out.
fn prune_orphans(schema: Schema<'_>, table: &mut Table, root: &Source, findings: &mut Findings) {
    let reported = findings.mistakes.len();
    check::prune_misfits(schema, table, root, findings);
    if reported > 0 {
        findings.mistakes.truncate(reported);
    }
}

/// Types what is left of the tree. The shape was checked, so a failure here is rare; its place is found by halves.
fn type_settings(table: &Table, root: &Source, findings: &mut Findings) -> Option<Settings> {
    let mut whole = table_to_json(table);
    if let Some(entries) = whole.as_object_mut() {
        // A missing or wrong version was reported; it must not hide the other mistakes.
        entries.entry("version").or_insert_with(|| 1.into());
    }
    let error = match serde_json::from_value(whole) {
        Ok(settings) => return Some(settings),
        Err(error) => error,
    };
    if findings.mistakes.is_empty() {
        let culprit = table.iter().find(|(key, entry)| {
            let alone = serde_json::json!({ "version": 1, *key: entry.node.to_json() });
            serde_json::from_value::<Settings>(alone).is_err()
        });
        let (source, key) = culprit.map_or((root, ""), |(key, entry)| (&entry.key, key));
        findings.report(source, &at_key("", key), error.to_string());
    }
    None
}
