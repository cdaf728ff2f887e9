//! Which route serves a request: the most specific one whose conditions all hold.
//! The order is written down in `docs/routing.md`. A lookup allocates nothing unless it ends in an `Allow`
//! list or the host is not in lower case. What a route leads to is none of the router's business.

mod allow;
mod captures;
mod host;
mod rule;
mod trie;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::config::PathPattern;
use allow::Allow;
pub use captures::Captures;
use host::HostTable;
pub use rule::Rule;
use trie::Trie;

/// The route table of one configuration snapshot.
#[derive(Debug)]
pub struct Router<T> {
    hosts: HostTable<Trie<Entry<T>>>,
    /// The rules, for explanations only.
    rules: Vec<Arc<Rule<T>>>,
}

/// Why a rule whose path fits does not serve a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyNot {
    /// It is for other hosts.
    Host,
    /// The request lacks this header, or it has another value.
    Header(HeaderName),
    /// It is for other methods.
    Method,
    /// Another one is more specific.
    LessSpecific,
}

/// What of a request decides its route.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The `Host` header or `:authority`, with or without a port.
    pub host: Option<&'a str>,
    /// The path, as `crate::http::normalise` gave it.
    pub path: &'a str,
    /// The method.
    pub method: &'a Method,
    /// All headers.
    pub headers: &'a HeaderMap,
}

/// Where a request goes.
#[derive(Debug)]
pub enum Outcome<'a, T> {
    /// To this route.
    Found(Match<'a, T>),
    /// `OPTIONS` for a resource whose routes leave that method to the gateway.
    Options {
        /// The methods the resource has, for the `Allow` header.
        allow: HeaderValue,
        /// The most specific of its routes.
        route: Match<'a, T>,
    },
    /// The resource is there but has not this method.
    MethodNotAllowed {
        /// The methods it has, for the `Allow` header.
        allow: HeaderValue,
        /// The most specific of its routes, which speaks for it in the answer.
        route: Match<'a, T>,
    },
    /// No route has this resource.
    NotFound,
}

/// A route that serves a request.
#[derive(Debug)]
pub struct Match<'a, T> {
    /// The route's name.
    pub name: &'a str,
    /// The pattern of the route that the path fits.
    pub pattern: &'a PathPattern,
    /// What the route leads to.
    pub target: &'a T,
    /// What the pattern's parameters stand for.
    pub captures: Captures<'a>,
}

/// One pattern of one rule, filed under one of its hosts.
#[derive(Debug)]
struct Entry<T> {
    rule: Arc<Rule<T>>,
    pattern: PathPattern,
}

impl<T> Router<T> {
    /// Builds the table. Rules that no request can tell apart are ordered by name.
    pub fn new(mut rules: Vec<Rule<T>>) -> Self {
        rules.sort_by(Rule::by_specificity);
        let mut hosts = HostTable::<Trie<Entry<T>>>::default();
        let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        for rule in &rules {
            for host in rule.hosts_or_any() {
                for pattern in &rule.paths {
                    let entry = Entry { rule: rule.clone(), pattern: pattern.clone() };
                    hosts.slot(host).insert(pattern, entry);
                }
            }
        }
        Self { hosts, rules }
    }

    /// The rules whose path fits a request but that do not serve it, each with the pattern and the reason. Looks at
    /// every rule: for people.
    pub fn passed_over<'a>(&'a self, request: &Request<'a>) -> Vec<(&'a str, &'a PathPattern, WhyNot)> {
        let served_by = match self.route(request) {
            Outcome::Found(found) => Some((found.name, found.pattern)),
            Outcome::Options { .. } | Outcome::MethodNotAllowed { .. } | Outcome::NotFound => None,
        };
        let pairs = self.rules.iter().flat_map(|rule| rule.paths.iter().map(move |pattern| (rule, pattern)));
        let fitting = pairs.filter(|(_, pattern)| pattern.fits(request.path));
        let others = fitting.filter(|(rule, pattern)| served_by != Some((&rule.name, pattern)));
        others.map(|(rule, pattern)| (rule.name.as_str(), pattern, rule.why_not(request))).collect()
    }

    /// Finds the route of a request.
    pub fn route<'a>(&'a self, request: &Request<'a>) -> Outcome<'a, T> {
        if *request.method == Method::OPTIONS {
            return self.route_options(request);
        }
        match self.first(request, |rule| rule.serves(request.method)) {
            Some(entry) => Outcome::Found(entry.matched(request.path)),
            None => match (self.allow(request), self.first(request, |_| true)) {
                (Some(allow), Some(owner)) => {
                    Outcome::MethodNotAllowed { allow, route: owner.matched(request.path) }
                }
                (_, None) | (None, _) => Outcome::NotFound,
            },
        }
    }

    /// `OPTIONS` asks about a resource, so its most specific route speaks for it: a catch-all below that serves
    /// every method must not take the preflights of the routes above. A route naming `OPTIONS` asked for them.
    fn route_options<'a>(&'a self, request: &Request<'a>) -> Outcome<'a, T> {
        let Some(owner) = self.first(request, |_| true) else { return Outcome::NotFound };
        let willing = match owner.rule.serves(&Method::OPTIONS) {
            true => Some(owner),
            false => self.first(request, |rule| rule.methods.contains(&Method::OPTIONS)),
        };
        match (willing, self.allow(request)) {
            (None, Some(allow)) => Outcome::Options { allow, route: owner.matched(request.path) },
            (willing, _) => Outcome::Found(willing.unwrap_or(owner).matched(request.path)),
        }
    }

    /// The most specific entry for the request's resource whose rule is accepted.
    fn first<'a>(
        &'a self,
        request: &Request<'a>,
        accepts: impl Fn(&Rule<T>) -> bool,
    ) -> Option<&'a Entry<T>> {
        self.visit(request, |entry| match accepts(&entry.rule) {
            true => ControlFlow::Break(entry),
            false => ControlFlow::Continue(()),
        })
        .break_value()
    }

    /// The methods of the request's resource, if there is such a resource.
    fn allow(&self, request: &Request<'_>) -> Option<HeaderValue> {
        let mut allow = Allow::default();
        let _: ControlFlow<()> = self.visit(request, |entry| {
            allow.add(&entry.rule.methods);
            ControlFlow::Continue(())
        });
        allow.into_header()
    }

    /// Shows all entries whose host, path and headers fit, the most specific first.
    fn visit<'a, B>(
        &'a self,
        request: &Request<'_>,
        mut visit: impl FnMut(&'a Entry<T>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let host = host::of_header(request.host.unwrap_or_default());
        let mut visit_fitting = |entry: &'a Entry<T>| match entry.rule.admits(request.headers) {
            true => visit(entry),
            false => ControlFlow::Continue(()),
        };
        self.hosts.matching(&host).try_for_each(|trie| trie.visit(request.path, &mut visit_fitting))
    }
}

impl<T> Entry<T> {
    fn matched<'a>(&'a self, path: &'a str) -> Match<'a, T> {
        Match {
            name: &self.rule.name,
            pattern: &self.pattern,
            target: &self.rule.target,
            captures: Captures::new(&self.pattern, path),
        }
    }
}
