//! How each endpoint of a pool stands in the eyes of the balancer, for people. Taken from the plan that picks go by.

use std::sync::Arc;
use std::time::Instant;

use super::balance::Cost;
use super::endpoint::Endpoint;
use super::plan::{Plan, Stance};
use super::verdict::Verdict;

/// What part an endpoint has in a pool now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes requests.
    Member,
    /// Its breaker lets a few trials through.
    OnTrial,
    /// Good, but of a lesser tier: for retries.
    Standby,
    /// It takes none.
    LeftOut,
}

impl Role {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "takes requests",
            Self::OnTrial => "on trial",
            Self::Standby => "stands by for retries",
            Self::LeftOut => "takes none",
        }
    }

    /// Whether first tries may go to it.
    pub fn takes_requests(self) -> bool {
        matches!(self, Self::Member | Self::OnTrial)
    }
}

/// How one endpoint stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which one.
    pub endpoint: Arc<Endpoint>,
    /// What is known of it.
    pub verdict: Verdict,
    /// What part it has.
    pub role: Role,
    /// Its part of the draws or turns, from 0 to 1; 0 unless it is a member.
    pub share: f32,
    /// What the balancer compares, lower is better; `None` where it compares nothing, or knows nothing yet.
    pub cost: Option<Cost>,
}

impl Standing {
    /// The word that picks go by, and why it is so; no reason where nothing speaks against the endpoint.
    pub fn state(&self) -> (&'static str, String) {
        match (self.endpoint.weight, &self.endpoint.set_by) {
            (0, Some(set_by)) => ("drained", format!("its weight is 0, set by {set_by}")),
            (0, None) => ("drained", "its weight is 0".to_owned()),
            _ => (self.verdict.state.as_str(), self.verdict.reason.to_string()),
        }
    }
}

/// All endpoints, in the order of the configuration.
pub(super) fn standings(
    endpoints: &[Arc<Endpoint>],
    plan: &Plan,
    cost: impl Fn(&Endpoint) -> Option<Cost>,
    now: Instant,
) -> Vec<Standing> {
    let total: f32 = plan.members.iter().map(|member| plan.weight_of(member, now)).sum();
    let standing = |endpoint: &Arc<Endpoint>| {
        let member = plan.place(endpoint.index).and_then(|place| plan.members.get(place));
        Standing {
            endpoint: endpoint.clone(),
            verdict: endpoint.verdict(now),
            role: role(plan, endpoint),
            share: member.map_or(0.0, |member| plan.weight_of(member, now) / total),
            cost: member.and_then(|_| cost(endpoint)),
        }
    };
    endpoints.iter().map(standing).collect()
}

fn role(plan: &Plan, endpoint: &Endpoint) -> Role {
    let is_among = |others: &[Arc<Endpoint>]| others.iter().any(|it| it.index == endpoint.index);
    match plan.stance {
        Stance::Bad(_) | Stance::Empty => Role::LeftOut,
        Stance::Open | Stance::OnTrial(_) if is_among(&plan.trials) => Role::OnTrial,
        Stance::Open | Stance::OnTrial(_) if plan.place(endpoint.index).is_some() => Role::Member,
        Stance::Open | Stance::OnTrial(_) if is_among(&plan.standby) => Role::Standby,
        Stance::Open | Stance::OnTrial(_) => Role::LeftOut,
    }
}
