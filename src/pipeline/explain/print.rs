//! An explanation as people read it.

use std::fmt;

use super::{EndpointFacts, Explanation, LimitFacts, Outcome, PoolFacts};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.request)?;
        match &self.outcome {
            Outcome::Backend { target } => {
                writeln!(f, "  answered by a backend, which is asked for {target}")?
            }
            Outcome::Refusal { code } => writeln!(f, "  refused by the pool at once: 503 · {code}")?,
            Outcome::Local { part } => writeln!(f, "  answered by the gateway itself: {part}")?,
            Outcome::Admission { status, code, detail, allow } => {
                write!(f, "  answered at once: {status}")?;
                for text in [code, detail].into_iter().flatten() {
                    write!(f, " · {text}")?;
                }
                writeln!(f)?;
                if let Some(allow) = allow {
                    writeln!(f, "  methods there are: {allow}")?;
                }
            }
        }
        self.print_route(f)?;
        if let Some(caller) = &self.caller {
            let (user, tenant, roles) = (&caller.user, &caller.tenant, caller.roles.join(", "));
            writeln!(f, "caller {user} of tenant {tenant}, roles: {roles}, until {}", caller.expires)?;
        }
        for other in &self.passed_over {
            writeln!(f, "passed over {} ({}): {}", other.name, other.pattern, other.why)?;
        }
        self.limits.iter().try_for_each(|limit| print_limit(limit, f))?;
        if let Some(split) = &self.split {
            let parts: Vec<_> =
                split.parts.iter().map(|part| format!("{} {} %", part.upstream, part.percent)).collect();
            writeln!(
                f,
                "split: {}; this one goes to {}: {}",
                parts.join(", "),
                split.upstream,
                split.reason
            )?;
        }
        self.pool.as_ref().map_or(Ok(()), |pool| print_pool(pool, f))
    }
}

impl Explanation {
    fn print_route(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(route) = &self.route else { return writeln!(f, "route: none") };
        writeln!(f, "route {} ({}): {}", route.name, route.pattern, route.auth)?;
        for line in &route.authorisation {
            writeln!(f, "  {line}")?;
        }
        for (name, value) in &route.parameters {
            writeln!(f, "  {{{name}}} is {value}")?;
        }
        for (key, value) in &route.rules {
            writeln!(f, "  {key} = {value}")?;
        }
        Ok(())
    }
}

fn print_limit(it: &LimitFacts, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let verdict = match (it.admits, it.shadow) {
        (true, _) => "admits it",
        (false, true) => "would refuse it, but only counts",
        (false, false) => "refuses it",
    };
    let (name, key, left, burst) = (&it.name, &it.key, it.left, it.burst);
    write!(f, "limit {name} by {key}: {verdict} · {left} of {burst} left")?;
    if it.reset_seconds > 0 {
        write!(f, ", all again in {} s", it.reset_seconds)?;
    }
    writeln!(f, " · {}", it.counted)
}

fn print_pool(pool: &PoolFacts, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (active, most) = (pool.active_requests, pool.max_concurrency);
    writeln!(f, "upstream {}: {}, {active} of {most} requests in flight", pool.name, pool.balance)?;
    if let Some(seconds) = pool.refuses_for_seconds {
        let why = match pool.breaker.as_deref() {
            Some("open") => "its own breaker is open",
            _ => "every endpoint is known to be bad",
        };
        writeln!(f, "  refuses everything for {seconds:.1} s: {why}")?;
    }
    pool.endpoints.iter().try_for_each(|endpoint| print_endpoint(endpoint, f))
}

fn print_endpoint(it: &EndpointFacts, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "  {:<21} {:<9} {}", it.address, it.state, it.role)?;
    write!(f, " · weight {} · priority {} · {:.1} %", it.weight, it.priority, it.share_percent)?;
    if let Some(cost) = &it.cost {
        write!(f, " · {cost}")?;
    }
    if let Some(seconds) = it.paused_for_seconds {
        write!(f, " · asked to be left alone for {seconds:.0} s (Retry-After)")?;
    }
    if it.owns_key {
        write!(f, " · the request's key belongs here")?;
    }
    let reason = if it.reason.is_empty() { String::new() } else { format!(" · {}", it.reason) };
    writeln!(f, "{reason}")
}
