//! The configuration from its outer face: files in, settings or exact words out.

use std::path::{Path, PathBuf};

use olympus_gateway::config::{Loaded, Mistakes, Origins, load};

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str, environment: &[(&str, &str)]) -> Result<Loaded, Mistakes> {
    load(&at_root(path), environment.iter().map(|(name, value)| (name.to_string(), value.to_string())))
}

/// The mistakes, with paths as they are from the repository's root.
fn words(result: Result<Loaded, Mistakes>) -> String {
    let text = result.expect_err("mistakes").to_string();
    text.replace(&format!("{}/", env!("CARGO_MANIFEST_DIR")), "")
}
#[test]
fn tmp() {
    println!("{}", words(read("tests/fixtures/mistakes.toml", &[])));
    for f in ["conf/gateway.toml", "conf/proxy.toml"] {
        match read(f, &[]) {
            Ok(l) => println!("{}", l.effective(Origins::Shown)),
            Err(e) => println!("{e}"),
        }
    }
}
