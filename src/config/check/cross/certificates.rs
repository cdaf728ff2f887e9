//! TLS of a listener: whether its certificates can serve, and each host has one.

use std::collections::BTreeMap;

use crate::config::certified::Flaw;
use crate::config::check::findings::Report;
use crate::config::settings::ListenerTls;
use crate::config::tree::at_key;

pub(super) fn check(tls: &ListenerTls, path: &str, report: &mut Report<'_>) {
    let mut owners = BTreeMap::new();
    for (index, identity) in tls.identities().enumerate() {
        let place = match index.checked_sub(1) {
            None => path.to_owned(),
            Some(further) => report.element(&at_key(path, "certificates"), further),
        };
        let (cert, key) = (at_key(&place, "cert"), at_key(&place, "key"));
        match identity.certified() {
            Err(Flaw::Certificate(message)) => report.mistake(&cert, message),
            Err(Flaw::Key(message)) => report.mistake_given(&key, &[&cert], message),
            Ok(certified) if index > 0 && certified.hosts.is_empty() => {
                let message = format!("{} is for no host name, so nobody would ever see it", identity.cert);
                report.mistake(&cert, message);
            }
            Ok(certified) => {
                for host in certified.hosts {
                    if let Some(owner) = owners.get(&host) {
                        let message = format!("`{host}` is served by `{owner}` already");
                        report.mistake(&cert, message);
                    }
                    owners.entry(host).or_insert_with(|| cert.clone());
                }
            }
        }
    }
    if let Err(message) = tls.client_verifier() {
        report.mistake(&at_key(path, "client_ca"), message);
    }
}
