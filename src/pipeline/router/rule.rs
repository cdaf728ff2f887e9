//! A route as the router sees it: conditions, and how specific they are beside the host and the path.

use std::cmp::{Ordering, Reverse};

use http::{HeaderMap, HeaderName, Method};

use super::{Request, WhyNot, host};
use crate::config::{HostPattern, PathPattern};

/// A route's conditions and what it leads to. A request matches when it meets one of each list that is not empty,
/// and every header condition.
#[derive(Debug, Clone)]
pub struct Rule<T> {
    /// The route's name, unique among the rules.
    pub name: String,
    /// Paths served; at least one.
    pub paths: Vec<PathPattern>,
    /// Methods served. Empty: all. GET serves HEAD too.
    pub methods: Vec<Method>,
    /// Hosts served. Empty: all.
    pub hosts: Vec<HostPattern>,
    /// Headers a request must carry, with this value or, where there is none, with any.
    pub headers: Vec<(HeaderName, Option<String>)>,
    /// What the route leads to.
    pub target: T,
}

impl<T> Rule<T> {
    /// Orders rules for the same host and path, the more specific first.
    pub(super) fn by_specificity(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }

    /// The hosts to file the rule under; `None` stands for any.
    pub(super) fn hosts_or_any(&self) -> impl Iterator<Item = Option<&HostPattern>> {
        let any = self.hosts.is_empty().then_some(None);
        self.hosts.iter().map(Some).chain(any)
    }

    pub(super) fn serves(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }

    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().all(|(name, wanted)| match wanted {
            Some(wanted) => headers.get_all(name).iter().any(|value| value == wanted.as_str()),
            None => headers.contains_key(name),
        })
    }

    /// Why it does not serve a request whose path fits.
    pub(super) fn why_not(&self, request: &Request<'_>) -> WhyNot {
        let host = host::of_header(request.host.unwrap_or_default());
        let lacks = |(name, value): &&(HeaderName, Option<String>)| {
            let mut sent = request.headers.get_all(name).iter();
            !sent.any(|sent| value.as_deref().is_none_or(|value| sent == value))
        };
        match self.headers.iter().find(lacks) {
            _ if !self.hosts.is_empty() && !self.hosts.iter().any(|it| host::fits(it, &host)) => WhyNot::Host,
            Some((name, _)) => WhyNot::Header(name.clone()),
            None if !self.serves(request.method) => WhyNot::Method,
            None => WhyNot::LessSpecific,
        }
    }

    /// Less is more specific. The name decides nothing but keeps the order the same at every start.
    fn rank(&self) -> (bool, Reverse<usize>, Reverse<usize>, &str) {
        let with_value = self.headers.iter().filter(|(_, value)| value.is_some()).count();
        (self.methods.is_empty(), Reverse(self.headers.len()), Reverse(with_value), &self.name)
    }
}
