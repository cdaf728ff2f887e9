//! The step that asks whether a caller may use a route at all. What they may do with single things is asked where the
//! things are.

use http::header::{HeaderValue, WWW_AUTHENTICATE};

use crate::error::Kind;
use crate::http::{Problem, Refusal};
use crate::identity::{Caller, Demand};

/// Goes on if the route demands nothing, or the caller has all it demands.
///
/// # Errors
/// 403 with what the caller lacks. It does not say who denied it: `explain` does.
pub(super) fn authorise(demand: Option<&Demand>, caller: Option<&Caller>) -> Result<(), Problem> {
    // Where a route demands something, authentication has let nobody pass who is not known.
    let Some((demand, caller)) = demand.zip(caller) else { return Ok(()) };
    caller.rights.meets(demand).map_err(|lacking| Problem::new(Kind::Forbidden, lacking.to_string()))
}

/// The refusal with its challenge (RFC 6750 section 3.1).
pub(super) fn refuse(problem: Problem) -> Refusal {
    Refusal { problem, header: Some((WWW_AUTHENTICATE, CHALLENGE)) }
}

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"olympus\", error=\"insufficient_scope\"");

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::config::{self, Demands};
    use crate::identity::Policy;
    use crate::model::TenantId;

    fn outcome(demands: &str, roles: &[&str]) -> Result<(), (u16, String)> {
        let policy = Arc::new(Policy::compile(&config::Policy::default()));
        let demands: Demands = serde_json::from_str(demands).unwrap();
        let caller = Caller::new(TenantId::new(), "ada", roles, DateTime::<Utc>::MAX_UTC);
        let caller = caller.ruled_by(&policy, &[]);
        let done = authorise(Some(&policy.demand(&demands)), Some(&caller));
        done.map_err(|problem| (problem.status.as_u16(), problem.detail))
    }

    #[test]
    fn one_of_the_roles_is_enough_and_those_above_have_it_too() {
        let demands = r#"{ "roles": ["manager", "service"] }"#;
        assert_eq!(outcome(demands, &["tenant_admin"]), Ok(()));
        assert_eq!(outcome(demands, &["service"]), Ok(()));
        let lacking = "this needs the role `manager` or `service`, or one above".to_owned();
        assert_eq!(outcome(demands, &["member", "emperor"]), Err((403, lacking)));
    }

    #[test]
    fn every_permission_is_needed_besides_the_role() {
        let demands = r#"{ "roles": ["member"], "permissions": ["orders:read:own", "analytics:read"] }"#;
        assert_eq!(outcome(demands, &["manager"]), Ok(()));
        let lacking = "this needs the permission `analytics:read`".to_owned();
        assert_eq!(outcome(demands, &["member"]), Err((403, lacking)));
    }

    #[test]
    fn what_the_policy_does_not_know_nobody_has() {
        for demands in [r#"{ "roles": ["emperor"] }"#, r#"{ "permissions": ["ships:sink"] }"#] {
            assert_eq!(outcome(demands, &["platform_admin"]).unwrap_err().0, 403, "{demands}");
        }
    }
}
