//! What would happen to a request, and why: the same steps as admission, told instead of done. Nothing is sent and
//! nothing is counted.

mod build;
mod limits;
mod pool;
mod print;
mod question;
mod serve;
mod split;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(super) use build::explain;
use limits::LimitFacts;
use pool::{EndpointFacts, PoolFacts};
pub use question::Question;
pub use serve::router;
use split::SplitFacts;

/// What would happen to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// `GET /api/x`, with the path as it is matched.
    pub request: String,
    /// Who would answer.
    pub outcome: Outcome,
    /// The route that decides; `None` where none does.
    pub route: Option<RouteFacts>,
    /// Who calls, where the route asks and was told. Why somebody is not believed, the outcome says.
    #[serde(default)]
    pub caller: Option<CallerFacts>,
    /// Routes whose path fits but that do not serve the request.
    pub passed_over: Vec<PassedOver>,
    /// The limits it would count for. Those after a refusal are not asked.
    #[serde(default)]
    pub limits: Vec<LimitFacts>,
    /// To which of the route's pools it goes, where there are several.
    pub split: Option<SplitFacts>,
    /// The pool that would work on it.
    pub pool: Option<PoolFacts>,
}

/// Who would answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Outcome {
    /// A backend, asked for this target.
    Backend {
        /// The target of the request it gets.
        target: String,
    },
    /// Nobody: the pool refuses it.
    Refusal {
        /// The word of the refusal.
        code: String,
    },
    /// A part of the gateway.
    Local {
        /// Which.
        part: String,
    },
    /// Admission: a refusal, a preflight, OPTIONS.
    Admission {
        /// The status.
        status: u16,
        /// The stable word of a refusal.
        code: Option<String>,
        /// The words of a refusal.
        detail: Option<String>,
        /// The methods there are, where the answer lists them.
        allow: Option<String>,
    },
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallerFacts {
    /// The id of the tenant.
    pub tenant: String,
    /// Who it is within the tenant.
    pub user: String,
    /// The roles.
    pub roles: Vec<String>,
    /// When the token expires, as in RFC 3339.
    pub expires: String,
}

/// The route that decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteFacts {
    /// Its name.
    pub name: String,
    /// The pattern the path fits.
    pub pattern: String,
    /// What the pattern's parameters stand for.
    pub parameters: BTreeMap<String, String>,
    /// Who may call it.
    pub auth: String,
    /// What the policy says of the caller, and why; empty where nobody is known or nothing is asked.
    pub authorisation: Vec<String>,
    /// Its limits and what it changes, by key, as the configuration writes them.
    pub rules: BTreeMap<String, String>,
}

/// A route that does not serve the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Its name.
    pub name: String,
    /// The pattern the path fits.
    pub pattern: String,
    /// Why it does not.
    pub why: String,
}
