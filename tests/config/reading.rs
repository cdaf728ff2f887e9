//! What is read and what is not: kinds of files, includes, and faults of their syntax.

use std::path::{Path, PathBuf};
use std::process::Command;

use olympus_gateway::config::load;

use super::{mistakes, relative};

/// A file of its own for a test, with this text.
fn write(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("written");
    path
}

/// What is wrong with a file, with its folder as `.`.
fn found_in(path: &Path) -> String {
    let text = load(path, []).expect_err("mistakes").to_string();
    // The folder of targets may lie within the checkout, whose name `relative` takes off.
    relative(&text.replace(env!("CARGO_TARGET_TMPDIR"), "."))
}

fn pipe(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _absent = std::fs::remove_file(&path);
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    path
}

#[test]
fn only_regular_files_are_read() {
    let pipe = pipe("pipe.toml");
    assert_eq!(
        found_in(&pipe),
        "./pipe.toml: cannot read ./pipe.toml: it is a pipe, and only regular files are read\n1 mistake"
    );
    for (path, noun) in [("/dev/zero", "a device"), ("/", "a folder")] {
        let wanted =
            format!("{path}: cannot read {path}: it is {noun}, and only regular files are read\n1 mistake");
        assert_eq!(found_in(Path::new(path)), wanted);
    }
}

#[test]
fn includes_and_token_files_are_regular_too() {
    pipe("pipe-included.toml");
    let includer = write("includer.toml", "version = 1\ninclude = [\"pipe-included.toml\", \"/tmp\"]\n");
    insta::assert_snapshot!(found_in(&includer), @r"
    ./includer.toml:2:12: include[0]: cannot read ./pipe-included.toml: it is a pipe, and only regular files are read
    ./includer.toml:2:34: include[1]: cannot read /tmp: it is a folder, and only regular files are read
    2 mistakes
    ");
    let environment = [("OLYMPUS__ADMIN__TOKEN_FILE", "/dev/zero")];
    insta::assert_snapshot!(mistakes("tests/fixtures/spread/gateway.toml", &environment).join("\n"), @r"
    OLYMPUS__ADMIN__TOKEN_FILE: admin.token_file: cannot read /dev/zero: it is a device, and only regular files are read
    1 mistake
    ");
}

#[test]
fn a_file_of_more_than_16_mib_is_not_read() {
    let path = write("large.toml", &" ".repeat((16 << 20) + 1));
    assert_eq!(
        found_in(&path),
        "./large.toml: cannot read ./large.toml: it is larger than 16 MiB\n1 mistake"
    );
}

#[test]
fn a_cycle_of_includes_is_called_one() {
    let first = write("cycle-a.toml", "version = 1\ninclude = [\"cycle-b.toml\"]\n");
    write("cycle-b.toml", "include = [\"cycle-a.toml\"]\n");
    insta::assert_snapshot!(found_in(&first), @r"
    ./cycle-b.toml:1:12: include[0]: files include each other in a cycle: ./cycle-a.toml -> ./cycle-b.toml -> ./cycle-a.toml
    1 mistake
    ");
}

#[test]
fn a_key_that_is_there_twice_is_named_with_its_first_place() {
    let text = "a = 1\n[t]\nb = 1\nc = { b = 2, x = 9223372036854775808 }\nb = 3\n[u]\n[t]\n\"a b\" = 1\n\"a b\" = 2\n";
    insta::assert_snapshot!(found_in(&write("duplicates.toml", text)), @r#"
    ./duplicates.toml:4:18: t.c.x: integer 9223372036854775808 does not fit 64 bits
    ./duplicates.toml:5:1: t.b: invalid TOML: duplicate key, first at ./duplicates.toml:3
    ./duplicates.toml:7:2: t: invalid TOML: duplicate key, first at ./duplicates.toml:2
    ./duplicates.toml:9:1: t."a b": invalid TOML: duplicate key, first at ./duplicates.toml:8
    4 mistakes
    "#);
}

#[test]
fn a_total_follows_the_mistakes_of_several_files() {
    let check = |files: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("check").args(files).output();
        let output = output.expect("run");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("text").lines().last().expect("a line").to_owned()
    };
    let (one, other) = ("tests/fixtures/secrets/wrong.toml", "tests/fixtures/syntax.toml");
    assert_eq!(check(&[one, "conf/gateway.toml", other]), "5 mistakes in 2 of 3 files");
    assert_eq!(check(&[one, "conf/gateway.toml"]), "2 mistakes");
}
