//! Certificates of a listener that cannot serve: said with their place before anything is started.

use olympus_gateway::config::load;

use crate::authorities::Authority;
use crate::folder::Folder;

/// The mistakes of a listener with this table, without the folder that files are in.
fn found(folder: &Folder, tls: &str) -> Vec<String> {
    let text = format!(
        "version = 1\n[listeners.public]\naddress = \"127.0.0.1:8443\"\n[listeners.public.tls]\n{tls}\n"
    );
    let path = folder.write("gateway.toml", &text);
    let prefix = path.strip_suffix("gateway.toml").expect("its name");
    match load(path.as_ref(), []) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(|mistake| mistake.to_string().replace(prefix, "")).collect(),
    }
}

/// A folder with certificates `a`, `b` and `c` for these hosts.
fn folder(hosts: [&[&str]; 3]) -> Folder {
    let (folder, authority) = (Folder::new("certificates"), Authority::new());
    for (name, hosts) in ["a", "b", "c"].into_iter().zip(hosts) {
        let issued = authority.issue(hosts);
        folder.write(&format!("{name}.pem"), &issued.cert);
        folder.write(&format!("{name}.key"), &issued.key);
    }
    folder.write("authority.pem", &authority.pem());
    folder
}

#[test]
fn certificates_that_can_serve_are_no_mistake_and_their_paths_begin_at_the_file() {
    let folder = folder([&["a.example"], &["b.example", "*.b.example"], &[]]);
    let tls = "cert = \"a.pem\"\nkey = \"a.key\"\nclient_ca = \"authority.pem\"\nmin_version = \"1.3\"\n\
               certificates = [{ cert = \"b.pem\", key = \"b.key\" }]";
    assert_eq!(found(&folder, tls), Vec::<String>::new());
    assert_eq!(found(&folder, "cert = \"c.pem\"\nkey = \"c.key\""), Vec::<String>::new(), "the only one");
}

#[test]
fn each_file_that_cannot_serve_is_named() {
    let folder = folder([&["a.example"], &["b.example"], &[]]);
    folder.write("text.pem", "no certificate");
    folder.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let tls = "cert = \"a.pem\"\nkey = \"b.key\"\nclient_ca = \"text.pem\"\nmin_version = \"1.1\"\n\
               certificates = [\n{ cert = \"nowhere.pem\", key = \"b.key\" },\n{ cert = \"cut.pem\", key = \"b.key\" },\n\
               { cert = \"b.pem\", key = \"text.pem\" },\n{ cert = \"c.pem\", key = \"c.key\" },\n]";
    insta::assert_snapshot!(found(&folder, tls).join("\n"), @r#"
    gateway.toml:6:7: listeners.public.tls.key: b.key is not the private key of the certificate in a.pem
    gateway.toml:7:13: listeners.public.tls.client_ca: text.pem holds no certificate
    gateway.toml:8:15: listeners.public.tls.min_version: unknown word "1.1"; did you mean `1.2`?
    gateway.toml:10:10: listeners.public.tls.certificates[0].cert: cannot read nowhere.pem: No such file or directory (os error 2)
    gateway.toml:11:10: listeners.public.tls.certificates[1].cert: cut.pem holds what is no certificate
    gateway.toml:12:25: listeners.public.tls.certificates[2].key: text.pem holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)
    gateway.toml:13:10: listeners.public.tls.certificates[3].cert: c.pem is for no host name, so nobody would ever see it
    "#);
}

#[test]
fn a_host_has_one_certificate() {
    let folder = folder([&["a.example"], &["b.example", "A.example"], &["*.a.example", "b.example"]]);
    let tls = "cert = \"a.pem\"\nkey = \"a.key\"\ncertificates = [\n{ cert = \"b.pem\", key = \"b.key\" },\n\
               { cert = \"c.pem\", key = \"c.key\" },\n]";
    insta::assert_snapshot!(found(&folder, tls).join("\n"), @r#"
    gateway.toml:8:10: listeners.public.tls.certificates[0].cert: `a.example` is served by `listeners.public.tls.cert` already
    gateway.toml:9:10: listeners.public.tls.certificates[1].cert: `b.example` is served by `listeners.public.tls.certificates[0].cert` already
    "#);
}
