//! Holds the architecture true: who may import whom, where outside crates may be used, how files look.
//! The tables are those of the design; move a line there and here in one commit that says why.
//! Below them are the checks of `src/`, then the tests that the checker can fail.

#[cfg(test)]
#[path = "architecture/checker.rs"]
mod checker;
#[cfg(test)]
#[path = "architecture/names.rs"]
mod names;

use std::path::Path;

use checker::{Law, Source, Violation, check, sources};

/// Each may import the ones before it. All other modules may import all of them.
const BASE: &[&str] = &["error", "clock", "model", "config", "telemetry", "tasks"];

/// Each module with what it may import besides the base: modules of rows above, or `*` for all of those.
const MODULES: &[(&str, &str)] = &[
    ("http", ""),
    ("redis", ""),
    ("upstream", ""),
    ("store", ""),
    ("limits", "redis"),
    ("cache", "redis"),
    ("discovery", "redis"),
    ("identity", "redis http store"),
    ("backends", "http upstream cache"),
    ("domain", "identity limits cache store backends"),
    ("rest", "http identity domain"),
    ("realtime", "redis http identity limits domain"),
    ("graphql", "http identity limits cache domain realtime"),
    ("events", "redis store domain realtime"),
    ("admin", "http identity upstream limits cache discovery domain realtime events"),
    ("pipeline", "http identity limits cache upstream backends domain rest graphql realtime admin"),
    ("edge", "http upstream discovery cache pipeline"),
    ("app", "*"),
    ("cli", "*"),
    ("lib", "*"), // and main.rs
];

/// What only some places may use: a crate (`name*` for a family), a module of one, or a macro.
/// A place is a top-level module, a file (`http/socket.rs`), or a file name in any folder (`*/redis.rs`).
const ROOMS: &[(&str, &str)] = &[
    ("pingora*", "edge"),
    ("axum", "http rest admin pipeline edge graphql realtime"),
    ("tokio_postgres", "store"),
    ("deadpool_postgres", "store"),
    ("tokio_postgres_rustls", "store"),
    ("refinery", "store"),
    ("fred", "redis */redis.rs"),
    ("async_graphql*", "graphql"),
    ("tokio_tungstenite", "http/socket.rs"),
    ("jsonwebtoken", "identity"),
    ("h2", "edge"),
    ("httpdate", "http"),
    ("rustls", "app config edge redis/connect.rs store"),
    ("x509_parser", "config edge"),
    ("prometheus", "telemetry"),
    ("tracing_subscriber", "telemetry"),
    ("opentelemetry*", "telemetry"),
    ("tracing_opentelemetry", "telemetry"),
    ("reqwest", "http telemetry/traces.rs"),
    ("utoipa*", "http rest"),
    ("tower_http", "rest"),
    ("zip", "rest"),
    ("imagesize", "rest"),
    ("toml", "config"),
    ("std::env", "config"),
    ("clap", "cli"),
    ("ureq", "cli"),
    ("print!", "cli"),
    ("println!", "cli"),
    ("eprint!", "cli"),
    ("eprintln!", "cli"),
];

/// Lines of code in a file, without blank lines and comments.
const MOST_LINES: usize = 400;

// ---- The checks of `src/`.

#[test]
fn every_module_is_in_the_table() {
    hold(Law::Module);
}

#[test]
fn imports_follow_the_table() {
    hold(Law::Direction);
}

#[test]
fn folders_are_entered_by_their_face() {
    hold(Law::Face);
}

#[test]
fn outside_crates_and_printing_stay_in_their_rooms() {
    hold(Law::Room);
}

#[test]
fn files_are_short() {
    hold(Law::Length);
}

#[test]
fn files_open_with_what_they_are_for() {
    hold(Law::Opening);
}

/// A name of a test has three underscores at least, as some settings have.
#[test]
fn the_threat_model_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect(name);
    let sources = ["src", "tests"].map(|folder| sources(&root.join(folder), ""));
    let (schema, model) = (read("conf/gateway.schema.json"), read("docs/security.md"));
    let names = model.split('`').skip(1).step_by(2);
    let is_name =
        |name: &&str| name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
    for name in names.filter(is_name).filter(|name| name.matches('_').count() >= 3) {
        let (test, setting) = (format!("fn {name}("), format!("\"{name}\""));
        let is_there = sources.iter().flatten().any(|source| source.text.contains(&test));
        assert!(is_there || schema.contains(&setting), "docs/security.md names `{name}`, which is not there");
    }
}

#[test]
fn a_row_names_rows_above_it_only() {
    for (index, (module, imports)) in MODULES.iter().enumerate() {
        for import in imports.split_whitespace().filter(|import| *import != "*") {
            assert!(MODULES[..index].iter().any(|row| row.0 == import), "`{module}` names `{import}`");
        }
    }
}

#[track_caller]
fn hold(law: Law) {
    let violations = check(&sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), ""));
    let found: Vec<String> = violations.iter().filter(|v| v.law == law).map(Violation::to_string).collect();
    assert!(found.is_empty(), "{} violations:\n{}\n", found.len(), found.join("\n"));
}

fn is_module(name: &str) -> bool {
    BASE.contains(&name) || MODULES.iter().any(|row| row.0 == name)
}

fn may_import(module: &str) -> Vec<&'static str> {
    if let Some(index) = BASE.iter().position(|base| *base == module) {
        return BASE.iter().copied().take(index).collect();
    }
    let above = MODULES.iter().take_while(|row| row.0 != module).map(|row| row.0);
    match MODULES.iter().find(|row| row.0 == module) {
        Some((_, "*")) => BASE.iter().copied().chain(above).collect(),
        row => BASE.iter().copied().chain(row.map_or("", |row| row.1).split_whitespace()).collect(),
    }
}

// ---- The tests that the checker can fail.

/// Checks one file and expects these violations, each as its law and its line.
#[track_caller]
fn expect(path: &str, code: &str, expected: &[(Law, usize)]) {
    let source = Source { path: path.to_owned(), text: format!("//! A file.\n{code}") };
    let violations = check(&[source]);
    let found: Vec<_> = violations.iter().map(|violation| (violation.law, violation.line)).collect();
    assert_eq!(
        found,
        expected,
        "{path}: {code}\n{}",
        Vec::from_iter(violations.iter().map(ToString::to_string)).join("\n")
    );
}

#[test]
fn an_import_against_the_table_is_flagged_however_it_is_written() {
    let flagged = [(Law::Direction, 2)];
    for code in [
        "use crate::domain::Users;",
        "use crate::{config::Settings, domain::Users};",
        "use crate::domain;",
        "use crate::domain::{self as d};",
        "use super::super::domain::Users;",
        "fn f() -> crate::domain::Users { todo!() }",
        "fn f() { crate::domain::list(); }",
        "fn f() { g!(1, [crate::domain::list()]); }",
        "#[derive(crate::domain::Thing)] struct S;",
        "use olympus_gateway::domain::Users;",
        "use crate::*;",
        "#[cfg(test)] mod tests { use crate::domain::Users; }",
        "#[cfg(test)] mod tests { use super::super::super::domain::Users; }",
    ] {
        expect("store/users.rs", code, &flagged);
    }
    expect("error.rs", "use crate::config::Settings;", &flagged);
    expect("app.rs", "use crate::cli::Command;", &flagged);
}

#[test]
fn an_import_by_the_table_is_let_through() {
    expect(
        "store/users.rs",
        "use crate::error::{Error, Kind};\nuse super::Page;\nuse crate::store::page::Cursor;",
        &[],
    );
    expect("config/mod.rs", "use crate::error::Result;\nuse crate::config::values::Period;", &[]);
    expect("rest/users.rs", "use crate::domain::Users;\nuse axum::Router;\nuse http::Method;", &[]);
    expect("app/mod.rs", "use crate::edge::Server;\nuse crate::store::Store;", &[]);
    expect("main.rs", "fn main() { olympus_gateway::cli::run() }", &[]);
    expect("error.rs", "fn f() { match k { crate::error::Kind::NotFound => {} } }", &[]);
    expect("store/mod.rs", "fn f() { crate::error::Kind::NotFound.x(); }", &[]);
}

#[test]
fn a_way_past_the_face_is_flagged() {
    let flagged = [(Law::Face, 2)];
    for code in [
        "use crate::config::settings::Route;",
        "use crate::config::{settings::Route, Settings};",
        "use crate::config::settings::*;",
        "fn f(route: &crate::config::settings::Route) {}",
        "use crate::config::settings; fn f(route: &settings::Route) {}",
        "use crate::config; fn f() { config::settings::read() }",
    ] {
        expect("store/mod.rs", code, &flagged);
    }
    expect("store/mod.rs", "#[cfg(test)]\nmod tests { use crate::config::settings::Route; }", &[]);
}

#[test]
fn a_crate_outside_its_room_is_flagged() {
    let flagged = [(Law::Room, 2)];
    for (path, code) in [
        ("pipeline/mod.rs", "use pingora_core::Result;"),
        ("pipeline/mod.rs", "fn f() -> pingora::Result<()> { g() }"),
        ("store/mod.rs", "use axum::Router;"),
        ("store/mod.rs", "use std::{env, fs};"),
        ("store/mod.rs", "fn f() { let x = std::env::var(NAME); }"),
        ("edge/mod.rs", "use toml;"),
        ("edge/mod.rs", "#[derive(clap::Parser)] struct Arguments;"),
        ("http/body.rs", "use tokio_tungstenite::WebSocketStream;"),
        ("limits/mod.rs", "use fred::prelude::*;"),
        ("store/mod.rs", "fn f() { println!(\"\"); }"),
        ("store/mod.rs", "fn f() { std::eprintln!(\"\"); }"),
        ("store/mod.rs", "fn f() { select! { _ = x => print!(\"\") } }"),
    ] {
        expect(path, code, &flagged);
    }
}

#[test]
fn a_crate_in_its_room_and_tests_anywhere_are_let_through() {
    expect("edge/mod.rs", "use pingora::proxy::Session;", &[]);
    expect("http/socket.rs", "use tokio_tungstenite::WebSocketStream;", &[]);
    expect("limits/redis.rs", "use fred::prelude::*;", &[]);
    expect("redis.rs", "use fred::prelude::*;", &[]);
    expect("cli/mod.rs", "fn f() { println!(\"\"); }", &[]);
    expect("store/mod.rs", "#[cfg(test)]\nmod tests { fn f() { println!(\"{}\", std::env::var(N)); } }", &[]);
    let parent =
        Source { path: "store/mod.rs".to_owned(), text: "//! A.\n#[cfg(test)]\nmod tests;".to_owned() };
    let child = Source { path: "store/tests.rs".to_owned(), text: "//! B.\nuse toml::Value;".to_owned() };
    assert!(check(&[parent, child]).is_empty());
}

#[test]
fn a_module_that_no_row_names_is_flagged() {
    expect("helpers/mod.rs", "", &[(Law::Module, 1)]);
}

#[test]
fn a_long_file_is_flagged_by_its_lines_of_code() {
    let code = |lines| "fn f() {}\n\n// why\n/* what\n   it is */\n".repeat(lines);
    expect("store/mod.rs", &code(MOST_LINES), &[]);
    expect("store/mod.rs", &code(MOST_LINES + 1), &[(Law::Length, 1)]);
}

#[test]
fn a_file_without_opening_words_is_flagged() {
    let source = Source { path: "store/mod.rs".to_owned(), text: "\n//! Late.".to_owned() };
    let laws: Vec<Law> = check(&[source]).iter().map(|violation| violation.law).collect();
    assert_eq!(laws, [Law::Opening]);
}
