//! The balancers: each chooses one of the members of a plan. Each fits a request or says there is none that does;
//! what happens then is the pool's business.

mod draw;
mod ring;
mod turns;

use std::sync::Arc;
use std::time::Instant;

use super::demand::{Demand, Tried};
use super::dice::Dice;
use super::endpoint::Endpoint;
use super::plan::{Member, Plan};
use crate::config::Balance;
use ring::Ring;
use turns::Turns;

/// What a choice depends on besides the plan.
pub(super) struct Ask<'a> {
    pub(super) tried: &'a Tried,
    pub(super) demand: &'a Demand,
    /// Requests in flight in the pool, this one included.
    pub(super) active: u32,
}

impl Ask<'_> {
    fn now(&self) -> Instant {
        self.demand.now
    }

    fn fits(&self, endpoint: &Endpoint) -> bool {
        !self.tried.contains(endpoint.index)
    }
}

/// What a balancer compares; lower is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cost {
    /// How long an answer would take with what is in flight already.
    ExpectedMillis(f32),
    /// Requests in flight for its weight.
    Crowd(f32),
    /// Requests in flight.
    InFlight(u32),
}

/// A way to choose.
#[derive(Debug)]
pub(super) enum Balancer {
    Wrr(Turns),
    LeastRequest,
    P2c,
    PeakEwma,
    Random,
    Hash(Ring),
}

impl Balancer {
    pub(super) fn new(balance: &Balance, endpoints: &[Arc<Endpoint>]) -> Self {
        match balance {
            Balance::Wrr => Self::Wrr(Turns::default()),
            Balance::LeastRequest => Self::LeastRequest,
            Balance::P2c => Self::P2c,
            Balance::PeakEwma => Self::PeakEwma,
            Balance::Random => Self::Random,
            Balance::Hash(_) => Self::Hash(Ring::new(endpoints)),
        }
    }

    /// Makes itself ready for a new plan.
    pub(super) fn adopt(&self, plan: &Plan) {
        match self {
            Self::Wrr(turns) => turns.write(plan),
            Self::LeastRequest | Self::P2c | Self::PeakEwma | Self::Random | Self::Hash(_) => {}
        }
    }

    /// What it compares of a member, for people.
    pub(super) fn cost(&self, plan: &Plan, endpoint: &Endpoint, now: Instant) -> Option<Cost> {
        let member = plan.members.get(plan.place(endpoint.index)?)?;
        match self {
            Self::LeastRequest => Some(Cost::Crowd(draw::crowd(plan, member, now))),
            Self::P2c => Some(Cost::InFlight(endpoint.in_flight())),
            Self::PeakEwma => {
                draw::expected_micros(plan, member, now).map(|it| Cost::ExpectedMillis(it / 1e3))
            }
            Self::Wrr(_) | Self::Random | Self::Hash(_) => None,
        }
    }

    /// Whom a key belongs to now, where keys decide.
    pub(super) fn owner<'p>(&self, plan: &'p Plan, ask: &Ask<'_>) -> Option<&'p Member> {
        match self {
            Self::Hash(ring) if ask.demand.key.is_some() => ring.choose(plan, ask, &mut Dice::new(0)),
            Self::Hash(_) | Self::Wrr(_) | Self::LeastRequest | Self::P2c | Self::PeakEwma | Self::Random => {
                None
            }
        }
    }

    /// Chooses a member that was not tried yet. `None`: look for one by one.
    pub(super) fn choose<'p>(&self, plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
        match self {
            Self::Wrr(turns) => turns.choose(plan, ask, dice),
            Self::LeastRequest => draw::least_request(plan, ask, dice),
            Self::P2c => draw::p2c(plan, ask, dice),
            Self::PeakEwma => draw::peak_ewma(plan, ask, dice),
            Self::Random => draw::random(plan, ask, dice),
            Self::Hash(ring) => ring.choose(plan, ask, dice),
        }
    }
}
