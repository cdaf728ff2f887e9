//! The configuration from its outer face: files in, settings or exact words out.

use std::path::{Path, PathBuf};

use olympus_gateway::config::{Loaded, Mistakes, Origins, Period, json_schema, load};
use proptest::prelude::*;

#[cfg(test)]
#[expect(dead_code, unreachable_pub, reason = "made for tests of running programs, which use more of it")]
#[path = "support/certificates.rs"]
mod authorities;
#[path = "config/certificates.rs"]
mod certificates;
#[path = "config/credentials.rs"]
mod credentials;
#[cfg(test)]
#[expect(unreachable_pub, reason = "made for tests of running programs, which use more of it")]
#[path = "support/folder.rs"]
mod folder;
#[path = "config/reading.rs"]
mod reading;
#[path = "config/refusals.rs"]
mod refusals;

mod support {
    //! The sample file as its reader sees it: which keys it shows, and with which values.

    use std::collections::BTreeMap;

    use serde_json::Value;

    /// Keys and values that a sample shows in comments, by path; names of the user's choice are as written.
    pub(crate) fn commented(sample: &str) -> BTreeMap<String, toml::Value> {
        let (mut table, mut found) = (String::new(), BTreeMap::new());
        for line in sample.lines() {
            let plain = line.strip_prefix("# ").unwrap_or(line);
            let header = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if let Some(header) = header.filter(|header| !header.contains(' ')) {
                table = format!("{header}.");
            } else if let (Some(line), Ok(entry)) = (line.strip_prefix("# "), plain.parse::<toml::Table>()) {
                assert_eq!(entry.len(), 1, "{line}");
                found.extend(entry.into_iter().map(|(key, value)| (format!("{table}{key}"), value)));
            }
        }
        found
    }

    /// The schema behind a reference or an optional value.
    pub(crate) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
        if let Some(pointer) = schema["$ref"].as_str() {
            return root.pointer(pointer.trim_start_matches('#')).expect(pointer);
        }
        let branches = schema["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
        match branches {
            [branch, null] if null["type"] == "null" => resolve(root, branch),
            _ => schema,
        }
    }

    /// The schema of the setting at a path, before references are followed: that is where its default stands.
    pub(crate) fn find<'s>(root: &'s Value, path: &str) -> &'s Value {
        path.split('.').fold(root, |schema, key| {
            let table = resolve(root, schema);
            let named = table["properties"].get(key);
            named.or_else(|| table.get("additionalProperties").filter(|entry| entry.is_object())).expect(path)
        })
    }

    /// The path of every setting; `*` is a name of the user's choice and `[]` an element.
    pub(crate) fn every_key(root: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
        let schema = resolve(root, schema);
        let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        if resolve(root, &schema["items"])["properties"].is_object() {
            return every_key(root, &schema["items"], &format!("{path}[]"), found);
        }
        if schema["additionalProperties"].is_object() && schema.get("propertyNames").is_none() {
            return every_key(root, &schema["additionalProperties"], &join("*"), found);
        }
        let keys = schema["properties"].as_object().filter(|_| !path.starts_with("defaults."));
        if keys.is_none() {
            found.push(path.to_owned());
        }
        for (key, inner) in keys.into_iter().flatten() {
            every_key(root, inner, &join(key), found);
        }
    }

    /// The paths a value sets, in the same form.
    pub(crate) fn keys_set(
        root: &Value,
        schema: &Value,
        value: &toml::Value,
        path: &str,
        found: &mut Vec<String>,
    ) {
        let schema = resolve(root, schema);
        found.push(path.to_owned());
        for item in value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
            keys_set(root, &schema["items"], item, &format!("{path}[]"), found);
        }
        for (key, inner) in value.as_table().into_iter().flatten() {
            let known = schema["properties"].get(key);
            let name = if known.is_some() { key } else { "*" };
            let join = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            keys_set(root, known.unwrap_or(&schema["additionalProperties"]), inner, &join, found);
        }
    }
}

const SAMPLE: &str = include_str!("../conf/gateway.toml");

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str, environment: &[(&str, &str)]) -> Result<Loaded, Mistakes> {
    load(&at_root(path), environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// Text with paths as they are from the repository's root.
fn relative(text: &str) -> String {
    text.replace(&format!("{}/", env!("CARGO_MANIFEST_DIR")), "")
}

fn mistakes(path: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let text = read(path, environment).expect_err("mistakes").to_string();
    relative(&text).lines().map(str::to_owned).collect()
}

#[test]
fn the_sample_files_pass() {
    for path in ["conf/gateway.toml", "conf/proxy.toml"] {
        let loaded = read(path, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(loaded.sources().paths().collect::<Vec<_>>(), [at_root(path)]);
        assert_eq!(loaded.settings.listeners.len(), 1);
    }
}

#[test]
fn the_sample_shows_every_setting() {
    let schema = json_schema();
    let (mut known, mut shown) = (Vec::new(), Vec::new());
    support::every_key(&schema, &schema, "", &mut known);
    let active = SAMPLE.parse::<toml::Table>().expect("valid");
    support::keys_set(&schema, &schema, &toml::Value::Table(active), "", &mut shown);
    for (path, value) in support::commented(SAMPLE) {
        let named = ["listeners", "upstreams", "routes", "cors", "limits"];
        let generic: Vec<_> = path.split('.').collect();
        let generic = match generic.as_slice() {
            ["auth", "issuers", _, rest @ ..] => [&["auth", "issuers", "*"], rest].concat().join("."),
            [section, _, rest @ ..] if named.contains(section) => [&[section, "*"], rest].concat().join("."),
            other => other.join("."),
        };
        support::keys_set(&schema, support::find(&schema, &path), &value, &generic, &mut shown);
    }
    known.retain(|key| !shown.contains(key));
    assert!(known.is_empty(), "conf/gateway.toml does not mention {known:#?}");
}

#[test]
fn the_defaults_that_the_sample_shows_are_the_defaults() {
    let schema = json_schema();
    let commented = support::commented(SAMPLE);
    assert!(commented.len() > 40, "{commented:#?}");
    for (path, value) in commented {
        let Some(default) = support::find(&schema, &path).get("default").filter(|default| !default.is_null())
        else {
            continue;
        };
        let is_example =
            path.contains("-preview") || path.ends_with(".tls.certificates") || path == "cache.warm";
        let shown = serde_json::to_value(&value).expect("JSON");
        assert!(
            is_example || shown == *default,
            "conf/gateway.toml shows {path} = {shown}, the default is {default}"
        );
    }
}

#[test]
fn the_schema_file_is_current() {
    let path = at_root("conf/gateway.schema.json");
    let schema = format!("{}\n", serde_json::to_string_pretty(&json_schema()).expect("JSON"));
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &schema).expect("written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == schema,
        "conf/gateway.schema.json is stale: run UPDATE_SCHEMA=1 cargo test --test config"
    );
}

#[test]
fn every_mistake_is_named_in_one_run() {
    let expected = include_str!("fixtures/mistakes.txt");
    assert_eq!(mistakes("tests/fixtures/mistakes.toml", &[]), expected.lines().collect::<Vec<_>>());
}

#[test]
fn what_settings_say_about_each_other_is_checked() {
    let expected = include_str!("fixtures/combinations.txt");
    assert_eq!(mistakes("tests/fixtures/combinations.toml", &[]), expected.lines().collect::<Vec<_>>());
}

#[test]
fn all_faults_of_the_syntax_come_at_once() {
    insta::assert_snapshot!(mistakes("tests/fixtures/syntax.toml", &[]).join("\n"), @r#"
    tests/fixtures/syntax.toml:3:16: invalid TOML: invalid float
    tests/fixtures/syntax.toml:4:1: listeners.public.address: invalid TOML: duplicate key, first at tests/fixtures/syntax.toml:3
    tests/fixtures/syntax.toml:5:10: invalid TOML: unclosed table, expected `]`
    3 mistakes
    "#);
}

#[test]
fn a_file_that_is_not_there_is_said_so() {
    let found = mistakes("tests/fixtures/absent.toml", &[]);
    assert!(
        found[0]
            .starts_with("tests/fixtures/absent.toml: cannot read tests/fixtures/absent.toml: No such file")
    );
}

#[test]
fn an_empty_file_lacks_a_version_and_a_listener() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.toml");
    std::fs::write(&path, "").expect("written");
    let found = load(&path, []).expect_err("mistakes");
    assert_eq!(found.iter().map(|mistake| mistake.key()).collect::<Vec<_>>(), ["listeners", "version"]);
}

#[test]
fn a_table_belongs_in_one_file() {
    insta::assert_snapshot!(mistakes("tests/fixtures/twice.toml", &[]).join("\n"), @r#"
    tests/fixtures/spread/routes/a.toml:1:9: routes.shop: set in tests/fixtures/twice.toml:7 already; a table belongs in one file
    tests/fixtures/twice-server.toml:1:12: listeners.public: set in tests/fixtures/twice.toml:4 already; a table belongs in one file
    tests/fixtures/twice.toml:2:36: include[1]: tests/fixtures/spread/routes/a.toml is read already
    tests/fixtures/twice.toml:2:60: include[2]: there is no file tests/fixtures/nowhere.toml
    tests/fixtures/twice.toml:2:107: include[5]: `*` matches within the last folder only, as in "routes/*.toml"; found "*/x.toml"
    5 mistakes
    "#);
}

const OVERRIDES: [(&str, &str); 7] = [
    ("OLYMPUS__SERVER__THREADS", "7"),
    ("OLYMPUS__SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
    ("OLYMPUS__UPSTREAMS__MY_SHOP__TRY_TIMEOUT", "1500ms"),
    ("OLYMPUS__UPSTREAMS__MY_SHOP__ENDPOINTS__0__WEIGHT", "9"),
    ("OLYMPUS__ROUTES__SHOP__PATH", "/elsewhere/{*rest}"),
    ("OLYMPUS__TELEMETRY__LEVEL", "debug"),
    ("HOME", "/nowhere"),
];

#[test]
fn the_environment_overrides_the_files() {
    let settings = read("tests/fixtures/spread/gateway.toml", &OVERRIDES).expect("valid").settings;
    let shop = &settings.upstreams["my-shop"];
    assert_eq!((settings.server.threads, settings.server.trusted_proxies.len()), (7, 1));
    assert_eq!((shop.try_timeout, shop.endpoints[0].weight), (Period::millis(1500), 9));
    assert_eq!(settings.routes["shop"].path.iter().next().expect("one").as_str(), "/elsewhere/{*rest}");
}

#[test]
fn an_override_that_names_nothing_is_a_mistake() {
    let environment = [
        ("OLYMPUS__", "1"),
        ("OLYMPUS__SERVER__THREDS", "2"),
        ("OLYMPUS__SERVER__THREADS__X", "2"),
        ("OLYMPUS__SERVER__DRAIN__DELAY", "soon"),
        ("OLYMPUS__UPSTREAMS__MY_SHOP__ENDPOINTS__7__WEIGHT", "9"),
        ("OLYMPUS__UPSTREAMS__MYSHOP__BALANCE", "wrr"),
    ];
    insta::assert_snapshot!(mistakes("tests/fixtures/spread/gateway.toml", &environment).join("\n"), @r#"
    OLYMPUS__: names no setting: write OLYMPUS__SECTION__KEY
    OLYMPUS__SERVER__DRAIN__DELAY: server.drain.delay: a duration is a whole number and one of ms, s, m, h, as in "250ms"; found "soon"
    OLYMPUS__SERVER__THREADS__X: server.threads.x: `server.threads` is not a table
    OLYMPUS__SERVER__THREDS: server.threds: unknown key; did you mean `threads`?
    OLYMPUS__UPSTREAMS__MYSHOP__BALANCE: upstreams.myshop.endpoints: required key is missing
    OLYMPUS__UPSTREAMS__MY_SHOP__ENDPOINTS__7__WEIGHT: upstreams.my_shop.endpoints.7.weight: `upstreams.my-shop.endpoints` has 2 elements, counted from 0; there is no `7`
    6 mistakes
    "#);
}

#[test]
fn defaults_are_merged_key_by_key() {
    let loaded = read("tests/fixtures/spread/gateway.toml", &[]).expect("valid");
    let shop = &loaded.settings.upstreams["my-shop"];
    assert_eq!((shop.retry.max_retries, shop.retry.on.len()), (1, 1));
    assert_eq!(
        relative(&loaded.origin_of("upstreams.my-shop.retry.max_retries").to_string()),
        "tests/fixtures/spread/gateway.toml:16:25"
    );
    assert_eq!(
        relative(&loaded.origin_of("upstreams.my-shop.retry.on").to_string()),
        "tests/fixtures/spread/upstreams.toml:3:12"
    );
}

#[test]
fn each_line_of_the_effective_configuration_says_where_it_came_from() {
    let loaded = read("tests/fixtures/spread/gateway.toml", &OVERRIDES).expect("valid");
    let text = relative(&loaded.effective(Origins::Shown));
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('[') || line.contains(" # ")));
    assert_eq!(text, include_str!("fixtures/spread/effective.txt"));
    let files: Vec<_> = loaded.sources().paths().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(files, ["gateway.toml", "routes", "a.toml", "b.toml", "upstreams.toml", "token"]);
}

#[test]
fn the_effective_configuration_can_be_read_again() {
    let loaded = read("conf/gateway.toml", &[]).expect("valid");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("effective.toml");
    std::fs::write(&path, loaded.effective(Origins::Shown)).expect("written");
    let again = load(&path, []).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(again.settings, loaded.settings);
}

#[test]
fn a_secret_is_never_shown() {
    let loaded = read("tests/fixtures/spread/gateway.toml", &[]).expect("valid");
    let token = loaded.settings.admin.token.as_ref().expect("a token").expose();
    assert_eq!(token, "correct horse battery staple");
    let shown = [
        loaded.effective(Origins::Shown),
        loaded.effective(Origins::Hidden),
        format!("{loaded:#?}"),
        serde_json::to_string(&*loaded.settings).expect("JSON"),
    ];
    for text in shown {
        assert!(text.contains("[redacted]") && !text.contains(token), "{text}");
    }
}

#[test]
fn a_secret_that_cannot_be_had_is_a_mistake() {
    let empty = [(
        "OLYMPUS__ADMIN__TOKEN_FILE",
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/secrets/empty"),
    )];
    let absent = [("OLYMPUS__ADMIN__TOKEN_FILE", "/nowhere/token")];
    let main = "tests/fixtures/spread/gateway.toml";
    insta::assert_snapshot!(mistakes(main, &empty).join("\n"), @r#"
    OLYMPUS__ADMIN__TOKEN_FILE: admin.token_file: tests/fixtures/secrets/empty is empty
    1 mistake
    "#);
    insta::assert_snapshot!(mistakes(main, &absent).join("\n"), @r#"
    OLYMPUS__ADMIN__TOKEN_FILE: admin.token_file: cannot read /nowhere/token: No such file or directory (os error 2)
    1 mistake
    "#);
    insta::assert_snapshot!(mistakes("tests/fixtures/secrets/wrong.toml", &[]).join("\n"), @r#"
    tests/fixtures/secrets/wrong.toml:8:9: admin.token: expected a secret, found a value of type integer that is not shown
    tests/fixtures/secrets/wrong.toml:9:1: admin.token_file: `token` is set too, at tests/fixtures/secrets/wrong.toml:8; only one of the two can hold
    2 mistakes
    "#);
}

#[test]
fn a_secret_of_the_environment_wins_over_the_file_that_is_named() {
    let loaded =
        read("tests/fixtures/spread/gateway.toml", &[("OLYMPUS__ADMIN__TOKEN", "another battery staple")])
            .expect("valid");
    assert_eq!(loaded.settings.admin.token.as_ref().expect("a token").expose(), "another battery staple");
}

/// Loads bytes as a file. Whatever they are, there is an answer and no panic.
fn load_bytes(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("written");
    match load(&path, []) {
        Ok(loaded) => assert!(!loaded.effective(Origins::Shown).is_empty()),
        Err(mistakes) => assert_eq!(mistakes.to_string().lines().count(), mistakes.iter().count() + 1),
    }
}

const PIECES: [&str; 16] = [
    "[",
    "]",
    "{",
    "}",
    "\"",
    "=",
    "\n",
    "#",
    ".",
    "é",
    "\0",
    "1e999",
    "nan",
    "1979-05-27",
    "[[routes.x]]\n",
    "\"\\n\" = 1\n",
];

proptest! {
    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        load_bytes("bytes.toml", &bytes);
    }

    #[test]
    fn no_change_of_the_sample_makes_the_loader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..40usize, prop::sample::select(&PIECES[..])), 1..6),
    ) {
        let uncommented: Vec<_> = SAMPLE.lines().filter(|line| !line.starts_with('#')).collect();
        let mut text: Vec<char> = uncommented.join("\n").chars().collect();
        for (at, removed, piece) in changes {
            let at = at.index(text.len());
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.chars());
        }
        load_bytes("sample.toml", text.iter().collect::<String>().as_bytes());
    }
}
