//! The `Allow` header: which methods a resource has (RFC 9110 §10.2.1).

use std::collections::BTreeSet;

use http::{HeaderValue, Method};

/// The methods of all routes of a resource.
#[derive(Default)]
pub(super) struct Allow {
    methods: BTreeSet<String>,
}

/// What a route that names no method is said to serve. It passes on others too, but nobody asks for those.
const USUAL: [Method; 7] =
    [Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS, Method::PATCH, Method::POST, Method::PUT];

impl Allow {
    /// Adds the methods of a route; none stands for all.
    pub(super) fn add(&mut self, methods: &[Method]) {
        let methods = if methods.is_empty() { &USUAL } else { methods };
        self.methods.extend(methods.iter().map(Method::to_string));
        self.methods.insert(Method::OPTIONS.to_string());
        if methods.contains(&Method::GET) {
            self.methods.insert(Method::HEAD.to_string());
        }
    }

    /// The header's value, sorted; nothing if no route was added.
    pub(super) fn into_header(self) -> Option<HeaderValue> {
        let list = Vec::from_iter(self.methods).join(", ");
        (!list.is_empty()).then(|| HeaderValue::try_from(list).expect("methods are tokens"))
    }
}
