//! Settings that look right and would not do what is meant.

use std::path::Path;

use olympus_gateway::config::load;

use super::{mistakes, read};

const MAIN: &str = "tests/fixtures/spread/gateway.toml";

#[test]
fn files_are_not_included_by_the_environment() {
    for name in ["OLYMPUS__INCLUDE", "OLYMPUS__include", "OLYMPUS__INCLUDE__0"] {
        let found = mistakes(MAIN, &[(name, "[\"bad.toml\"]")]);
        let words = "`include` cannot be set from the environment, only in a file";
        assert!(found[0].starts_with(&format!("{name}: include")) && found[0].ends_with(words), "{found:?}");
        assert_eq!(found.len(), 2);
    }
}

#[test]
fn two_spellings_of_one_variable_are_a_mistake() {
    let twice = [("OLYMPUS__server__threads", "2"), ("OLYMPUS__SERVER__THREADS", "3")];
    insta::assert_snapshot!(mistakes(MAIN, &twice).join("\n"), @r"
    OLYMPUS__server__threads: server.threads: OLYMPUS__SERVER__THREADS sets the same; unset one of the two
    1 mistake
    ");
}

#[test]
fn access_lines_go_to_a_file_in_a_folder_that_is_there() {
    let found = |file: &str| mistakes(MAIN, &[("OLYMPUS__TELEMETRY__ACCESS_LOG__FILE", file)])[0].clone();
    let key = "OLYMPUS__TELEMETRY__ACCESS_LOG__FILE: telemetry.access_log.file: ";
    for (file, words) in [
        ("", "names no file; leave the key out to write to standard output"),
        ("/tmp", "/tmp is a folder; name a file in it"),
        ("logs/", "logs/ is a folder; name a file in it"),
        ("/nowhere/access.log", "there is no folder /nowhere"),
    ] {
        assert_eq!(found(file), format!("{key}{words}"));
    }
    for file in ["access.log", "/tmp/access.log", "/dev/null"] {
        assert!(read(MAIN, &[("OLYMPUS__TELEMETRY__ACCESS_LOG__FILE", file)]).is_ok(), "{file}");
    }
}

#[test]
fn a_token_that_could_be_guessed_is_refused_and_not_shown() {
    let found = mistakes(MAIN, &[("OLYMPUS__ADMIN__TOKEN", "fifteen letters")]);
    assert_eq!(
        found,
        [
            "OLYMPUS__ADMIN__TOKEN: admin.token: is shorter than 16 characters, so it could be guessed",
            "1 mistake"
        ]
    );
    assert!(read(MAIN, &[("OLYMPUS__ADMIN__TOKEN", "sixteen letters.")]).is_ok());
}

#[test]
fn what_a_route_names_twice_is_a_mistake() {
    let found = mistakes(
        MAIN,
        &[
            ("OLYMPUS__ROUTES__SHOP__METHODS", "[\"GET\", \"POST\", \"GET\"]"),
            ("OLYMPUS__ROUTES__SHOP__HOSTS", "[\"a.example\", \"A.example\"]"),
            ("OLYMPUS__ROUTES__SHOP__PATH", "[\"/a/{x}\", \"/a/{y}\"]"),
        ],
    );
    insta::assert_snapshot!(found.join("\n"), @r"
    OLYMPUS__ROUTES__SHOP__HOSTS: routes.shop.hosts[1]: host `a.example` is named twice
    OLYMPUS__ROUTES__SHOP__METHODS: routes.shop.methods[2]: method `GET` is named twice
    OLYMPUS__ROUTES__SHOP__PATH: routes.shop.path[1]: path `/a/{y}` is named twice
    3 mistakes
    ");
}

#[test]
fn a_route_is_held_against_the_first_that_serves_its_requests() {
    let text = "version = 1\nlisteners.a.address = \"127.0.0.1:80\"\ndefaults.route = { auth = \"none\", local = \"status\" }\n\
        routes.a = { path = \"/x\", methods = [\"GET\"] }\nroutes.b = { path = [\"/y\", \"/x\"], methods = [\"PUT\", \"GET\"] }\n\
        routes.c = { path = \"/x\", methods = [\"GET\", \"PUT\"] }\nroutes.d = { path = \"/x\", methods = [\"GET\"], hosts = [\"a\"] }\n";
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first.toml");
    std::fs::write(&path, text).expect("written");
    let found = load(&path, []).expect_err("mistakes");
    let text = found.to_string().replace(env!("CARGO_TARGET_TMPDIR"), ".");
    insta::assert_snapshot!(text, @r"
    ./first.toml:5:21: routes.b.path: GET `/x` is served by `routes.a` (./first.toml:4) too, and nothing tells the two routes apart
    ./first.toml:6:21: routes.c.path: GET `/x` is served by `routes.a` (./first.toml:4) too, and nothing tells the two routes apart
    ./first.toml:6:21: routes.c.path: GET, PUT `/x` is served by `routes.b` (./first.toml:5) too, and nothing tells the two routes apart
    3 mistakes
    ");
}

#[test]
fn a_route_that_asks_for_a_token_needs_somebody_to_vouch() {
    let asks = [
        ("OLYMPUS__DEFAULTS__ROUTE__AUTH", "required"),
        ("OLYMPUS__ROUTES__SHOP__AUTH", "optional"),
        ("OLYMPUS__ROUTES__HEALTH__IDENTITY", "signed"),
    ];
    insta::assert_snapshot!(mistakes(MAIN, &asks).join("\n"), @r#"
    OLYMPUS__DEFAULTS__ROUTE__AUTH: routes.health.auth: no issuer is configured, so no token could be checked; set `auth = "none"`, or `keys_dir` or `issuers` in [auth]
    OLYMPUS__ROUTES__HEALTH__IDENTITY: routes.health.identity: there is no key to sign with: set `keys_dir` in [auth]
    OLYMPUS__ROUTES__SHOP__AUTH: routes.shop.auth: no issuer is configured, so no token could be checked
    3 mistakes
    "#);
}
