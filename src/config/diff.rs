//! What changes from one configuration to another, key by key, and what each change asks for.
//! Which key asks for what is said beside the key itself, in the settings' types (`x-reload`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::load::Loaded;
use super::policy;
use super::schema::Schema;
use super::settings::Settings;
use super::tree::at_key;
use super::values::PemFile;

/// What a change asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The next request sees it.
    Live,
    /// A pool is built anew; what it learned, its connections and what is in flight are kept.
    Rebuild,
    /// It is not in force before the process is started again.
    Restart,
}

impl Effect {
    /// The word people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Rebuild => "rebuild",
            Self::Restart => "restart",
        }
    }
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path of the key.
    pub key: String,
    /// What the change asks for.
    pub effect: Effect,
    /// The value before, as TOML writes it; `None` if there was none.
    pub from: Option<String>,
    /// The value after; `None` if there is none.
    pub to: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {}: ", self.effect.as_str(), self.key)?;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{from} -> {to}"),
            (None, Some(to)) => write!(f, "added {to}"),
            (Some(from), None) => write!(f, "removed {from}"),
            (None, None) => f.write_str("changed"),
        }
    }
}

impl Loaded {
    /// What differs in `next`, sorted by key. Where values came from, `include` and `defaults` make no difference:
    /// what they amount to does. Secrets are named, never shown.
    pub fn changes_to(&self, next: &Self) -> Vec<Change> {
        let (from, to) = (&*self.settings, &*next.settings);
        // Most names stand for the same on both sides, and to compare values is cheap beside writing them out.
        let old = Settings {
            upstreams: unlike(&from.upstreams, &to.upstreams),
            routes: unlike(&from.routes, &to.routes),
            ..from.without_names()
        };
        let new = Settings {
            upstreams: unlike(&to.upstreams, &from.upstreams),
            routes: unlike(&to.routes, &from.routes),
            ..to.without_names()
        };
        changes(&old, &new)
    }

    /// What of this is not in force in a process that was started with settings of which `booted` are all that a
    /// reload cannot change.
    pub fn pending_since(&self, booted: &Settings) -> Vec<Change> {
        let mut changes = changes(booted, &self.settings.without_names());
        changes.retain(|change| change.effect == Effect::Restart);
        changes
    }
}

/// The entries that `others` does not have, or not like this.
fn unlike<T: Clone + PartialEq>(
    entries: &BTreeMap<String, T>,
    others: &BTreeMap<String, T>,
) -> BTreeMap<String, T> {
    let unlike = entries.iter().filter(|(name, entry)| others.get(*name) != Some(*entry));
    unlike.map(|(name, entry)| (name.clone(), entry.clone())).collect()
}

fn changes(from: &Settings, to: &Settings) -> Vec<Change> {
    let mut walk = Walk { changes: Vec::new() };
    let tables = (&as_table(from), &as_table(to));
    walk.table(Schema::of_settings(), "", Some(Effect::Live), tables);
    if from.policy != to.policy {
        let schema = policy::schema();
        let tables = (&as_table(&*from.policy), &as_table(&*to.policy));
        walk.table(Schema::root(&schema), "policy", Some(Effect::Live), tables);
    }
    walk.changes.extend(changed_secrets(from, to));
    walk.changes.extend(changed_credentials(from, to));
    walk.changes.sort_by(|one, other| one.key.cmp(&other.key));
    walk.changes
}

fn as_table(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(table)) => table,
        // Settings are a struct of values that were read from TOML.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn changed_secrets<'s>(from: &'s Settings, to: &'s Settings) -> impl Iterator<Item = Change> + 's {
    let pairs = from.secrets().into_iter().zip(to.secrets());
    let changed = pairs.filter(|((_, old), (_, new))| old.is_some() && new.is_some() && old != new);
    changed.map(|((key, _), _)| {
        // The next call to the auth service takes it.
        let effect = if key == "backends.auth.token" { Effect::Live } else { Effect::Restart };
        Change { key: key.to_owned(), effect, from: None, to: None }
    })
}

/// Whether a file holds something else under the same name.
fn is_other_text(old: &PemFile, new: &PemFile) -> bool {
    old != new && old.to_string() == new.to_string()
}

/// Files of upstreams, of the database and of Redis that hold something else. Listeners look at theirs by themselves.
fn changed_credentials(from: &Settings, to: &Settings) -> Vec<Change> {
    let mut changes = Vec::new();
    let postgres = |settings: &Settings| settings.postgres.as_ref()?.tls.as_ref()?.ca.clone();
    let redis = |settings: &Settings| settings.redis.as_ref()?.tls.as_ref()?.ca.clone();
    let authorities =
        [("postgres.tls.ca", postgres(from).zip(postgres(to))), ("redis.tls.ca", redis(from).zip(redis(to)))];
    for (key, _) in authorities
        .iter()
        .filter(|(_, files)| files.as_ref().is_some_and(|(old, new)| is_other_text(old, new)))
    {
        changes.push(Change { key: (*key).to_owned(), effect: Effect::Restart, from: None, to: None });
    }
    for (name, upstream) in &from.upstreams {
        let next = to.upstreams.get(name).and_then(|next| next.tls.as_ref());
        let Some((old, new)) = upstream.tls.as_ref().zip(next) else { continue };
        let files = [
            ("ca", &old.ca, &new.ca),
            ("client_cert", &old.client_cert, &new.client_cert),
            ("client_key", &old.client_key, &new.client_key),
        ];
        for (key, old, new) in files {
            let pair = old.as_ref().zip(new.as_ref());
            if pair.is_some_and(|(old, new)| is_other_text(old, new)) {
                let key = at_key(&at_key(&at_key("upstreams", name), "tls"), key);
                changes.push(Change { key, effect: Effect::Rebuild, from: None, to: None });
            }
        }
    }
    changes.extend(changed_keys(from, to));
    changes
}

/// Keys of tokens that differ under the same names.
fn changed_keys(from: &Settings, to: &Settings) -> Vec<Change> {
    let live = |key: String| Change { key, effect: Effect::Live, from: None, to: None };
    let mut changes = Vec::new();
    if let Some((old, new)) = from.auth.keys_dir.as_ref().zip(to.auth.keys_dir.as_ref())
        && old != new
        && old.to_string() == new.to_string()
    {
        changes.push(live("auth.keys_dir".to_owned()));
    }
    for (name, issuer) in &from.auth.issuers {
        let next = to.auth.issuers.get(name).and_then(|next| next.key_file.as_ref());
        let Some((old, new)) = issuer.key_file.as_ref().zip(next) else { continue };
        if old != new && old.to_string() == new.to_string() {
            changes.push(live(at_key(&at_key("auth.issuers", name), "key_file")));
        }
    }
    changes
}

struct Walk {
    changes: Vec<Change>,
}

impl Walk {
    /// `effect` is what the table that holds these keys asks for; `None` where nothing does.
    fn table(
        &mut self,
        schema: Schema<'_>,
        path: &str,
        effect: Option<Effect>,
        (from, to): (&Map<String, Value>, &Map<String, Value>),
    ) {
        let keys: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        for key in keys {
            let effect = match schema.reload_under(key) {
                Some("nothing") => None,
                Some("rebuild") => Some(Effect::Rebuild),
                Some("restart") => Some(Effect::Restart),
                Some(_) | None => effect,
            };
            let (from, to) = (present(from.get(key)), present(to.get(key)));
            if let (Some(effect), true) = (effect, from != to) {
                self.value(schema.under(key), &at_key(path, key), effect, (from, to));
            }
        }
    }

    fn value(
        &mut self,
        schema: Option<Schema<'_>>,
        path: &str,
        effect: Effect,
        (from, to): (Option<&Value>, Option<&Value>),
    ) {
        let table = schema.and_then(|schema| schema.branches().into_iter().find(|it| it.has_type("object")));
        match (table, from, to) {
            (Some(schema), Some(Value::Object(from)), Some(Value::Object(to))) => {
                self.table(schema, path, Some(effect), (from, to));
            }
            _ => {
                let (from, to) = (from.map(brief), to.map(brief));
                self.changes.push(Change { key: path.to_owned(), effect, from, to });
            }
        }
    }
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// A value as TOML writes it; of a table only that it is one.
fn brief(value: &Value) -> String {
    match value {
        Value::Object(_) => "a table".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => brief(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json_schema;
    use std::path::PathBuf;

    fn loaded(name: &str, text: &str) -> Loaded {
        let folder = std::env::temp_dir().join(format!("olympus-diff-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file: PathBuf = folder.join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = crate::config::load(&file, []).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        std::fs::remove_dir_all(folder).unwrap();
        loaded
    }

    const BEFORE: &str = r#"
        version = 1
        [server]
        threads = 2
        [listeners.public]
        address = "127.0.0.1:8080"
        [admin]
        listen = "127.0.0.1:9090"
        token = "one, long enough to be taken"
        [upstreams.a]
        endpoints = [{ address = "127.0.0.1:1" }]
        [upstreams.gone]
        endpoints = [{ address = "127.0.0.1:2" }]
        [routes.a]
        path = "/a"
        upstream = "a"
        auth = "none"
    "#;

    const AFTER: &str = r#"
        version = 1
        [server]
        threads = 4
        trusted_proxies = ["10.0.0.0/8"]
        [listeners.public]
        address = "127.0.0.1:8081"
        [admin]
        listen = "127.0.0.1:9090"
        token = "two, long enough to be taken"
        [defaults.upstream]
        try_timeout = "1s"
        [upstreams.a]
        endpoints = [{ address = "127.0.0.1:1", weight = 3 }]
        health = { tcp = true }
        [routes.a]
        path = "/a"
        upstream = "a"
        auth = "none"
        strip_prefix = "/a"
        [routes.b]
        path = "/b"
        local = "health"
        auth = "none"
    "#;

    #[test]
    fn every_change_says_what_it_asks_for() {
        let changes = loaded("before", BEFORE).changes_to(&loaded("after", AFTER));
        let lines: Vec<String> = changes.iter().map(Change::to_string).collect();
        assert_eq!(
            lines,
            [
                "restart  admin.token: changed",
                "restart  listeners.public.address: \"127.0.0.1:8080\" -> \"127.0.0.1:8081\"",
                "live     routes.a.strip_prefix: added \"/a\"",
                "live     routes.b: added a table",
                "restart  server.threads: 2 -> 4",
                "live     server.trusted_proxies: [] -> [\"10.0.0.0/8\"]",
                "rebuild  upstreams.a.endpoints: [{ address = \"127.0.0.1:1\", priority = 0, weight = 1 }] -> \
                 [{ address = \"127.0.0.1:1\", priority = 0, weight = 3 }]",
                "rebuild  upstreams.a.health: added a table",
                "rebuild  upstreams.a.try_timeout: \"2s\" -> \"1s\"",
                "rebuild  upstreams.gone: removed a table",
            ]
        );
    }

    #[test]
    fn nothing_changes_where_only_the_text_does() {
        let same = format!("# a comment\n{BEFORE}");
        assert_eq!(loaded("one", BEFORE).changes_to(&loaded("same", &same)), []);
    }

    #[test]
    fn no_key_of_upstreams_or_routes_waits_for_a_restart() {
        let schema = json_schema();
        for kind in ["Upstream", "Route"] {
            let mut kinds = vec![&schema["$defs"][kind]];
            while let Some(kind) = kinds.pop() {
                let text = kind.to_string();
                assert!(!text.contains("\"x-reload\":\"restart\""), "{text}");
                let names = text.match_indices("#/$defs/").map(|(at, found)| &text[at + found.len()..]);
                let names: Vec<&str> = names.filter_map(|rest| rest.split('"').next()).collect();
                kinds.extend(names.iter().map(|name| &schema["$defs"][name]));
            }
        }
    }

    #[test]
    fn what_waits_for_a_restart_is_known_without_upstreams_and_routes() {
        let (before, after) = (loaded("booted", BEFORE), loaded("pending", AFTER));
        let keys = |loaded: &Loaded, booted: &Loaded| {
            let pending = loaded.pending_since(&booted.settings.without_names());
            pending.into_iter().map(|change| change.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&after, &before), ["admin.token", "listeners.public.address", "server.threads"]);
        assert!(keys(&before, &before).is_empty());
    }

    #[test]
    fn every_secret_of_the_schema_is_compared() {
        let text = json_schema().to_string();
        let secrets = text.matches("\"format\":\"secret\"").count();
        assert_eq!(loaded("secrets", BEFORE).settings.secrets().len(), secrets);
    }

    #[test]
    fn only_known_words_say_what_a_change_asks_for() {
        let text = json_schema().to_string();
        for (at, _) in text.match_indices("\"x-reload\":") {
            let word = text[at..].split('"').nth(3).unwrap();
            assert!(["nothing", "rebuild", "restart"].contains(&word), "{word}");
        }
    }
}
