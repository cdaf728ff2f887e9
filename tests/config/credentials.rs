//! Files of certificates and keys: read with the configuration, refused with their place, never shown.

use std::path::Path;

use olympus_gateway::config::{Origins, load};
use rcgen::{CertificateParams, KeyPair};

/// A folder with certificates and keys, and the configuration that names them.
fn write(name: &str, tls: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let keys = [(); 2].map(|()| KeyPair::generate().expect("a key"));
    let cert = CertificateParams::new(vec!["shop.example".to_owned()]).expect("a name").self_signed(&keys[0]);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (file, text) in [
        ("cert.pem", cert.expect("a certificate").pem().as_str()),
        ("key.pem", &keys[0].serialize_pem()),
        ("other.pem", &keys[1].serialize_pem()),
        ("broken.pem", broken),
        ("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
    ] {
        std::fs::write(folder.join(file), text).expect("written");
    }
    let config = folder.join("gateway.toml");
    let text = format!(
        "version = 1\nlisteners.a.address = \"127.0.0.1:80\"\n[upstreams.shop]\n\
         endpoints = [{{ address = \"127.0.0.1:9001\" }}]\ntls = {{ sni = \"shop.example\", {tls} }}\n"
    );
    std::fs::write(&config, text).expect("written");
    config
}

fn found(name: &str, tls: &str) -> String {
    let config = write(name, tls);
    let folder = config.parent().expect("a folder").to_str().expect("text").to_owned();
    load(&config, []).expect_err("mistakes").to_string().replace(&folder, ".")
}

#[test]
fn files_are_found_beside_the_one_that_names_them_and_watched() {
    let config =
        write("pem-whole", "ca = \"cert.pem\", client_cert = \"cert.pem\", client_key = \"key.pem\"");
    let loaded = load(&config, []).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let names: Vec<_> = loaded.sources().paths().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(names, ["gateway.toml", "cert.pem", "key.pem"]);
    let tls = loaded.settings.upstreams["shop"].tls.clone().expect("a table");
    assert_eq!(tls.ca.expect("a file").certificates().expect("certificates").len(), 1);
    let shown = [loaded.effective(Origins::Shown), format!("{loaded:#?}")];
    for text in shown {
        assert!(text.contains("key.pem") && !text.contains("BEGIN"), "{text}");
    }
}

#[test]
fn a_file_that_changed_makes_another_setting() {
    let settings = || load(&write("pem-renewed", "ca = \"cert.pem\""), []).expect("valid").settings;
    assert_ne!(settings().upstreams["shop"].tls, settings().upstreams["shop"].tls);
}

#[test]
fn what_cannot_be_used_is_named_with_its_place() {
    let cases = [
        ("pem-mixed", "client_cert = \"cert.pem\", client_key = \"other.pem\""),
        ("pem-swapped", "client_cert = \"key.pem\", client_key = \"cert.pem\""),
        ("pem-key-as-ca", "ca = \"key.pem\""),
        ("pem-broken", "ca = \"broken.pem\""),
        ("pem-cut", "ca = \"cut.pem\""),
        ("pem-absent", "ca = \"absent.pem\""),
    ];
    let all: Vec<_> = cases.iter().map(|(name, tls)| found(name, tls)).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    ./gateway.toml:5:70: upstreams.shop.tls.client_key: ./other.pem is not the private key of the certificate in ./cert.pem
    1 mistake
    ./gateway.toml:5:45: upstreams.shop.tls.client_cert: ./key.pem holds no certificate
    ./gateway.toml:5:69: upstreams.shop.tls.client_key: ./cert.pem holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)
    2 mistakes
    ./gateway.toml:5:36: upstreams.shop.tls.ca: ./key.pem holds no certificate
    1 mistake
    ./gateway.toml:5:36: upstreams.shop.tls.ca: ./broken.pem holds a damaged certificate
    1 mistake
    ./gateway.toml:5:36: upstreams.shop.tls.ca: ./cut.pem holds PEM that is cut off or damaged
    1 mistake
    ./gateway.toml:5:36: upstreams.shop.tls.ca: cannot read ./absent.pem: No such file or directory (os error 2)
    1 mistake
    ");
}

#[test]
fn a_file_that_holds_something_else_is_a_change() {
    let config = write("pem-replaced", "ca = \"cert.pem\"");
    let before = load(&config, []).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    write("pem-replaced", "ca = \"cert.pem\"");
    let after = load(&config, []).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let changes: Vec<_> = before.changes_to(&after).iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["rebuild  upstreams.shop.tls.ca: changed"]);
}
