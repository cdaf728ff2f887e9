//! To which of a route's pools a request goes, and why.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::pipeline::admit::Admission;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::route::Target;
use crate::pipeline::split::Place;

/// How a route's requests are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitFacts {
    /// The pool this request goes to.
    pub upstream: String,
    /// Why.
    pub reason: String,
    /// What decides: `ip`, `header:NAME`, `cookie:NAME` or `claim:NAME`; `None` where chance does.
    pub by: Option<String>,
    /// The pools and their parts, the one that gets the rest last.
    pub parts: Vec<Part>,
}

/// One pool's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The pool.
    pub upstream: String,
    /// Its percentage.
    pub percent: f64,
}

/// `None` where the route has one pool, or the request comes to none.
pub(super) fn split_facts(
    exchange: &Exchange,
    admission: &Admission,
    headers: &HeaderMap,
) -> Option<SplitFacts> {
    let (Some(route), Admission::Proxy(pool)) = (&exchange.route, admission) else { return None };
    let Target::Proxy(split) = &route.target else { return None };
    let by = split.by().map(ToString::to_string);
    // What chance gave to admission is its own: only a place by key can be told again.
    let reason = match (split.place(exchange.caller.as_deref(), &exchange.client, headers, || 0), &by) {
        (Place::Key(place), Some(by)) => format!("its {by} falls on {place:.2} of 100"),
        (Place::Chance(_), Some(by)) => format!("by chance, as it has no {by}"),
        (Place::Key(_) | Place::Chance(_), None) => "by chance, each time anew".to_owned(),
    };
    let part = |(upstream, percent): (&str, f64)| Part { upstream: upstream.to_owned(), percent };
    let parts: Vec<_> = split.percentages().into_iter().map(part).collect();
    (!parts.is_empty()).then(|| SplitFacts { upstream: pool.name.to_string(), reason, by, parts })
}
