//! The command line beside `run`.

use std::process::{Command, Output};

use crate::support::folder::Folder;
use crate::support::gateway::{ADMIN_TOKEN, Gateway};
use crate::support::port::Port;

fn olympus(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_olympus")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn health_tells_by_its_exit_code_whether_the_gateway_is_ready() {
    let gateway = Gateway::start("");
    let file = gateway.config_file();
    let (code, out, _) = olympus(&["health", "--config", &file]);
    assert_eq!((code, out.as_str()), (Some(0), "ready\n"));
    let text = std::fs::read_to_string(&file).unwrap();
    gateway.stop();

    let folder = Folder::new("health");
    let (code, _, told) = olympus(&["health", "--config", &folder.write("gateway.toml", &text)]);
    assert_eq!(code, Some(1));
    assert!(told.contains("/readyz"), "{told}");
}

#[test]
fn check_names_every_mistake_with_its_place() {
    let folder = Folder::new("check");
    let good = folder.write("good.toml", "version = 1\n[listeners.public]\naddress = \"127.0.0.1:8080\"\n");
    let bad =
        folder.write("bad.toml", "version = 1\n[listeners.public]\nadress = \"127.0.0.1:8080\"\n[servr]\n");
    assert_eq!(olympus(&["check", &good]), (Some(0), format!("{good}: ok\n"), String::new()));
    let (code, out, told) = olympus(&["check", "-c", &good, &bad]);
    assert_eq!((code, out), (Some(1), format!("{good}: ok\n")));
    assert!(told.contains("bad.toml:3:1") && told.contains("bad.toml:4:2"), "{told}");
    assert!(told.contains("`address`") && told.contains("`server`"), "{told}");
}

#[test]
fn check_tells_a_policy_from_a_configuration() {
    let folder = Folder::new("check");
    let good = folder.write("policy.toml", "[roles.clerk]\nallow = [\"orders:read\"]\n");
    let bad = folder.write("bad.toml", "[roles.clerk]\nallow = [\"order:read\"]\n");
    assert_eq!(olympus(&["check", &good]), (Some(0), format!("{good}: ok (a policy)\n"), String::new()));
    let (code, _, told) = olympus(&["check", &bad]);
    assert_eq!(code, Some(1));
    assert!(told.contains("bad.toml:2:10: roles.clerk.allow[0]: ") && told.contains("`orders`"), "{told}");
}

#[test]
fn the_effective_configuration_is_printed_without_secrets() {
    let folder = Folder::new("config");
    let text = format!(
        "version = 1\n[listeners.public]\naddress = \"127.0.0.1:8080\"\n\
         [admin]\nlisten = \"127.0.0.1:9090\"\ntoken = \"{ADMIN_TOKEN}\"\n"
    );
    let file = folder.write("gateway.toml", &text);
    let (code, plain, _) = olympus(&["config", "-c", &file]);
    assert_eq!(code, Some(0));
    assert!(plain.contains("address = \"127.0.0.1:8080\"") && !plain.contains(ADMIN_TOKEN), "{plain}");
    let (_, origins, _) = olympus(&["config", "--origin", "-c", &file]);
    assert!(origins.contains("gateway.toml:3") && origins.contains("default"), "{origins}");
    assert!(!origins.contains(ADMIN_TOKEN), "{origins}");
}

#[test]
fn diff_says_what_each_change_asks_for() {
    let folder = Folder::new("diff");
    let text = "version = 1\n[listeners.public]\naddress = \"127.0.0.1:8080\"\n";
    let before = folder.write("before.toml", text);
    let after = folder.write("after.toml", &format!("{text}[server]\nthreads = 3\n[headers]\ncsp = \"\"\n"));
    assert_eq!(olympus(&["diff", &before, &before]), (Some(0), String::new(), String::new()));
    let (code, out, _) = olympus(&["diff", &before, &after]);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with("live     headers.csp: ") && out.ends_with("restart  server.threads: 0 -> 3\n"),
        "{out}"
    );
}

#[test]
fn the_schema_is_json_and_matches_the_one_shipped() {
    let (code, out, _) = olympus(&["schema"]);
    let printed: serde_json::Value = serde_json::from_str(&out).unwrap();
    let shipped = include_str!("../../conf/gateway.schema.json");
    assert_eq!((code, printed), (Some(0), serde_json::from_str(shipped).unwrap()));
}

#[test]
fn an_unknown_command_is_refused_with_the_nearest_one() {
    let (code, _, told) = olympus(&["chek"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("chek") && told.contains("check"), "{told}");
}

#[test]
fn a_gateway_that_cannot_start_says_why() {
    let folder = Folder::new("start");
    let (code, _, told) = olympus(&["run", "-c", &folder.file("missing.toml")]);
    assert_eq!(code, Some(1));
    assert!(told.contains("missing.toml"), "{told}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, metrics) = (taken.local_addr().unwrap(), Port::reserve());
    let text = format!(
        "version = 1\n[listeners.public]\naddress = \"{address}\"\n[admin]\nmetrics_listen = \"{}\"\n",
        metrics.address()
    );
    let (code, _, told) = olympus(&["run", "-c", &folder.write("taken.toml", &text)]);
    assert_eq!(code, Some(1));
    assert!(told.contains(&address.to_string()) && told.contains("listeners.public.address"), "{told}");
    assert!(!told.contains("panicked"), "{told}");
}
