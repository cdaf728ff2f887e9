//! Which certificate a client is shown: the one for the host it asks for, else the first.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::Certified;

/// Certificates by the hosts they are for.
#[derive(Debug, Default)]
pub(super) struct ByHost {
    first: Option<Arc<CertifiedKey>>,
    /// By name, or by what follows the `*` of a wildcard.
    hosts: HashMap<String, Arc<CertifiedKey>>,
}

impl ByHost {
    /// Adds a certificate. The first is shown to those whom no other is for.
    pub(super) fn add(&mut self, certified: Certified) {
        for host in certified.hosts {
            let host = host.strip_prefix('*').map(str::to_owned).unwrap_or(host);
            self.hosts.entry(host).or_insert_with(|| certified.key.clone());
        }
        self.first.get_or_insert(certified.key);
    }

    /// A wildcard stands for exactly one label (RFC 9525 section 6.3).
    fn of(&self, host: &str) -> Option<&Arc<CertifiedKey>> {
        let below = host.find('.').and_then(|dot| host.get(dot..));
        self.hosts.get(host).or_else(|| self.hosts.get(below?))
    }
}

impl ResolvesServerCert for ByHost {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rustls gives the name in lower case.
        hello.server_name().and_then(|host| self.of(host)).or(self.first.as_ref()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring;
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    fn certified(hosts: &[&str]) -> (Certified, Arc<CertifiedKey>) {
        let made = rcgen::generate_simple_self_signed(Vec::new()).unwrap();
        let key = PrivateKeyDer::try_from(made.key_pair.serialize_der()).unwrap();
        let key = CertifiedKey::from_der(vec![made.cert.der().clone()], key, &ring::default_provider());
        let key = Arc::new(key.unwrap());
        (Certified { key: key.clone(), hosts: hosts.iter().map(|host| (*host).to_owned()).collect() }, key)
    }

    #[test]
    fn the_most_exact_certificate_is_shown() {
        let mut by_host = ByHost::default();
        let all =
            [&["first.example"][..], &["*.shop.example", "shop.example"], &["a.shop.example"]].map(certified);
        let keys = all.each_ref().map(|(_, key)| key.clone());
        for (certified, _) in all {
            by_host.add(certified);
        }
        let shown =
            |host: &str| by_host.of(host).map(|key| keys.iter().position(|it| Arc::ptr_eq(it, key)).unwrap());
        assert_eq!(shown("first.example"), Some(0));
        assert_eq!((shown("shop.example"), shown("b.shop.example")), (Some(1), Some(1)));
        assert_eq!(shown("a.shop.example"), Some(2));
        assert_eq!((shown("c.b.shop.example"), shown("example"), shown("other.example")), (None, None, None));
        assert!(Arc::ptr_eq(by_host.first.as_ref().unwrap(), &keys[0]));
    }
}
